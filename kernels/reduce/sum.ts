import { type DType, defineOp, type Op, type Shape, ShapeError, sizeOf, type Tensor } from '../../engine/index.ts';
import { normalizeAxes, reducedShape, runOf, runsOf } from './axes.ts';
import { launchBroadcast, launchSum } from './launch.ts';
import { broadcastRef, sumRef } from './reference.ts';

interface RunAttrs {
  /** first axis of the run */
  start: number;
  /** one past its last axis */
  end: number;
  scale: number;
  /** storage type of the result; that of the input by default */
  dtype?: DType;
}

/** Sum over one run of neighbouring axes, which become extents of 1. */
const sumRun: Op<'x', readonly ['y'], RunAttrs> = defineOp({
  name: 'sum',
  inputs: ['x'],
  outputs: ['y'],
  defaults: { start: 0, end: 1, scale: 1 } as RunAttrs,
  shape: ({ x }, { start, end, dtype = x.dtype }) => ({
    y: { shape: x.shape.map((n, axis) => (axis >= start && axis < end ? 1 : n)), dtype },
  }),
  forward: ({ x }, { y }, { start, end, scale }) => launchSum(x, y, runOf(x.shape, start, end), scale),
  backward: ({ dy }, { start, end, scale }, { inputs: { x } }) => {
    const length = x.shape.slice(start, end);
    return { dx: broadcastRun({ x: dy }, { start, end, scale, length, dtype: x.dtype }).y };
  },
  reference: ({ x }, { start, end, scale }) => ({ y: sumRef(x, start, end, scale) }),
  reduction: ({ x }, { start, end }) => sizeOf(x.shape.slice(start, end)),
  samples: [
    { inputs: { x: [3, 5, 7] }, attrs: { start: 1, end: 2 } },
    { inputs: { x: [2, 3, 33, 31] }, attrs: { start: 2, end: 4, scale: 0.5 } },
    { inputs: { x: [130] }, attrs: { start: 0, end: 1 } },
    { inputs: { x: [1] }, attrs: { start: 0, end: 1 } },
    { inputs: { x: { shape: [2, 1000], offset: 100 } }, attrs: { start: 1, end: 2 }, dtypes: ['f32'] },
    { inputs: { x: [20000] }, attrs: { start: 0, end: 1, scale: 1e-2 } }, // split over workgroups, vectors of four
    { inputs: { x: [3, 9001] }, attrs: { start: 1, end: 2, scale: 1e-2 }, dtypes: ['f32'] }, // split, single values
    { inputs: { x: [3000, 12] }, attrs: { start: 0, end: 1, scale: 1e-2 } }, // columns, split twice
    { inputs: { x: [67, 40] }, attrs: { start: 1, end: 2 } }, // teams
    { inputs: { x: [65, 33] }, attrs: { start: 1, end: 2 }, dtypes: ['f32'] },
    { inputs: { x: [2, 300, 5] }, attrs: { start: 1, end: 2 }, dtypes: ['f32'] },
    { inputs: { x: [64, 8] }, attrs: { start: 1, end: 2, dtype: 'f32' } },
    { inputs: { x: [4194304] }, attrs: { start: 0, end: 1 }, bench: '4M' },
    { inputs: { x: [1, 64, 256, 256] }, attrs: { start: 2, end: 4 }, bench: '64 planes of 256²' },
    { inputs: { x: [4096, 1024] }, attrs: { start: 1, end: 2 }, bench: 'last axis' },
    { inputs: { x: [4096, 1024] }, attrs: { start: 0, end: 1 }, bench: 'first axis' },
    { inputs: { x: [16, 64, 4096] }, attrs: { start: 1, end: 2 }, bench: 'middle axis' },
    { inputs: { x: [1398101, 3] }, attrs: { start: 0, end: 1 }, bench: 'three columns' },
  ],
});

interface BroadcastAttrs extends RunAttrs {
  /** extents that the run is expanded to */
  length: readonly number[];
}

const broadcastRun: Op<'x', readonly ['y'], BroadcastAttrs> = defineOp({
  name: 'broadcast',
  inputs: ['x'],
  outputs: ['y'],
  defaults: { start: 0, end: 1, scale: 1, length: [] } as BroadcastAttrs,
  shape: ({ x }, { start, end, length, dtype = x.dtype }) => ({
    y: { shape: x.shape.map((n, axis) => (axis >= start && axis < end ? length[axis - start] : n)), dtype },
  }),
  forward: ({ x }, { y }, { start, end, scale }) => launchBroadcast(x, y, runOf(y.shape, start, end), scale),
  backward: ({ dy }, { start, end, scale }, { inputs: { x } }) => ({
    dx: sumRun({ x: dy }, { start, end, scale, dtype: x.dtype }).y,
  }),
  reference: ({ x }, { start, end, length, scale }) => ({ y: broadcastRef(x, start, end, length, scale) }),
  samples: [
    { inputs: { x: [3, 1, 7] }, attrs: { start: 1, end: 2, length: [5] } },
    { inputs: { x: [2, 3, 1, 1] }, attrs: { start: 2, end: 4, length: [9, 5], scale: 0.25 } },
    { inputs: { x: [2, 1, 8] }, attrs: { start: 1, end: 2, length: [3] } },
    { inputs: { x: [5, 1] }, attrs: { start: 1, end: 2, length: [12] } },
    { inputs: { x: [3, 1] }, attrs: { start: 1, end: 2, length: [1100], scale: 0.5 } }, // workgroups along rows
    { inputs: { x: [2, 1, 260] }, attrs: { start: 1, end: 2, length: [3] } },
    { inputs: { x: [1, 64, 1, 1] }, attrs: { start: 2, end: 4, length: [256, 256] }, bench: '64 planes of 256²' },
  ],
  reduction: (_, { length }) => Math.max(1, sizeOf(length)),
});

