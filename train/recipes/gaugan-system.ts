/** GauGAN as `miaobi train gaugan` knows it. */
import { type Device, leaves } from '../../engine/index.ts';
import {
  countParameters,
  discriminatorSpecs,
  encoderSpecs,
  type Initialisation,
  initialState,
  type StateSpec,
} from '../../models/gaugan/state.ts';
import { isBuffer } from '../../models/layers/state.ts';
import { LABEL_DATASETS } from '../data/datasets/label-datasets.ts';
import { type LabelPictureLoader, type LabelPictures, labelPictureLoader } from '../data/datasets/label-pictures.ts';
import { readPalette } from '../data/image/palette.ts';
import { grouped } from '../data/loader.ts';
import { RequestError } from '../errors.ts';
import { loadPerceptualVgg, type PerceptualVggOptions } from '../infer/load-vgg.ts';
import type { EpochSchedule } from '../optim/epoch-rate.ts';
import { checkPrecision } from '../precision.ts';
import { type GauganRecipe, gauganRecipe } from './gaugan.ts';
import { HIGHER_IS_BETTER } from './gaugan-evaluation.ts';
import type { GauganNetworks } from './gaugan-losses.ts';
import {
  classesOf,
  type DiscriminatorShape,
  type GauganShape,
  gauganNetworks,
  specsOfGenerator,
} from './gaugan-networks.ts';
import { asTraining, type SettingName, type System, type Training, type TrainSettings } from './system.ts';

/** The release's numbers that do not depend on the data set. */
const RELEASE = {
  epochs: 50,
  decayEpochs: 0,
  lr: 2e-4,
  ttur: true,
  dSteps: 1,
  clipGrad: 0,
  flip: true,
  netG: 'spade',
  ngf: 64,
  ndf: 64,
  nhidden: 128,
  normD: 'spectralinstance',
  normE: 'spectralinstance',
  numD: 2,
  nLayersD: 4,
  useVae: false,
  zDim: 256,
  flavour: 'pytorch',
  initType: 'xavier',
  initVariance: 0.02,
  ganMode: 'hinge',
  ganFeat: true,
  lambdaFeat: 10,
  lambdaVgg: 10,
  lambdaKld: 0.05,
  holdOut: 0,
} as const;

const HALF_NOTE =
  'Precision: f16 for activations, their gradients and the encoder of the losses, f32 elsewhere; the losses are scaled';

/** Random streams of the first weights. */
const STREAMS = { G: 1, E: 2, D: 3 } as const;

const TAKES: readonly SettingName[] = [
  ...(['data', 'datasetMode', 'labelDir', 'imageDir', 'instanceDir', 'labelToImg', 'referenceDir', 'palette'] as const),
  ...(['labelNc', 'instance', 'dontCare', 'preprocessMode', 'loadSize', 'cropSize', 'aspectRatio', 'flip'] as const),
  ...(['maxItems', 'holdOut', 'epochs', 'decayEpochs', 'ttur', 'dSteps', 'clipGrad', 'netG', 'ngf', 'ndf'] as const),
  ...(['nhidden', 'normG', 'normD', 'normE', 'numUpsamplingLayers', 'numD', 'nLayersD', 'useVae', 'zDim'] as const),
  ...(['flavour', 'initType', 'initVariance', 'ganMode', 'ganFeat', 'lambdaFeat', 'lambdaVgg', 'lambdaKld'] as const),
  'recompute',
  ...(['vgg', 'vggChannels'] as const),
];

type Settings = Omit<Required<TrainSettings>, Optional> & Pick<TrainSettings, Optional>;
type Optional =
  | ('data' | 'labelDir' | 'imageDir' | 'instanceDir' | 'labelToImg' | 'referenceDir' | 'palette' | 'dontCare')
  | ('maxItems' | 'steps' | 'ema' | 'vgg' | 'vggChannels' | 'recompute');

