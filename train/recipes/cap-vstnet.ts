import { type Device, type Held, hold, leaves } from '../../engine/index.ts';
import type { CapVstnetConfig } from '../../models/cap-vstnet/config.ts';
import type { CapVstnetParams } from '../../models/cap-vstnet/network.ts';
import { initialParameters, parametersFrom } from '../../models/cap-vstnet/parameters.ts';
import type { StylePairs } from '../data/datasets/style-pairs.ts';
import { loadVgg } from '../infer/load-vgg.ts';
import { type Adam, adam } from '../optim/adam.ts';
import { type LossScaleState, lossScale, overflowReason } from '../optim/loss-scale.ts';
import { firstBadTensor, namedMoments, overwriteNamed } from '../optim/named.ts';
import { evaluatePairs, sampleRows } from './cap-vstnet-evaluation.ts';
import { inputsOf } from './cap-vstnet-inputs.ts';
import type { LossWeights } from './cap-vstnet-losses.ts';
import {
  type CapVstnetGradients,
  capVstnetGradients,
  capVstnetUpdate,
  learningRate,
  type StepSetting,
} from './cap-vstnet-step.ts';
import { readPacked } from './pack.ts';
import type { FinishStep, Json, Recipe, StepReport } from './recipe.ts';

export interface CapVstnetTraining {
  /** what samples are painted with */
  readonly config: CapVstnetConfig;
  readonly setting: StepSetting;
  readonly seed: number;
  readonly lr: number;
  readonly lrDecay: number;
  readonly betas: readonly [number, number];
  readonly clipNorm: number | undefined;
  readonly ema: number | undefined;
  /** f16: the loss is scaled; f32 by default */
  readonly precision?: 'f32' | 'f16';
  /** updates without, then with the temporal term */
  readonly steps: number;
  readonly temporalSteps: number;
}

/** Batches on a sample sheet, at most. */
const MOST_SAMPLES = 8;

/** A recipe that can also measure itself on pairs. */
export interface CapVstnetRecipe extends Recipe<readonly StylePairs[]> {
  /** see `evaluatePairs` */
  evaluate(batches: readonly StylePairs[]): Promise<Record<string, number>>;
}

/** Terms of the report, in the order in which they are read back. */
const TERMS = ['content', 'style', 'cycle', 'temporal', 'total', 'laplacian'] as const;

/**
 * CAP-VSTNet's training. A step, as the official code has it:
 *
 *     lr ← lr₀ / (1 + decay · i)
 *     losses of the batch, their gradients through cWCT, both networks' passes and the cycle   (cap-vstnet-losses.ts)
 *     clip the global norm to 5, Adam                                                            (cap-vstnet-step.ts)
 *     a covariance that does not factorise skips the batch, and i stands still
 *
 * The last `temporalSteps` updates add the temporal term.
 *
 * @see Wen, Gao, Zou 2023, arXiv:2303.17867, section 4.1
 */
