import { type Device, type Held, hold, leaves, scope, type Tensor, type Tree } from '../../engine/index.ts';
import { splitState } from '../../models/layers/state.ts';
import type { LabelPictures } from '../data/datasets/label-pictures.ts';
import type { Accumulated } from '../optim/accumulate.ts';
import { type Adam, adam } from '../optim/adam.ts';
import { type EpochSchedule, epochRate } from '../optim/epoch-rate.ts';
import { type LossScaleState, lossScale, overflowReason } from '../optim/loss-scale.ts';
import { firstBadTensor, namedMoments, overwriteNamed } from '../optim/named.ts';
import { evaluatePictures, sampleRows } from './gaugan-evaluation.ts';
import { checkSize, inputsOf } from './gaugan-inputs.ts';
import type { GauganInputs, GauganSetting } from './gaugan-losses.ts';
import { gauganOriginals } from './gaugan-originals.ts';
import { discriminatorGradients, type GauganTrainee, generatorGradients, stateNow } from './gaugan-step.ts';
import { pack, readPacked } from './pack.ts';
import type { FinishStep, Json, Recipe, StepReport } from './recipe.ts';

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

/** Losses of the two halves of a step, in the order in which they are read back. */
const TERMS = { G: ['KLD', 'GAN', 'GAN_Feat', 'VGG'], D: ['D_Fake', 'D_real'] } as const;
type HalfName = keyof typeof TERMS;
const BOTH = ['G', 'D'] as const;
const DISCRIMINATOR = ['D'] as const;

type Gradients = Accumulated<Tree, object>;

/** A step between its two parts. */
interface Begun {
  readonly inputs: Held<readonly GauganInputs[]>;
  readonly gradients: Held<Gradients>;
}

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
  const scaling = setting.precision === 'f16' ? { G: lossScale(device), D: lossScale(device) } : undefined;
  /** what was begun last */
  let open: Begun | undefined;
  const painted = () => stateNow(trainee, generators.average ?? generators.params);

  const reading = { classes: training.classes, encoder: setting.networks.encoder };
  const upload = (batches: readonly LabelPictures[], step: number): GauganInputs[] =>
    batches.map((batch, i) => {
      checkSize(batch, setting.networks);
      return inputsOf(device, batch, reading, { seed, step: step * batches.length + i });
    });

  const optimisers: Readonly<Record<HalfName, Adam<Tree>>> = { G: generators, D: discriminators };
  const gradientsOf = (half: HalfName, inputs: readonly GauganInputs[]): Gradients =>
    half === 'G'
      ? generatorGradients(trainee, setting, inputs, scaling?.G)
      : discriminatorGradients(trainee, setting, inputs, scaling?.D);
  /** Adam; control, losses and loss scale of a half in one tensor. */
  const updated = (half: HalfName, { terms, grads }: Gradients, lr: number): Tensor => {
    const own = scaling?.[half];
    const control = optimisers[half].update(grads, lr * ttur[half], done[half] + 1, undefined, own);
    const losses = (terms as readonly Readonly<Record<string, Tensor>>[]).flatMap((of) =>
      termsOf(half).map((name) => of[name]),
    );
    return pack([control, ...losses, ...(own?.reading ?? [])]);
  };

  /** Uploads a batch, and records the first half of a step up to Adam. */
  const begun = (batches: readonly LabelPictures[], step: number, [first]: readonly HalfName[]): Begun => {
    const inputs = hold(() => upload(batches, step));
    return { inputs, gradients: hold(() => gradientsOf(first, inputs.value)) };
  };
  /** Records the rest: the update of the first half, freed then, and the other half. Gives what is to be read of each. */
  const finished = ({ inputs, gradients }: Begun, [first, ...others]: readonly HalfName[], lr: number): Tensor[] => {
    const batches = inputs.take();
    return [
      scope(() => updated(first, gradients.take(), lr)),
      ...others.map((half) => scope(() => updated(half, gradientsOf(half, batches), lr))),
    ];
  };
  const termsOf = (half: HalfName) => TERMS[half].filter((name) => isOn(name, setting));

  /** Takes in what was read after a step. */
  function report(
    values: Float32Array | Uint32Array,
    halves: readonly HalfName[],
    batches: number,
    lr: number,
  ): StepReport {
    const losses: Record<string, number> = {};
    const failed: string[] = [];
    let at = 0;
    const next = (count: number) => values.subarray(at, (at += count));
    for (const half of halves) {
      const names = termsOf(half);
      const [, ok, norm] = next(4);
      const terms = next(names.length * batches);
      names.forEach((name, term) => {
        const own = Array.from({ length: batches }, (_, i) => terms[i * names.length + term]);
        losses[name] = own.reduce((sum, x) => sum + x, 0) / batches;
      });
      if (ok === 1) done[half]++;
      const scale = scaling?.[half].heard(next(2));
      // an overflow of scaled gradients is no sign of weights that went astray
      if (scale && ok !== 1) failed.push(overflowReason(`a gradient of ${half}`, scale.value));
      else {
        losses[`gradient_norm_${half}`] = norm;
        if (ok !== 1) failed.push(`the gradient norm of ${half} is ${norm}, which is not a finite number`);
      }
    }
    if (failed.length > 0) return { losses, lr, skipped: failed.join('; ') };
    done.steps++;
    return { losses, lr };
  }

  return {
    model: 'gaugan',
    totalSteps,

    forecast(batches) {
      const before = device.pool.stats.allocatedBytes;
      const { peakBytes, compile } = device.forecast(() => finished(begun(batches, 0, BOTH), BOTH, schedule.lr));
      return { peakBytes: before + peakBytes, compile };
    },

    begin(batches, step): FinishStep {
      const halves = (step % stepsPerEpoch) % dSteps === 0 ? BOTH : DISCRIMINATOR;
      const own = begun(batches, step, halves);
      open = own;
      device.submit();
      return async () => {
        const lr = epochRate(schedule, Math.floor(done.steps / stepsPerEpoch) + 1);
        const values = await readPacked(() => finished(own, halves, lr));
        return report(values, halves, batches.length, lr);
      };
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
      open?.inputs.dispose();
      open?.gradients.dispose();
      scaling?.G.dispose();
      scaling?.D.dispose();
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
