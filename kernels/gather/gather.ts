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
import { slice } from '../concat/slice.ts';
import { normalizeAxes } from '../reduce/axes.ts';
import { gatherRef, scatterRef } from './reference.ts';
import { checkIndex, withExtent } from './select.ts';

const WG = 256;
const Params = d.struct({ outer: d.u32, rows: d.u32, count: d.u32, inner: d.u32 }).$name('Params');

const gatherKernel = defineKernel({
  name: 'gather.gather',
  wgsl: new URL('./gather.wgsl', import.meta.url),
  params: Params,
  bindings: { x: read('T'), index: read('u32'), y: write('T') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.outer * p.count * p.inner) / WG),
  cost: (p, bytes) => ({ flops: 0, bytes: p.outer * p.count * p.inner * (2 * bytes + 4) }),
});

const scatterKernel = defineKernel({
  name: 'gather.scatter',
  wgsl: new URL('./scatter.wgsl', import.meta.url),
  params: Params,
  bindings: { y: read('T'), index: read('u32'), x: write('T') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.outer * p.rows * p.inner) / WG),
  // every thread looks at every index of its line
  cost: (p, bytes) => ({
    flops: p.outer * p.rows * p.inner * p.count,
    bytes: p.outer * p.inner * (p.rows * bytes + p.count * (bytes + 4)),
  }),
});

const paramsOf = (x: Shape, y: Shape, axis: number) => ({
  outer: sizeOf(x.slice(0, axis)),
  rows: x[axis],
  count: y[axis],
  inner: sizeOf(x.slice(axis + 1)),
});

const label = (shape: Shape, below: number) => ({ shape, kind: 'label' as const, below });

const gatherOp: Op<'x' | 'index', readonly ['y'], { axis: number }> = defineOp({
  name: 'gather',
  inputs: ['x', 'index'],
  outputs: ['y'],
  defaults: { axis: 0 },
  shape: ({ x, index }) => ({ y: { shape: index.shape, dtype: x.dtype } }),
  forward: ({ x, index }, { y }, { axis }) => {
    gatherKernel.launch({ x, index, y }, paramsOf(x.shape, y.shape, axis), { WG });
  },
  saves: ['index'],
  backward: ({ dy, index }, { axis }, { inputs }) => ({
    dx: scatterOp({ y: dy, index }, { axis, extent: inputs.x.shape[axis] }).x,
  }),
  reference: ({ x, index }, { axis }) => ({ y: gatherRef(x, index, axis) }),
  // the longest sum is that of the gradient
  reduction: ({ index }, { axis }) => index.shape[axis],
  samples: [
    { inputs: { x: [5, 3], index: label([7, 3], 5) } },
    { inputs: { x: [2, 6, 3], index: label([2, 4, 3], 7) }, attrs: { axis: 1 } },
    { inputs: { x: [3, 11], index: label([3, 400], 12) }, attrs: { axis: 1 } },
    { inputs: { x: [1], index: label([1], 4e9) } },
    { inputs: { x: label([4, 3], 4e9), index: label([2, 3], 5) }, dtypes: ['f32'] },
    { inputs: { x: [1, 19, 65536], index: label([1, 1, 65536], 19) }, attrs: { axis: 1 }, bench: 'a class for 65536' },
  ],
});

const scatterOp: Op<'y' | 'index', readonly ['x'], { axis: number; extent: number }> = defineOp({
  name: 'scatterAdd',
  inputs: ['y', 'index'],
  outputs: ['x'],
  defaults: { axis: 0, extent: 1 },
  shape: ({ y }, { axis, extent }) => ({ x: { shape: withExtent(y.shape, axis, extent), dtype: y.dtype } }),
  forward: ({ y, index }, { x }, { axis }) => {
    scatterKernel.launch({ y, index, x }, paramsOf(x.shape, y.shape, axis), { WG });
  },
  saves: ['index'],
  backward: ({ dx, index }, { axis }) => ({ dy: gatherOp({ x: dx, index }, { axis }).y }),
  reference: ({ y, index }, { axis, extent }) => ({ x: scatterRef(y, index, axis, extent) }),
  reduction: ({ index }, { axis }) => index.shape[axis],
  samples: [
    { inputs: { y: [7, 3], index: label([7, 3], 5) }, attrs: { extent: 4 } },
    { inputs: { y: [2, 300, 5], index: label([2, 300, 5], 3) }, attrs: { axis: 1, extent: 3 } },
  ],
});

/**
 * Elements of x along one axis, by number: y[o, k, i] = x[o, index[o, k, i], i]. An index past the axis gives 0. The
 * gradient sums duplicates in rising order of k.
 *
 * @param x      any rank and storage type
 * @param index  u32, of x's rank; on other axes no larger than x, whose rest is left out
 * @param axis   negative from the end
 * @returns      the shape of index
 * @throws ShapeError when the ranks differ, or index is larger than x on another axis
 * @throws DTypeError when index is not u32
 * @see torch.gather
 */
export function gather(x: Tensor, index: Tensor, axis: number): Tensor {
  checkIndex('gather', 'index', index);
  const [k] = normalizeAxes('gather', x.shape, [axis]);
  const fits = index.shape.length === x.shape.length && index.shape.every((n, a) => a === k || n <= x.shape[a]);
  if (!fits) {
    throw new ShapeError(
      `gather: expected an index of rank ${x.shape.length} that is no larger than x but along axis ${k}, got index ` +
        `[${index.shape}] for x [${x.shape}]. Reshape or slice the index.`,
    );
  }
  let part = x;
  index.shape.forEach((n, a) => {
    if (a !== k && n < x.shape[a]) part = slice(part, { axis: a, end: n });
  });
  return gatherOp({ x: part, index }, { axis: k }).y;
}