export const gaugan: System = {
  model: 'gaugan',
  title: 'GauGAN (SPADE): paints a picture for a label map, in the manner of a reference where it has a VAE',
  takes: TAKES,
  needs: [],
  preset(chosen) {
    const dataset = LABEL_DATASETS[chosen.datasetMode ?? 'custom'];
    const betas = chosen.ttur === false ? { beta1: 0.5, beta2: 0.999 } : { beta1: 0, beta2: 0.9 };
    return {
      ...RELEASE,
      ...betas,
      datasetMode: 'custom',
      normG: chosen.netG === 'pix2pixhd' ? 'spectralinstance' : 'spectralspadesyncbatch3x3',
      preprocessMode: dataset.preprocess,
      loadSize: dataset.loadSize.train,
      cropSize: dataset.cropSize,
      aspectRatio: dataset.aspectRatio,
      labelNc: dataset.labelNc,
      instance: dataset.instances,
      ...(dataset.dontCare === undefined ? {} : { dontCare: dataset.dontCare }),
      batchSize: dataset.batchSize,
      numUpsamplingLayers: dataset.upsampling,
    };
  },
  async make(device, settings, warn) {
    const all = { ...this.preset(settings), ...defined(settings) } as unknown as Settings;
    checkSettings(all);
    checkPrecision(all.precision, device);
    const shape = shapeOf(all);
    const networks = gauganNetworks(shape);
    const loader = await openData(all, networks, warn);
    const usesVgg = all.vgg !== false && all.lambdaVgg > 0;
    const path = typeof all.vgg === 'string' ? all.vgg : undefined;
    const loaded = usesVgg ? await loadPerceptualVgg(device, path, vggOptions(all)) : undefined;

    const specs = specsOf(networks);
    const init: Initialisation = { type: all.initType, gain: all.initVariance, spectral: false };
    const stateOf = (net: 'G' | 'E' | 'D') =>
      initialState(device, specs[net] as readonly StateSpec[], { seed: all.seed, stream: STREAMS[net], init });
    const initial = { G: stateOf('G'), E: specs.E && stateOf('E'), D: stateOf('D') };
    const stepsPerEpoch = Math.max(1, Math.floor(loader.stepsPerEpoch / all.accumulate));
    const schedule: EpochSchedule = {
      ...{ lr: all.lr, epochs: all.steps === undefined ? all.epochs : Number.POSITIVE_INFINITY },
      decayEpochs: all.steps === undefined ? all.decayEpochs : 0,
    };
    const recipe = gauganRecipe(device, initial, {
      setting: {
        networks,
        ganMode: all.ganMode,
        weights: { feature: all.ganFeat ? all.lambdaFeat : 0, vgg: all.lambdaVgg, kld: all.lambdaKld },
        vgg: loaded?.vgg,
        recompute: all.recompute,
        precision: all.precision,
      },
      classes: classesOf(shape),
      seed: all.seed,
      ...{ schedule, stepsPerEpoch },
      totalSteps: all.steps ?? (all.epochs + all.decayEpochs) * stepsPerEpoch,
      ttur: all.ttur ? { G: 0.5, D: 2 } : { G: 1, D: 1 },
      betas: [all.beta1, all.beta2],
      dSteps: all.dSteps,
      clipNorm: all.clipGrad > 0 ? all.clipGrad : undefined,
      ema: all.ema,
    });
    await freeInitial(device, initial);
    const training: Training<readonly LabelPictures[]> = {
      recipe,
      loader: grouped(loader, all.accumulate),
      imagesPerStep: all.batchSize * all.accumulate,
      stepsPerEpoch,
      bestMetric: usesVgg ? 'VGG' : 'GAN_Feat',
      ...(await onHeldOut(recipe, loader, loaded?.description)),
      metadata: { shape: JSON.stringify(shape) },
      notes: notesOf(all, specs, loader, loaded?.description, path),
    };
    return asTraining(training);
  },
};

function checkSettings(all: Settings): void {
  if (all.netG === 'pix2pixhd' && all.useVae) {
    throw new RequestError('--use-vae: pix2pixhd has no latent. Leave it out, or take --net-g spade.');
  }
  if (all.useVae && all.zDim !== RELEASE.zDim && all.zDim < 1) {
    throw new RequestError(`--z-dim ${all.zDim}: expected at least 1. The release has 256.`);
  }
}

/** @throws RequestError when widths are given that are not used, or not five */
function vggOptions({ seed, precision, vgg, vggChannels: channels }: Settings): PerceptualVggOptions {
  if (channels && (typeof vgg === 'string' || channels.length !== 5)) {
    throw new RequestError(
      `--vgg-channels ${channels}: expected five widths for an encoder without trained weights. ` +
        'Give either --vgg FILE, or widths such as 16,32,64,128,128.',
    );
  }
  return { seed, channels, dtype: precision };
}

