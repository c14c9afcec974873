/** A convolution with the normalisation behind it, as the SPADE release's encoder and discriminator have them. */
import { scope, type Tensor } from '../../engine/index.ts';
import {
  affine,
  type BatchNormParams,
  batchNorm,
  type ConvWeights,
  instanceNorm,
  leakyRelu,
  relu,
} from '../../kernels/index.ts';
import { type Mode, moveBuffer } from './state.ts';

/** Weights of a batch norm under PyTorch's names. */
export interface AffineNorm {
  readonly weight?: Tensor;
  readonly bias?: Tensor;
  readonly running_mean?: Tensor;
  readonly running_var?: Tensor;
  /** passes in training, a single number that nothing reads but PyTorch */
  readonly num_batches_tracked?: Tensor;
}

/** The convolution's weights, and the norm's where it has any: checkpoints have one alone, or [convolution, norm]. */
export function partsOf(layer: unknown): { conv: ConvWeights; norm: AffineNorm | undefined } {
  const found = layer as ConvWeights | readonly [ConvWeights, AffineNorm?];
  if (Array.isArray(found)) return { conv: found[0], norm: found[1] };
  return { conv: found as ConvWeights, norm: undefined };
}

export interface NormOptions extends Mode {
  readonly kind: 'none' | 'batch' | 'instance';
  readonly activation: 'none' | 'relu' | 'leakyRelu';
  /** of leakyRelu */
  readonly slope?: number;
  /** whether a batch norm counts its training passes: false */
  readonly counted?: boolean;
  /** which variance is kept for evaluation */
  readonly varianceOfRunning?: 'unbiased' | 'biased';
}

/** Normalises and activates: x [N, C, H, W] → the same shape. A batch norm in training moves its running statistics. */
export function normAndActivate(x: Tensor, norm: AffineNorm | undefined, options: NormOptions): Tensor {
  const { kind, activation, slope = 0.2, training, counted = false, varianceOfRunning } = options;
  if (kind === 'instance') return instanceNorm(x, { activation, slope });
  if (kind === 'none') {
    if (activation === 'none') return x;
    return activation === 'relu' ? relu(x) : leakyRelu(x, slope);
  }
  return scope(() => {
    const params: BatchNormParams = {
      weight: norm?.weight,
      bias: norm?.bias,
      runningMean: norm?.running_mean,
      runningVar: norm?.running_var,
    };
    const found = batchNorm(x, params, { training, activation, slope, varianceOfRunning });
    keepRunning({ training, counted }, norm, found);
    return found.y;
  });
}

/** Stores what a batch norm's training pass made of the running statistics. */
export function keepRunning(
  { training, counted }: Mode & { readonly counted: boolean },
  norm: AffineNorm | undefined,
  found: { readonly runningMean: Tensor | undefined; readonly runningVar: Tensor | undefined },
): void {
  if (!training || !norm?.running_mean || !norm.running_var) return;
  if (found.runningMean) moveBuffer(norm.running_mean, found.runningMean);
  if (found.runningVar) moveBuffer(norm.running_var, found.runningVar);
  const { num_batches_tracked: passes } = norm;
  if (passes && counted) scope(() => moveBuffer(passes, affine(passes, { shift: 1 })));
}
