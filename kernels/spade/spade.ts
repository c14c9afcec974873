import { defineOp, type Op, ShapeError, type Tensor, type TensorSpec } from '../../engine/index.ts';
import { checkBatch, launchFixedStatistics, moveRunning, type RunningOptions } from '../batch-norm/running.ts';
import { type NormOptions, slopeOf } from '../normalize/op.ts';
import { spadeGrad } from './gradient.ts';
import { launchSpade, launchSpadeApply } from './launch.ts';
import { layoutOf, type SpadeNorm } from './layout.ts';
import { spadeRef } from './reference.ts';

interface SpadeAttrs {
  norm: SpadeNorm;
  /** added to the variance */
  eps: number;
  /** factor of negative results: 1 for no activation */
  slope: number;
}

/** Mean and variance are given together, for batch norm in evaluation, or are those of x. */
const spadeOp: Op<'x' | 'gammaBeta' | 'mean' | 'variance', readonly ['y', 'stats'], SpadeAttrs> = defineOp({
  name: 'spade',
  inputs: ['x', 'gammaBeta', 'mean', 'variance'],
  optional: ['mean', 'variance'],
  outputs: ['y', 'stats'],
  defaults: { norm: 'instance', eps: 1e-5, slope: 1 } as SpadeAttrs,
  shape: ({ x, gammaBeta, mean, variance }, { norm }) => {
    checkShapes(x, gammaBeta);
    const { groups } = layoutOf(x.shape, norm);
    for (const [name, spec] of Object.entries({ runningMean: mean, runningVar: variance })) {
      if (spec && spec.shape.join() !== `${groups}`) {
        throw new ShapeError(
          `spade: expected ${name} of shape [${groups}] for x of shape [${x.shape}], got [${spec.shape}].`,
        );
      }
    }
    return { y: { shape: x.shape, dtype: x.dtype }, stats: { shape: [groups, 4], dtype: 'f32' } };
  },
  forward: ({ x, gammaBeta, mean, variance }, { y, stats }, { norm, eps, slope }) => {
    const layout = layoutOf(x.shape, norm);
    if (mean && variance) {
      launchFixedStatistics(mean, variance, stats, eps);
      launchSpadeApply(x, gammaBeta, stats, y, layout, slope);
    } else {
      launchSpade(x, gammaBeta, stats, y, layout, eps, slope);
    }
  },
  saves: ['x', 'y', 'gammaBeta', 'stats'],
  backward: ({ dy, x, y, gammaBeta, stats }, { norm, slope }, { inputs }) => {
    const fixedStatistics = inputs.mean !== undefined;
    const { dx, dgammaBeta } = spadeGrad(
      { dy, x, y: slope === 1 ? undefined : y, gammaBeta, stats },
      { norm, slope, fixedStatistics },
    );
    return { dx, dgammaBeta };
  },
  reference: ({ x, gammaBeta, mean, variance }, attrs) => ({
    y: spadeRef(x, gammaBeta, mean && variance ? { mean, variance } : undefined, attrs),
  }),
  reduction: ({ x }, { norm }) => {
    const { outer, length } = layoutOf(x.shape, norm);
    return outer * length;
  },
  samples: [
    { inputs: { x: [2, 3, 5, 7], gammaBeta: [2, 6, 5, 7] } },
    { inputs: { x: [3, 2, 5, 7], gammaBeta: [3, 4, 5, 7] }, attrs: { norm: 'batch', slope: 0.2 } },
    { inputs: { x: [2, 3, 8, 6], gammaBeta: [2, 6, 8, 6] }, attrs: { slope: 0.2 } },
    { inputs: { x: [2, 4, 4, 4], gammaBeta: [2, 8, 4, 4] }, attrs: { norm: 'batch', eps: 1e-3 } },
    { inputs: { x: { shape: [1, 3, 12, 11], offset: 50 }, gammaBeta: [1, 6, 12, 11] } },
    {
      inputs: { x: { shape: [2, 2, 9, 9], offset: 1e4 }, gammaBeta: [2, 4, 9, 9] },
      attrs: { norm: 'batch' },
      dtypes: ['f32'],
    },
    // a plane split over workgroups: vectors of four, then single values of a channel of the batch
    {
      inputs: { x: { shape: [1, 1, 96, 92], offset: 1e4 }, gammaBeta: [1, 2, 96, 92] },
      attrs: { slope: 0.2 },
      dtypes: ['f32'],
    },
    { inputs: { x: [5, 2, 21, 23], gammaBeta: [5, 4, 21, 23] }, attrs: { norm: 'batch', slope: 0.2 }, dtypes: ['f32'] },
    // gradients are compared with those of the composed formula in test/properties/spade.test.ts: differences would also
    // move the statistics, which pass none
    {
      inputs: { x: [2, 3, 5, 7], gammaBeta: [2, 6, 5, 7], mean: [3], variance: { shape: [3], kind: 'positive' } },
      attrs: { norm: 'batch', slope: 0.2 },
      gradient: false,
    },
    ...(['instance', 'batch'] as const).flatMap((norm) => [
      {
        inputs: { x: [1, 64, 256, 256], gammaBeta: [1, 128, 256, 256] },
        attrs: { norm, slope: 0.2 },
        bench: `${norm}, 64 planes of 256²`,
      },
      {
        inputs: { x: [1, 1024, 16, 16], gammaBeta: [1, 2048, 16, 16] },
        attrs: { norm, slope: 0.2 },
        bench: `${norm}, 1024 planes of 16²`,
      },
      {
        inputs: { x: [4, 256, 64, 64], gammaBeta: [4, 512, 64, 64] },
        attrs: { norm, slope: 0.2 },
        bench: `${norm}, 256 channels of 4 planes of 64²`,
      },
    ]),
  ],
});

