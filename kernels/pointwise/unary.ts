import * as d from 'typegpu/data';
import { defineKernel, read, type Tensor, write } from '../../engine/index.ts';

/** The order is that of the cases in unary.wgsl. */
const OPS = [
  'affine',
  'relu',
  'leakyRelu',
  'tanh',
  'sigmoid',
  'exp',
  'log',
  'sqrt',
  'abs',
  'clamp',
  'pow',
  'sign',
  'inside',
  'rsqrt',
  'silu',
  'softplus',
  'roundTo',
  'copy',
] as const;
export type UnaryName = (typeof OPS)[number];

/** Workgroup size of pointwise kernels: one vec4 a thread, no loop. */
export const POINTWISE_WG = 256;

const unaryKernel = defineKernel({
  name: 'pointwise.unary',
  wgsl: new URL('./unary.wgsl', import.meta.url),
  params: d.struct({ count: d.u32, a: d.f32, b: d.f32 }).$name('Params'),
  bindings: { x: read('T4'), y: write('U4') },
  keys: { OP: OPS.map((_, i) => i), WG: [POINTWISE_WG] },
  grid: (p) => Math.ceil(p.count / POINTWISE_WG),
  cost: (p, bytes) => ({ flops: 4 * p.count, bytes: 8 * p.count * bytes }),
});

/** y = f(x) for one of the functions above; y may have another storage type than x. */
export function launchUnary(name: UnaryName, x: Tensor, y: Tensor, a = 0, b = 0): void {
  const params = { count: Math.ceil(x.size / 4), a, b };
  unaryKernel.launch({ x, y }, params, { OP: OPS.indexOf(name), WG: POINTWISE_WG });
}

const fillKernel = defineKernel({
  name: 'pointwise.fill',
  wgsl: new URL('./fill.wgsl', import.meta.url),
  params: d.struct({ count: d.u32, value: d.f32 }).$name('Params'),
  bindings: { y: write('T4') },
  keys: { WG: [POINTWISE_WG] },
  grid: (p) => Math.ceil(p.count / POINTWISE_WG),
  cost: (p, bytes) => ({ flops: 0, bytes: 4 * p.count * bytes }),
});

/** Sets every element of y. */
export function launchFill(y: Tensor, value: number): void {
  fillKernel.launch({ y }, { count: Math.ceil(y.size / 4), value }, { WG: POINTWISE_WG });
}
