import { defineOp, type Op, ShapeError, scope, sizeOf, type Tensor } from '../../engine/index.ts';
import { matmul } from '../matmul/matmul.ts';
import { add, affine, cast, sub } from '../pointwise/ops.ts';
import { reshape } from '../reduce/sum.ts';
import { symmetrize } from '../triangular-solve/square.ts';
import { batchExtents, extentsOf, launchFinish, launchPartials } from './kernels.ts';
import { covarianceRef } from './reference.ts';

const covarianceOp: Op<'x', readonly ['covariance', 'mean'], Record<never, never>> = defineOp({
  name: 'covariance',
  inputs: ['x'],
  outputs: ['covariance', 'mean'],
  defaults: {},
  shape: ({ x }) => {
    const [items, channels, pixels] = batchExtents('covariance', x.shape);
    if (pixels < 2) {
      throw new ShapeError(
        `covariance: expected at least two pixels, got x [${x.shape}]: one pixel has no variance. Take a larger crop.`,
      );
    }
    return {
      covariance: { shape: [items, channels, channels], dtype: 'f32' },
      mean: { shape: [items, channels], dtype: 'f32' },
    };
  },
  forward: ({ x }, { covariance, mean }) => {
    scope(() => {
      const extents = extentsOf(...batchExtents('covariance', x.shape));
      const partials = launchPartials(x, extents, { mean });
      launchFinish(partials, covariance, extents);
    });
  },
  saves: ['x', 'mean'],
  // Σ = Z Zᵀ / (n - 1) with Z = x - μ, whose rows sum to zero, so that centring passes the gradient on as it is:
  // dx = (dΣ + dΣᵀ) Z / (n - 1) + dμ / n. Z is formed first: M x - M μ would cancel where μ is large.
  backward: ({ x, mean, dcovariance, dmean }) => {
    const [items, channels, pixels] = batchExtents('covariance', x.shape);
    const shape = [items, channels, pixels];
    const centred = sub(cast(reshape(x, shape), 'f32'), reshape(mean, [items, channels, 1]));
    const fromCovariance = matmul(symmetrize(cast(dcovariance, 'f32'), 1 / (pixels - 1)), centred);
    const dx = dmean
      ? add(fromCovariance, affine(cast(reshape(dmean, [items, channels, 1]), 'f32'), { scale: 1 / pixels }))
      : fromCovariance;
    return { dx: reshape(cast(dx, x.dtype), x.shape) };
  },
  reference: ({ x }) => covarianceRef(x),
  // sums of at most 128 terms, which meet pairwise; the gradient sums over the channels
  reduction: ({ x }) => Math.max(Math.min(sizeOf(x.shape.slice(2)), 128), x.shape[1]),
  samples: [
    { inputs: { x: [1, 1, 2] } },
    { inputs: { x: [2, 3, 7] } },
    { inputs: { x: [2, 9, 33, 31] } },
    { inputs: { x: [1, 17, 300] } },
    { inputs: { x: { shape: [1, 4, 70, 70], offset: 1000 } }, dtypes: ['f32'] },
    { inputs: { x: { shape: [3, 5, 40], offset: -30, scale: 0.1 } }, dtypes: ['f32'] },
    { inputs: { x: [1, 32, 512, 512] }, bench: 'photo latent, 512²' },
    { inputs: { x: [1, 128, 256, 256] }, bench: 'art latent, 512²' },
  ],
});

/**
 * Covariance of the pixels of each item of a batch, on the GPU and differentiable.
 *
 *     Σ = (x - μ)(x - μ)ᵀ / (HW - 1)        μ: mean over the pixels
 *
 * Centred before it is multiplied, so that offsets of thousands of standard deviations do no harm.
 * `covarianceStatistics` finishes the sums in float64.
 *
 * @param x  [N, C, HW] or [N, C, H, W], f32 or f16
 * @returns  Σ [N, C, C] and μ [N, C], f32
 * @throws ShapeError for other ranks, and where there are fewer than two pixels
 */
export const covariance = (x: Tensor): { covariance: Tensor; mean: Tensor } => covarianceOp({ x });
