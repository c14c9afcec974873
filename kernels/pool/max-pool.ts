import { defineKernel, defineOp, type Op, read, type Shape, type Tensor, write } from '../../engine/index.ts';
import { isByTwo, launchMaxByTwo, launchMaxUnpoolByTwo } from './by-two.ts';
import {
  inputGrid,
  outputGrid,
  POOL_WG,
  type PoolOptions,
  PoolParams,
  poolBench,
  poolCost,
  pooledShape,
  poolParams,
  poolSamples,
  type Window,
  windowFrom,
} from './geometry.ts';
import { maxPoolRef, maxUnpoolRef } from './reference.ts';

const lib = [new URL('./window.wgsl', import.meta.url)];
const keys = { WG: [POOL_WG] };

const poolKernel = defineKernel({
  name: 'pool.max',
  wgsl: new URL('./max-pool.wgsl', import.meta.url),
  lib,
  params: PoolParams,
  bindings: { x: read('T'), y: write('T'), argmax: write('u32') },
  keys,
  grid: outputGrid,
  cost: poolCost,
});

const unpoolKernel = defineKernel({
  name: 'pool.maxUnpool',
  wgsl: new URL('./max-unpool.wgsl', import.meta.url),
  lib,
  params: PoolParams,
  bindings: { y: read('T'), argmax: read('u32'), x: write('T') },
  keys,
  grid: inputGrid,
  cost: poolCost,
});

const DEFAULTS: Window = windowFrom({ kernel: 1 });

const poolOp: Op<'x', readonly ['y', 'argmax'], Window> = defineOp({
  name: 'maxPool2d',
  inputs: ['x'],
  outputs: ['y', 'argmax'],
  defaults: DEFAULTS,
  shape: ({ x }, window) => {
    const shape = pooledShape('maxPool2d', x.shape, window);
    return { y: { shape, dtype: x.dtype }, argmax: { shape, dtype: 'u32' } };
  },
  forward: ({ x }, { y, argmax }, window) => {
    if (isByTwo(x.shape, window)) launchMaxByTwo(x, y, argmax);
    else poolKernel.launch({ x, y, argmax }, poolParams(x.shape, y.shape, window), { WG: POOL_WG });
  },
  saves: ['argmax'],
  // dx is dy where a window's first maximum was
  backward: ({ dy, argmax }, window, { inputs }) => ({
    dx: unpoolOp({ y: dy, argmax }, { ...window, shape: inputs.x.shape }).x,
  }),
  reference: ({ x }, window) => ({ y: maxPoolRef(x, window) }),
  // as many windows overlap as a stride goes into a kernel
  reduction: (_, { kernel }) => kernel[0] * kernel[1],
  samples: [
    ...poolSamples.map(({ x, window }) => ({ inputs: { x: { shape: x, kind: 'distinct' as const } }, attrs: window })),
    ...poolBench.map(({ x, window, bench }) => ({ inputs: { x }, attrs: window, bench })),
  ],
});

interface UnpoolAttrs extends Window {
  shape: Shape;
}

const unpoolOp: Op<'y' | 'argmax', readonly ['x'], UnpoolAttrs> = defineOp({
  name: 'maxUnpool2d',
  inputs: ['y', 'argmax'],
  outputs: ['x'],
  defaults: { ...DEFAULTS, shape: [] } as UnpoolAttrs,
  shape: ({ y }, { shape }) => ({ x: { shape, dtype: y.dtype } }),
  forward: ({ y, argmax }, { x }, window) => {
    if (isByTwo(x.shape, window)) launchMaxUnpoolByTwo(y, argmax, x);
    else unpoolKernel.launch({ y, argmax, x }, poolParams(x.shape, y.shape, window), { WG: POOL_WG });
  },
  reference: ({ y, argmax }, { shape, ...window }) => ({ x: maxUnpoolRef(y, argmax, shape, window) }),
  reduction: (_, { kernel }) => kernel[0] * kernel[1],
  samples: poolSamples.map(({ x, window }) => {
    const y = pooledShape('maxUnpool2d', x, window);
    const below = x.slice(-2).reduce((a, b) => a * b, 1);
    return { inputs: { y, argmax: { shape: y, kind: 'label' as const, below } }, attrs: { ...window, shape: x } };
  }),
});

/**
 * The maximum of each window over the last two axes. The gradient goes to a window's first maximum, row by row. There is
 * no dilation.
 *
 * @param x  rank 2 or more, f32 or f16
 * @throws ShapeError when the window does not fit, or padding is more than half a window
 * @see torch.nn.functional.max_pool2d
 */
export function maxPool2d(x: Tensor, options: PoolOptions): Tensor {
  return poolOp({ x }, windowFrom(options)).y;
}

/** The maximum over the last two axes, which become extents of 1: rows first, so that every row has its thread. */
export function globalMaxPool(x: Tensor): Tensor {
  const [height, width] = x.shape.slice(-2);
  const rows = width === 1 ? x : maxPool2d(x, { kernel: [1, width] });
  return height === 1 ? rows : maxPool2d(rows, { kernel: [height, 1] });
}
