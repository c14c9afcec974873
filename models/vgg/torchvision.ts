/**
 * torchvision's VGG-19, trained on ImageNet: zeros beyond the borders, pooling windows that do not fit left out, and
 * pictures normalised by the mean and deviation of its training set.
 *
 * @see Simonyan, Zisserman 2015, arXiv:1409.1556
 */
import { scope, type Tensor, tensor } from '../../engine/index.ts';
import { add, mul } from '../../kernels/index.ts';
import {
  convolutionSpecs,
  type IndexedConvs,
  layersAt,
  runLayers,
  type TapFeatures,
  VGG_CHANNELS,
  type VggParameterSpec,
} from './layers.ts';

/** The part of torchvision's state dict up to relu4_1. */
export interface TorchvisionVgg {
  readonly features: IndexedConvs;
}

const LAYERS = layersAt([0, 2, 5, 7, 10, 12, 14, 16, 19]);

/** Of ImageNet's training set, RGB in [0, 1]. */
export const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
export const IMAGENET_STD = [0.229, 0.224, 0.225] as const;

/** Parameters up to relu4_1 with their shapes, for these widths. */
export function torchvisionVggSpecs(channels: readonly number[] = VGG_CHANNELS): VggParameterSpec[] {
  return convolutionSpecs(LAYERS, channels, 'features.');
}

/**
 * The activations at the four taps.
 *
 * @param x  [N, 3, H, W], RGB in [0, 1], sides of at least 8
 * @returns  [N, C, ⌊H/s⌋, ⌊W/s⌋] with s = 1, 2, 4, 8
 * @throws ShapeError when nothing is left at the last scale
 */
export function torchvisionVggFeatures({ features }: TorchvisionVgg, x: Tensor): TapFeatures {
  return scope(() => {
    const perChannel = (of: (c: number) => number) => tensor(x.device, [0, 1, 2].map(of), [3, 1, 1], x.dtype);
    const scaled = mul(
      x,
      perChannel((c) => 1 / IMAGENET_STD[c]),
    );
    const normalised = add(
      scaled,
      perChannel((c) => -IMAGENET_MEAN[c] / IMAGENET_STD[c]),
    );
    return runLayers(LAYERS, features, normalised, { paddingMode: 'zeros', ceilMode: false });
  });
}
