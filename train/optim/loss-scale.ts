/** The factor of a loss whose gradients pass through f16, moved by whether they overflow. */
import type { Tensor } from '../../engine/index.ts';
import { affine } from '../../kernels/index.ts';

export interface LossScaleConfig {
  /** of the first step */
  readonly initial?: number;
  /** factor after `growthInterval` updates in a row */
  readonly growth?: number;
  /** factor after an overflow */
  readonly backoff?: number;
  /** the same before the first update, while the scale is looked for */
  readonly firstBackoff?: number;
  readonly growthInterval?: number;
}

/** What a resumed run needs to go on with the same scales. */
export type LossScaleState = {
  readonly value: number;
  /** updates since it last changed; −1 before the first */
  readonly steady: number;
};

export interface LossScale {
  /** the factor of the next step's loss */
  readonly value: number;
  /** Hears of a step whose gradients were finite (and were used), or were not (and must not be). */
  next(overflowed: boolean): void;
  state(): LossScaleState;
  restore(state: LossScaleState): void;
}

/** Within these, scale and 1 / scale are normal numbers of f32 with room for a loss. */
const SMALLEST = 2 ** -24;
const LARGEST = 2 ** 64;

/**
 * Dynamic loss scaling: small gradients leave f16's subnormals, large ones overflow now and then and cost a step. Powers
 * of two, so that scaling rounds nothing. What fits a network is some orders of magnitude apart from the next one's, and a
 * training begins at the high end: until a first update the scale comes down in longer strides, for every step of the way
 * is a batch for nothing. A stride too far costs a few bits of the smallest gradients, until it grows.
 *
 * @see Micikevicius et al. 2018, arXiv:1710.03740, section 3.2; the other defaults are those of PyTorch's GradScaler
 */
export function lossScale(config: LossScaleConfig = {}): LossScale {
  const { initial = 65536, growth = 2, backoff = 0.5, firstBackoff = 1 / 16, growthInterval = 2000 } = config;
  let value = initial;
  let steady = -1;
  return {
    get value() {
      return value;
    },
    next(overflowed) {
      if (overflowed) {
        value = Math.max(SMALLEST, value * (steady < 0 ? firstBackoff : backoff));
        steady = Math.min(steady, 0);
        return;
      }
      steady = Math.max(steady, 0) + 1;
      if (steady < growthInterval) return;
      value = Math.min(LARGEST, value * growth);
      steady = 0;
    },
    state: () => ({ value, steady }),
    restore(state) {
      ({ value, steady } = state);
    },
  };
}

/** What is differentiated, times the loss scale; what is reported stays. Runs inside of what is differentiated. */
export function scaled<Terms extends { readonly loss: Tensor }>(terms: Terms, scale: number): Terms {
  return scale === 1 ? terms : { ...terms, loss: affine(terms.loss, { scale }) };
}

/** Why a step updated nothing. */
export const overflowReason = (what: string, next: number): string =>
  `${what} overflowed in f16; the loss scale goes down to ${next}`;
