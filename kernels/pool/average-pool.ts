import {
  defineKernel,
  defineOp,
  type Op,
  read,
  type Sample,
  type Shape,
  type Tensor,
  write,
} from '../../engine/index.ts';
import { mean } from '../reduce/sum.ts';
import { resize } from '../resample/resize.ts';
import { isByTwo, launchAverageByTwo, launchAverageUnpoolByTwo } from './by-two.ts';
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
import { averagePoolRef, averageUnpoolRef } from './reference.ts';

const lib = [new URL('./window.wgsl', import.meta.url), new URL('./divisor.wgsl', import.meta.url)];
const keys = { WG: [POOL_WG] };

const poolKernel = defineKernel({
  name: 'pool.average',
  wgsl: new URL('./average-pool.wgsl', import.meta.url),
  lib,
  params: PoolParams,
  bindings: { x: read('T'), y: write('T') },
  keys,
  grid: outputGrid,
  cost: poolCost,
});

const unpoolKernel = defineKernel({
  name: 'pool.averageUnpool',
  wgsl: new URL('./average-unpool.wgsl', import.meta.url),
  lib,
  params: PoolParams,
  bindings: { y: read('T'), x: write('T') },
  keys,
  grid: inputGrid,
  cost: poolCost,
});

interface AverageAttrs extends Window {
  countPadding: boolean;
}

interface UnpoolAttrs extends AverageAttrs {
  shape: Shape;
}

const DEFAULTS: AverageAttrs = { ...windowFrom({ kernel: 1 }), countPadding: true };

const samples: readonly (Sample<'x', AverageAttrs> & { inputs: { x: Shape }; attrs: AverageAttrs })[] = [
  ...poolSamples.flatMap(({ x, window }) =>
    [true, false].map((countPadding) => ({ inputs: { x }, attrs: { ...window, countPadding } })),
  ),
  ...poolBench.map(({ x, window, bench }) => ({ inputs: { x }, attrs: { ...window, countPadding: true }, bench })),
];

const poolOp: Op<'x', readonly ['y'], AverageAttrs> = defineOp({
  name: 'averagePool2d',
  inputs: ['x'],
  outputs: ['y'],
  defaults: DEFAULTS,
  shape: ({ x }, window) => ({ y: { shape: pooledShape('averagePool2d', x.shape, window), dtype: x.dtype } }),
  forward: ({ x }, { y }, attrs) => {
    if (isByTwo(x.shape, attrs)) launchAverageByTwo(x, y);
    else poolKernel.launch({ x, y }, poolParams(x.shape, y.shape, attrs, attrs.countPadding), { WG: POOL_WG });
  },
  backward: ({ dy }, attrs, { inputs }) => ({ dx: unpoolOp({ y: dy }, { ...attrs, shape: inputs.x.shape }).x }),
  reference: ({ x }, { countPadding, ...window }) => ({ y: averagePoolRef(x, window, countPadding) }),
  reduction: (_, { kernel }) => kernel[0] * kernel[1],
  samples,
});

const unpoolOp: Op<'y', readonly ['x'], UnpoolAttrs> = defineOp({
  name: 'averageUnpool2d',
  inputs: ['y'],
  outputs: ['x'],
  defaults: { ...DEFAULTS, shape: [] } as UnpoolAttrs,
  shape: ({ y }, { shape }) => ({ x: { shape, dtype: y.dtype } }),
  forward: ({ y }, { x }, attrs) => {
    if (isByTwo(x.shape, attrs)) launchAverageUnpoolByTwo(y, x);
    else unpoolKernel.launch({ y, x }, poolParams(x.shape, y.shape, attrs, attrs.countPadding), { WG: POOL_WG });
  },
  backward: ({ dx }, { shape: _, ...attrs }) => ({ dy: poolOp({ x: dx }, attrs).y }),
  reference: ({ y }, { countPadding, shape, ...window }) => ({
    x: averageUnpoolRef(y, shape, window, countPadding),
  }),
  reduction: (_, { kernel }) => kernel[0] * kernel[1],
  samples: samples.map(({ inputs: { x }, attrs, ...sample }) => ({
    ...sample,
    inputs: { y: pooledShape('averageUnpool2d', x, attrs) },
    attrs: { ...attrs, shape: x },
  })),
});

/**
 * The mean of each window over the last two axes.
 *
 * @param x                     rank 2 or more, f32 or f16
 * @param options.countPadding  zeros of the padding count as elements; true by default, as in PyTorch
 * @throws ShapeError when the window does not fit, or padding is more than half a window
 * @see torch.nn.functional.avg_pool2d
 */
export function averagePool2d(
  x: Tensor,
  { countPadding = true, ...options }: PoolOptions & { countPadding?: boolean },
) {
  return poolOp({ x }, { ...windowFrom(options), countPadding }).y;
}

/** The mean over as many windows as the result has places, which cover x and may overlap: `area` resizing. */
export function adaptiveAveragePool2d(x: Tensor, size: readonly [number, number]): Tensor {
  return resize(x, { size, mode: 'area' });
}

/** The mean over the last two axes, which become extents of 1. */
export function globalAveragePool(x: Tensor): Tensor {
  return mean(x, { axes: [-2, -1], keepdims: true });
}
