/** Learning rates that stay for some epochs and then fall to zero. */

export interface EpochSchedule {
  readonly lr: number;
  /** at the full rate */
  readonly epochs: number;
  /** in which it falls linearly to zero */
  readonly decayEpochs: number;
}

/**
 * The rate of an epoch, counted from 1. As in pix2pix, the first epoch of the decay still runs at the full rate, and the
 * rate would be zero after the last.
 */
export function epochRate({ lr, epochs, decayEpochs }: EpochSchedule, epoch: number): number {
  const decayed = Math.max(0, epoch - 1 - epochs);
  return decayEpochs === 0 ? lr : Math.max(0, lr - (decayed * lr) / decayEpochs);
}
