import * as d from 'typegpu/data';
import {
  DTypeError,
  defineKernel,
  defineOp,
  type ElementType,
  type Op,
  read,
  readWrite,
  ShapeError,
  type Tensor,
} from '../../engine/index.ts';
import { matmul } from '../matmul/matmul.ts';
import { neg } from '../pointwise/ops.ts';
import { solveRef } from './reference.ts';
import { squareExtents, triangle } from './square.ts';

const { u32, i32 } = d;
const Params = d
  .struct({
    ...{ batch: u32, n: u32, columns: u32, unit: u32 },
    ...{ origin: u32, down: i32, right: i32, start: u32, step: i32 },
  })
  .$name('Params');

const WG = 64;

const LANES = {
  vector: new URL('./vector.wgsl', import.meta.url),
  scalar: new URL('./scalar.wgsl', import.meta.url),
};

/** One kernel for columns one by one, one for columns in fours. */
function solveKernel(lanes: keyof typeof LANES, type: ElementType) {
  return defineKernel({
    name: `triangularSolve.${lanes}`,
    wgsl: new URL('./solve.wgsl', import.meta.url),
    lib: [LANES[lanes]],
    params: Params,
    bindings: { l: read('f32'), b: read(type), x: readWrite(type) },
    keys: { WG: [WG] },
    grid: (p) => p.batch * Math.ceil(p.columns / WG),
    cost: (p) => {
      const columns = p.batch * p.columns * (lanes === 'vector' ? 4 : 1);
      return { flops: columns * p.n * p.n, bytes: 4 * columns * p.n * (2 + p.n / 16) };
    },
  });
}
const vectorKernel = solveKernel('vector', 'vec4f');
const scalarKernel = solveKernel('scalar', 'f32');

export interface TriangularSolveOptions {
  /** the upper triangle of L is the matrix; by default the lower. The other triangle is not read. */
  upper?: boolean;
  /** solve with the transposed triangle */
  transposed?: boolean;
  /** take the diagonal as 1 without reading it */
  unit?: boolean;
}

const solveOp: Op<'l' | 'b', readonly ['x'], Required<TriangularSolveOptions>> = defineOp({
  name: 'triangularSolve',
  inputs: ['l', 'b'],
  outputs: ['x'],
  defaults: { upper: false, transposed: false, unit: false } as Required<TriangularSolveOptions>,
  shape: ({ l, b }) => {
    const { n, batch } = squareExtents('triangularSolve', 'l', l);
    const [rows, columns] = b.shape.slice(-2);
    if (b.shape.length < 2 || rows !== n || b.shape.reduce((p, extent) => p * extent, 1) !== batch * n * columns) {
      throw new ShapeError(
        `triangularSolve: expected b [..., n, m] with the batch and n of l.\n  l [..., n, n] = [${l.shape}]\n` +
          `  b [..., n, m] = [${b.shape}]\nReshape b, or give a single right-hand side as [..., ${n}, 1].`,
      );
    }
    if (b.dtype !== 'f32') throw new DTypeError(`triangularSolve: expected b in f32, got ${b.dtype}. Use cast().`);
    return { x: { shape: b.shape, dtype: 'f32' } };
  },
  forward: ({ l, b }, { x }, options) => launchSolve(l, b, x, options),
  saves: ['l', 'x'],
  // E X = B:   dB = E⁻ᵀ dX   dE = -dB Xᵀ   and dL = dE or dEᵀ, of which only what was read counts
  backward: ({ l, x, dx }, options, { needs }) => {
    const { upper, transposed, unit } = options;
    const db = solveOp({ l, b: dx }, { upper, transposed: !transposed, unit }).x;
    if (!needs.l) return { db };
    const product = transposed ? matmul(x, db, { transposeB: true }) : matmul(db, x, { transposeB: true });
    return { db, dl: triangle(neg(product), { upper, diagonal: unit ? 0 : 1 }) };
  },
  reference: ({ l, b }, options) => ({ x: solveRef(l, b, options) }),
  // substitution adds n products one after the other; the samples' matrices have condition numbers below 10
  reduction: ({ l }) => l.shape[l.shape.length - 1],
  samples: [
    { inputs: { l: { shape: [1, 1], kind: 'lower' }, b: [1, 3] }, dtypes: ['f32'] },
    { inputs: { l: { shape: [2, 3, 3], kind: 'lower' }, b: [2, 3, 4] }, attrs: { transposed: true }, dtypes: ['f32'] },
    { inputs: { l: { shape: [2, 9, 9], kind: 'lower' }, b: [2, 9, 5] }, dtypes: ['f32'] },
    { inputs: { l: { shape: [17, 17], kind: 'lower' }, b: [17, 68] }, attrs: { transposed: true }, dtypes: ['f32'] },
    { inputs: { l: { shape: [40, 40], kind: 'lower' }, b: [40, 8] }, dtypes: ['f32'] },
    {
      inputs: { l: { shape: [24, 24], kind: 'lower', scale: 0.5 }, b: [24, 6] },
      attrs: { unit: true },
      dtypes: ['f32'],
    },
    {
      inputs: { l: { shape: [2, 13, 13], kind: 'lower' }, b: [2, 13, 260] },
      attrs: { transposed: true, unit: true },
      dtypes: ['f32'],
    },
    // a lower sample's upper triangle is its diagonal; dense uppers are in the property tests
    { inputs: { l: { shape: [10, 10], kind: 'lower' }, b: [10, 4] }, attrs: { upper: true }, dtypes: ['f32'] },
    { inputs: { l: { shape: [32, 32], kind: 'lower' }, b: [32, 65536] }, bench: '32, 256² columns', dtypes: ['f32'] },
    {
      inputs: { l: { shape: [128, 128], kind: 'lower' }, b: [128, 16384] },
      bench: '128, 128² columns',
      dtypes: ['f32'],
    },
    { inputs: { l: { shape: [512, 512], kind: 'lower' }, b: [512, 512] }, bench: '512, 512 columns', dtypes: ['f32'] },
  ],
});

/**
 * Solves op(T) X = B by substitution, T a triangle of each matrix of a batch and op the identity or the transpose.
 *
 * Backward stable whatever the condition of L: (op(T) + E) X = B with |E| ≤ (n + 1) 2^-24 |op(T)|. A zero on the
 * diagonal gives infinities.
 *
 * @param l  [..., n, n], f32
 * @param b  [..., n, m], f32, with l's batch
 * @returns  X [..., n, m]
 * @throws ShapeError, DTypeError
 */
export const triangularSolve = (l: Tensor, b: Tensor, options: TriangularSolveOptions = {}): Tensor =>
  solveOp({ l, b }, options).x;

function launchSolve(l: Tensor, b: Tensor, x: Tensor, options: Required<TriangularSolveOptions>): void {
  const { n, batch } = squareExtents('triangularSolve', 'l', l);
  const columns = b.shape[b.shape.length - 1];
  const { upper, transposed, unit } = options;
  const forward = upper === transposed;
  const sign = forward ? 1 : -1;
  const fours = columns % 4 === 0;
  const params = {
    batch,
    n,
    columns: fours ? columns / 4 : columns,
    unit: unit ? 1 : 0,
    origin: forward ? 0 : n * n - 1,
    down: sign * (transposed ? 1 : n),
    right: sign * (transposed ? n : 1),
    start: forward ? 0 : n - 1,
    step: sign,
  };
  (fours ? vectorKernel : scalarKernel).launch({ l, b, x }, params, { WG });
}
