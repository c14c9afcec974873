import { scope, type Tensor, type Tree } from '../../engine/index.ts';
import { cast, conv2d, leakyRelu, split } from '../../kernels/index.ts';
import { normAndActivate, partsOf } from '../layers/normalised-conv.ts';
import { spectralWeights } from '../layers/spectral-weights.ts';
import type { Mode } from '../layers/state.ts';
import { type DiscriminatorConfig, type DiscriminatorLayer, discriminatorLayers } from './config.ts';
import { mapConv, pooled, pooledMap, type SemanticMap, storedMap } from './semantic-map.ts';
import { SLOPE } from './spade.ts';

/** A discriminator's weights of one pass: discriminator_0, discriminator_1, …, each model0, model1, … */
export type DiscriminatorWeights = { readonly [scale: string]: { readonly [layer: string]: readonly unknown[] } };

export function discriminatorWeights(state: Tree, { flavour }: DiscriminatorConfig, mode: Mode): DiscriminatorWeights {
  return spectralWeights(state, { ...mode, normalise: flavour === 'pytorch' }) as unknown as DiscriminatorWeights;
}

/** What a discriminator says of one scale: the features of each layer, then the prediction; or that alone. */
export type ScaleOutputs = readonly Tensor[];

/** What it looks at: map and picture, whose first convolution is computed apart and added; or both in one tensor. */
export type Judged = { readonly map: SemanticMap; readonly image: Tensor } | { readonly joined: Tensor };

/**
 * The multi-scale discriminator: the same patch network at full size, and at sizes halved by averaging.
 *
 * @param judged  map and picture [N, 3, H, W], or their concatenation [N, C + 3, H, W], map first
 * @returns       for each scale, finest first; in the mode's storage type
 * @see Wang et al. 2018, arXiv:1711.11585, section 3.2; Park et al. 2019, arXiv:1903.07291, figure 12
 */
export function discriminate(
  weights: DiscriminatorWeights,
  config: DiscriminatorConfig,
  judged: Judged,
  mode: Mode,
): ScaleOutputs[] {
  return scope(() => {
    const countPadding = config.flavour === 'jittor';
    const outputs: ScaleOutputs[] = [];
    const { dtype = 'f32' } = mode;
    let seen: Judged =
      'joined' in judged
        ? { joined: cast(judged.joined, dtype) }
        : { map: storedMap(judged.map, dtype), image: cast(judged.image, dtype) };
    for (let i = 0; i < config.numD; i++) {
      if (i > 0) {
        seen =
          'joined' in seen
            ? { joined: pooled(seen.joined, countPadding) }
            : { map: pooledMap(seen.map, countPadding, dtype), image: pooled(seen.image, countPadding) };
      }
      outputs.push(oneScale(weights[`discriminator_${i}`], config, seen, mode));
    }
    return outputs;
  });
}

function oneScale(
  weights: DiscriminatorWeights[string],
  config: DiscriminatorConfig,
  judged: Judged,
  { training }: Mode,
): ScaleOutputs {
  return scope(() => {
    const layers = discriminatorLayers(config);
    const varianceOfRunning = config.flavour === 'jittor' ? 'biased' : 'unbiased';
    let x = firstLayer(weights[layers[0].name][0], layers[0], judged);
    const outputs: Tensor[] = [x];
    for (const { name, stride, normalised } of layers.slice(1)) {
      const { conv, norm } = partsOf(weights[name][0]);
      const before = x;
      x = scope(() => {
        const y = conv2d(before, conv, { stride, padding: 2 });
        const { kind, counted } = config.norm;
        if (!normalised) return y;
        return normAndActivate(y, norm, {
          kind,
          counted,
          activation: 'leakyRelu',
          slope: SLOPE,
          training,
          varianceOfRunning,
        });
      });
      outputs.push(x);
    }
    return config.features ? outputs : outputs.slice(-1);
  });
}

/** conv([map, image]) = conv(map) + conv(image), so that the map is never spread out beside the picture. */
function firstLayer(layer: unknown, { stride }: DiscriminatorLayer, judged: Judged): Tensor {
  const { conv } = partsOf(layer);
  const window = { stride, padding: 2 };
  if ('joined' in judged) return conv2d(judged.joined, conv, { ...window, activation: 'leakyRelu', slope: SLOPE });
  return scope(() => {
    const { weight, bias } = conv;
    const { dtype, shape } = judged.image;
    const channels = weight.shape[1] - shape[1];
    const [forMap, forImage] = split(weight, [channels, shape[1]], 1);
    const ofMap = mapConv(judged.map, { weight: forMap, bias }, { ...window, dtype });
    return leakyRelu(conv2d(judged.image, { weight: forImage }, { ...window, residual: ofMap }), SLOPE);
  });
}
