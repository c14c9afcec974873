import * as d from 'typegpu/data';
import { defineKernel, read, type Shape, sizeOf, type Tensor, write } from '../../engine/index.ts';
import type { Window } from './geometry.ts';

/** Windows of 2 × 2, two apart, over planes whose rows are whole pairs of vectors: the kernels that move vectors. */

const WG = 256;
const keys = { WG: [WG] };
const lib = [new URL('./by-two.wgsl', import.meta.url)];
const Params = d.struct({ run: d.u32, rows: d.u32, oHeight: d.u32 }).$name('Params');
type Sizes = { run: number; rows: number };
const grid = (p: Sizes) => Math.ceil((p.run * p.rows) / WG);
/** reads and writes of a window's four elements and its result, and of `more` bytes beside */
const cost = (p: Sizes, bytes: number, more: number) => ({
  flops: 16 * p.run * p.rows,
  bytes: 4 * p.run * p.rows * (5 * bytes + more),
});

const maxKernel = defineKernel({
  name: 'pool.maxByTwo',
  wgsl: new URL('./max-by-two.wgsl', import.meta.url),
  ...{ lib, params: Params, keys, grid },
  bindings: { x: read('T4'), y: write('T4'), argmax: write('vec4u') },
  cost: (p, bytes) => cost(p, bytes, 4),
});

const maxUnpoolKernel = defineKernel({
  name: 'pool.maxUnpoolByTwo',
  wgsl: new URL('./max-unpool-by-two.wgsl', import.meta.url),
  ...{ lib, params: Params, keys, grid },
  bindings: { y: read('T4'), argmax: read('vec4u'), x: write('T4') },
  cost: (p, bytes) => cost(p, bytes, 4),
});

const averageKernel = defineKernel({
  name: 'pool.averageByTwo',
  wgsl: new URL('./average-by-two.wgsl', import.meta.url),
  ...{ lib, params: Params, keys, grid },
  bindings: { x: read('T4'), y: write('T4') },
  cost: (p, bytes) => cost(p, bytes, 0),
});

const averageUnpoolKernel = defineKernel({
  name: 'pool.averageUnpoolByTwo',
  wgsl: new URL('./average-unpool-by-two.wgsl', import.meta.url),
  ...{ lib, params: Params, keys, grid },
  bindings: { y: read('T4'), x: write('T4') },
  cost: (p, bytes) => cost(p, bytes, 0),
});

/** Whether windows over planes of x's shape are such ones. */
export function isByTwo(x: Shape, { kernel, stride, padding }: Window): boolean {
  const [height, width] = x.slice(-2);
  const two = [...kernel, ...stride].every((n) => n === 2) && padding.every((n) => n === 0);
  return two && height % 2 === 0 && width % 8 === 0;
}

function paramsOf(x: Shape) {
  const [height, width] = x.slice(-2);
  return { run: width / 8, rows: sizeOf(x) / (2 * width), oHeight: height / 2 };
}

export const launchMaxByTwo = (x: Tensor, y: Tensor, argmax: Tensor): void =>
  maxKernel.launch({ x, y, argmax }, paramsOf(x.shape), { WG });

export const launchMaxUnpoolByTwo = (y: Tensor, argmax: Tensor, x: Tensor): void =>
  maxUnpoolKernel.launch({ y, argmax, x }, paramsOf(x.shape), { WG });

export const launchAverageByTwo = (x: Tensor, y: Tensor): void =>
  averageKernel.launch({ x, y }, paramsOf(x.shape), { WG });

export const launchAverageUnpoolByTwo = (y: Tensor, x: Tensor): void =>
  averageUnpoolKernel.launch({ y, x }, paramsOf(x.shape), { WG });
