import * as d from 'typegpu/data';
import {
  DTypeError,
  defineKernel,
  defineOp,
  empty,
  type Op,
  read,
  type Shape,
  ShapeError,
  sizeOf,
  type Tensor,
  type TensorSpec,
  write,
} from '../../engine/index.ts';
import { lanesFor, perLanes } from '../lib/lanes.ts';
import { normalizeAxes } from '../reduce/axes.ts';
import { reshape } from '../reduce/sum.ts';
import { selectRef, selectTransposeRef } from './reference.ts';

const STRIP = 4;
const WG = 256;
/** small: there are few rows, and each thread has much to do */
const ORDER_WG = 64;

const selectKernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `gather.select${suffix}`,
    wgsl: new URL('./select.wgsl', import.meta.url),
    lib: [lib],
    params: d.struct({ outer: d.u32, rows: d.u32, count: d.u32, inner: d.u32 }).$name('Params'),
    bindings: { x: read(T), index: read('u32'), y: write(T) },
    keys: { WG: [WG] },
    grid: (p) => Math.ceil((p.outer * Math.ceil(p.count / STRIP) * p.inner) / WG),
    cost: (p, bytes) => ({ flops: 0, bytes: 2 * lanes * p.outer * p.count * p.inner * bytes }),
  }),
);

const orderKernel = defineKernel({
  name: 'gather.order',
  wgsl: new URL('./order.wgsl', import.meta.url),
  params: d.struct({ rows: d.u32, count: d.u32 }).$name('Params'),
  bindings: { index: read('vec4u'), order: write('u32'), starts: write('u32') },
  keys: { WG: [ORDER_WG] },
  grid: (p) => Math.ceil((p.rows + 1) / ORDER_WG),
  cost: (p) => ({ flops: 2 * (p.rows + 1) * p.count, bytes: 4 * (2 * p.count + p.rows) }),
});

const addRows = perLanes(({ lanes, suffix, T, U, lib }) =>
  defineKernel({
    name: `gather.addRows${suffix}`,
    wgsl: new URL('./add-rows.wgsl', import.meta.url),
    lib: [lib],
    params: d.struct({ outer: d.u32, rows: d.u32, count: d.u32, inner: d.u32, chunks: d.u32 }).$name('Params'),
    bindings: { y: read(T), order: read('u32'), starts: read('u32'), x: write(U) },
    keys: { WG: [WG] },
    grid: (p) => Math.ceil((p.chunks * p.outer * p.rows * p.inner) / WG),
    cost: (p, bytes) => ({
      flops: lanes * p.outer * p.count * p.inner,
      bytes: lanes * p.outer * p.inner * (p.count + p.chunks * p.rows) * bytes,
    }),
  }),
);

