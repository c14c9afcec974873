import * as d from 'typegpu/data';
import { defineKernel, defineOp, type Op, read, write } from '../../engine/index.ts';
import { lanesFor, perLanes } from '../lib/lanes.ts';
import { launchNormGradient } from './gradient-launch.ts';
import { standardised } from './launch.ts';
import type { Affine, Layout } from './layout.ts';
import { affineGradRef, gradientRef, productRef } from './reference.ts';

const u = d.u32;

export interface NormGradAttrs {
  layout: Layout;
  affine: Affine;
  channels: number;
  /** v is x̂ already, rather than x */
  isNormalised: boolean;
  /** statistics are constants that pass no gradient */
  fixedStatistics: boolean;
}

const LAYOUT: Layout = { outer: 1, groups: 1, length: 1 };

/** dx of a normalisation and sums [groups, 2] = (Σ d, Σ d · x̂); the formula is in grad-fused.wgsl. */
export const normalizeGrad: Op<'dy' | 'v' | 'stats' | 'weight', readonly ['dx', 'sums'], NormGradAttrs> = defineOp({
  name: 'normalizeGrad',
  inputs: ['dy', 'v', 'stats', 'weight'],
  optional: ['weight'],
  outputs: ['dx', 'sums'],
  defaults: {
    layout: LAYOUT,
    affine: 'none',
    channels: 1,
    isNormalised: false,
    fixedStatistics: false,
  } as NormGradAttrs,
  shape: ({ dy }, { layout }) => ({ dx: dy, sums: { shape: [layout.groups, 2], dtype: 'f32' } }),
  forward: ({ dy, v, stats, weight }, { dx, sums }, { layout, affine, channels, isNormalised, fixedStatistics }) =>
    launchNormGradient({ dy, v, stats, isNormalised, fixedStatistics }, dx, sums, layout, { affine, channels, weight }),
  reference: ({ dy, v, stats, weight }, attrs) => gradientRef(dy, v, stats, weight, attrs),
  reduction: (_, { layout }) => layout.outer * layout.length,
  samples: [
    {
      inputs: { dy: [6, 35], v: [6, 35], stats: { shape: [6, 4], kind: 'positive' }, weight: [3] },
      attrs: { layout: { outer: 1, groups: 6, length: 35 }, affine: 'group', channels: 3 },
      dtypes: ['f32'],
    },
    {
      inputs: { dy: [2, 3, 8], v: [2, 3, 8], stats: { shape: [3, 4], kind: 'positive' } },
      attrs: { layout: { outer: 2, groups: 3, length: 8 }, isNormalised: true },
      dtypes: ['f32'],
    },
    {
      inputs: { dy: [64, 256, 256], v: [64, 256, 256], stats: [64, 4] },
      attrs: { layout: { outer: 1, groups: 64, length: 65536 } },
      bench: '64 planes of 256²',
      dtypes: ['f32'],
    },
    {
      inputs: { dy: [16, 64, 4096], v: [16, 64, 4096], stats: [64, 4], weight: [64] },
      attrs: { layout: { outer: 16, groups: 64, length: 4096 }, affine: 'group', channels: 64 },
      bench: '64 channels of 16 planes of 64²',
      dtypes: ['f32'],
    },
  ],
});

const AFFINE_GRAD_WG = 64;
const affineGradKernel = defineKernel({
  name: 'normalize.affineGrad',
  wgsl: new URL('./affine-grad.wgsl', import.meta.url),
  params: d.struct({ groups: u, channels: u }).$name('Params'),
  bindings: { sums: read('vec2f'), dweight: write('U'), dbias: write('U') },
  keys: { WG: [AFFINE_GRAD_WG] },
  grid: (p) => Math.ceil(p.channels / AFFINE_GRAD_WG),
  cost: (p) => ({ flops: 2 * p.groups, bytes: 8 * p.groups }),
});

/** Gradients [channels] of weights and biases of groups, from the sums of `normalizeGrad`, in the type of `weight`. */
export const affineGrad: Op<'sums' | 'weight', readonly ['dweight', 'dbias'], object> = defineOp({
  name: 'affineGrad',
  inputs: ['sums', 'weight'],
  outputs: ['dweight', 'dbias'],
  defaults: {},
  shape: ({ weight }) => ({ dweight: weight, dbias: weight }),
  forward: ({ sums, weight }, { dweight, dbias }) =>
    affineGradKernel.launch(
      { sums, dweight, dbias },
      { groups: sums.shape[0], channels: weight.size },
      { WG: AFFINE_GRAD_WG },
    ),
  reference: ({ sums, weight }) => affineGradRef(sums, weight.shape),
  samples: [{ inputs: { sums: [15, 2], weight: [5] }, dtypes: ['f32'] }],
});

const PRODUCT_WG = 256;
const productKernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `normalize.product${suffix}`,
    wgsl: new URL('./product.wgsl', import.meta.url),
    lib: [lib, standardised],
    params: d.struct({ count: u, groups: u, length: u }).$name('Params'),
    bindings: { dy: read(T), x: read(T), stats: read('vec4f'), y: write(lanes === 4 ? 'vec4f' : 'f32') },
    keys: { WG: [PRODUCT_WG] },
    grid: (p) => Math.ceil(p.count / PRODUCT_WG),
    cost: (p, bytes) => ({ flops: 4 * p.count * lanes, bytes: p.count * lanes * (2 * bytes + 4) }),
  }),
);

/** dy · x̂ in f32: summed over the groups it is the gradient of weights that vary with the value. */
export const normalizedProduct: Op<'dy' | 'x' | 'stats', readonly ['y'], { layout: Layout }> = defineOp({
  name: 'normalizedProduct',
  inputs: ['dy', 'x', 'stats'],
  outputs: ['y'],
  defaults: { layout: LAYOUT },
  shape: ({ dy }) => ({ y: { shape: dy.shape, dtype: 'f32' } }),
  forward: ({ dy, x, stats }, { y }, { layout: { groups, length } }) => {
    const lanes = lanesFor(length);
    const params = { count: x.size / lanes, groups, length: length / lanes };
    productKernels[lanes].launch({ dy, x, stats, y }, params, { WG: PRODUCT_WG });
  },
  reference: ({ dy, x, stats }, { layout }) => ({ y: productRef(dy, x, stats, layout) }),
  samples: [
    {
      inputs: { dy: [4, 6], x: [4, 6], stats: [4, 4] },
      attrs: { layout: { outer: 1, groups: 4, length: 6 } },
      dtypes: ['f32'],
    },
  ],
});
