import type { Tensor } from '../../engine/index.ts';
import { defineNorm, type NormOptions, runNorm } from '../normalize/op.ts';
import { batchNormEval, layoutOf } from './evaluation.ts';
import { checkBatch, moveRunning, type RunningOptions } from './running.ts';

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

export interface BatchNormParams {
  weight?: Tensor | undefined;
  bias?: Tensor | undefined;
  /** [C], f32 */
  runningMean?: Tensor | undefined;
  /** [C], f32 */
  runningVar?: Tensor | undefined;
}

export interface BatchNormOptions extends Pick<NormOptions, 'eps' | 'activation' | 'slope'>, RunningOptions {
  /** normalise with the statistics of the batch, and move the running ones */
  training: boolean;
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
 *     runningVar'  = (1 − momentum) · runningVar + momentum · var · n / (n − 1)        or without the n / (n − 1)
 *
 * Nothing is updated in place: a training step stores the returned running statistics. No gradient flows into them. A
 * channel whose mean or variance is not finite keeps the statistics that it had.
 *
 * @param x       [N, C, ...], f32 or f16
 * @param params  [C] each; weight and bias f32 or the type of x, running statistics f32. Without running statistics
 *                evaluation uses the batch's, as in PyTorch
 * @throws ShapeError when x has fewer than two axes, weights do not fit, or a channel has one value in training
 * @see Ioffe and Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2
 */
export function batchNorm(x: Tensor, params: BatchNormParams, options: BatchNormOptions): BatchNormResult {
  const { runningMean, runningVar } = params;
  const { training, momentum, varianceOfRunning, ...rest } = options;
  const normOptions = { ...rest, weight: params.weight, bias: params.bias };
  if (!training && runningMean && runningVar) {
    return { y: batchNormEval(x, runningMean, runningVar, normOptions), runningMean, runningVar };
  }
  const layout = layoutOf(x.shape);
  if (training) checkBatch('batchNorm', x.shape, layout);
  const { y, stats } = runNorm('batchNorm', ops, x, normOptions);
  if (!training || !runningMean || !runningVar) return { y, runningMean, runningVar };
  const moved = moveRunning('batchNorm', stats, runningMean, runningVar, layout, { momentum, varianceOfRunning });
  return { y, ...moved };
}
