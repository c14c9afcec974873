import { scope, type Tensor, type Tree } from '../../engine/index.ts';
import { joinState } from '../../models/layers/state.ts';
import { type Accumulated, accumulatedGrads } from '../optim/accumulate.ts';
import type { Adam } from '../optim/adam.ts';
import { type LossScale, scaled } from '../optim/loss-scale.ts';
import {
  type DiscriminatorTerms,
  discriminatorLosses,
  type GauganInputs,
  type GauganSetting,
  type GauganState,
  type GeneratorTerms,
  generatorLosses,
  paint,
  trainingMode,
} from './gaugan-losses.ts';

type Buffers = ReadonlyMap<string, Tensor>;

/** What a step changes: parameters through their optimisers, buffers in place. */
export interface GauganTrainee {
  /** of generator and encoder together */
  readonly generators: Adam<{ readonly G: Tree; readonly E?: Tree }>;
  readonly discriminators: Adam<{ readonly D: Tree }>;
  readonly buffers: { readonly G: Buffers; readonly E?: Buffers | undefined; readonly D: Buffers };
}

/** Networks of a step as they stand, buffers and all. */
export function stateNow({ generators, buffers }: GauganTrainee, params = generators.params): GauganState {
  return {
    G: joinState(params.G, buffers.G),
    E: params.E && buffers.E ? joinState(params.E, buffers.E) : undefined,
  };
}

/** Losses of each micro-batch, and the mean of their gradients, with the loss scale still in them. */
export type GeneratorGradients = Accumulated<{ readonly G: Tree; readonly E?: Tree }, GeneratorTerms>;
export type DiscriminatorGradients = Accumulated<{ readonly D: Tree }, DiscriminatorTerms>;

/**
 * The generator's half of a step, up to Adam: losses, and the reverse sweep through discriminator, VGG, generator and
 * encoder.
 *
 * @param scale  of the loss while gradients flow, which may be f16 on their way; none by default
 */
export function generatorGradients(
  trainee: GauganTrainee,
  setting: GauganSetting,
  batches: readonly GauganInputs[],
  scale?: LossScale,
): GeneratorGradients {
  const { generators, discriminators, buffers } = trainee;
  const D = joinState(discriminators.params.D, buffers.D);
  return scope(() =>
    accumulatedGrads(generators.params, batches, (params, inputs) =>
      scaled(generatorLosses(stateNow(trainee, params), D, setting, inputs), scale),
    ),
  );
}

/** The discriminator's half, up to Adam: the generator paints anew, unrecorded; losses, and the reverse sweep. */
export function discriminatorGradients(
  trainee: GauganTrainee,
  setting: GauganSetting,
  batches: readonly GauganInputs[],
  scale?: LossScale,
): DiscriminatorGradients {
  const { discriminators, buffers } = trainee;
  return scope(() =>
    accumulatedGrads(discriminators.params, batches, ({ D }, inputs) => {
      const { fake } = paint(stateNow(trainee), setting.networks, inputs, inputs.noise?.D, trainingMode(setting));
      return scaled(discriminatorLosses(joinState(D, buffers.D), setting, inputs, fake), scale);
    }),
  );
}
