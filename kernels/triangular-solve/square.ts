import * as d from 'typegpu/data';
import {
  DTypeError,
  defineKernel,
  defineOp,
  type Op,
  read,
  ShapeError,
  type Tensor,
  type TensorSpec,
  write,
} from '../../engine/index.ts';
import { weightedRef } from './reference.ts';

const kernel = defineKernel({
  name: 'triangular.square',
  wgsl: new URL('./square.wgsl', import.meta.url),
  params: d
    .struct({ batch: d.u32, n: d.u32, diagonal: d.f32, below: d.f32, above: d.f32, across: d.f32 })
    .$name('Params'),
  bindings: { x: read('f32'), y: write('f32') },
  keys: { WG: [256] },
  grid: (p) => Math.ceil((p.batch * p.n * p.n) / 256),
  cost: (p) => ({ flops: 2 * p.batch * p.n * p.n, bytes: 8 * p.batch * p.n * p.n }),
});

export interface Weights {
  /** factor of x_ii */
  diagonal: number;
  /** factor of x_ij where j < i */
  below: number;
  /** factor of x_ij where j > i */
  above: number;
  /** factor of x_ji off the diagonal */
  across: number;
}

/** n and the number of matrices in [..., n, n]. @throws ShapeError, DTypeError for anything but f32 square matrices */
export function squareExtents(name: string, input: string, x: TensorSpec): { n: number; batch: number } {
  const [rows, n] = x.shape.slice(-2);
  if (x.shape.length < 2 || rows !== n) {
    throw new ShapeError(`${name}: expected ${input} to be square matrices [..., n, n], got [${x.shape}].`);
  }
  if (x.dtype !== 'f32') {
    throw new DTypeError(
      `${name}: expected ${input} in f32, got ${x.dtype}: factors lose too much in half. Use cast().`,
    );
  }
  return { n, batch: x.shape.slice(0, -2).reduce((product, extent) => product * extent, 1) };
}

// The map is linear, and its transpose swaps nothing but the direction of `across` between the triangles, which has one
// factor for both: it is its own transpose.
const weighted: Op<'x', readonly ['y'], Weights> = defineOp({
  name: 'weightTriangles',
  inputs: ['x'],
  outputs: ['y'],
  defaults: { diagonal: 1, below: 1, above: 1, across: 0 } as Weights,
  shape: ({ x }) => {
    squareExtents('weightTriangles', 'x', x);
    return { y: { shape: x.shape, dtype: x.dtype } };
  },
  forward: ({ x }, { y }, weights) => {
    kernel.launch({ x, y }, { ...squareExtents('weightTriangles', 'x', x), ...weights }, { WG: 256 });
  },
  backward: ({ dy }, weights) => ({ dx: weighted({ x: dy }, weights).y }),
  reference: ({ x }, weights) => ({ y: weightedRef(x, weights) }),
  samples: [
    { inputs: { x: [2, 5, 5] }, attrs: { above: 0, diagonal: 0.5 }, dtypes: ['f32'] },
    { inputs: { x: [17, 17] }, attrs: { below: 0, diagonal: 0 }, dtypes: ['f32'] },
    { inputs: { x: [3, 2, 9, 9] }, attrs: { below: 0.5, above: 0.5, across: 0.5 }, dtypes: ['f32'] },
    { inputs: { x: [1, 1, 1] }, attrs: { diagonal: 2 }, dtypes: ['f32'] },
  ],
});

export interface TriangleOptions {
  /** keep the upper triangle instead of the lower */
  upper?: boolean;
  /** factor of the diagonal */
  diagonal?: number;
}

/**
 * One triangle of square matrices, zeros in the other.
 *
 * @param x  [..., n, n], f32
 */
export const triangle = (x: Tensor, { upper = false, diagonal = 1 }: TriangleOptions = {}): Tensor =>
  weighted({ x }, { diagonal, below: upper ? 0 : 1, above: upper ? 1 : 0, across: 0 }).y;

/** scale · (X + Xᵀ) for square matrices [..., n, n], f32; the symmetric part by default. */
export const symmetrize = (x: Tensor, scale = 0.5): Tensor =>
  weighted({ x }, { diagonal: 2 * scale, below: scale, above: scale, across: scale }).y;

/** Xᵀ of square matrices [..., n, n], f32. */
export const transposeSquare = (x: Tensor): Tensor => weighted({ x }, { diagonal: 1, below: 0, above: 0, across: 1 }).y;