export interface SumOptions {
  /** axes to reduce, negative from the end; all by default */
  axes?: readonly number[] | undefined;
  /** keep the axes with extent 1 */
  keepdims?: boolean | undefined;
  /** storage type of the result; that of x by default */
  dtype?: DType | undefined;
}

/**
 * Sum over any axes, in an order fixed by the shape and the class of device.
 *
 * @param x  any rank, f32 or f16 (accumulated in f32)
 * @returns  the shape of x without `axes`, or with them at 1
 * @throws ShapeError when an axis is out of range or given twice
 */
export function sum(x: Tensor, options: SumOptions = {}): Tensor {
  return reduceRuns(x, options, normalizeAxes('sum', x.shape, options.axes), 1);
}

/** Arithmetic mean over any axes; see `sum`. */
export function mean(x: Tensor, options: SumOptions = {}): Tensor {
  const axes = normalizeAxes('mean', x.shape, options.axes);
  const count = sizeOf(axes.map((axis) => x.shape[axis]));
  return reduceRuns(x, options, axes, 1 / count);
}

function reduceRuns(x: Tensor, options: SumOptions, axes: readonly number[], scale: number): Tensor {
  const { dtype = x.dtype } = options;
  const runs = axes.length === 0 && dtype !== x.dtype ? [[0, 0]] : runsOf(axes);
  let out = x;
  runs.forEach(([start, end], i) => {
    // what lies between two runs stays f32: a half would round, and overflow from 65504 on
    const last = i === runs.length - 1;
    out = sumRun({ x: out }, { start, end, scale: last ? scale : 1, dtype: last ? dtype : 'f32' }).y;
  });
  return reshape(out, reducedShape(x.shape, axes, options.keepdims ?? false));
}

/**
 * Expands axes of extent 1 (and adds leading ones) to `shape`.
 *
 * @throws ShapeError when another extent differs
 */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  const padded = [...new Array<number>(shape.length - x.shape.length).fill(1), ...x.shape];
  const grown = shape.flatMap((n, axis) => (padded[axis] === n ? [] : [axis]));
  const wrong = grown.find((axis) => padded[axis] !== 1);
  if (wrong !== undefined || padded.length !== shape.length) {
    throw new ShapeError(
      `broadcastTo: [${x.shape}] does not expand to [${shape}]. Expected equal extents, or 1 in the input.`,
    );
  }
  let out = reshape(x, padded);
  for (const [start, end] of runsOf(grown)) {
    out = broadcastRun({ x: out }, { start, end, scale: 1, length: shape.slice(start, end) }).y;
  }
  return out;
}

/** The transpose of `broadcastTo`: sums what broadcasting repeated. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  const padded = [...new Array<number>(x.shape.length - shape.length).fill(1), ...shape];
  const axes = x.shape.flatMap((n, axis) => (padded[axis] === n ? [] : [axis]));
  if (axes.length === 0) return x;
  return reshape(sum(x, { axes, keepdims: true }), shape);
}

const reshapeOp: Op<'x', readonly ['y'], { shape: Shape }> = defineOp({
  name: 'reshape',
  inputs: ['x'],
  outputs: ['y'],
  defaults: { shape: [] as Shape },
  view: 'x',
  shape: ({ x }, { shape }) => {
    if (sizeOf(shape) !== sizeOf(x.shape)) {
      throw new ShapeError(`reshape: [${x.shape}] has ${sizeOf(x.shape)} elements, [${shape}] has ${sizeOf(shape)}.`);
    }
    return { y: { shape, dtype: x.dtype } };
  },
  forward: () => {},
  backward: ({ dy }, _, { inputs }) => ({ dx: reshape(dy, inputs.x.shape) }),
  reference: ({ x }, { shape }) => ({ y: { shape, data: x.data } }),
  samples: [{ inputs: { x: [2, 6] }, attrs: { shape: [3, 4] } }],
});

/**
 * The same numbers under another shape; shares the storage.
 *
 * @param shape  one extent may be -1: what is left over
 * @throws ShapeError when the number of elements differs
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.reduce((product, n) => (n === -1 ? product : product * n), 1);
  const full = shape.map((n) => (n === -1 ? x.size / known : n));
  if (full.length === x.shape.length && full.every((n, axis) => n === x.shape[axis])) return x;
  return reshapeOp({ x }, { shape: full }).y;
}
