import * as d from 'typegpu/data';
import {
  defineKernel,
  defineOp,
  type Op,
  read,
  type Shape,
  ShapeError,
  sizeOf,
  type Tensor,
  write,
} from '../../engine/index.ts';
import { broadcastRef, sumRef } from './reference.ts';

const Params = d.struct({ outer: d.u32, length: d.u32, inner: d.u32, scale: d.f32 }).$name('Params');

const sumKernel = defineKernel({
  name: 'reduce.sum',
  wgsl: new URL('./sum.wgsl', import.meta.url),
  params: Params,
  bindings: { x: read('T'), y: write('U') },
  keys: { WG: [64] },
  grid: (p) => p.outer * p.inner,
  cost: (p, bytes) => ({ flops: p.outer * p.length * p.inner, bytes: p.outer * (p.length + 1) * p.inner * bytes }),
});

const broadcastKernel = defineKernel({
  name: 'reduce.broadcast',
  wgsl: new URL('./broadcast.wgsl', import.meta.url),
  params: Params,
  bindings: { x: read('T'), y: write('U') },
  keys: { WG: [256] },
  grid: (p) => Math.ceil((p.outer * p.length * p.inner) / 256),
  cost: (p, bytes) => ({ flops: 0, bytes: p.outer * (p.length + 1) * p.inner * bytes }),
});

interface RunAttrs {
  /** first axis of the run */
  start: number;
  /** one past its last axis */
  end: number;
  scale: number;
}

/** Sum over one run of neighbouring axes, which become extents of 1. */
const sumRun: Op<'x', readonly ['y'], RunAttrs> = defineOp({
  name: 'sum',
  inputs: ['x'],
  outputs: ['y'],
  defaults: { start: 0, end: 1, scale: 1 } as RunAttrs,
  shape: ({ x }, { start, end }) => ({
    y: { shape: x.shape.map((n, axis) => (axis >= start && axis < end ? 1 : n)), dtype: x.dtype },
  }),
  forward: ({ x }, { y }, { start, end, scale }) => {
    sumKernel.launch({ x, y }, { ...runOf(x.shape, start, end), scale }, { WG: 64 });
  },
  backward: ({ dy }, attrs, { inputs }) => ({
    dx: broadcastRun({ x: dy }, { ...attrs, length: inputs.x.shape.slice(attrs.start, attrs.end) }).y,
  }),
  reference: ({ x }, { start, end, scale }) => ({ y: sumRef(x, start, end, scale) }),
  reduction: ({ x }, { start, end }) => sizeOf(x.shape.slice(start, end)),
  samples: [
    { inputs: { x: [3, 5, 7] }, attrs: { start: 1, end: 2 } },
    { inputs: { x: [2, 3, 33, 31] }, attrs: { start: 2, end: 4, scale: 0.5 } },
    { inputs: { x: [130] }, attrs: { start: 0, end: 1 } },
    { inputs: { x: { shape: [2, 1000], offset: 100 } }, attrs: { start: 1, end: 2 } },
    { inputs: { x: [4194304] }, attrs: { start: 0, end: 1 }, bench: '4M' },
    { inputs: { x: [1, 64, 256, 256] }, attrs: { start: 2, end: 4 }, bench: '64 planes of 256²' },
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
  shape: ({ x }, { start, end, length }) => ({
    y: { shape: x.shape.map((n, axis) => (axis >= start && axis < end ? length[axis - start] : n)), dtype: x.dtype },
  }),
  forward: ({ x }, { y }, { start, end, scale }) => {
    broadcastKernel.launch({ x, y }, { ...runOf(y.shape, start, end), scale }, { WG: 256 });
  },
  backward: ({ dy }, { start, end, scale }) => ({ dx: sumRun({ x: dy }, { start, end, scale }).y }),
  reference: ({ x }, { start, end, length, scale }) => ({ y: broadcastRef(x, start, end, length, scale) }),
  samples: [
    { inputs: { x: [3, 1, 7] }, attrs: { start: 1, end: 2, length: [5] } },
    { inputs: { x: [2, 3, 1, 1] }, attrs: { start: 2, end: 4, length: [9, 5], scale: 0.25 } },
  ],
});

export interface SumOptions {
  /** axes to sum over, negative from the end; all by default */
  axes?: readonly number[];
  /** keep the axes with extent 1 */
  keepdims?: boolean;
}

/**
 * Sum over any axes, in an order that depends on the shape alone.
 *
 * @param x  any rank, f32 or f16 (accumulated in f32)
 * @returns  the shape of x without `axes`, or with them at 1
 * @throws ShapeError when an axis is out of range or given twice
 */
export function sum(x: Tensor, options: SumOptions = {}): Tensor {
  return reduceRuns(x, options, 1);
}

/** Arithmetic mean over any axes; see `sum`. */
export function mean(x: Tensor, options: SumOptions = {}): Tensor {
  const axes = normalizeAxes('mean', x.shape, options.axes);
  return reduceRuns(x, options, 1 / axes.reduce((count, axis) => count * x.shape[axis], 1));
}

function reduceRuns(x: Tensor, { axes, keepdims = false }: SumOptions, scale: number): Tensor {
  const sorted = normalizeAxes('sum', x.shape, axes);
  let out = x;
  let factor = scale;
  for (const [start, end] of runsOf(sorted)) {
    out = sumRun({ x: out }, { start, end, scale: factor }).y;
    factor = 1;
  }
  return keepdims
    ? out
    : reshape(
        out,
        x.shape.filter((_, axis) => !sorted.includes(axis)),
      );
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

function runOf(shape: Shape, start: number, end: number): { outer: number; length: number; inner: number } {
  return {
    outer: sizeOf(shape.slice(0, start)),
    length: sizeOf(shape.slice(start, end)),
    inner: sizeOf(shape.slice(end)),
  };
}

/** Axes sorted, counted from the front, checked. */
export function normalizeAxes(name: string, shape: Shape, axes: readonly number[] | undefined): number[] {
  const rank = shape.length;
  const sorted = (axes ?? shape.map((_, axis) => axis))
    .map((axis) => (axis < 0 ? axis + rank : axis))
    .sort((a, b) => a - b);
  if (sorted.some((axis, i) => axis < 0 || axis >= rank || axis === sorted[i - 1])) {
    throw new ShapeError(
      `${name}: axes [${axes}] do not fit shape [${shape}]. Expected different axes from ${-rank} to ${rank - 1}.`,
    );
  }
  return sorted;
}

/** Sorted axes as runs [start, end), the last first. */
function runsOf(axes: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const axis of axes) {
    const last = runs.at(-1);
    if (last && last[1] === axis) last[1] = axis + 1;
    else runs.push([axis, axis + 1]);
  }
  return runs.reverse();
}
