import * as d from 'typegpu/data';
import { defineKernel, defineOp, type Op, read, type Shape, sizeOf, type Tensor, write } from '../../engine/index.ts';
import { applyMatrix, matrix, transposed } from './reference.ts';

const WG = 256;
const Params = d.struct({ count: d.u32, width: d.u32 }).$name('Params');

const doubleKernel = defineKernel({
  name: 'resample.double',
  wgsl: new URL('./double.wgsl', import.meta.url),
  params: Params,
  bindings: { x: read('T4'), y: write('T4') },
  keys: { HALVES: [0, 1], WG: [WG] },
  grid: (p, { HALVES }) => Math.ceil(((1 + HALVES) * p.count) / WG),
  cost: (p, bytes) => ({ flops: 0, bytes: 20 * p.count * bytes }),
});

const transposeKernel = defineKernel({
  name: 'resample.doubleTranspose',
  wgsl: new URL('./double-transpose.wgsl', import.meta.url),
  params: Params,
  bindings: { y: read('T4'), x: write('T4') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil(p.count / WG),
  cost: (p, bytes) => ({ flops: 12 * p.count, bytes: 20 * p.count * bytes }),
});

/** In vectors of four of the smaller side. */
const paramsOf = (x: Shape) => ({ count: sizeOf(x) / 4, width: x[x.length - 1] / 4 });

const scaled = (shape: Shape, factor: number) => shape.map((n, axis) => (axis < shape.length - 2 ? n : n * factor));

/** The rule of one axis of n elements, which become 2n. */
const rows = (n: number) => matrix(n, 2 * n, { mode: 'nearest', alignCorners: false });

const doubleOp: Op<'x', readonly ['y'], object> = defineOp({
  name: 'double',
  inputs: ['x'],
  outputs: ['y'],
  defaults: {},
  shape: ({ x }) => ({ y: { shape: scaled(x.shape, 2), dtype: x.dtype } }),
  forward: ({ x }, { y }) =>
    doubleKernel.launch({ x, y }, paramsOf(x.shape), { HALVES: x.device.capabilities.software ? 0 : 1, WG }),
  backward: ({ dy }) => ({ dx: transposeOp({ y: dy }).x }),
  reference: ({ x }) => {
    const [h, w] = [x.shape.length - 2, x.shape.length - 1];
    return { y: applyMatrix(rows(x.shape[h]), applyMatrix(rows(x.shape[w]), x, w), h) };
  },
  samples: [{ inputs: { x: [2, 3, 5, 8] } }, { inputs: { x: [1, 4] } }, { inputs: { x: [3, 100, 12] } }],
});

const transposeOp: Op<'y', readonly ['x'], object> = defineOp({
  name: 'doubleTranspose',
  inputs: ['y'],
  outputs: ['x'],
  defaults: {},
  shape: ({ y }) => ({ x: { shape: scaled(y.shape, 0.5), dtype: y.dtype } }),
  forward: ({ y }, { x }) => transposeKernel.launch({ y, x }, paramsOf(x.shape), { WG }),
  backward: ({ dx }) => ({ dy: doubleOp({ x: dx }).y }),
  reference: ({ y }) => {
    const [h, w] = [y.shape.length - 2, y.shape.length - 1];
    const down = (n: number) => transposed(rows(n / 2));
    return { x: applyMatrix(down(y.shape[h]), applyMatrix(down(y.shape[w]), y, w), h) };
  },
  samples: [{ inputs: { y: [2, 3, 10, 8] } }, { inputs: { y: [2, 8] } }],
});

/** Whether `double` can do it: rows of whole vectors, and exactly twice as many of both. */
export function isDouble(x: Shape, height: number, width: number): boolean {
  const [h, w] = x.slice(-2);
  return height === 2 * h && width === 2 * w && w % 4 === 0;
}

/** Every element of the last two axes as a square of four. */
export const double = (x: Tensor): Tensor => doubleOp({ x }).y;
