/** CAP-VSTNet as `miaobi train cap-vstnet` knows it. */
import { leaves } from '../../engine/index.ts';
import { CAP_VSTNET, type CapVstnetConfig, type CapVstnetMode } from '../../models/cap-vstnet/config.ts';
import { capVstnetLoader, type StylePairs } from '../data/datasets/style-pairs.ts';
import { grouped } from '../data/loader.ts';
import { RequestError } from '../errors.ts';
import { MOTION_CELL } from '../losses/motion.ts';
import { checkPrecision } from '../precision.ts';
import { type CapVstnetRecipe, capVstnetRecipe, setUpCapVstnet } from './cap-vstnet.ts';
import { HIGHER_IS_BETTER } from './cap-vstnet-evaluation.ts';
import { LOSS_WEIGHTS, type LossWeights } from './cap-vstnet-losses.ts';
import { asTraining, type System, type Training, type TrainSettings } from './system.ts';

/** The official training's numbers that do not depend on the mode. */
const OFFICIAL = {
  steps: 160_000,
  batchSize: 2,
  lr: 1e-4,
  lrDecay: 5e-5,
  beta1: 0.9,
  beta2: 0.999,
  clipGrad: 5,
  loadSize: 512,
  cropSize: 256,
  winRad: 1,
} as const;

/** 10,000 steps after 160,000, and as many of a training of another length. */
const TEMPORAL_SHARE = 1 / 16;

const LAPLACIAN_EPS = 1e-7;

const HALF_NOTE =
  'Precision: f16 inside the residual functions and the encoder of the losses, f32 elsewhere; the loss is scaled';

export const capVstnet: System = {
  model: 'cap-vstnet',
  title: 'CAP-VSTNet: carries the style of one picture over to another',
  takes: [
    'content',
    'style',
    'mode',
    'nBlocks',
    'nChannels',
    'vgg',
    'loadSize',
    'cropSize',
    'maxItems',
    'holdOut',
    'lrDecay',
    'clipGrad',
    'styleWeight',
    'contentWeight',
    'lapWeight',
    'recWeight',
    'temporalWeight',
    'temporalSteps',
    'winRad',
  ],
  needs: ['content', 'style'],
  preset(chosen) {
    const weights = LOSS_WEIGHTS[chosen.mode ?? 'photo'];
    return {
      ...OFFICIAL,
      temporalSteps: temporalStepsOf(chosen),
      mode: 'photo',
      contentWeight: weights.content,
      styleWeight: weights.style,
      lapWeight: weights.laplacian,
      recWeight: weights.cycle,
      temporalWeight: weights.temporal,
    };
  },
  async make(device, settings, warn) {
    checkPrecision(settings.precision, device);
    const all = { ...this.preset(settings), ...defined(settings) } as Required<TrainSettings>;
    checkMotion(all);
    const mode: CapVstnetMode = all.mode;
    const loader = await capVstnetLoader({
      contentDir: all.content,
      styleDir: all.style,
      batchSize: all.batchSize,
      loadSize: all.loadSize,
      cropSize: all.cropSize,
      seed: all.seed,
      workers: all.workers === 'auto' ? undefined : all.workers,
      maxItems: all.maxItems,
      holdOut: all.holdOut,
      laplacian: { winRad: all.winRad, eps: LAPLACIAN_EPS },
      onWarning: warn,
    });
    const config = reduced(CAP_VSTNET[mode], settings);
    const vgg = typeof settings.vgg === 'string' ? settings.vgg : undefined;
    const { initial, setting, encoder } = await setUpCapVstnet(device, {
      config,
      weights: weightsOf(all),
      vgg,
      seed: all.seed,
      precision: all.precision,
    });
    const recipe = capVstnetRecipe(device, initial, {
      config,
      setting,
      seed: all.seed,
      lr: all.lr,
      lrDecay: all.lrDecay,
      betas: [all.beta1, all.beta2],
      clipNorm: all.clipGrad > 0 ? all.clipGrad : undefined,
      ema: settings.ema,
      precision: all.precision,
      steps: all.steps,
      temporalSteps: all.temporalSteps,
    });
    // the optimiser has copies; what is free before the first step would count on top of its forecast
    for (const [, leaf] of leaves(initial)) leaf.dispose();
    await device.finish();
    device.pool.trim();
    const { heldOut } = loader;
    const training: Training<readonly StylePairs[]> = {
      recipe,
      loader: grouped(loader, all.accumulate),
      imagesPerStep: all.batchSize * all.accumulate,
      stepsPerEpoch: Math.max(1, Math.ceil(loader.contents / (all.batchSize * all.accumulate))),
      bestMetric: 'total',
      ...(heldOut.length > 0 ? onPairs(recipe, heldOut, encoder) : {}),
      metadata: { mode, config: JSON.stringify(config) },
      notes: [
        `Data: ${loader.contents} contents, ${loader.styles} styles, crops of ${all.cropSize} out of ${all.loadSize} pixels`,
        ...(heldOut.length > 0 ? [`Held out: ${counted(heldOut)}, for samples and evaluations`] : []),
        `Encoder of the losses: ${encoder}${vgg ? '' : '; give trained ones with --vgg vgg_normalised.pth'}`,
        ...(all.precision === 'f16' ? [HALF_NOTE] : []),
      ],
    };
    return asTraining(training);
  },
};

