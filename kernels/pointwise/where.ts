import * as d from 'typegpu/data';
import { composite, defineKernel, defineOp, type Op, type Ref, read, type Tensor, write } from '../../engine/index.ts';
import { broadcastTo } from '../reduce/sum.ts';
import { broadcastShape } from './binary.ts';
import { zerosLike } from './ops.ts';
import { zipRef } from './reference.ts';
import { POINTWISE_WG } from './unary.ts';

const whereKernel = defineKernel({
  name: 'pointwise.where',
  wgsl: new URL('./where.wgsl', import.meta.url),
  params: d.struct({ count: d.u32 }).$name('Params'),
  bindings: { cond: read('U4'), a: read('T4'), b: read('T4'), y: write('T4') },
  keys: { WG: [POINTWISE_WG] },
  grid: (p) => Math.ceil(p.count / POINTWISE_WG),
  cost: (p, bytes) => ({ flops: 0, bytes: 16 * p.count * bytes }),
});

const shapeOf = (
  cond: { shape: readonly number[] },
  a: { shape: readonly number[] },
  b: { shape: readonly number[] },
) => broadcastShape('where', broadcastShape('where', a.shape, b.shape), cond.shape);

const whereOp: Op<'cond' | 'a' | 'b', readonly ['y'], object> = defineOp({
  name: 'where',
  inputs: ['cond', 'a', 'b'],
  outputs: ['y'],
  defaults: {},
  shape: ({ cond, a, b }) => ({ y: { shape: shapeOf(cond, a, b), dtype: a.dtype } }),
  forward: ({ cond, a, b }, { y }) =>
    whereKernel.launch({ cond, a, b, y }, { count: Math.ceil(y.size / 4) }, { WG: POINTWISE_WG }),
  saves: ['cond'],
  // da = dy where cond, 0 elsewhere; db the rest
  backward: ({ cond, dy }, _, { needs }) => {
    const zeros = zerosLike(dy);
    return {
      da: needs.a ? whereOp({ cond, a: dy, b: zeros }).y : undefined,
      db: needs.b ? whereOp({ cond, a: zeros, b: dy }).y : undefined,
    };
  },
  reference: ({ cond, a, b }) => {
    const chosen = zipRef(cond, a, (c, value) => (c !== 0 ? value : 0));
    const other = zipRef(cond, b, (c, value) => (c !== 0 ? 0 : value));
    return { y: zipRef(chosen, other, (p, q) => p + q) };
  },
  samples: [
    { inputs: { cond: { shape: [3, 5, 7], kind: 'label', below: 2 }, a: [3, 5, 7], b: [3, 5, 7] } },
    { inputs: { cond: { shape: [2048, 2048], kind: 'label' }, a: [2048, 2048], b: [2048, 2048] }, bench: '4M' },
  ],
});

/**
 * a where cond is not 0, b elsewhere, with NumPy broadcasting of all three.
 *
 * @param cond  u32, f32 or f16; no gradient flows into it
 * @throws ShapeError when the shapes do not broadcast
 */
export function where(cond: Tensor, a: Tensor, b: Tensor): Tensor {
  const shape = shapeOf(cond, a, b);
  return whereOp({ cond: broadcastTo(cond, shape), a: broadcastTo(a, shape), b: broadcastTo(b, shape) }).y;
}

composite({
  name: 'where.broadcast',
  inputs: ['cond', 'a', 'b'],
  defaults: {},
  run: ({ cond, a, b }) => where(cond, a, b),
  reference: (inputs) => whereOp.definition.reference(inputs, {}).y as Ref,
  samples: [{ inputs: { cond: { shape: [5, 1], kind: 'label' }, a: [3, 1, 1], b: [2, 1, 5, 7] } }],
  reduction: () => 70,
});
