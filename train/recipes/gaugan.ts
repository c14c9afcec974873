import { type Device, leaves, scope, type Tensor, type Tree } from '../../engine/index.ts';
import { splitState } from '../../models/layers/state.ts';
import type { LabelPictures } from '../data/datasets/label-pictures.ts';
import { adam } from '../optim/adam.ts';
import { type EpochSchedule, epochRate } from '../optim/epoch-rate.ts';
import { type LossScaleState, lossScale, overflowReason } from '../optim/loss-scale.ts';
import { firstBadTensor, namedMoments, overwriteNamed } from '../optim/named.ts';
import { evaluatePictures, sampleRows } from './gaugan-evaluation.ts';
import { checkSize, inputsOf } from './gaugan-inputs.ts';
import type { GauganInputs, GauganSetting } from './gaugan-losses.ts';
import { gauganOriginals } from './gaugan-originals.ts';
import { discriminatorStep, type GauganTrainee, generatorStep, type Half, type Rate, stateNow } from './gaugan-step.ts';
import { pack } from './pack.ts';
import type { Json, Recipe, StepReport } from './recipe.ts';

export interface GauganTraining {
  readonly setting: GauganSetting;
  /** classes of the labels, don't-care among them */
  readonly classes: number;
  readonly seed: number;
  readonly schedule: EpochSchedule;
  /** batches in a pass over the data */
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  /** factors of the learning rate for generator and discriminator: ½ and 2 in the original */
  readonly ttur: { readonly G: number; readonly D: number };
  readonly betas: readonly [number, number];
  /** updates of the discriminator for one of the generator */
  readonly dSteps: number;
  readonly clipNorm: number | undefined;
  /** decay of averaged weights of generator and encoder */
  readonly ema: number | undefined;
}

/** Batches on a sample sheet, at most. */
const MOST_SAMPLES = 8;

/** A recipe that can also measure itself on pairs. */
export interface GauganRecipe extends Recipe<readonly LabelPictures[]> {
  /** see `evaluatePictures` */
  evaluate(batches: readonly LabelPictures[]): Promise<Record<string, number>>;
}

/** Untrained networks, parameters and buffers. */
export interface GauganInitial {
  readonly G: Tree;
  readonly E: Tree | undefined;
  readonly D: Tree;
}

const G_TERMS = ['KLD', 'GAN', 'GAN_Feat', 'VGG'] as const;
const D_TERMS = ['D_Fake', 'D_real'] as const;

/**
 * GauGAN's training. A step, as the SPADE release has it:
 *
 *     rates of the epoch: half for the generator, twice for the discriminator          (two time scales)
 *     generator      paint; GAN + feature matching + VGG + KLD; Adam on G and E          (gaugan-losses.ts)
 *     discriminator  paint again, with the generator as it is now; hinge; Adam on D      (gaugan-step.ts)
 *
 * With `setting.precision` f16 each half scales its loss by a factor of its own: their gradients differ by orders of
 * magnitude, and an overflow in one costs the other nothing. With `dSteps` n, the generator's half runs in every n-th
 * batch of an epoch alone. Both halves take a power iteration of every spectral norm that they meet, and move the running
 * statistics of the generator.
 *
 * @see Park et al. 2019, arXiv:1903.07291, section 4 and appendix A
 */
