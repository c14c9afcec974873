import * as d from 'typegpu/data';
import { defineKernel, defineOp, type Op, read, ShapeError, type Tensor, write } from '../../engine/index.ts';
import { add, cast } from './ops.ts';
import { POINTWISE_WG, unitGrid, unitsOf } from './unary.ts';

const kernel = defineKernel({
  name: 'pointwise.addTo',
  wgsl: new URL('./add-to.wgsl', import.meta.url),
  params: d.struct({ count: d.u32, span: d.u32 }).$name('Params'),
  bindings: { x: read('T4'), base: read('U4'), y: write('U4') },
  keys: { WG: [POINTWISE_WG] },
  grid: unitGrid,
  // the sum is that of f32
  cost: (p, bytes) => ({ flops: 4 * p.count, bytes: 4 * p.count * (bytes + 8) }),
});

const addToOp: Op<'base' | 'x', readonly ['y'], object> = defineOp({
  name: 'addTo',
  inputs: ['base', 'x'],
  outputs: ['y'],
  defaults: {},
  shape: ({ base, x }) => {
    if (base.shape.join() !== x.shape.join()) {
      throw new ShapeError(`addTo: expected tensors of one shape, got [${base.shape}] and [${x.shape}]. Use add().`);
    }
    return { y: base };
  },
  forward: ({ base, x }, { y }) => {
    const { count, span } = unitsOf(4 * y.size, y.device.capabilities);
    kernel.launch({ base, x, y }, { count, span }, { WG: POINTWISE_WG });
  },
  backward: ({ dy }, _, { needs, inputs: { x } }) => ({ dbase: dy, dx: needs.x ? cast(dy, x.dtype) : undefined }),
  reference: ({ base, x }) => ({ y: { shape: base.shape, data: base.data.map((value, i) => value + x.data[i]) } }),
  samples: [
    { inputs: { base: [2, 3, 5], x: [2, 3, 5] } },
    { inputs: { base: [133, 1031], x: [133, 1031] }, dtypes: ['f16'] },
    { inputs: { base: [4194304], x: [4194304] }, bench: '4M' },
  ],
});

/**
 * base + x in the storage type of the base, whatever that of x, without a converted x in between.
 *
 * @param x  of the base's shape
 * @throws ShapeError when the shapes differ
 */
export const addTo = (base: Tensor, x: Tensor): Tensor =>
  base.dtype === x.dtype ? add(base, x) : addToOp({ base, x }).y;
