import { scope, stopGradient, type Tensor, type Tree } from '../../engine/index.ts';
import { add, affine, concat, split } from '../../kernels/index.ts';
import type {
  DiscriminatorConfig,
  EncoderConfig,
  GeneratorConfig,
  Pix2pixHdConfig,
} from '../../models/gaugan/config.ts';
import {
  type DiscriminatorWeights,
  discriminate,
  discriminatorWeights,
  type ScaleOutputs,
} from '../../models/gaugan/discriminator.ts';
import { encodeImage, encoderWeights, reparameterize } from '../../models/gaugan/encoder.ts';
import { generate, generatorWeights } from '../../models/gaugan/generator.ts';
import { pix2pixHd, pix2pixHdWeights } from '../../models/gaugan/pix2pixhd.ts';
import { denseMap, type SemanticMap } from '../../models/gaugan/semantic-map.ts';
import type { Mode } from '../../models/layers/state.ts';
import type { GanMode } from '../choices.ts';
import { featureMatching, ganLoss, kullbackLeibler } from '../losses/gan.ts';
import { type PerceptualVgg, vggPerceptualLoss } from '../losses/perceptual.ts';

/** The networks of a training, by what they are made of. */
export interface GauganNetworks {
  readonly generator: ({ readonly net: 'spade' } & GeneratorConfig) | ({ readonly net: 'pix2pixhd' } & Pix2pixHdConfig);
  /** the image encoder, where the generator has a latent */
  readonly encoder: EncoderConfig | undefined;
  readonly discriminator: DiscriminatorConfig;
}

/** A weight of 0 leaves a term out. */
export interface GauganWeights {
  readonly feature: number;
  readonly vgg: number;
  readonly kld: number;
}

export interface GauganSetting {
  readonly networks: GauganNetworks;
  readonly ganMode: GanMode;
  readonly weights: GauganWeights;
  /** where the perceptual loss is on */
  readonly vgg: PerceptualVgg | undefined;
  /** compute the generator's blocks again in the sweep instead of keeping them; false */
  readonly recompute?: boolean | undefined;
  /** storage type of activations and their gradients; f32. Weights, statistics, latents, pictures and losses are f32 */
  readonly precision?: 'f32' | 'f16' | undefined;
}

/** What one step sees. */
export interface GauganInputs {
  readonly map: SemanticMap;
  /** [N, 3, H, W] in [−1, 1] */
  readonly image: Tensor;
  /** what the encoder reads: the picture itself in the original, or the one it shall resemble */
  readonly reference?: Tensor | undefined;
  /** of the latents [N, zDim]: of the generator's step and of the discriminator's */
  readonly noise?: { readonly G: Tensor; readonly D: Tensor } | undefined;
}

/** States of the networks: parameters and buffers by the release's names. */
export interface GauganState {
  readonly G: Tree;
  readonly E?: Tree | undefined;
}

/** Losses are scalars [], weighted; a term that is off is left out. */
export interface GeneratorTerms {
  readonly loss: Tensor;
  readonly KLD?: Tensor | undefined;
  readonly GAN: Tensor;
  readonly GAN_Feat?: Tensor | undefined;
  readonly VGG?: Tensor | undefined;
  /** [N, 3, H, W] */
  readonly fake: Tensor;
}

export interface DiscriminatorTerms {
  readonly loss: Tensor;
  readonly D_Fake: Tensor;
  readonly D_real: Tensor;
}

/** How a step's passes are made. */
export const trainingMode = ({ precision }: Pick<GauganSetting, 'precision'>): Mode => ({
  training: true,
  dtype: precision,
});

/**
 * A picture for a map: G(map, z), z = mu + exp(logvar / 2) · noise from the encoder, or nothing.
 *
 * @param noise  [N, zDim]; left out: z = mu
 */
export function paint(
  { G, E }: GauganState,
  { generator, encoder }: GauganNetworks,
  { map, image, reference = image }: Pick<GauganInputs, 'map' | 'reference'> & { readonly image?: Tensor | undefined },
  noise: Tensor | undefined,
  mode: Mode,
): { fake: Tensor; mu?: Tensor; logvar?: Tensor } {
  return scope(() => {
    if (generator.net === 'pix2pixhd') {
      return { fake: pix2pixHd(pix2pixHdWeights(G, generator, mode), generator, denseMap(map, mode.dtype), mode) };
    }
    const weights = generatorWeights(G, generator, mode);
    if (!generator.useVae || !encoder || !E || !reference) {
      return { fake: generate(weights, generator, map, mode, { z: generator.useVae ? noise : undefined }) };
    }
    const { mu, logvar } = encodeImage(encoderWeights(E, encoder, mode), encoder, reference, mode);
    const z = noise ? reparameterize(mu, logvar, noise) : mu;
    return { fake: generate(weights, generator, map, mode, { z }), mu, logvar };
  });
}