function checkShapes(x: TensorSpec, gammaBeta: TensorSpec): void {
  if (x.shape.length !== 4) {
    throw new ShapeError(`spade: expected x of shape [N, C, H, W], got [${x.shape}]. Reshape it to four axes.`);
  }
  const [pictures, channels, height, width] = x.shape;
  const want = [pictures, 2 * channels, height, width];
  if (gammaBeta.shape.join() !== want.join()) {
    throw new ShapeError(
      `spade: expected gammaBeta of shape [${want}] for x of shape [${x.shape}], got [${gammaBeta.shape}]. Its first C channels are gamma, the other C are beta; resize the map to the height and width of x.`,
    );
  }
}

export interface SpadeOptions extends Pick<NormOptions, 'eps' | 'slope'>, RunningOptions {
  /** statistics of one channel of one picture, or of one channel of the batch */
  norm: SpadeNorm;
  /** what follows, in the same kernel */
  activation?: 'none' | 'leakyRelu' | undefined;
  /** batch: normalise with the statistics of the batch, and move the running ones */
  training: boolean;
  /** [C], f32; batch only */
  runningMean?: Tensor | undefined;
  /** [C], f32; batch only */
  runningVar?: Tensor | undefined;
}

export interface SpadeResult {
  readonly y: Tensor;
  /** new tensors after a training batch, for the caller to keep; otherwise the given ones */
  readonly runningMean: Tensor | undefined;
  readonly runningVar: Tensor | undefined;
}

/**
 * Spatially adaptive normalisation: a norm without weights, then a scale and a shift of every value, and an activation.
 *
 *     y = f(x̂ · (1 + gamma) + beta)        x̂ = (x − mean) / sqrt(var + eps)
 *
 * mean and var (biased) are over H, W for `instance`, always; over N, H, W for `batch` in training, where the running
 * ones move as `batchNorm` says. In evaluation `batch` takes the running ones, or without them those of the batch. No
 * gradient flows into running statistics.
 *
 * @param x          [N, C, H, W], f32 or f16
 * @param gammaBeta  [N, 2C, H, W] in the type of x: gamma is the first C channels, beta the others, as one convolution
 *                   over the semantic map makes them
 * @throws ShapeError when shapes do not fit, or a channel of `batch` has one value in training; DTypeError when the types
 *                   differ
 * @see Park et al. 2019, arXiv:1903.07291, eq. 1
 */
export function spade(x: Tensor, gammaBeta: Tensor, options: SpadeOptions): SpadeResult {
  const { norm, eps = 1e-5, activation, training, runningMean, runningVar } = options;
  const attrs = { norm, eps, slope: slopeOf('spade', { activation, slope: options.slope }) };
  if (norm === 'instance') return { y: spadeOp({ x, gammaBeta }, attrs).y, runningMean, runningVar };
  if (!training && runningMean && runningVar) {
    const { y } = spadeOp({ x, gammaBeta, mean: runningMean, variance: runningVar }, attrs);
    return { y, runningMean, runningVar };
  }
  const layout = layoutOf(x.shape, norm);
  if (training) checkBatch('spade', x.shape, layout);
  const { y, stats } = spadeOp({ x, gammaBeta }, attrs);
  if (!training || !runningMean || !runningVar) return { y, runningMean, runningVar };
  return { y, ...moveRunning('spade', stats, runningMean, runningVar, layout, options) };
}
