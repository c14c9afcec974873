import { scope, stopGradient, type Tensor } from '../../engine/index.ts';
import {
  add,
  affine,
  clamp,
  concat,
  type LapTable,
  l1,
  mattingLaplacian,
  mul,
  split,
  sum,
  type WarpField,
  warp,
} from '../../kernels/index.ts';
import { type CapVstnetConfig, TRAINING_GRID } from '../../models/cap-vstnet/config.ts';
import { type CapVstnetParams, decode, encode } from '../../models/cap-vstnet/network.ts';
import { decodeReversible, encodeReversible } from '../../models/cap-vstnet/reversible.ts';
import { transfer } from '../../models/cap-vstnet/transfer.ts';
import type { Vgg19 } from '../../models/vgg/vgg19.ts';
import { styleLosses } from '../losses/style.ts';

export interface LossWeights {
  readonly content: number;
  readonly style: number;
  readonly laplacian: number;
  readonly cycle: number;
  readonly temporal: number;
}

/** Loss weights of the two published trainings. */
export const LOSS_WEIGHTS = {
  photo: { content: 0, style: 1, laplacian: 1500, cycle: 10, temporal: 60 },
  art: { content: 0, style: 1, laplacian: 1, cycle: 1, temporal: 60 },
} as const satisfies Record<string, LossWeights>;

/** What one training step sees. */
export interface CapVstnetInputs {
  /** content [B, 3, H, W], values in [0, 1] */
  readonly content: Tensor;
  /** style [B, 3, H', W'] */
  readonly style: Tensor;
  /** the matting Laplacian of each content picture */
  readonly laplacian: readonly LapTable[];
  /** a synthetic motion and the second frame that it gives; left out before the temporal fine-tuning */
  readonly motion?: { readonly field: WarpField; readonly second: Tensor } | undefined;
}

/** Losses are scalars []; weighted as they enter the sum, but for `laplacianValue`. */
export interface CapVstnetTerms {
  /** what is differentiated: `total` plus the injected Laplacian gradient */
  readonly loss: Tensor;
  readonly contentLoss: Tensor;
  readonly styleLoss: Tensor;
  readonly cycleLoss: Tensor;
  readonly temporalLoss: Tensor;
  /** mean over the batch, unweighted */
  readonly laplacianValue: Tensor;
  readonly total: Tensor;
  readonly stylized: Tensor;
  readonly reconstructed: Tensor;
  readonly stylizedSecond: Tensor | undefined;
  /** the Laplacian's gradient at `stylized` after weighting and clamping */
  readonly laplacianGradient: Tensor;
  /** u32: above 0 where a covariance did not factorise */
  readonly info: Tensor;
}

/** Largest element of the Laplacian's gradient. */
export const LAPLACIAN_CLAMP = 0.05;

/**
 * One training step's losses, in the order of the official code:
 *
 *     z_c = E(a)   z_s = E(b)   stylized = D(cWCT(z_c, z_s))
 *     style    Σ over VGG taps of MSE of means and deviations, stylized against b
 *     cycle    mean |D(cWCT(E(stylized), z_c)) − a|
 *     matting  vᵀLv / HW at v = stylized, its gradient weighted and clamped to ±0.05, then injected there
 *     motion   mean |warp(stylized) − D(cWCT(E(second), z_s))|
 *
 * No gradient is cut: the cycle flows through `stylized` too.
 *
 * @see Wen, Gao, Zou 2023, arXiv:2303.17867, section 3.4
 */
export function capVstnetLosses(
  params: CapVstnetParams,
  shape: CapVstnetConfig,
  vgg: Vgg19,
  { content: a, style: b, laplacian, motion }: CapVstnetInputs,
  weights: LossWeights,
  reversible = true,
): CapVstnetTerms {
  // on a grid, what the sweep rebuilds has the bits of what was there
  const config = { ...shape, grid: shape.grid ?? TRAINING_GRID };
  const E = (x: Tensor) => (reversible ? encodeReversible : encode)(params, config, x);
  const D = (z: Tensor) => (reversible ? decodeReversible : decode)(params, config, z);
  return scope(() => {
    const infos: Tensor[] = [];
    const cwct = (content: Tensor, style: Tensor) => {
      const { out, info } = transfer(content, style);
      infos.push(...info);
      return out;
    };

    const [zc, zs] = fitTogether(a, b) ? split(E(concat([a, b], 0)), [a.shape[0], b.shape[0]], 0) : [E(a), E(b)];
    const stylized = D(cwct(zc, zs));

    const vggTerms = styleLosses(vgg, { stylized, style: b, content: weights.content > 0 ? a : undefined });
    const styleLoss = affine(vggTerms.style, { scale: weights.style });
    const contentLoss = vggTerms.content
      ? affine(vggTerms.content, { scale: weights.content })
      : affine(stopGradient(styleLoss), { scale: 0 });

    const reconstructed = D(cwct(E(stylized), zc));
    const cycleLoss = affine(l1(reconstructed, a), { scale: weights.cycle });

    const { value: laplacianValue, gradient: laplacianGradient } = matting(stylized, laplacian, weights.laplacian);

    const stylizedSecond = motion && D(cwct(E(motion.second), zs));
    const temporal =
      motion && stylizedSecond
        ? affine(l1(warp(stylized, motion.field), stylizedSecond), { scale: weights.temporal })
        : affine(stopGradient(styleLoss), { scale: 0 });

    const total = [contentLoss, styleLoss, cycleLoss, temporal].reduce(add);
    const injected = sum(mul(stylized, laplacianGradient));
    return {
      loss: add(total, injected),
      ...{ contentLoss, styleLoss, cycleLoss, temporalLoss: temporal, laplacianValue, total },
      ...{ stylized, reconstructed, stylizedSecond, laplacianGradient },
      info: concat(infos, 0),
    };
  });
}

/** Pixels of which one pass fills a GPU. */
const FULL_PASS = 1 << 18;

/**
 * Whether two batches pass through the encoder as one: a sixth fewer dispatches in a step, of more work each. Pictures of
 * one shape and type can; beyond what fills a GPU they would take memory and gain nothing.
 */
function fitTogether(a: Tensor, b: Tensor): boolean {
  const [, ...shape] = a.shape;
  const pixels = (a.shape[0] + b.shape[0]) * shape[1] * shape[2];
  return a.dtype === b.dtype && pixels <= FULL_PASS && shape.every((extent, axis) => extent === b.shape[axis + 1]);
}

/** The matting Laplacian's value, and its gradient 2Lv / HW a picture, weighted and clamped; no gradient flows. */
function matting(stylized: Tensor, tables: readonly LapTable[], weight: number): { value: Tensor; gradient: Tensor } {
  const v = stopGradient(stylized);
  const [batch, , h, w] = v.shape;
  const lv = mattingLaplacian(tables, v);
  const value = affine(sum(mul(v, lv)), { scale: 1 / (batch * h * w) });
  const gradient = clamp(affine(lv, { scale: (2 * weight) / (h * w) }), -LAPLACIAN_CLAMP, LAPLACIAN_CLAMP);
  return { value, gradient };
}

/** The diagnostic of a synthetic motion: how far warping the first frame is from the second. */
export function warpError(content: Tensor, second: Tensor, field: WarpField): Tensor {
  return l1(warp(content, field), second);
}
