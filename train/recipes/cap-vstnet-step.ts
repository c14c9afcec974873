import { scope, type Tensor } from '../../engine/index.ts';
import { concat } from '../../kernels/index.ts';
import type { CapVstnetConfig } from '../../models/cap-vstnet/config.ts';
import type { CapVstnetParams } from '../../models/cap-vstnet/network.ts';
import type { Vgg19 } from '../../models/vgg/vgg19.ts';
import { accumulatedGrads } from '../optim/accumulate.ts';
import type { Adam } from '../optim/adam.ts';
import { scaled } from '../optim/loss-scale.ts';
import { type CapVstnetInputs, type CapVstnetTerms, capVstnetLosses, type LossWeights } from './cap-vstnet-losses.ts';

/** lr / (1 + decay · i), i counting from −1: the first rate is a little above lr. */
export function learningRate(lr: number, decay: number, updates: number): number {
  return lr / (1 + decay * (updates - 1));
}

export interface StepSetting {
  readonly config: CapVstnetConfig;
  readonly vgg: Vgg19;
  readonly weights: LossWeights;
  /** rebuild activations in the sweep instead of keeping them; true by default */
  readonly reversible?: boolean;
  /** factor of the loss while gradients flow, which may be f16 on their way; 1 by default */
  readonly lossScale?: number;
}

export interface StepResult {
  /** of each micro-batch */
  readonly terms: readonly CapVstnetTerms[];
  /** mean over the micro-batches, before clipping, with the loss scale still in them */
  readonly grads: CapVstnetParams;
  /** [gradient scale, 1 when updated, gradient norm before clipping, worst factorisation] */
  readonly control: Tensor;
}

/**
 * Records one training step: losses, reverse sweep, clipping, Adam. Where a covariance did not factorise or a gradient
 * is not finite, nothing is updated.
 *
 * @param batches  micro-batches whose gradients are averaged; one in the original
 * @param updates  that were made before this one
 */
export function capVstnetStep(
  optimizer: Adam<CapVstnetParams>,
  { config, vgg, weights, reversible, lossScale = 1 }: StepSetting,
  batches: readonly CapVstnetInputs[],
  lr: number,
  updates: number,
): StepResult {
  return scope(() => {
    const { terms, grads } = accumulatedGrads(optimizer.params, batches, (params, inputs) =>
      scaled(capVstnetLosses(params, config, vgg, inputs, weights, reversible), lossScale),
    );
    const info = concat(
      terms.map((term) => term.info),
      0,
    );
    return { terms, grads, control: optimizer.update(grads, lr, updates + 1, info, lossScale) };
  });
}
