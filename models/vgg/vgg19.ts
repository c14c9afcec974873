import { scope, type Tensor } from '../../engine/index.ts';
import { cast } from '../../kernels/index.ts';
import type { TapFeatures } from './layers.ts';
import { type NormalisedVgg, normalisedVggFeatures } from './normalised.ts';
import { type TorchvisionVgg, torchvisionVggFeatures } from './torchvision.ts';

/** A VGG-19 encoder with its parameters. Losses of the two are not comparable: a run must say which one it uses. */
export type Vgg19 =
  | { readonly layout: 'normalised'; readonly params: NormalisedVgg }
  | { readonly layout: 'torchvision'; readonly params: TorchvisionVgg };

/**
 * The activations at the four taps of either encoder.
 *
 * @param x  [N, 3, H, W], RGB in [0, 1]; features are stored as the weights are
 * @throws ShapeError when the picture is too small
 */
export function vgg19Features(vgg: Vgg19, x: Tensor): TapFeatures {
  return scope(() => {
    if (vgg.layout === 'normalised') return normalisedVggFeatures(vgg.params, cast(x, vgg.params[0].weight.dtype));
    const { features } = vgg.params;
    return torchvisionVggFeatures(vgg.params, cast(x, features[0].weight.dtype));
  });
}
