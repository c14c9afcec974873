import * as d from 'typegpu/data';
import { defineKernel, empty, read, type Shape, ShapeError, sizeOf, type Tensor, write } from '../../engine/index.ts';
import type { Layout } from '../normalize/layout.ts';

const WG = 64;

const fixedKernel = defineKernel({
  name: 'batchNorm.fixed',
  wgsl: new URL('./fixed.wgsl', import.meta.url),
  params: d.struct({ channels: d.u32, eps: d.f32 }).$name('Params'),
  bindings: { mean: read('U'), variance: read('U'), stats: write('vec4f') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil(p.channels / WG),
  cost: (p) => ({ flops: 3 * p.channels, bytes: 24 * p.channels }),
});

/** Statistics [channels, 4] as the normalising kernels read them, from a mean and a variance that are given. */
export function launchFixedStatistics(mean: Tensor, variance: Tensor, stats: Tensor, eps: number): void {
  fixedKernel.launch({ mean, variance, stats }, { channels: stats.shape[0], eps }, { WG });
}

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
  keys: { WG: [WG] },
  grid: (p) => Math.ceil(p.channels / WG),
  cost: (p) => ({ flops: 6 * p.channels, bytes: 32 * p.channels }),
});

export interface RunningOptions {
  /** share of the batch in the new running statistics; 0.1 by default */
  momentum?: number | undefined;
  /** which variance of the batch they take in: PyTorch's `unbiased` (the default), or Jittor's `biased` */
  varianceOfRunning?: 'unbiased' | 'biased' | undefined;
}

/**
 * Running statistics after a batch, as new tensors; `op` names the caller in errors.
 *
 * @param stats  [C, 4], what `launchStatistics` found
 * @throws ShapeError when the running statistics are not [C]
 */
export function moveRunning(
  op: string,
  stats: Tensor,
  mean: Tensor,
  variance: Tensor,
  { groups: channels, outer, length }: Layout,
  { momentum = 0.1, varianceOfRunning = 'unbiased' }: RunningOptions,
): { runningMean: Tensor; runningVar: Tensor } {
  checkRunning(op, mean.shape, variance.shape, channels);
  const newMean = empty(stats.device, { shape: mean.shape, dtype: 'f32' });
  const newVariance = empty(stats.device, { shape: variance.shape, dtype: 'f32' });
  const count = outer * length;
  const unbias = varianceOfRunning === 'unbiased' ? count / (count - 1) : 1;
  runningKernel.launch({ stats, mean, variance, newMean, newVariance }, { channels, momentum, unbias }, { WG });
  return { runningMean: newMean, runningVar: newVariance };
}

function checkRunning(op: string, mean: Shape, variance: Shape, channels: number): void {
  if (sizeOf(mean) === channels && sizeOf(variance) === channels) return;
  throw new ShapeError(
    `${op}: expected running statistics of shape [${channels}], got runningMean [${mean}] and runningVar [${variance}].`,
  );
}

/** @throws ShapeError where a channel has a single value, whose variance says nothing */
export function checkBatch(op: string, x: Shape, { outer, length }: Layout): void {
  if (outer * length !== 1) return;
  throw new ShapeError(
    `${op}: x [${x}] has one value a channel, whose variance is 0. Expected more; use training: false, or a larger batch.`,
  );
}