/** A motion has one random number for each `MOTION_CELL` pixels: smaller crops are trained without. */
function temporalStepsOf({ steps = OFFICIAL.steps, cropSize = OFFICIAL.cropSize }: Partial<TrainSettings>): number {
  return cropSize < MOTION_CELL ? 0 : Math.round(TEMPORAL_SHARE * steps);
}

/** @throws RequestError when crops are too small for the temporal term that is asked for */
function checkMotion({ temporalSteps, cropSize }: Required<TrainSettings>): void {
  if (temporalSteps === 0 || cropSize >= MOTION_CELL) return;
  throw new RequestError(
    `--temporal-steps ${temporalSteps}: expected crops of at least ${MOTION_CELL} pixels, for a synthetic motion has one ` +
      `number for each, but --crop-size is ${cropSize}. Try --temporal-steps 0, or a larger --crop-size.`,
  );
}

const counted = ({ length }: readonly unknown[]) => `${length} ${length === 1 ? 'pair' : 'pairs'}`;

/** Samples and evaluations are of the pairs that are held out. */
function onPairs(
  recipe: CapVstnetRecipe,
  heldOut: readonly StylePairs[],
  encoder: string,
): Pick<Training<readonly StylePairs[]>, 'sampleBatch' | 'evaluation'> {
  return {
    sampleBatch: heldOut,
    evaluation: {
      measure: () => recipe.evaluate(heldOut),
      about: `Held out: ${counted(heldOut)}. Style by ${encoder}.`,
      higherIsBetter: HIGHER_IS_BETTER,
      best: 'total',
    },
  };
}

/** The published network, or a smaller one whose refinement needs no padding. @throws RequestError */
function reduced(config: CapVstnetConfig, { nBlocks, nChannels }: TrainSettings): CapVstnetConfig {
  if (!nBlocks && !nChannels) return config;
  const blocks = nBlocks ?? config.nBlocks;
  const channels = nChannels ?? config.nChannels;
  const hiddenDim = channels[channels.length - 1] / 4 ** config.spSteps;
  const smaller = { ...config, nBlocks: blocks, nChannels: channels, hiddenDim };
  const squeezed = channels.every((c, stage) => stage === 0 || c === channels[stage - 1] * config.nStrides[stage] ** 2);
  if (blocks.length !== 3 || channels.length !== 3 || !squeezed || channels[0] % config.mult !== 0) {
    throw new RequestError(
      `--n-blocks ${blocks} --n-channels ${channels}: expected three stages whose half widths grow fourfold and start at ` +
        `a multiple of ${config.mult}, as 4,16,64. The published network has --n-blocks 10,10,10 --n-channels 16,64,256.`,
    );
  }
  return smaller;
}

function weightsOf(all: Required<TrainSettings>): LossWeights {
  return {
    content: all.contentWeight,
    style: all.styleWeight,
    laplacian: all.lapWeight,
    cycle: all.recWeight,
    temporal: all.temporalWeight,
  };
}

const defined = (settings: TrainSettings) =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