function shapeOf(all: Settings): GauganShape & DiscriminatorShape {
  return {
    ...{ netG: all.netG, labelNc: all.labelNc, dontCare: all.dontCare !== undefined, instance: all.instance },
    ...{ ngf: all.ngf, nhidden: all.nhidden, normG: all.normG, normE: all.normE, flavour: all.flavour },
    ...{ numUpsamplingLayers: all.numUpsamplingLayers, cropSize: all.cropSize },
    // square crops whatever the pictures' own proportions; only `fixed` makes the sample another shape
    aspectRatio: all.preprocessMode === 'fixed' ? all.aspectRatio : 1,
    ...{ useVae: all.useVae, zDim: all.zDim },
    ...{ ndf: all.ndf, numD: all.numD, nLayersD: all.nLayersD, normD: all.normD, ganFeat: all.ganFeat },
  };
}

async function openData(
  all: Settings,
  networks: GauganNetworks,
  warn: (line: string) => void,
): Promise<LabelPictureLoader> {
  return labelPictureLoader({
    ...{ mode: all.datasetMode, data: all.data, labelDir: all.labelDir, imageDir: all.imageDir },
    ...{ instanceDir: all.instanceDir, instances: all.instance, labelToImage: all.labelToImg },
    ...{ referenceDir: all.referenceDir, references: networks.encoder !== undefined },
    ...{ labelNc: all.labelNc, dontCare: all.dontCare, maxItems: all.maxItems, holdOut: all.holdOut },
    palette: all.palette === undefined ? undefined : await readPalette(all.palette),
    ...{ batchSize: all.batchSize, flips: all.flip, seed: all.seed },
    workers: all.workers === 'auto' ? undefined : all.workers,
    preprocess: {
      ...{ mode: all.preprocessMode, loadSize: all.loadSize, cropSize: all.cropSize, aspectRatio: all.aspectRatio },
    },
    onWarning: warn,
  });
}

/** The state dicts of the networks. */
function specsOf({ generator, encoder, discriminator }: GauganNetworks): {
  readonly G: readonly StateSpec[];
  readonly E: readonly StateSpec[] | undefined;
  readonly D: readonly StateSpec[];
} {
  return {
    G: specsOfGenerator(generator),
    E: encoder && encoderSpecs(encoder),
    D: discriminatorSpecs(discriminator),
  };
}

/** The optimisers have copies of what is trained; what is free before the first step would count on top of its forecast. */
async function freeInitial(device: Device, initial: Parameters<typeof gauganRecipe>[1]): Promise<void> {
  for (const tree of [initial.G, initial.E, initial.D]) {
    for (const [key, leaf] of tree ? leaves(tree) : []) if (!isBuffer(key)) leaf.dispose();
  }
  await device.finish();
  device.pool.trim();
}

/** Samples and evaluations are of the pairs that are held out. */
async function onHeldOut(
  recipe: GauganRecipe,
  loader: LabelPictureLoader,
  encoder: string | undefined,
): Promise<Partial<Pick<Training<readonly LabelPictures[]>, 'sampleBatch' | 'evaluation'>>> {
  const { length } = loader.heldOutPairs;
  if (length === 0) return {};
  const batches: LabelPictures[] = [];
  for (let i = 0; i < length; i++) batches.push(await loader.heldOut(i, 1));
  return {
    sampleBatch: batches,
    evaluation: {
      measure: () => recipe.evaluate(batches),
      about: `Held out: ${length} ${length === 1 ? 'pair' : 'pairs'}.${encoder ? ` VGG by ${encoder}.` : ''}`,
      higherIsBetter: HIGHER_IS_BETTER,
      best: encoder ? 'vgg' : 'l1',
    },
  };
}

function notesOf(
  all: Settings,
  specs: ReturnType<typeof specsOf>,
  loader: LabelPictureLoader,
  encoder: string | undefined,
  path: string | undefined,
): string[] {
  const millions = (own: readonly StateSpec[]) => `${(countParameters(own) / 1e6).toFixed(1)} M`;
  const held = loader.heldOutPairs.length;
  const nets = [`G ${millions(specs.G)}`, ...(specs.E ? [`E ${millions(specs.E)}`] : []), `D ${millions(specs.D)}`];
  return [
    `Data: ${loader.pairs.length} pairs, ${all.labelNc} classes${all.dontCare === undefined ? '' : ' and unknown'}` +
      `${all.instance ? ', edges of instances' : ''}, crops of ${all.cropSize}${held > 0 ? `; ${held} held out` : ''}`,
    `Parameters: ${nets.join(', ')}`,
    ...(encoder
      ? [`Encoder of the VGG loss: ${encoder}${path ? '' : '; give trained ones with --vgg vgg19.pth'}`]
      : []),
    ...(all.precision === 'f16' ? [HALF_NOTE] : []),
  ];
}

const defined = (settings: TrainSettings) =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
