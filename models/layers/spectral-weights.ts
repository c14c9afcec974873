/** Convolutions under spectral normalisation, as PyTorch's `spectral_norm` hook computes it. */
import { Tensor, type Tree } from '../../engine/index.ts';
import { type ConvWeights, spectralNorm } from '../../kernels/index.ts';
import { type Mode, moveBuffer } from './state.ts';

/** A layer as checkpoints keep it. */
export interface SpectralLayer {
  readonly weight_orig: Tensor;
  readonly weight_u: Tensor;
  readonly weight_v: Tensor;
  readonly bias?: Tensor;
}

export interface SpectralOptions extends Mode {
  /** false: the stored weights as they are, as Jittor's port has it */
  readonly normalise?: boolean;
  /** which layers, by their dotted names, are transposed convolutions: their output channels are axis 1 */
  readonly transposed?: (name: string) => boolean;
}

/**
 * A tree of layers with every spectrally normalised one replaced by its weights of this pass: weight = weight_orig / σ.
 * In training one power iteration a layer moves the stored vectors. Doing it once for all layers before the network runs
 * lets several passes share the weights, and lets a block be recomputed without a second iteration.
 *
 * @see Miyato et al. 2018, arXiv:1802.05957, algorithm 1
 */
export function spectralWeights(state: Tree, options: SpectralOptions, name = ''): Tree {
  if (state instanceof Tensor) return state;
  if (isSpectral(state)) return normalised(state, options, name) as unknown as Tree;
  const path = name === '' ? '' : `${name}.`;
  if (Array.isArray(state)) {
    return state.map((child, i) => (child === undefined ? child : spectralWeights(child, options, `${path}${i}`)));
  }
  const entries = Object.entries(state).map(([key, child]) => [
    key,
    spectralWeights(child as Tree, options, `${path}${key}`),
  ]);
  return Object.fromEntries(entries);
}

function isSpectral(state: Tree): state is Tree & SpectralLayer {
  return 'weight_orig' in state;
}

function normalised(layer: SpectralLayer, options: SpectralOptions, name: string): ConvWeights {
  const { weight_orig: original, weight_u: u, weight_v: v, bias } = layer;
  if (options.normalise === false) return { weight: original, bias };
  const found = spectralNorm(original, u, v, {
    iterations: options.training ? 1 : 0,
    transposed: options.transposed?.(name) ?? false,
  });
  if (options.training) {
    moveBuffer(u, found.u);
    moveBuffer(v, found.v);
  }
  return { weight: found.weight, bias };
}