export function gauganRecipe(device: Device, initial: GauganInitial, training: GauganTraining): GauganRecipe {
  const { setting, seed, schedule, stepsPerEpoch, totalSteps, ttur, betas, dSteps, clipNorm, ema } = training;
  const [G, D] = [splitState(initial.G), splitState(initial.D)];
  const E = initial.E && splitState(initial.E);
  const rawEps = setting.networks.discriminator.flavour === 'jittor';
  const generators = adam({ G: G.params, ...(E ? { E: E.params } : {}) }, { betas, rawEps, clipNorm, ema });
  const discriminators = adam({ D: D.params }, { betas, rawEps, clipNorm });
  const buffers = { G: G.buffers, E: E?.buffers, D: D.buffers };
  const trainee: GauganTrainee = { generators, discriminators, buffers };
  const done = { steps: 0, G: 0, D: 0 };
  const scaling = setting.precision === 'f16' ? { G: lossScale(), D: lossScale() } : undefined;
  const painted = () => stateNow(trainee, generators.average ?? generators.params);

  const reading = { classes: training.classes, encoder: setting.networks.encoder };
  const upload = (batches: readonly LabelPictures[], step: number): GauganInputs[] =>
    batches.map((batch, i) => {
      checkSize(batch, setting.networks);
      return inputsOf(device, batch, reading, { seed, step: step * batches.length + i });
    });

  const rateOf = (half: 'G' | 'D', lr: number): Rate => ({
    ...{ lr: lr * ttur[half], update: done[half] + 1, lossScale: scaling?.[half].value },
  });
  const halves = {
    G: (inputs: readonly GauganInputs[], lr: number) => generatorStep(trainee, setting, inputs, rateOf('G', lr)),
    D: (inputs: readonly GauganInputs[], lr: number) => discriminatorStep(trainee, setting, inputs, rateOf('D', lr)),
  };
  /** Control and losses of a half, in one tensor; the rest is freed before the other half begins. */
  const packed = (half: Half<object>, names: readonly string[]): Tensor => {
    const terms = half.terms as readonly Readonly<Record<string, Tensor | undefined>>[];
    const present = terms.flatMap((own) => names.flatMap((name) => own[name] ?? []));
    return pack([half.control, ...present]);
  };
  const termsOf = (names: readonly string[]) => names.filter((name) => isOn(name, setting));

  return {
    model: 'gaugan',
    totalSteps,

    forecastBytes(batches) {
      const before = device.pool.stats.allocatedBytes;
      const { peakBytes } = device.forecast(() => {
        const inputs = upload(batches, 0);
        scope(() => packed(halves.G(inputs, schedule.lr), G_TERMS));
        scope(() => packed(halves.D(inputs, schedule.lr), D_TERMS));
      });
      return before + peakBytes;
    },

    async step(batches, step): Promise<StepReport> {
      const lr = epochRate(schedule, Math.floor(done.steps / stepsPerEpoch) + 1);
      const due = (step % stepsPerEpoch) % dSteps === 0;
      const read = scope(() => {
        const inputs = upload(batches, step);
        const ofG = due ? [scope(() => packed(halves.G(inputs, lr), G_TERMS))] : [];
        return pack([...ofG, scope(() => packed(halves.D(inputs, lr), D_TERMS))]);
      });
      const values = await read.data();
      read.dispose();

      const report: Record<string, number> = {};
      const failed: string[] = [];
      let at = 0;
      for (const half of due ? (['G', 'D'] as const) : (['D'] as const)) {
        const names = termsOf(half === 'G' ? G_TERMS : D_TERMS);
        const [, ok, norm] = values.subarray(at, at + 4);
        at += 4;
        names.forEach((name, term) => {
          const own = batches.map((_, i) => values[at + i * names.length + term]);
          report[name] = own.reduce((sum, x) => sum + x, 0) / batches.length;
        });
        at += names.length * batches.length;
        if (ok === 1) done[half]++;
        scaling?.[half].next(ok !== 1);
        // an overflow of scaled gradients is no sign of weights that went astray
        if (scaling && ok !== 1) failed.push(overflowReason(`a gradient of ${half}`, scaling[half].value));
        else {
          report[`gradient_norm_${half}`] = norm;
          if (ok !== 1) failed.push(`the gradient norm of ${half} is ${norm}, which is not a finite number`);
        }
      }
      if (failed.length > 0) return { losses: report, lr, skipped: failed.join('; ') };
      done.steps++;
      return { losses: report, lr };
    },

    tensors: () => ({
      G: new Map([...leaves(generators.params.G), ...buffers.G]),
      ...(generators.params.E ? { E: new Map([...leaves(generators.params.E), ...(buffers.E ?? [])]) } : {}),
      D: new Map([...leaves(discriminators.params.D), ...buffers.D]),
      optim: new Map([...namedMoments(generators), ...namedMoments(discriminators)]),
      ...(generators.average ? { ema: new Map(leaves(generators.average)) } : {}),
    }),
    load(file, values) {
      overwriteNamed(this.tensors()[file], values);
    },
    originals: gauganOriginals,
    counters: () => ({
      ...done,
      ...(scaling ? { loss_scale: { G: scaling.G.state(), D: scaling.D.state() } } : {}),
    }),
    restore(counters: Json) {
      const { loss_scale: scales, ...found } = counters as typeof done & {
        loss_scale?: Record<'G' | 'D', LossScaleState>;
      };
      Object.assign(done, found);
      if (!scaling || !scales) return;
      scaling.G.restore(scales.G);
      scaling.D.restore(scales.D);
    },

    sample: (batches) => sampleRows(device, painted(), training, batches.slice(0, MOST_SAMPLES)),
    evaluate: (batches) => evaluatePictures(device, painted(), training, batches),
    firstBadTensor: () => firstBadTensor([generators, discriminators]),
    dispose() {
      generators.dispose();
      discriminators.dispose();
      for (const map of Object.values(buffers)) for (const [, buffer] of map ?? []) buffer.dispose();
    },
  };
}

/** Whether a term is part of a training's losses. */
function isOn(name: string, { weights, vgg, networks }: GauganSetting): boolean {
  if (name === 'KLD') return networks.encoder !== undefined;
  if (name === 'GAN_Feat') return weights.feature > 0 && networks.discriminator.features;
  return name !== 'VGG' || vgg !== undefined;
}
