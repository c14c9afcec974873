import { grad, scope, type Tensor } from '../../engine/index.ts';
import type { CapVstnetConfig } from '../../models/cap-vstnet/config.ts';
import type { CapVstnetParams } from '../../models/cap-vstnet/network.ts';
import type { Vgg19 } from '../../models/vgg/vgg19.ts';
import type { Adam } from '../optim/adam.ts';
import { type CapVstnetInputs, type CapVstnetTerms, capVstnetLosses, type LossWeights } from './cap-vstnet-losses.ts';

/** Hyper-parameters of the official training. */
export const OFFICIAL = {
  lr: 1e-4,
  lrDecay: 5e-5,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  clipNorm: 5,
  batchSize: 2,
  loadSize: 512,
  cropSize: 256,
  steps: 160_000,
  temporalSteps: 10_000,
} as const;

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
}

export interface StepResult {
  readonly terms: CapVstnetTerms;
  readonly grads: CapVstnetParams;
  /** [gradient scale, 1 when updated, gradient norm before clipping, worst factorisation] */
  readonly control: Tensor;
}

/**
 * Records one training step: losses, reverse sweep, clipping, Adam. Where a covariance did not factorise or a gradient
 * is not finite, nothing is updated.
 *
 * @param updates  that were made before this one
 */
export function capVstnetStep(
  optimizer: Adam<CapVstnetParams>,
  { config, vgg, weights, reversible }: StepSetting,
  inputs: CapVstnetInputs,
  lr: number,
  updates: number,
): StepResult {
  return scope(() => {
    const losses = (params: CapVstnetParams) => capVstnetLosses(params, config, vgg, inputs, weights, reversible);
    const { value: terms, grads } = grad(losses)(optimizer.params);
    const control = optimizer.update(grads, lr, updates + 1, terms.info);
    return { terms, grads, control };
  });
}
