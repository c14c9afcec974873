/** From time stamps to a frame rate, and whether it is constant. */
import { nearestRate, type Rational, rateOf } from './rational.ts';

export interface Timing {
  readonly frames: number;
  /** frames a second: of a film whose rate varies, the mean */
  readonly rate: Rational;
  /** seconds of every frame from the first, where frames are spaced unevenly; left out where the rate is constant */
  readonly times?: readonly number[];
}

/** Uneven spacing below this share of a frame is rounding of the time stamps. */
const JITTER = 0.5;

/**
 * Fits a rate to the times of frames.
 *
 * @param times  seconds, in any order
 * @param rates  what the file states, the likelier first
 * @param tick   seconds of a time stamp's unit
 * @returns      undefined when there is no frame
 */
export function timingOf(
  times: readonly number[],
  rates: readonly (Rational | undefined)[],
  tick: number,
): Timing | undefined {
  const frames = times.length;
  if (frames === 0) return undefined;
  const sorted = Float64Array.from(times).sort();
  const span = sorted[frames - 1] - sorted[0];
  const stated = rates.filter((rate): rate is Rational => rate !== undefined);
  for (const rate of stated) {
    const allowed = Math.max(JITTER / rateOf(rate), 1.5 * tick);
    if (driftFrom(sorted, rate) <= allowed) return { frames, rate };
  }
  const rate = frames > 1 && span > 0 ? nearestRate((frames - 1) / span) : (stated[0] ?? nearestRate(25));
  return frames > 1 ? { frames, rate, times: Array.from(sorted, (time) => time - sorted[0]) } : { frames, rate };
}

/** The largest distance of a frame from where a constant rate would have it. */
function driftFrom(times: Float64Array, rate: Rational): number {
  const duration = 1 / rateOf(rate);
  let most = 0;
  for (let i = 0; i < times.length; i++) most = Math.max(most, Math.abs(times[i] - times[0] - i * duration));
  return most;
}

/** Seconds from the first frame to the one of a number; beyond the frames that were counted as the mean rate goes on. */
export function timeOf({ rate, times }: Pick<Timing, 'rate' | 'times'>, frame: number): number {
  if (!times) return frame / rateOf(rate);
  const last = Math.min(frame, times.length - 1);
  return times[last] + (frame - last) / rateOf(rate);
}
