import * as d from 'typegpu/data';
import { defineKernel, empty, read, type Shape, ShapeError, sizeOf, type Tensor, write } from '../../engine/index.ts';
import type { Layout } from '../normalize/layout.ts';
import { defineNorm, type NormOptions, runNorm } from '../normalize/op.ts';
import { batchNormEval, layoutOf } from './evaluation.ts';

const ops = defineNorm({
  name: 'batchNorm',
  layout: layoutOf,
  affine: 'group',
  weightShape: (shape) => [shape[1]],
  samples: [
    { inputs: { x: [3, 4, 5, 7] } },
    { inputs: { x: [2, 3, 8, 8] } },
    { inputs: { x: [9, 5] } },
    { inputs: { x: [300, 3] }, dtypes: ['f32'] }, // columns in several segments
    { inputs: { x: { shape: [4, 2, 9, 9], offset: 1e4 } }, dtypes: ['f32'] },
    { inputs: { x: [40, 2, 20, 14] }, attrs: { eps: 1e-3 }, dtypes: ['f32'] }, // channels split over workgroups
    { inputs: { x: [16, 64, 64, 64] }, bench: '64 channels of 16 planes of 64²' },
    { inputs: { x: [1, 64, 256, 256] }, bench: '64 planes of 256²' },
    { inputs: { x: [4096, 1024] }, bench: '1024 channels of 4096 values' },
  ],
  affineSamples: [
    { inputs: { x: [3, 4, 5, 7], weight: [4], bias: [4] } },
    { inputs: { x: { shape: [2, 3, 8, 8], offset: 20 }, weight: [3], bias: [3] }, attrs: { slope: 0.2 } },
    { inputs: { x: [16, 64, 64, 64], weight: [64], bias: [64] }, bench: '64 channels of 16 planes of 64²' },
  ],
});

const RUNNING_WG = 64;
const runningKernel = defineKernel({
  name: 'batchNorm.running',
  wgsl: new URL('./running.wgsl', import.meta.url),
  params: d.struct({ channels: d.u32, momentum: d.f32, unbias: d.f32 }).$name('Params'),
  bindings: {
    stats: read('vec4f'),
    mean: read('f32'),
    variance: read('f32'),
    newMean: write('f32'),
    newVariance: write('f32'),
  },
  keys: { WG: [RUNNING_WG] },
  grid: (p) => Math.ceil(p.channels / RUNNING_WG),
  cost: (p) => ({ flops: 6 * p.channels, bytes: 32 * p.channels }),
});

export interface BatchNormParams {
  weight?: Tensor | undefined;
  bias?: Tensor | undefined;
  /** [C], f32 */
  runningMean?: Tensor | undefined;
  /** [C], f32, unbiased */
  runningVar?: Tensor | undefined;
}

export interface BatchNormOptions extends Pick<NormOptions, 'eps' | 'activation' | 'slope'> {
  /** normalise with the statistics of the batch, and move the running ones */
  training: boolean;
  /** share of the batch in the new running statistics; 0.1 by default */
  momentum?: number | undefined;
}

export interface BatchNormResult {
  readonly y: Tensor;
  /** new tensors after a training batch, for the caller to keep; the given ones in evaluation */
  readonly runningMean: Tensor | undefined;
  readonly runningVar: Tensor | undefined;
}

/**
 * Batch normalisation over the batch and the spatial axes.
 *
 *     y = f((x − mean) / sqrt(var + eps) · weight + bias)        mean, var over N, H, W (biased), or the running ones
 *     runningMean' = (1 − momentum) · runningMean + momentum · mean
 *     runningVar'  = (1 − momentum) · runningVar + momentum · var · n / (n − 1)
 *
 * Nothing is updated in place: a training step stores the returned running statistics. No gradient flows into them.
 *
 * @param x       [N, C, ...], f32 or f16
 * @param params  [C] each; weight and bias f32 or the type of x, running statistics f32. Without running statistics
 *                evaluation uses the batch's, as in PyTorch
 * @throws ShapeError when x has fewer than two axes, weights do not fit, or a channel has one value in training
 * @see Ioffe and Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2
 */
export function batchNorm(x: Tensor, params: BatchNormParams, options: BatchNormOptions): BatchNormResult {
  const { runningMean, runningVar } = params;
  const { training, momentum = 0.1, ...rest } = options;
  const normOptions = { ...rest, weight: params.weight, bias: params.bias };
  if (!training && runningMean && runningVar) {
    return { y: batchNormEval(x, runningMean, runningVar, normOptions), runningMean, runningVar };
  }
  const layout = layoutOf(x.shape);
  const count = layout.outer * layout.length;
  if (training && count === 1) {
    throw new ShapeError(
      `batchNorm: x [${x.shape}] has one value a channel, whose variance is 0. Expected more; use training: false, or a larger batch.`,
    );
  }
  const { y, stats } = runNorm('batchNorm', ops, x, normOptions);
  if (!training || !runningMean || !runningVar) return { y, runningMean, runningVar };
  const moved = moveRunning(stats, runningMean, runningVar, layout, momentum);
  return { y, ...moved };
}

function moveRunning(
  stats: Tensor,
  mean: Tensor,
  variance: Tensor,
  { groups: channels, outer, length }: Layout,
  momentum: number,
): { runningMean: Tensor; runningVar: Tensor } {
  checkRunning(mean.shape, variance.shape, channels);
  const newMean = empty(stats.device, { shape: mean.shape, dtype: 'f32' });
  const newVariance = empty(stats.device, { shape: variance.shape, dtype: 'f32' });
  const count = outer * length;
  runningKernel.launch(
    { stats, mean, variance, newMean, newVariance },
    { channels, momentum, unbias: count / (count - 1) },
    { WG: RUNNING_WG },
  );
  return { runningMean: newMean, runningVar: newVariance };
}

function checkRunning(mean: Shape, variance: Shape, channels: number): void {
  if (sizeOf(mean) === channels && sizeOf(variance) === channels) return;
  throw new ShapeError(
    `batchNorm: expected running statistics of shape [${channels}], got runningMean [${mean}] and runningVar [${variance}].`,
  );
}
