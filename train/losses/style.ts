/** How far a result is from a style in the statistics of VGG features, and from a content in the features themselves. */

import { ShapeError, scope, type Tensor } from '../../engine/index.ts';
import { add, affine, cast, concat, mean, reshape, sqrt, square, sub, variance } from '../../kernels/index.ts';
import { TAPS } from '../../models/vgg/layers.ts';
import { type Vgg19, vgg19Features } from '../../models/vgg/vgg19.ts';

/** Added to the variance, inside the root. */
const EPS = 1e-5;

/** Mean and deviation of every channel of every item, [N, C] each, f32. */
export interface ChannelStatistics {
  readonly mean: Tensor;
  readonly std: Tensor;
}

/** What a style picture is compared by: its statistics at each tap, from relu1_1 on. */
export type StyleTargets = readonly ChannelStatistics[];

/**
 * Statistics over the pixels, std = √(unbiased variance + 1e-5).
 *
 * @param x  [N, C, H, W] with at least two pixels, f32 or f16
 * @throws ShapeError for other ranks
 * @see Huang, Belongie 2017, arXiv:1703.06868, eq. 5 and 6
 */
export function channelStatistics(x: Tensor): ChannelStatistics {
  if (x.shape.length !== 4) {
    throw new ShapeError(`channelStatistics: expected features [N, C, H, W], got [${x.shape}]. Reshape them.`);
  }
  return scope(() => {
    const options = { axes: [2, 3], dtype: 'f32' } as const;
    return { mean: mean(x, options), std: sqrt(affine(variance(x, options), { shift: EPS })) };
  });
}

/** mean (a − b)² over all elements. Shapes are equal; a scalar [] comes back. */
export function meanSquaredError(a: Tensor, b: Tensor): Tensor {
  if (a.shape.length !== b.shape.length || a.shape.some((n, axis) => n !== b.shape[axis])) {
    throw new ShapeError(
      `meanSquaredError: expected two tensors of one shape, got [${a.shape}] and [${b.shape}]. Resize or crop one.`,
    );
  }
  return scope(() => mean(square(sub(a, b))));
}

/** The statistics that `styleLosses` compares with: compute them once where a style serves many results. */
export function styleTargets(vgg: Vgg19, style: Tensor): StyleTargets {
  return scope(() => {
    const features = vgg19Features(vgg, style);
    return TAPS.map((tap) => channelStatistics(features[tap]));
  });
}

/** RGB in [0, 1]. */
export interface StyleInputs {
  /** [N, 3, H, W] */
  readonly stylized: Tensor;
  /** [N, 3, H', W'], or its `styleTargets` */
  readonly style: Tensor | StyleTargets;
  /** [N, 3, H, W] */
  readonly content?: Tensor | undefined;
}

export interface StyleLosses {
  /** Σ over the taps of MSE(mean) + MSE(std), a scalar */
  readonly style: Tensor;
  /** the terms of `style`, [4] */
  readonly perLayer: Tensor;
  /** MSE of relu4_1, a scalar; only where a content is given */
  readonly content?: Tensor;
}

/**
 * Style and content losses of a result, differentiable in it. Nothing is recorded for the other pictures unless a tape
 * follows them.
 *
 *     style   = Σ_taps [ mean (μ(F) − μ(F_s))² + mean (σ(F) − σ(F_s))² ]       means over items and channels
 *     content = mean (F − F_c)²                                               at relu4_1
 *
 * @throws ShapeError when batches differ, or content and stylized have different sizes
 * @see Wen, Gao, Zou 2023, arXiv:2303.17867, whose code takes mean squares where the text has norms
 */
export function styleLosses(vgg: Vgg19, { stylized, style, content }: StyleInputs): StyleLosses {
  return scope(() => {
    const targets = 'dtype' in style ? styleTargets(vgg, style) : style;
    const goal = content && scope(() => cast(vgg19Features(vgg, content).relu4_1, 'f32'));
    const features = vgg19Features(vgg, stylized);
    const layers = TAPS.map((tap, i) => statisticsError(channelStatistics(features[tap]), targets[i]));
    return {
      style: layers.reduce((total, layer) => add(total, layer)),
      perLayer: concat(
        layers.map((layer) => reshape(layer, [1])),
        0,
      ),
      ...(goal ? { content: meanSquaredError(cast(features.relu4_1, 'f32'), goal) } : {}),
    };
  });
}

function statisticsError(a: ChannelStatistics, b: ChannelStatistics): Tensor {
  return add(meanSquaredError(a.mean, b.mean), meanSquaredError(a.std, b.std));
}