/**
 * The generator's losses, in the order of the original:
 *
 *     GAN       the discriminator takes the picture for a real one
 *     GAN_Feat  its features are those of the real picture
 *     VGG       so are those of VGG-19
 *     KLD       the latents are normally distributed
 *
 * The discriminator's spectral norms move, its weights are constants here.
 *
 * @see Park et al. 2019, arXiv:1903.07291, section 3 and appendix A
 */
export function generatorLosses(
  state: GauganState,
  discriminator: Tree,
  setting: GauganSetting,
  inputs: GauganInputs,
): GeneratorTerms {
  const { networks, ganMode, weights, vgg, recompute } = setting;
  const mode = trainingMode(setting);
  return scope(() => {
    const { fake, mu, logvar } = paint(state, networks, inputs, inputs.noise?.G, { ...mode, recompute });
    const KLD = mu && logvar && affine(kullbackLeibler(mu, logvar), { scale: weights.kld });

    const D = discriminatorWeights(discriminator, networks.discriminator, mode);
    const judged = judge(D, networks.discriminator, inputs, fake, { learner: 'generator', mode });
    const GAN = ganLoss(ganMode, 'G', judged.fake.map(prediction));
    const matched = weights.feature > 0 && networks.discriminator.features;
    const GAN_Feat = matched
      ? affine(featureMatching(judged.fake, judged.real), { scale: weights.feature })
      : undefined;

    const VGG = vgg && affine(vggPerceptualLoss(vgg, fake, inputs.image), { scale: weights.vgg });

    const terms = [KLD, GAN, GAN_Feat, VGG].filter((term) => term !== undefined);
    return { loss: terms.reduce(add), KLD, GAN, GAN_Feat, VGG, fake };
  });
}

/**
 * The discriminator's losses: pictures of the generator as it is by now, painted anew, are generated; the others are real.
 *
 * @param fake  [N, 3, H, W], no gradient flows into it
 */
export function discriminatorLosses(
  discriminator: Tree,
  setting: Pick<GauganSetting, 'networks' | 'ganMode' | 'precision'>,
  inputs: GauganInputs,
  fake: Tensor,
): DiscriminatorTerms {
  const { networks, ganMode } = setting;
  const mode = trainingMode(setting);
  return scope(() => {
    const D = discriminatorWeights(discriminator, networks.discriminator, mode);
    const judged = judge(D, networks.discriminator, inputs, stopGradient(fake), { learner: 'discriminator', mode });
    const D_Fake = ganLoss(ganMode, 'D_fake', judged.fake.map(prediction));
    const D_real = ganLoss(ganMode, 'D_real', judged.real.map(prediction));
    return { loss: add(D_Fake, D_real), D_Fake, D_real };
  });
}

const prediction = (outputs: ScaleOutputs): Tensor => outputs[outputs.length - 1];

/**
 * What the discriminator says of the generated and the real pictures. The original passes them through it in one batch,
 * generated ones first. Where its norms do not look across the batch and only the generator learns, apart is the same,
 * and nothing of the real half is kept.
 */
function judge(
  weights: DiscriminatorWeights,
  config: DiscriminatorConfig,
  { map, image }: GauganInputs,
  fake: Tensor,
  { learner, mode }: { readonly learner: 'generator' | 'discriminator'; readonly mode: Mode },
): { fake: ScaleOutputs[]; real: ScaleOutputs[] } {
  const look = (pictures: Tensor, seen: SemanticMap) =>
    discriminate(weights, config, { map: seen, image: pictures }, mode);
  if (learner === 'generator' && config.norm.kind !== 'batch') {
    return { fake: look(fake, map), real: look(image, map) };
  }
  const outputs = look(concat([fake, image], 0), twice(map));
  const half = fake.shape[0];
  // features are the generator's matter
  const asked = learner === 'discriminator' ? outputs.map((scale) => scale.slice(-1)) : outputs;
  const halves = asked.map((scale) => scale.map((x) => split(x, [half, half], 0)));
  const part = (i: number) => halves.map((scale) => scale.map((both) => both[i]));
  return { fake: part(0), real: part(1) };
}

/** The map of a batch that holds every picture's map twice. */
function twice(map: SemanticMap): SemanticMap {
  const double = (x: Tensor) => concat([x, x], 0);
  if ('dense' in map) return { dense: double(map.dense) };
  return { labels: double(map.labels), classes: map.classes, edges: map.edges && double(map.edges) };
}
