/**
 * The "normalised" VGG-19 encoder of AdaIN: rescaled so that mean activations are 1. Its first layer, a 1×1
 * convolution, takes RGB in [0, 1] to what the rest expects, so no mean or deviation is subtracted outside.
 *
 * @see Huang, Belongie 2017, arXiv:1703.06868
 */
import { scope, type Tensor } from '../../engine/index.ts';
import { conv2d } from '../../kernels/index.ts';
import {
  convolutionSpec,
  convolutionSpecs,
  type IndexedConvs,
  layersAt,
  runLayers,
  type TapFeatures,
  VGG_CHANNELS,
  type VggParameterSpec,
} from './layers.ts';

/** Convolutions by their index in the original's one Sequential, where pads, ReLUs and pools count too. */
export type NormalisedVgg = IndexedConvs;

const LAYERS = layersAt([2, 5, 9, 12, 16, 19, 22, 25, 29]);

/** Parameters up to relu4_1 with their shapes, for these widths. */
export function normalisedVggSpecs(channels: readonly number[] = VGG_CHANNELS): VggParameterSpec[] {
  return [...convolutionSpec('0', [3, 3, 1, 1]), ...convolutionSpecs(LAYERS, channels)];
}

/**
 * The activations at the four taps. Borders are reflected, and a pooling window cut by the border counts what is there.
 *
 * @param x  [N, 3, H, W], RGB in [0, 1], sides of at least 9
 * @returns  [N, C, ⌈H/s⌉, ⌈W/s⌉] with s = 1, 2, 4, 8
 * @throws ShapeError when the picture is too small to reflect at the last scale
 */
export function normalisedVggFeatures(params: NormalisedVgg, x: Tensor): TapFeatures {
  return scope(() => runLayers(LAYERS, params, conv2d(x, params[0]), { paddingMode: 'reflect', ceilMode: true }));
}
