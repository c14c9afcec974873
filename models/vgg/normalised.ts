/**
 * The "normalised" VGG-19 encoder of AdaIN: rescaled so that mean activations are 1. Its first layer, a 1×1
 * convolution, takes RGB in [0, 1] to what the rest expects, so no mean or deviation is subtracted outside.
 *
 * @see Huang, Belongie 2017, arXiv:1703.06868
 */
import { scope, type Tensor } from '../../engine/index.ts';
import { conv2d, maxPool2d } from '../../kernels/index.ts';

/** A convolution with its bias. */
export interface ConvParams {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

/** Convolutions by their index in the original's one Sequential, where pads, ReLUs and pools count too. */
export type NormalisedVgg = { readonly [index: number]: ConvParams };

/** Activations that losses and metrics compare. */
export const TAPS = ['relu1_1', 'relu2_1', 'relu3_1', 'relu4_1'] as const;
export type Tap = (typeof TAPS)[number];

/** Widths of the four scales in the published encoder. */
export const VGG_CHANNELS = [64, 128, 256, 512] as const;

interface Layer {
  readonly index: number;
  /** the scale that gives the number of output channels */
  readonly scale: number;
  readonly tap?: Tap;
  /** a 2×2 max-pool after the ReLU; a window cut by the border counts what is there */
  readonly pool?: boolean;
}

/** Every 3×3 convolution up to relu4_1. */
const LAYERS: readonly Layer[] = [
  { index: 2, scale: 0, tap: 'relu1_1' },
  { index: 5, scale: 0, pool: true },
  { index: 9, scale: 1, tap: 'relu2_1' },
  { index: 12, scale: 1, pool: true },
  { index: 16, scale: 2, tap: 'relu3_1' },
  { index: 19, scale: 2 },
  { index: 22, scale: 2 },
  { index: 25, scale: 2, pool: true },
  { index: 29, scale: 3, tap: 'relu4_1' },
];

/** Parameters up to relu4_1 with their shapes, for these widths. */
export function normalisedVggSpecs(
  channels: readonly number[] = VGG_CHANNELS,
): { key: string; shape: readonly number[]; fanIn: number }[] {
  let input = 3;
  const convolutions = LAYERS.map(({ index, scale }) => {
    const shape = [channels[scale], input, 3, 3];
    input = channels[scale];
    return { index, shape };
  });
  return [{ index: 0, shape: [3, 3, 1, 1] }, ...convolutions].flatMap(({ index, shape }) => {
    const fanIn = shape[1] * shape[2] * shape[3];
    return [
      { key: `${index}.weight`, shape, fanIn },
      { key: `${index}.bias`, shape: [shape[0]], fanIn },
    ];
  });
}

/**
 * The activations at the four taps.
 *
 * @param x  [N, 3, H, W], RGB in [0, 1], sides of at least 9
 * @returns  [N, C, ⌈H/s⌉, ⌈W/s⌉] with s = 1, 2, 4, 8
 * @throws ShapeError when the picture is too small to reflect at the last scale
 */
export function normalisedVggFeatures(params: NormalisedVgg, x: Tensor): Record<Tap, Tensor> {
  return scope(() => {
    const taps: Partial<Record<Tap, Tensor>> = {};
    let h = conv2d(x, params[0]);
    for (const { index, tap, pool } of LAYERS) {
      h = conv2d(h, params[index], { padding: 1, paddingMode: 'reflect', activation: 'relu' });
      if (tap) taps[tap] = h;
      if (pool) h = maxPool2d(h, { kernel: 2, ceilMode: true });
    }
    return taps as Record<Tap, Tensor>;
  });
}
