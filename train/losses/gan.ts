/** Adversarial losses over the predictions of several scales, and what goes with them. */
import { ShapeError, scope, stopGradient, type Tensor } from '../../engine/index.ts';
import { abs, add, affine, cast, exp, l1, mean, softplus, square, sub, sum } from '../../kernels/index.ts';
import type { GanMode } from '../choices.ts';

/** Whom a loss is for: the discriminator on real or generated pictures, or the generator. */
export type GanRole = 'D_real' | 'D_fake' | 'G';

/** min(x, 0), whose gradient at 0 is a half, as PyTorch's two-input minimum has it: (x − |x|) / 2. */
const belowZero = (x: Tensor): Tensor => affine(sub(x, abs(x)), { scale: 0.5 });

/**
 * Mean over scales of the mean of one loss over each scale's prediction:
 *
 *     hinge     D: −min(p − 1, 0) real, −min(−p − 1, 0) fake          G: −p
 *     ls        (p − t)², t = 1 real, 0 fake; the generator wants 1
 *     original  cross-entropy with logits p against the same t
 *     w         D: −p real, p fake                                    G: −p
 *
 * @param predictions  one a scale, any shape, f32 or f16
 * @returns            a scalar [], f32
 * @see Lim and Ye 2017, arXiv:1705.02894; Mao et al. 2017, arXiv:1611.04076; Goodfellow et al. 2014, arXiv:1406.2661
 */
export function ganLoss(mode: GanMode, role: GanRole, predictions: readonly Tensor[]): Tensor {
  if (predictions.length === 0)
    throw new ShapeError('ganLoss: expected the prediction of at least one scale, got none.');
  return scope(() => {
    const scales = predictions.map((p) => mean(pointLoss(mode, role, cast(p, 'f32'))));
    return affine(scales.reduce(add), { scale: 1 / scales.length });
  });
}

function pointLoss(mode: GanMode, role: GanRole, p: Tensor): Tensor {
  const real = role !== 'D_fake';
  switch (mode) {
    case 'hinge':
      if (role === 'G') return affine(p, { scale: -1 });
      return affine(belowZero(affine(p, { scale: real ? 1 : -1, shift: -1 })), { scale: -1 });
    case 'ls':
      return square(real ? affine(p, { shift: -1 }) : p);
    case 'original':
      return real ? sub(softplus(p), p) : softplus(p);
    case 'w':
      return affine(p, { scale: real ? -1 : 1 });
  }
}

/**
 * Feature matching: Σ over scales and layers, the prediction left out, of mean |fake − real|, over the number of scales.
 * No gradient flows into the features of the real pictures.
 *
 * @param fake,real  features of each scale, the last of which is the prediction; f32 or f16
 * @returns          a scalar [], f32
 * @see Wang et al. 2018, arXiv:1711.11585, eq. 4
 */
export function featureMatching(fake: readonly (readonly Tensor[])[], real: readonly (readonly Tensor[])[]): Tensor {
  return scope(() => {
    const terms = fake.flatMap((features, scale) =>
      features.slice(0, -1).map((f, layer) => l1(f, stopGradient(real[scale][layer]))),
    );
    if (terms.length === 0) {
      throw new ShapeError('featureMatching: expected features before the prediction. Ask the discriminator for them.');
    }
    return affine(terms.reduce(add), { scale: 1 / fake.length });
  });
}

/**
 * Divergence of N(mu, e^logvar) from N(0, 1): −½ Σ (1 + logvar − mu² − e^logvar), summed over batch and latent.
 *
 * @param mu,logvar  [N, zDim]
 * @returns          a scalar []
 * @see Kingma and Welling 2014, arXiv:1312.6114, appendix B
 */
export function kullbackLeibler(mu: Tensor, logvar: Tensor): Tensor {
  return scope(() => {
    const inner = sub(sub(affine(logvar, { shift: 1 }), square(mu)), exp(logvar));
    return affine(sum(inner), { scale: -0.5 });
  });
}
