import * as d from 'typegpu/data';
import { defineKernel, empty, optional, read, readWrite, type Tensor, write } from '../../engine/index.ts';
import { perTeam, subgroupTeam } from '../lib/team.ts';

const WG = 256;
/** Vectors of four that one partial sum of squares covers. */
const RUN = 8 * WG;

const adamKernel = defineKernel({
  name: 'adam.update',
  wgsl: new URL('./adam.wgsl', import.meta.url),
  params: d
    .struct({
      ...{ count: d.u32, beta1: d.f32, beta2: d.f32, eps: d.f32 },
      ...{ weightDecay: d.f32, keep: d.f32, stepSize: d.f32, rootCorrection2: d.f32 },
    })
    .$name('Params'),
  bindings: {
    param: readWrite('vec4f'),
    moment1: readWrite('vec4f'),
    moment2: readWrite('vec4f'),
    grad: read('vec4f'),
    control: read('f32'),
  },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil(p.count / WG),
  cost: (p) => ({ flops: 60 * p.count, bytes: 4 * 4 * 7 * p.count }),
});

const squaresKernels = perTeam((team) =>
  defineKernel({
    name: `adam.squares${team.suffix}`,
    wgsl: new URL('./squares.wgsl', import.meta.url),
    lib: [team.sum],
    params: d.struct({ count: d.u32, runs: d.u32, run: d.u32, first: d.u32 }).$name('Params'),
    bindings: { grad: read('vec4f'), part: readWrite('f32') },
    keys: { WG: team.sizes },
    subgroups: team.subgroups,
    widths: (width, { WG: size }) => team.serves(width, size),
    grid: (p) => p.runs,
    cost: (p) => ({ flops: 8 * p.count, bytes: 16 * p.count }),
  }),
);

const guardKernel = defineKernel({
  name: 'adam.guard',
  wgsl: new URL('./guard.wgsl', import.meta.url),
  params: d.struct({ parts: d.u32, infos: d.u32, maxNorm: d.f32 }).$name('Params'),
  bindings: {
    part: read('f32'),
    info: optional(read('u32'), 'HAS_INFO'),
    lossScale: optional(read('f32'), 'HAS_SCALE'),
    control: write('f32'),
  },
  keys: { WG: [WG], HAS_INFO: [0, 1], HAS_SCALE: [0, 1] },
  grid: () => 1,
  cost: (p) => ({ flops: 2 * p.parts, bytes: 4 * (p.parts + p.infos) }),
});

export interface GuardOptions {
  /** largest global L2 norm of the gradients; no clipping when left out */
  maxNorm?: number;
  /** u32 [n]: any value above 0 forbids the update, such as the `info` of a factorisation */
  info?: Tensor;
  /** f32 [1], a power of two: the gradients are this times too large, because the loss was; 1 when left out */
  lossScale?: Tensor | undefined;
}

/**
 * What an update needs to know of all gradients, left on the device: [scale, ok, norm, worst info], f32 [4]. `scale`
 * takes the loss scale out, and clips; `norm` is without the loss scale. `ok` is 0 when the norm is NaN or infinite, or
 * an info is above 0.
 *
 * @param grads  flat f32 buffers whose padding is zero
 */
export function gradientGuard(grads: readonly Tensor[], { maxNorm = 0, info, lossScale }: GuardOptions = {}): Tensor {
  const [{ device }] = grads;
  const runs = grads.map(({ size }) => Math.ceil(size / (4 * RUN)));
  const parts = runs.reduce((sum, n) => sum + n, 0);
  const part = empty(device, { shape: [parts], dtype: 'f32' });
  const team = subgroupTeam(device.capabilities) ?? WG;
  let first = 0;
  grads.forEach((grad, i) => {
    const params = { count: Math.ceil(grad.size / 4), runs: runs[i], run: RUN, first };
    squaresKernels.of(team).launch({ grad, part }, params, { WG: team });
    first += runs[i];
  });
  const control = empty(device, { shape: [4], dtype: 'f32' });
  const params = { parts, infos: info?.size ?? 0, maxNorm };
  const key = { WG, HAS_INFO: info ? 1 : 0, HAS_SCALE: lossScale ? 1 : 0 };
  guardKernel.launch({ part, info, lossScale, control }, params, key);
  part.dispose();
  return control;
}

