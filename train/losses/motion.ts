/** Synthetic motion for the temporal loss: a smooth flow, and the second frame that it makes of a picture. */

import {
  type RandomKey,
  randomIntegers,
  randomNormals,
  randomUniforms,
  scope,
  type Tensor,
} from '../../engine/index.ts';
import { add, affine, randomNormal, type WarpField, warp, warpField } from '../../kernels/index.ts';

/** Side of the box that smooths the flow, and of the cells of its coarse noise, in pixels. */
export const MOTION_CELL = 100;
/** Deviation of the coarse noise and largest shift, in pixels. */
const MOTION_LEVEL = 8;
const LARGEST_SHIFT = 10;
/** Smallest deviation of the noise between frames, for values in [0, 1]; the largest is twice that. */
const NOISE_LEVEL = 0.001;

/** Extents [h, w] of the coarse noise behind a flow. @throws RangeError when a side is below 100 */
export function coarseExtents(height: number, width: number): [number, number] {
  if (!(Math.min(height, width) >= MOTION_CELL)) {
    throw new RangeError(
      `A synthetic flow has one number for each ${MOTION_CELL} pixels: expected sides of at least ${MOTION_CELL}, got ` +
        `${height} × ${width}. Train with larger crops, or without the temporal loss.`,
    );
  }
  return [Math.floor(height / MOTION_CELL), Math.floor(width / MOTION_CELL)];
}

/**
 * A flow in pixels: coarse noise resized bilinearly, shifted, and smoothed by a box of 100 × 100.
 *
 * @param coarse  [⌊H / 100⌋, ⌊W / 100⌋, 2], x and y of each cell
 * @param shift   [x, y], added everywhere
 * @returns       [2, H, W], x before y
 * @throws RangeError when a side is below 100, or `coarse` has another size
 */
export function fakeFlow(
  height: number,
  width: number,
  coarse: ArrayLike<number>,
  shift: readonly [number, number],
): Float32Array {
  const [rows, columns] = coarseExtents(height, width);
  if (coarse.length !== rows * columns * 2) {
    throw new RangeError(
      `fakeFlow: expected coarse noise [${rows}, ${columns}, 2] for ${height} × ${width}, got ${coarse.length} numbers.`,
    );
  }
  const flow = new Float32Array(2 * height * width);
  shift.forEach((offset, component) => {
    const cells = Float64Array.from({ length: rows * columns }, (_, i) => coarse[2 * i + component]);
    const wide = boxed(enlarged(cells, rows, columns, width), rows, width);
    // each step acts along one axis, so that their order does not matter
    const tall = boxed(enlarged(transposed(wide, rows, width), width, rows, height), width, height);
    const plane = transposed(tall, width, height);
    for (let i = 0; i < plane.length; i++) flow[component * height * width + i] = plane[i] + offset;
  });
  return flow;
}

/** Every row of n values to m of them, linearly between the centres, the last value repeated beyond them. */
function enlarged(values: Float64Array, rows: number, n: number, m: number): Float64Array {
  const out = new Float64Array(rows * m);
  for (let j = 0; j < m; j++) {
    const position = Math.min(Math.max(((j + 0.5) * n) / m - 0.5, 0), n - 1);
    const left = Math.floor(position);
    const right = Math.min(left + 1, n - 1);
    for (let row = 0; row < rows; row++) {
      const [a, b] = [values[row * n + left], values[row * n + right]];
      out[row * m + j] = a + (position - left) * (b - a);
    }
  }
  return out;
}

/** Means of each row over the offsets −50 … +49, reflected about the edge values, which are not repeated. */
function boxed(values: Float64Array, rows: number, n: number): Float64Array {
  const out = new Float64Array(values.length);
  const half = MOTION_CELL / 2;
  for (let row = 0; row < rows; row++) {
    const at = (j: number) => values[row * n + (j < 0 ? -j : j >= n ? 2 * (n - 1) - j : j)];
    let sum = 0;
    for (let j = -half; j < half; j++) sum += at(j);
    for (let j = 0; j < n; j++) {
      out[row * n + j] = sum / MOTION_CELL;
      sum += at(j + half) - at(j - half);
    }
  }
  return out;
}

function transposed(values: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(values.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = values[i * columns + j];
  return out;
}

/** One motion for a whole batch. */
export interface Motion {
  /** [2, H, W] in pixels, x before y */
  readonly flow: Float32Array;
  readonly field: WarpField;
  /** deviation of the noise of the second frame */
  readonly sigma: number;
  /** names the stream of that noise */
  readonly noise: RandomKey;
}

/**
 * Draws a motion as the official training does: noise of deviation 8, whole shifts of up to 10 pixels along each axis,
 * and noise of deviation 0.001 (1 + u) between the frames.
 *
 * @param key  names the draw; the ops key.op … key.op + 3 are used
 * @throws RangeError when a side is below 100
 */
export function drawMotion(key: RandomKey, height: number, width: number): Motion {
  const [rows, columns] = coarseExtents(height, width);
  const draw = (op: number) => ({ ...key, op: key.op + op });
  const coarse = randomNormals(draw(0), 2 * rows * columns).map((z) => z * MOTION_LEVEL);
  const [x, y] = randomIntegers(draw(1), 2, 2 * LARGEST_SHIFT + 1);
  const [u] = randomUniforms(draw(2), 1);
  const flow = fakeFlow(height, width, coarse, [x - LARGEST_SHIFT, y - LARGEST_SHIFT]);
  return { flow, field: warpField(flow, width, height), sigma: NOISE_LEVEL * (1 + u), noise: draw(3) };
}

/**
 * The frame after x: x moved along the motion, with fresh noise.
 *
 * @param x  [N, C, H, W], values in [0, 1]; the result may leave them a little
 * @throws ShapeError when the motion is for another size
 */
export function secondFrame(x: Tensor, { field, sigma, noise }: Motion): Tensor {
  return scope(() => add(warp(x, field), affine(randomNormal(x.device, x.shape, noise, x.dtype), { scale: sigma })));
}
