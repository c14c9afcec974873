import { scope, type Tensor } from '../../engine/index.ts';
import { concat } from '../../kernels/index.ts';
import type { CapVstnetConfig } from '../../models/cap-vstnet/config.ts';
import type { CapVstnetParams } from '../../models/cap-vstnet/network.ts';
import type { Vgg19 } from '../../models/vgg/vgg19.ts';
import { type Accumulated, accumulatedGrads } from '../optim/accumulate.ts';
import type { Adam } from '../optim/adam.ts';
import { type LossScale, scaled } from '../optim/loss-scale.ts';
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
  /** factor of the loss while gradients flow, which may be f16 on their way; none by default */
  readonly lossScale?: LossScale | undefined;
}

/** Losses of each micro-batch, and the mean of their gradients, before clipping, with the loss scale still in them. */
export type CapVstnetGradients = Accumulated<CapVstnetParams, CapVstnetTerms>;

/**
 * Records the first part of a training step: losses and reverse sweep.
 *
 * @param batches  micro-batches whose gradients are averaged; one in the original
 */
export function capVstnetGradients(
  params: CapVstnetParams,
  { config, vgg, weights, reversible, lossScale }: StepSetting,
  batches: readonly CapVstnetInputs[],
): CapVstnetGradients {
  return scope(() =>
    accumulatedGrads(params, batches, (params, inputs) =>
      scaled(capVstnetLosses(params, config, vgg, inputs, weights, reversible), lossScale),
    ),
  );
}

/**
 * Records the second part: clipping and Adam. Where a covariance did not factorise or a gradient is not finite, nothing is
 * updated.
 *
 * @param updates  that were made before this one
 * @returns        [gradient scale, 1 when updated, gradient norm before clipping, worst factorisation]
 */
export function capVstnetUpdate(
  optimizer: Adam<CapVstnetParams>,
  { terms, grads }: CapVstnetGradients,
  lr: number,
  updates: number,
  lossScale?: LossScale,
): Tensor {
  return scope(() => {
    const info = concat(
      terms.map((term) => term.info),
      0,
    );
    return optimizer.update(grads, lr, updates + 1, info, lossScale);
  });
}