const addChunks = defineKernel({
  name: 'gather.addChunks',
  wgsl: new URL('./add-chunks.wgsl', import.meta.url),
  params: d.struct({ count: d.u32, chunks: d.u32 }).$name('Params'),
  bindings: { partial: read('vec4f'), x: write('T4') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil(p.count / WG),
  cost: (p, bytes) => ({ flops: 4 * p.count * p.chunks, bytes: 4 * p.count * (4 * p.chunks + bytes) }),
});

interface AxisAttrs {
  axis: number;
}
interface ExtentAttrs extends AxisAttrs {
  extent: number;
}

export const withExtent = (shape: Shape, axis: number, extent: number) =>
  shape.map((n, k) => (k === axis ? extent : n));

/** @throws DTypeError when an index is not u32 */
export function checkIndex(name: string, argument: string, { dtype }: TensorSpec): void {
  if (dtype === 'u32') return;
  throw new DTypeError(`${name}: expected ${argument} of u32, got ${dtype}. Make it with tensor(..., 'u32').`);
}

const sizes = (x: Shape, axis: number, count: number) => ({
  outer: sizeOf(x.slice(0, axis)),
  rows: x[axis],
  count,
  inner: sizeOf(x.slice(axis + 1)),
});

const label = (shape: Shape, below: number) => ({ shape, kind: 'label' as const, below });

const selectOp: Op<'x' | 'index', readonly ['y'], AxisAttrs> = defineOp({
  name: 'indexSelect',
  inputs: ['x', 'index'],
  outputs: ['y'],
  defaults: { axis: 0 },
  shape: ({ x, index }, { axis }) => {
    checkIndex('indexSelect', 'index', index);
    if (index.shape.length !== 1) {
      throw new ShapeError(
        `indexSelect: expected index of one axis, got [${index.shape}]. Reshape it, or use gather().`,
      );
    }
    return { y: { shape: withExtent(x.shape, axis, index.shape[0]), dtype: x.dtype } };
  },
  forward: ({ x, index }, { y }, { axis }) => {
    const { inner, ...params } = sizes(x.shape, axis, index.size);
    const lanes = lanesFor(inner);
    selectKernels[lanes].launch({ x, index, y }, { ...params, inner: inner / lanes }, { WG });
  },
  saves: ['index'],
  backward: ({ dy, index }, { axis }, { inputs }) => ({
    dx: transposeOp({ y: dy, index }, { axis, extent: inputs.x.shape[axis] }).x,
  }),
  reference: ({ x, index }, { axis }) => ({ y: selectRef(x, index, axis) }),
  // the longest sum is that of the gradient
  reduction: ({ index }) => sizeOf(index.shape),
  samples: [
    { inputs: { x: [5, 3], index: label([7], 5) } },
    { inputs: { x: [5, 4], index: label([9], 8) } },
    { inputs: { x: [2, 6, 3], index: label([4], 7) }, attrs: { axis: 1 } },
    { inputs: { x: [9, 2, 11], index: label([300], 12) }, attrs: { axis: 2 } },
    { inputs: { x: [1, 1], index: label([1], 1) } },
    { inputs: { x: [3, 5, 8], index: label([2], 4e9) }, attrs: { axis: 1 } },
    { inputs: { x: label([4, 3], 4e9), index: label([6], 5) }, dtypes: ['f32'] },
    { inputs: { x: [1000, 256], index: label([16384], 1000) }, bench: '16384 rows of 256 out of 1000' },
    { inputs: { x: [35, 256], index: label([65536], 35) }, bench: '65536 rows of 256 out of 35' },
  ],
});

/** How many terms one thread takes before the work is split over more threads. */
const CHUNK = 1024;
/** Partial sums are kept below this many elements. */
const MAX_PARTIAL = 2 ** 22;

/** Parts of each row's sum. One where there are rows enough; partial sums must be whole vectors. */
function chunksOf(count: number, size: number): number {
  if (size % 4 !== 0) return 1;
  return Math.min(Math.ceil(count / CHUNK), Math.max(1, Math.floor(MAX_PARTIAL / size)));
}

/** x[o, r, i] = Σ y[o, k, i] over k with index[k] = r, in rising order. */
function launchAdd(y: Tensor, index: Tensor, x: Tensor, axis: number): void {
  const { inner, ...params } = sizes(x.shape, axis, index.size);
  const lanes = lanesFor(inner);
  const chunks = chunksOf(index.size, x.size);
  const order = empty(x.device, index);
  const starts = empty(x.device, { shape: [params.rows + 1], dtype: 'u32' });
  const target = chunks === 1 ? x : empty(x.device, { shape: [chunks, ...x.shape], dtype: 'f32' });
  orderKernel.launch({ index, order, starts }, { rows: params.rows, count: params.count }, { WG: ORDER_WG });
  addRows[lanes].launch({ y, order, starts, x: target }, { ...params, inner: inner / lanes, chunks }, { WG });
  if (target !== x) {
    addChunks.launch({ partial: target, x }, { count: x.size / 4, chunks }, { WG });
    target.dispose();
  }
  order.dispose();
  starts.dispose();
}

const transposeOp: Op<'y' | 'index', readonly ['x'], ExtentAttrs> = defineOp({
  name: 'indexAdd',
  inputs: ['y', 'index'],
  outputs: ['x'],
  defaults: { axis: 0, extent: 1 },
  shape: ({ y }, { axis, extent }) => ({ x: { shape: withExtent(y.shape, axis, extent), dtype: y.dtype } }),
  forward: ({ y, index }, { x }, { axis }) => launchAdd(y, index, x, axis),
  saves: ['index'],
  backward: ({ dx, index }, { axis }) => ({ dy: selectOp({ x: dx, index }, { axis }).y }),
  reference: ({ y, index }, { axis, extent }) => ({ x: selectTransposeRef(y, index, axis, extent) }),
  reduction: ({ index }) => sizeOf(index.shape),
  samples: [
    { inputs: { y: [7, 3], index: label([7], 5) }, attrs: { extent: 5 } },
    { inputs: { y: [3000, 4], index: label([3000], 6) }, attrs: { extent: 5 } },
    { inputs: { y: [2, 1500, 2], index: label([1500], 3) }, attrs: { axis: 1, extent: 3 } },
    { inputs: { y: [1025, 3], index: label([1025], 3) }, attrs: { extent: 3 } },
    { inputs: { y: [2, 9, 4], index: label([9], 4e9) }, attrs: { axis: 1, extent: 130 } },
  ],
});

/**
 * Rows of x along one axis, by number: y[…, k, …] = x[…, index[k], …]. An index past the axis gives zeros. The gradient
 * sums duplicates in rising order of k.
 *
 * @param x      any rank and storage type
 * @param index  [K], u32
 * @param axis   negative from the end; 0 by default
 * @throws ShapeError when index has more than one axis
 * @throws DTypeError when index is not u32
 */
export function indexSelect(x: Tensor, index: Tensor, axis = 0): Tensor {
  const [k] = normalizeAxes('indexSelect', x.shape, [axis]);
  return selectOp({ x, index }, { axis: k }).y;
}

/**
 * Rows of a table: y[…, :] = table[indices[…], :]. An index past the table gives zeros.
 *
 * @param table    [rows, D], f32 or f16
 * @param indices  any shape, u32
 * @returns        [...indices, D]
 * @throws ShapeError when the table is not rank 2
 */
export function embedding(table: Tensor, indices: Tensor): Tensor {
  if (table.shape.length !== 2) {
    throw new ShapeError(`embedding: expected a table of [rows, D], got [${table.shape}]. Reshape it.`);
  }
  const rows = indexSelect(table, reshape(indices, [-1]));
  return reshape(rows, [...indices.shape, table.shape[1]]);
}
