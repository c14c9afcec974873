/**
 * Calmer films: the statistics of the content are smoothed over time, so that the map of colours follows slow changes
 * and not every flicker.
 *
 *     μ̃_t = s μ̃_{t-1} + (1 - s) μ_t        Σ̃_t = s Σ̃_{t-1} + (1 - s) Σ_t
 *
 * A mixture of covariances is one, so the map made of it always exists. s = 0 takes every frame for itself, s = 1 keeps
 * the statistics of the first frame; half of a change is followed after log(0.5) / log(s) frames (s = 0.9: 6.6). A cut
 * starts anew.
 */
import type { Statistics } from '../../kernels/index.ts';
import { type Picture, peak } from '../data/image/picture.ts';

/** Everything that smoothing remembers of earlier frames: plain numbers, to be written down and read again. */
export interface SmoothingState {
  /** of each region */
  readonly statistics: readonly { readonly mean: readonly number[]; readonly covariance: readonly number[] }[];
  /** brightness of the last frame's cells */
  readonly cells: readonly number[];
  /** how much the last frame differed from the one before it */
  readonly change: number;
}

export interface Smoother {
  /** Is shown each frame before its statistics are measured. @returns whether it begins a new scene */
  see(frame: Picture): boolean;
  /** The statistics to use in place of the frame's own. */
  smooth(found: readonly Statistics[]): readonly Statistics[];
  /** undefined before the first frame */
  state(): SmoothingState | undefined;
}

/**
 * @param share  s, from 0 to 1
 * @param from   where an earlier smoother stood
 */
export function makeSmoother(share: number, from?: SmoothingState): Smoother {
  let cells: Float64Array | undefined = from && Float64Array.from(from.cells);
  let change = from?.change ?? 0;
  let last: readonly Statistics[] | undefined = from?.statistics.map(({ mean, covariance }) => ({
    mean: Float64Array.from(mean),
    covariance: Float64Array.from(covariance),
    count: Float64Array.of(1),
  }));
  return {
    see(frame) {
      const seen = cellsOf(frame);
      const now = cells ? meanDifference(seen, cells) : 0;
      const cut = cells !== undefined && isCut(now, change);
      cells = seen;
      change = now;
      if (cut) last = undefined;
      return cut;
    },
    smooth(found) {
      const before = last;
      last = found.map((own, r) => (before ? mixed(before[r], own, share) : own));
      return last;
    },
    state() {
      if (!last || !cells) return undefined;
      const statistics = last.map(({ mean, covariance }) => ({ mean: [...mean], covariance: [...covariance] }));
      return { statistics, cells: [...cells], change };
    },
  };
}

function mixed(before: Statistics, own: Statistics, share: number): Statistics {
  const mix = (a: Float64Array, b: Float64Array) => b.map((value, i) => share * a[i] + (1 - share) * value);
  return {
    mean: mix(before.mean, own.mean),
    covariance: mix(before.covariance, own.covariance),
    count: own.count,
  };
}

const COLUMNS = 16;
const ROWS = 9;

/** A change of this share of white in the mean of a cell, beyond the last frame's own change, is a cut. */
const CUT = 0.06;

/** Fast movement changes every frame, a cut only one: the change must stand out against the last one. */
export const isCut = (now: number, before: number): boolean => Math.min(now, Math.abs(now - before)) > CUT;

/** Mean luma of the cells of a grid, from 0 to 1. */
export function cellsOf({ rgb, width, height, bitDepth }: Picture): Float64Array {
  const sums = new Float64Array(COLUMNS * ROWS);
  const counts = new Float64Array(COLUMNS * ROWS);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * ROWS) / height) * COLUMNS;
    for (let x = 0; x < width; x++) {
      const cell = row + Math.floor((x * COLUMNS) / width);
      const at = 3 * (y * width + x);
      sums[cell] += 0.299 * rgb[at] + 0.587 * rgb[at + 1] + 0.114 * rgb[at + 2];
      counts[cell]++;
    }
  }
  const max = peak(bitDepth);
  return sums.map((sum, i) => (counts[i] === 0 ? 0 : sum / counts[i] / max));
}

const meanDifference = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;
