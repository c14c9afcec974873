/** Inception's one building stone: a convolution without bias, batch normalisation, ReLU; folded into one convolution. */

import type { Tensor } from '../../engine/index.ts';
import { type ConvWeights, conv2d } from '../../kernels/index.ts';

/** A convolution as the network has it, before its normalisation is folded in. */
export interface ConvSpec {
  /** dotted path of the module */
  readonly name: string;
  readonly in: number;
  readonly out: number;
  readonly kernel: readonly [number, number];
}

type Row = readonly [name: string, input: number, out: number, height: number, width?: number];

/** Rows of name, channels in, channels out, kernel height and width (the height again by default). */
export const convSpecs = (...rows: readonly Row[]): ConvSpec[] =>
  rows.map(([name, input, out, height, width = height]) => ({ name, in: input, out, kernel: [height, width] }));

/** Folded convolutions by the name of their module. */
export type FoldedConvs = { readonly [module: string]: ConvWeights };

/** relu(convolution), at the input's size. Kernels are odd. */
export function same(x: Tensor, weights: ConvWeights): Tensor {
  const [, , height, width] = weights.weight.shape;
  return conv2d(x, weights, { padding: [(height - 1) / 2, (width - 1) / 2], activation: 'relu' });
}

/** relu(convolution) of what lies inside the picture alone. */
export function inside(x: Tensor, weights: ConvWeights, stride = 1): Tensor {
  return conv2d(x, weights, { stride, activation: 'relu' });
}

/** One entry of the network's state dict. */
export interface StateSpec {
  readonly key: string;
  readonly shape: readonly number[];
}

/** What the files of the original hold for a convolution, in their order; counters of batches are left out. */
export function stateSpecs({ name, in: input, out, kernel }: ConvSpec): StateSpec[] {
  return [
    { key: `${name}.conv.weight`, shape: [out, input, ...kernel] },
    ...['weight', 'bias', 'running_mean', 'running_var'].map((part) => ({ key: `${name}.bn.${part}`, shape: [out] })),
  ];
}

/** Added to the running variance; TensorFlow's number, not PyTorch's. */
const EPS = 0.001;

/**
 * The convolution that does what convolution and normalisation by running statistics do together.
 *
 *     w' = w γ / √(σ² + 0.001)        b' = β − μ γ / √(σ² + 0.001)
 *
 * @param entry  the values of a key of {@link stateSpecs}
 */
export function folded(
  { name, in: input, out, kernel }: ConvSpec,
  entry: (key: string) => ArrayLike<number>,
): { weight: Float32Array; bias: Float32Array } {
  const [gamma, beta, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
    entry(`${name}.bn.${part}`),
  );
  const scale = Float64Array.from({ length: out }, (_, o) => gamma[o] / Math.sqrt(variance[o] + EPS));
  const taps = input * kernel[0] * kernel[1];
  const weight = Float32Array.from(entry(`${name}.conv.weight`), (w, i) => w * scale[Math.floor(i / taps)]);
  return { weight, bias: Float32Array.from(scale, (s, o) => beta[o] - mean[o] * s) };
}
