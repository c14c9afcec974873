/** What the two published VGG-19 encoders share: 3×3 convolutions with ReLU, read at the first one of each scale. */

import { scope, type Tensor } from '../../engine/index.ts';
import { conv2d, maxPool2d } from '../../kernels/index.ts';

/** A convolution with its bias. */
export interface ConvParams {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

/** Convolutions by their index in the original's Sequential, where pads, ReLUs and pools count too. */
export type IndexedConvs = { readonly [index: number]: ConvParams };

/** Activations that losses and metrics compare. */
export const TAPS = ['relu1_1', 'relu2_1', 'relu3_1', 'relu4_1'] as const;
export type Tap = (typeof TAPS)[number];
export type TapFeatures = Readonly<Record<Tap, Tensor>>;

/** Widths of the four scales in the published encoders. */
export const VGG_CHANNELS = [64, 128, 256, 512] as const;

export interface Layer {
  readonly index: number;
  /** the scale that gives the number of output channels */
  readonly scale: number;
  readonly tap?: Tap;
  /** a 2×2 max-pool after the ReLU */
  readonly pool?: boolean;
}

/** Every 3×3 convolution up to relu4_1, under an encoder's own indices. */
export function layersAt(indices: readonly number[]): Layer[] {
  const scales = [0, 0, 1, 1, 2, 2, 2, 2, 3];
  return indices.map((index, i) => ({
    index,
    scale: scales[i],
    ...(scales[i] === scales[i - 1] ? {} : { tap: TAPS[scales[i]] }),
    ...(i + 1 < scales.length && scales[i + 1] !== scales[i] ? { pool: true } : {}),
  }));
}

export interface VggParameterSpec {
  readonly key: string;
  readonly shape: readonly number[];
  readonly fanIn: number;
}

/** Parameters of the layers with their shapes, for these widths. */
export function convolutionSpecs(
  layers: readonly Layer[],
  channels: readonly number[],
  prefix = '',
): VggParameterSpec[] {
  let input = 3;
  return layers.flatMap(({ index, scale }) => {
    const shape = [channels[scale], input, 3, 3];
    input = channels[scale];
    return convolutionSpec(`${prefix}${index}`, shape);
  });
}

/** Weight and bias of one convolution. */
export function convolutionSpec(name: string, shape: readonly number[]): VggParameterSpec[] {
  const fanIn = shape[1] * shape[2] * shape[3];
  return [
    { key: `${name}.weight`, shape, fanIn },
    { key: `${name}.bias`, shape: [shape[0]], fanIn },
  ];
}

export interface Borders {
  readonly paddingMode: 'reflect' | 'zeros';
  /** whether a pooling window cut by the border counts, with what is there, or is left out */
  readonly ceilMode: boolean;
}

/** Runs the layers and keeps what the taps read. */
export function runLayers(layers: readonly Layer[], params: IndexedConvs, x: Tensor, borders: Borders): TapFeatures {
  return scope(() => {
    const { paddingMode, ceilMode } = borders;
    const taps: Partial<Record<Tap, Tensor>> = {};
    let h = x;
    let shared = true;
    // what the next layer has read and no tap keeps is freed on the way: these are the widest tensors of a step
    const advance = (next: Tensor, tapped: boolean) => {
      if (!shared) h.dispose();
      h = next;
      shared = tapped;
    };
    for (const { index, tap, pool } of layers) {
      advance(conv2d(h, params[index], { padding: 1, paddingMode, activation: 'relu' }), tap !== undefined);
      if (tap) taps[tap] = h;
      if (pool) advance(maxPool2d(h, { kernel: 2, ceilMode }), false);
    }
    return taps as Record<Tap, Tensor>;
  });
}
