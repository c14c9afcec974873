import { defineOp, type Op, type Shape, ShapeError, sizeOf, type Tensor } from '../../engine/index.ts';
import { affineGrad, normalizeGrad } from '../normalize/gradient-ops.ts';
import { launchApply } from '../normalize/launch.ts';
import type { Layout } from '../normalize/layout.ts';
import { bothWeights, type NormOptions, slopeOf } from '../normalize/op.ts';
import { normalizeRef } from '../normalize/reference.ts';
import { leakyReluGrad } from '../pointwise/ops.ts';
import { launchFixedStatistics } from './running.ts';

/** @throws ShapeError when there is no channel axis */
export function layoutOf(shape: Shape): Layout {
  if (shape.length < 2) {
    throw new ShapeError(`batchNorm: expected x of shape [N, C, ...], got [${shape}]. Add the batch axis.`);
  }
  return { outer: shape[0], groups: shape[1], length: sizeOf(shape.slice(2)) };
}

interface EvalAttrs {
  eps: number;
  slope: number;
}

const evalOp: Op<'x' | 'mean' | 'variance' | 'weight' | 'bias', readonly ['y', 'stats'], EvalAttrs> = defineOp({
  name: 'batchNormEval',
  inputs: ['x', 'mean', 'variance', 'weight', 'bias'],
  optional: ['weight', 'bias'],
  outputs: ['y', 'stats'],
  defaults: { eps: 1e-5, slope: 1 },
  shape: ({ x, mean, variance, weight, bias }) => {
    const { groups } = layoutOf(x.shape);
    for (const [name, spec] of Object.entries({ runningMean: mean, runningVar: variance, weight, bias })) {
      if (spec && spec.shape.join() !== `${groups}`) {
        throw new ShapeError(
          `batchNorm: expected ${name} of shape [${groups}] for x of shape [${x.shape}], got [${spec.shape}].`,
        );
      }
    }
    return { y: { shape: x.shape, dtype: x.dtype }, stats: { shape: [groups, 4], dtype: 'f32' } };
  },
  forward: ({ x, mean, variance, weight, bias }, { y, stats }, { eps, slope }) => {
    const layout = layoutOf(x.shape);
    launchFixedStatistics(mean, variance, stats, eps);
    const affine = weight ? 'group' : 'none';
    launchApply(x, stats, y, layout, { affine, channels: layout.groups, weight, bias }, slope);
  },
  saves: ['x', 'y', 'weight', 'stats'],
  // dx = dy · weight · rstd; the running statistics are constants
  backward: ({ dy, x, y, weight, stats }, { slope }) => {
    const layout = layoutOf(x.shape);
    const grad = slope === 1 ? dy : leakyReluGrad(dy, y, slope);
    const affine = weight ? 'group' : 'none';
    const attrs = { layout, affine, channels: layout.groups, fixedStatistics: true } as const;
    const { dx, sums } = normalizeGrad({ dy: grad, v: x, stats, weight }, attrs);
    return weight ? { dx, ...affineGrad({ sums, weight }) } : { dx };
  },
  reference: ({ x, mean, variance, weight, bias }, { eps, slope }) => {
    const statistics = { mean: mean.data, variance: variance.data };
    return { y: normalizeRef(x, statistics, layoutOf(x.shape), { affine: 'group', weight, bias }, eps, slope) };
  },
  // gradients are compared with those of the composed formula in test/properties/norms.test.ts: differences would also
  // move the statistics, which pass none
  samples: [
    {
      inputs: { x: [3, 4, 5, 7], mean: [4], variance: { shape: [4], kind: 'positive' }, weight: [4], bias: [4] },
      gradient: false,
    },
    {
      inputs: { x: [2, 3, 4, 4], mean: [3], variance: { shape: [3], kind: 'positive' } },
      attrs: { eps: 1e-3, slope: 0.2 },
      gradient: false,
    },
  ],
});

/** y = f((x − mean) / sqrt(variance + eps) · weight + bias) with constant statistics. */
export function batchNormEval(x: Tensor, mean: Tensor, variance: Tensor, options: NormOptions): Tensor {
  const { eps = 1e-5 } = options;
  return evalOp({ x, mean, variance, ...bothWeights(options) }, { eps, slope: slopeOf('batchNorm', options) }).y;
}
