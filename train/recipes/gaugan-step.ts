import { scope, type Tensor, type Tree } from '../../engine/index.ts';
import { joinState } from '../../models/layers/state.ts';
import { accumulatedGrads } from '../optim/accumulate.ts';
import type { Adam } from '../optim/adam.ts';
import { scaled } from '../optim/loss-scale.ts';
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

/** One optimiser's share of a step. */
export interface Half<Terms> {
  /** of each micro-batch */
  readonly terms: readonly Terms[];
  /** mean over the micro-batches, with the loss scale still in them */
  readonly grads: Tree;
  /** [gradient scale, 1 when updated, gradient norm, 0] */
  readonly control: Tensor;
}

export interface Rate {
  readonly lr: number;
  /** updates of this optimiser, the one at hand included */
  readonly update: number;
  /** factor of the loss while gradients flow, which may be f16 on their way; 1 by default */
  readonly lossScale?: number;
}

/** Networks of a step as they stand, buffers and all. */
export function stateNow({ generators, buffers }: GauganTrainee, params = generators.params): GauganState {
  return {
    G: joinState(params.G, buffers.G),
    E: params.E && buffers.E ? joinState(params.E, buffers.E) : undefined,
  };
}

/** The generator's half of a step: losses, reverse sweep through discriminator, VGG, generator and encoder, Adam. */
export function generatorStep(
  trainee: GauganTrainee,
  setting: GauganSetting,
  batches: readonly GauganInputs[],
  { lr, update, lossScale = 1 }: Rate,
): Half<GeneratorTerms> {
  const { generators, discriminators, buffers } = trainee;
  const D = joinState(discriminators.params.D, buffers.D);
  return scope(() => {
    const { terms, grads } = accumulatedGrads(generators.params, batches, (params, inputs) =>
      scaled(generatorLosses(stateNow(trainee, params), D, setting, inputs), lossScale),
    );
    return { terms, grads, control: generators.update(grads, lr, update, undefined, lossScale) };
  });
}

/** The discriminator's half: the generator paints anew, unrecorded; losses, reverse sweep, Adam. */
export function discriminatorStep(
  trainee: GauganTrainee,
  setting: GauganSetting,
  batches: readonly GauganInputs[],
  { lr, update, lossScale = 1 }: Rate,
): Half<DiscriminatorTerms> {
  const { discriminators, buffers } = trainee;
  return scope(() => {
    const { terms, grads } = accumulatedGrads(discriminators.params, batches, ({ D }, inputs) => {
      const { fake } = paint(stateNow(trainee), setting.networks, inputs, inputs.noise?.D, trainingMode(setting));
      return scaled(discriminatorLosses(joinState(D, buffers.D), setting, inputs, fake), lossScale);
    });
    return { terms, grads, control: discriminators.update(grads, lr, update, undefined, lossScale) };
  });
}