export function capVstnetRecipe(
  device: Device,
  initial: CapVstnetParams,
  training: CapVstnetTraining,
): CapVstnetRecipe {
  const { config, setting, seed, lr, lrDecay, betas, clipNorm, ema, precision, steps, temporalSteps } = training;
  const optimizer: Adam<CapVstnetParams> = adam(initial, { betas, clipNorm, ema });
  const scaling = precision === 'f16' ? lossScale(device) : undefined;
  let updates = 0;
  /** of the step that was begun last */
  let gradients: Held<CapVstnetGradients> | undefined;

  const painted = () => optimizer.average ?? optimizer.params;
  const withMotion = () => updates >= steps;
  const weightsNow = (): LossWeights => ({ ...setting.weights, temporal: withMotion() ? setting.weights.temporal : 0 });
  const settingNow = (): StepSetting => ({ ...setting, weights: weightsNow(), lossScale: scaling });

  /** Takes in what was read after a step. */
  function report(values: ArrayLike<number>, batches: number, rate: number, moving: boolean): StepReport {
    const [, ok, norm, failed] = Array.from(values);
    const mean = (term: number) => {
      const own = Array.from({ length: batches }, (_, i) => values[4 + i * TERMS.length + term]);
      return own.reduce((sum, x) => sum + x, 0) / batches;
    };
    const losses = Object.fromEntries(TERMS.map((name, term) => [name, mean(term)]));
    losses.laplacian *= setting.weights.laplacian;
    const kept = Object.entries(losses).filter(([name]) => reported(name, setting.weights, moving));
    const shown = Object.fromEntries(kept);
    if (ok === 1) updates++;
    const scale = scaling?.heard([values[values.length - 2], values[values.length - 1]]);
    // an overflow of scaled gradients is no sign of weights that went astray
    if (scale && ok !== 1 && failed === 0) {
      return { losses: shown, lr: rate, skipped: overflowReason('a gradient', scale.value) };
    }
    const skipped = ok === 1 ? undefined : skipReason(failed, norm);
    return { losses: { ...shown, gradient_norm: norm }, lr: rate, skipped };
  }

  return {
    model: 'cap-vstnet',
    totalSteps: steps + temporalSteps,

    forecast(batches) {
      const before = device.pool.stats.allocatedBytes;
      const { peakBytes, compile } = device.forecast(() => {
        const motion = temporalSteps > 0 ? { seed, draw: 0 } : undefined;
        const inputs = batches.map((batch) => inputsOf(device, batch, motion));
        const found = capVstnetGradients(optimizer.params, { ...setting, lossScale: scaling }, inputs);
        capVstnetUpdate(optimizer, found, lr, 0, scaling);
      });
      return { peakBytes: before + peakBytes, compile };
    },

    // with one update more or without, the next step would be another
    needsReport: () => updates === steps - 1,

    begin(batches, step): FinishStep {
      const moving = withMotion();
      const begun = hold(() => {
        const inputs = batches.map((batch, i) =>
          inputsOf(device, batch, moving ? { seed, draw: step * batches.length + i } : undefined),
        );
        return capVstnetGradients(optimizer.params, settingNow(), inputs);
      });
      gradients = begun;
      device.submit();
      return async () => {
        const rate = learningRate(lr, lrDecay, updates);
        const values = await readPacked(() => {
          const found = begun.take();
          const control = capVstnetUpdate(optimizer, found, rate, updates, scaling);
          const losses = found.terms.map((term) => [
            ...[term.contentLoss, term.styleLoss, term.cycleLoss, term.temporalLoss, term.total, term.laplacianValue],
          ]);
          return [control, ...losses.flat(), ...(scaling?.reading ?? [])];
        });
        return report(values, batches.length, rate, moving);
      };
    },

    tensors: () => ({
      net: new Map(leaves(optimizer.params)),
      optim: new Map(namedMoments(optimizer)),
      ...(optimizer.average ? { ema: new Map(leaves(optimizer.average)) } : {}),
    }),
    load(file, values) {
      overwriteNamed(this.tensors()[file], values);
    },
    counters: () => ({ updates, ...(scaling ? { loss_scale: scaling.state() } : {}) }),
    restore(counters: Json) {
      const found = counters as { updates: number; loss_scale?: LossScaleState };
      updates = found.updates;
      if (found.loss_scale) scaling?.restore(found.loss_scale);
    },

    sample: (batches) => sampleRows(device, painted(), config, batches.slice(0, MOST_SAMPLES)),
    evaluate: (batches) => evaluatePairs(device, painted(), setting, batches),

    firstBadTensor: () => firstBadTensor([optimizer]),
    dispose() {
      gradients?.dispose();
      scaling?.dispose();
      optimizer.dispose();
    },
  };
}

/** Terms without a weight say nothing. */
function reported(name: string, weights: LossWeights, moving: boolean): boolean {
  if (name === 'content') return weights.content > 0;
  if (name === 'laplacian') return weights.laplacian > 0;
  return name !== 'temporal' || (moving && weights.temporal > 0);
}

function skipReason(failed: number, norm: number): string {
  return failed > 0
    ? `a covariance did not factorise (pivot ${failed})`
    : `the gradient norm is ${norm}, which is not a finite number`;
}

export interface CapVstnetSetup {
  readonly config: CapVstnetConfig;
  readonly weights: LossWeights;
  readonly vgg: string | undefined;
  readonly seed: number;
  /** f32 by default */
  readonly precision?: 'f32' | 'f16';
}

/**
 * The untrained network and the encoder of its losses, on a device. In f16 the insides of the residual functions and the
 * encoder are stored in half precision; parameters, the reversible state, statistics and losses stay f32.
 */
export async function setUpCapVstnet(
  device: Device,
  { config: shape, weights, vgg: path, seed, precision }: CapVstnetSetup,
): Promise<{ initial: CapVstnetParams; setting: StepSetting; encoder: string }> {
  const config: CapVstnetConfig = precision === 'f16' ? { ...shape, inner: 'f16' } : shape;
  const { vgg, description } = await loadVgg(device, path, seed, precision);
  const initial = parametersFrom(device, config, initialParameters(seed));
  return { initial, setting: { config, vgg, weights }, encoder: description };
}
