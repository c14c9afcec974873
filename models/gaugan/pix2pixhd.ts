import { scope, type Tensor, type Tree } from '../../engine/index.ts';
import { add, type ConvWeights, cast, conv2d, convTranspose2d, tanh } from '../../kernels/index.ts';
import { normAndActivate, partsOf } from '../layers/normalised-conv.ts';
import { spectralWeights } from '../layers/spectral-weights.ts';
import type { Mode } from '../layers/state.ts';
import type { Pix2pixHdConfig } from './config.ts';

/** Layers under the numbers of the original's one Sequential, where pads and activations count too. */
export type Pix2pixHdWeights = { readonly model: { readonly [index: number]: unknown } };

/** Where each part of the network stands in the original's Sequential, and what goes in and out. */
export interface Pix2pixHdLayers {
  readonly first: { readonly index: number; readonly output: number };
  readonly down: readonly { readonly index: number; readonly input: number; readonly output: number }[];
  readonly blocks: readonly { readonly index: number; readonly width: number }[];
  readonly up: readonly { readonly index: number; readonly input: number; readonly output: number }[];
  readonly last: { readonly index: number; readonly input: number };
}

/** The numbering: a pad before the first and the last convolution, an activation behind each but the blocks. */
export function pix2pixHdLayers({ ngf, downsamplings, blocks }: Pix2pixHdConfig): Pix2pixHdLayers {
  const width = (level: number) => ngf * 2 ** level;
  let index = 3;
  const take = (step: number) => {
    index += step;
    return index - step;
  };
  const levels = Array.from({ length: downsamplings }, (_, i) => i);
  const down = levels.map((i) => ({ index: take(2), input: width(i), output: width(i + 1) }));
  const middle = Array.from({ length: blocks }, () => ({ index: take(1), width: width(downsamplings) }));
  const up = levels.map((i) => ({
    ...{ index: take(2), input: width(downsamplings - i), output: width(downsamplings - i - 1) },
  }));
  return { first: { index: 1, output: ngf }, down, blocks: middle, up, last: { index: index + 1, input: ngf } };
}

export function pix2pixHdWeights(state: Tree, config: Pix2pixHdConfig, mode: Mode): Pix2pixHdWeights {
  const names = new Set(pix2pixHdLayers(config).up.map(({ index }) => `model.${index}`));
  const transposed = (name: string) => names.has(name.split('.').slice(0, 2).join('.'));
  return spectralWeights(state, {
    ...{ ...mode, transposed, normalise: config.flavour === 'pytorch' },
  }) as unknown as Pix2pixHdWeights;
}

/**
 * The generator of pix2pixHD, which reads the dense map as a picture.
 *
 * @param map  [N, C, H, W], sides multiples of 2^downsamplings
 * @returns    [N, outputNc, H, W] in [−1, 1], f32
 * @see Wang et al. 2018, arXiv:1711.11585, section 3.1
 */
export function pix2pixHd(
  weights: Pix2pixHdWeights,
  config: Pix2pixHdConfig,
  map: Tensor,
  { training, dtype = 'f32' }: Mode,
): Tensor {
  const { first, down, blocks, up, last } = pix2pixHdLayers(config);
  const { norm, kernel, initialKernel, flavour } = config;
  const varianceOfRunning = flavour === 'jittor' ? 'biased' : 'unbiased';
  const layer = (at: unknown, run: (conv: ConvWeights) => Tensor, activation: 'relu' | 'none' = 'relu') => {
    const { conv, norm: affineNorm } = partsOf(at);
    return scope(() =>
      normAndActivate(run(conv), affineNorm, {
        kind: norm.kind,
        counted: norm.counted,
        activation,
        training,
        varianceOfRunning,
      }),
    );
  };
  const reflected = (side: number) => ({ padding: side >> 1, paddingMode: 'reflect' }) as const;
  return scope(() => {
    const { model } = weights;
    const seen = cast(map, dtype);
    let x = layer(model[first.index], (conv) => conv2d(seen, conv, reflected(initialKernel)));
    const advance = (next: (x: Tensor) => Tensor) => {
      const before = x;
      x = next(before);
      before.dispose();
    };
    for (const { index } of down)
      advance((h) => layer(model[index], (conv) => conv2d(h, conv, { stride: 2, padding: 1 })));
    for (const { index } of blocks) {
      const inner = (model[index] as { conv_block: { readonly [index: number]: unknown } }).conv_block;
      advance((h) =>
        scope(() => {
          const d = layer(inner[1], (conv) => conv2d(h, conv, reflected(kernel)));
          return add(
            h,
            layer(inner[4], (conv) => conv2d(d, conv, reflected(kernel)), 'none'),
          );
        }),
      );
    }
    for (const { index } of up) {
      advance((h) =>
        layer(model[index], (conv) => convTranspose2d(h, conv, { stride: 2, padding: 1, outputPadding: 1 })),
      );
    }
    return tanh(cast(conv2d(x, partsOf(model[last.index]).conv, reflected(7)), 'f32'));
  });
}