const lossScaleKernel = defineKernel({
  name: 'adam.lossScale',
  wgsl: new URL('./loss-scale.wgsl', import.meta.url),
  params: d
    .struct({
      ...{ growth: d.f32, backoff: d.f32, firstBackoff: d.f32, growthInterval: d.f32 },
      ...{ smallest: d.f32, largest: d.f32 },
    })
    .$name('Params'),
  bindings: { factor: readWrite('f32'), steady: readWrite('f32'), control: read('f32') },
  grid: () => 1,
  cost: () => ({ flops: 4, bytes: 4 * 6 }),
});

/** Rules of a loss scale; factors are powers of two. */
export interface LossScaleRule {
  /** factor after `growthInterval` updates in a row */
  readonly growth: number;
  /** factor after an overflow */
  readonly backoff: number;
  /** the same before the first update */
  readonly firstBackoff: number;
  readonly growthInterval: number;
  /** bounds of the scale */
  readonly smallest: number;
  readonly largest: number;
}

/** A loss scale on the device, each f32 [1]. */
export interface LossScaleTensors {
  /** of the next loss, a power of two */
  readonly factor: Tensor;
  /** updates since it last changed; −1 before the first */
  readonly steady: Tensor;
}

/**
 * Moves a loss scale in place by how an update went: down after an overflow, up after many updates in a row.
 *
 * @param control  from `gradientGuard`; where an info forbade the update the scale stays
 * @see Micikevicius et al. 2018, arXiv:1710.03740, section 3.2
 */
export function moveLossScale(scale: LossScaleTensors, control: Tensor, rule: LossScaleRule): void {
  lossScaleKernel.launch({ ...scale, control }, { ...rule });
}

export interface AdamOptions {
  lr: number;
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
  /** AdamW's decay of the parameter itself, instead of L2 in the gradient */
  decoupled?: boolean;
  /** updates so far, this one included: t of the bias correction */
  step: number;
}

/** A slice of the optimiser's state: flat f32 buffers of one size. */
export interface AdamSlice {
  readonly param: Tensor;
  readonly grad: Tensor;
  readonly moment1: Tensor;
  readonly moment2: Tensor;
}

/**
 * One Adam update in place, with PyTorch's order of operations. Does nothing where `control` says so.
 *
 * @param control  from `gradientGuard`
 * @see Kingma and Ba 2015, arXiv:1412.6980, algorithm 1; Loshchilov and Hutter 2019 for `decoupled`
 */
export function adamUpdate(slice: AdamSlice, control: Tensor, options: AdamOptions): void {
  const { lr, betas, eps, weightDecay, decoupled = false, step } = options;
  const [beta1, beta2] = betas;
  adamKernel.launch(
    { ...slice, control },
    {
      count: Math.ceil(slice.param.size / 4),
      beta1,
      beta2,
      eps,
      weightDecay: decoupled ? 0 : weightDecay,
      keep: decoupled ? 1 - lr * weightDecay : 1,
      stepSize: lr / (1 - beta1 ** step),
      rootCorrection2: Math.sqrt(1 - beta2 ** step),
    },
    { WG },
  );
}

const emaKernel = defineKernel({
  name: 'adam.ema',
  wgsl: new URL('./ema.wgsl', import.meta.url),
  params: d.struct({ count: d.u32, decay: d.f32 }).$name('Params'),
  bindings: { average: readWrite('vec4f'), param: read('vec4f'), control: read('f32') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil(p.count / WG),
  cost: (p) => ({ flops: 12 * p.count, bytes: 4 * 4 * 3 * p.count }),
});

/**
 * Moves an exponential average towards the parameters, in place: average ← decay · average + (1 − decay) · param.
 *
 * @param control  from `gradientGuard`: a skipped update moves nothing
 */
export function emaUpdate(average: Tensor, param: Tensor, control: Tensor, decay: number): void {
  emaKernel.launch({ average, param, control }, { count: Math.ceil(param.size / 4), decay }, { WG });
}
