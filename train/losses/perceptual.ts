/** How far a picture is from the one it should be, by the activations of VGG-19: the "VGG loss" of picture translation. */

import { ShapeError, scope, stopGradient, type Tensor } from '../../engine/index.ts';
import { add, affine, cast, l1 } from '../../kernels/index.ts';
import type { IndexedConvs } from '../../models/vgg/layers.ts';
import { PERCEPTUAL_TAPS, vggTaps } from '../../models/vgg/taps.ts';

/** Convolutions by their index in torchvision's `features`, up to the last tap. */
export interface PerceptualVgg {
  readonly features: IndexedConvs;
}

/** Of pix2pixHD and SPADE: deep layers count most. */
export const PERCEPTUAL_WEIGHTS = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1] as const;

export interface PerceptualOptions {
  /** of each tap; 1/32, 1/16, 1/8, 1/4, 1 by default */
  readonly weights?: readonly number[];
  /** indices of ReLUs in torchvision's `features`; relu1_1 … relu5_1 by default */
  readonly taps?: readonly number[];
}

/**
 * The loss's terms before they are weighted: mean |F(fake) − F(real)| of each tap, scalars, f32. Gradients flow into the
 * fake picture alone.
 *
 * @param fake, real  [N, 3, H, W] of one shape, in [−1, 1] as SPADE feeds them: nothing is normalised. They are computed
 *                    with in the weights' storage type
 * @throws ShapeError when the shapes differ, a tap is no ReLU, or the pictures are too small for the last tap
 */
export function vggPerceptualTerms(
  { features }: PerceptualVgg,
  fake: Tensor,
  real: Tensor,
  taps: readonly number[] = PERCEPTUAL_TAPS,
): Tensor[] {
  if (fake.shape.length !== real.shape.length || fake.shape.some((n, axis) => n !== real.shape[axis])) {
    throw new ShapeError(
      `vggPerceptualLoss: expected two batches of one shape, got [${fake.shape}] and [${real.shape}]. Resize or crop one.`,
    );
  }
  return scope(() => {
    const activations = (x: Tensor) => vggTaps(features, cast(x, features[0].weight.dtype), taps);
    const goals = scope(() => activations(stopGradient(real)).map(stopGradient));
    const found = activations(fake);
    return found.map((f, i) => l1(f, goals[i]));
  });
}

/**
 *     L = Σ_taps weight · mean |F(fake) − stopGradient(F(real))|
 *
 * @param fake, real  [N, 3, H, W], as in `vggPerceptualTerms`
 * @returns           a scalar, f32
 * @throws ShapeError when shapes, taps or weights do not fit together
 * @see Park, Liu, Wang, Zhu 2019, arXiv:1903.07291, appendix A; Wang et al. 2018, arXiv:1711.11585
 */
export function vggPerceptualLoss(
  vgg: PerceptualVgg,
  fake: Tensor,
  real: Tensor,
  { weights = PERCEPTUAL_WEIGHTS, taps = PERCEPTUAL_TAPS }: PerceptualOptions = {},
): Tensor {
  if (weights.length !== taps.length) {
    throw new ShapeError(
      `vggPerceptualLoss: expected a weight for each of ${taps.length} taps, got ${weights.length}. Give both or neither.`,
    );
  }
  return scope(() =>
    vggPerceptualTerms(vgg, fake, real, taps)
      .map((term, i) => affine(term, { scale: weights[i] }))
      .reduce((total, term) => add(total, term)),
  );
}
