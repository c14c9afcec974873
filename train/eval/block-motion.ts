/**
 * Flicker of a repainted film: how far each frame is from the one before it, moved as the content moved. The motion is
 * found in the content by comparing blocks, so no trained network takes part; blocks that nothing before resembles
 * (uncovered, or beyond the search) are left out.
 *
 *     E = mean over matched pixels of |O_t(p) − O_{t−1}(p + v)|        v: the block's motion in the content
 *
 * @see Lai et al. 2018, arXiv:1808.00449, eq. 10, where the motion is an estimated optical flow
 */
import type { Planes } from './image-similarity.ts';

const BLOCK = 8;
const SEARCH = 7;

/** Mean difference, of values in [0, 1], above which a block counts as not found. */
const LOST = 0.05;

/** The motion of each block, in rows from the top left; the last ones of a row or column may be narrower. */
export interface BlockMotion {
  readonly width: number;
  readonly height: number;
  /** where the block was in the frame before, relative to where it is, pixels */
  readonly dx: Int8Array;
  readonly dy: Int8Array;
  /** 1 where the block was found */
  readonly found: Uint8Array;
}

/**
 * The motion from one frame to the next: for each block of 8 × 8 the best place within 7 pixels; the nearest of equals.
 *
 * @throws RangeError when the sizes differ
 */
export function blockMotion(before: Planes, now: Planes): BlockMotion {
  sameSize('blockMotion', before, now);
  const { width, height } = now;
  const [a, b] = [lumaOf(before), lumaOf(now)];
  const columns = Math.ceil(width / BLOCK);
  const rows = Math.ceil(height / BLOCK);
  const [dx, dy] = [new Int8Array(columns * rows), new Int8Array(columns * rows)];
  const found = new Uint8Array(columns * rows);
  for (let block = 0; block < columns * rows; block++) {
    const left = (block % columns) * BLOCK;
    const top = Math.floor(block / columns) * BLOCK;
    const [right, bottom] = [Math.min(width, left + BLOCK), Math.min(height, top + BLOCK)];
    let best = Number.POSITIVE_INFINITY;
    for (const [x, y] of OFFSETS) {
      if (left + x < 0 || top + y < 0 || right + x > width || bottom + y > height) continue;
      let total = 0;
      for (let row = top; row < bottom && total < best; row++) {
        const from = row * width;
        const there = (row + y) * width + x;
        for (let column = left; column < right; column++) total += Math.abs(b[from + column] - a[there + column]);
      }
      if (total >= best) continue;
      best = total;
      dx[block] = x;
      dy[block] = y;
    }
    found[block] = best <= LOST * (right - left) * (bottom - top) ? 1 : 0;
  }
  return { width, height, dx, dy, found };
}

/** All places within the search, near ones first. */
const OFFSETS: readonly (readonly [number, number])[] = Array.from({ length: (2 * SEARCH + 1) ** 2 }, (_, i) => {
  const side = 2 * SEARCH + 1;
  return [(i % side) - SEARCH, Math.floor(i / side) - SEARCH] as const;
}).sort(([ax, ay], [bx, by]) => ax * ax + ay * ay - bx * bx - by * by);

export interface WarpError {
  /** mean absolute difference over the matched pixels and all channels, of values in [0, 1]; NaN where none matched */
  readonly error: number;
  /** share of the pixels that were matched */
  readonly matched: number;
}

/** Compares a frame with the one before it, moved. @throws RangeError when the sizes differ */
export function warpError(before: Planes, now: Planes, motion: BlockMotion): WarpError {
  sameSize('warpError', before, now);
  sameSize('warpError', now, motion);
  const { width, height } = now;
  const area = width * height;
  const columns = Math.ceil(width / BLOCK);
  const channels = now.planes.length / area;
  let total = 0;
  let count = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const block = Math.floor(y / BLOCK) * columns + Math.floor(x / BLOCK);
      if (!motion.found[block]) continue;
      const here = y * width + x;
      const there = (y + motion.dy[block]) * width + x + motion.dx[block];
      for (let c = 0; c < channels * area; c += area)
        total += Math.abs(now.planes[c + here] - before.planes[c + there]);
      count++;
    }
  }
  return { error: total / (count * channels), matched: count / area };
}

function lumaOf({ planes, width, height }: Planes): Float32Array {
  const area = width * height;
  return Float32Array.from(
    { length: area },
    (_, i) => 0.299 * planes[i] + 0.587 * planes[area + i] + 0.114 * planes[2 * area + i],
  );
}

function sameSize(name: string, a: Pick<Planes, 'width' | 'height'>, b: Pick<Planes, 'width' | 'height'>): void {
  if (a.width === b.width && a.height === b.height) return;
  throw new RangeError(
    `${name}: expected two frames of one size, got ${a.width} x ${a.height} and ${b.width} x ${b.height}. Resize one.`,
  );
}
