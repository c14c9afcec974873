/** GauGAN's generator and encoder, from wherever their weights are. */
import { z } from 'zod';
import { CheckpointError, type Device, type Tree, tensor, treeOf } from '../../engine/index.ts';
import { keyMapFor, type Shape } from '../../models/checkpoint/key-maps.ts';
import { assertMatch, matchKeys } from '../../models/checkpoint/match-keys.ts';
import { renameWith } from '../../models/checkpoint/rename-keys.ts';
import { elementCount, toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { type Flavour, generatorPlan, type Upsampling } from '../../models/gaugan/config.ts';
import {
  inferEncoderConfig,
  inferGeneratorConfig,
  inferPix2pixHdConfig,
  isPix2pixHd,
  type Shapes,
} from '../../models/gaugan/infer-config.ts';
import { encoderSpecs, type StateSpec } from '../../models/gaugan/state.ts';
import { derivedTensors } from '../checkpoint/convert.ts';
import { type CheckpointFile, openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import type { StoredTensor } from '../checkpoint/safetensors-file.ts';
import { LABEL_DATASETS } from '../data/datasets/label-datasets.ts';
import type { Size } from '../data/datasets/preprocess.ts';
import { RequestError } from '../errors.ts';
import type { GauganNetworks, GauganState } from '../recipes/gaugan-losses.ts';
import { type GauganShape, generatorNetworks, specsOfGenerator } from '../recipes/gaugan-networks.ts';
import { type GauganFiles, gauganFiles } from './gaugan-files.ts';
import { publishedDataset, type SemanticHints, type SemanticRule, semanticRule } from './gaugan-labels.ts';

export interface GauganOptions extends SemanticHints {
  /** a run folder, a checkpoint folder, a folder of the original's files, or the generator's file */
  readonly weights: string;
  /** the encoder's file, where it is not beside the generator */
  readonly encoder?: string | undefined;
  /** as in `gauganFiles` */
  readonly epoch?: string | undefined;
  /** what files of the original do not show; see `Unseen` */
  readonly cropSize?: number | undefined;
  readonly aspectRatio?: number | undefined;
  readonly upsampling?: Upsampling | undefined;
  readonly flavour?: Flavour | undefined;
  readonly warn?: ((line: string) => void) | undefined;
}

/** What files say of their networks, before anything is on a device. */
export interface OpenedGaugan {
  readonly files: GauganFiles;
  readonly networks: Pick<GauganNetworks, 'generator' | 'encoder'>;
  readonly rule: SemanticRule;
  /** of the pictures that the network paints */
  readonly size: Size;
  /** for people: where the weights are from and which network they make */
  readonly description: string;
}

/** Networks on a device. */
export interface LoadedGaugan extends OpenedGaugan {
  readonly device: Device;
  readonly state: GauganState;
}

/**
 * Reads what the files say of themselves: a training of miaobi wrote the shape of its networks into their headers; of
 * other files names and shapes are read, and the rest is taken from the options, or from what the original does.
 *
 * @throws CheckpointError when a file is damaged, unsafe or of another network; RequestError when it is not there, or
 *         the options contradict it
 */
export async function openGaugan(options: GauganOptions): Promise<OpenedGaugan> {
  const files = await gauganFiles(options.weights, options);
  const G = await openNet(files.G, 'G');
  const E = files.E === undefined ? undefined : await openNet(files.E, 'E').catch(closing(G));
  try {
    const written = writtenShape(files.G, G.file);
    const networks = written ? generatorNetworks(checked(written, options)) : inferred(G, E, options);
    const { generator } = networks;
    const encoder = networks.encoder && E ? networks.encoder : undefined;
    const channels = generator.net === 'spade' ? generator.semanticNc : generator.inputNc;
    assertMatch(
      `${files.G} for gaugan-G`,
      matchKeys(withMade(G, specsOfGenerator(generator)), shapesOf(specsOfGenerator(generator))),
    );
    if (encoder && E) {
      const specs = encoderSpecs(encoder);
      assertMatch(`${files.E} for gaugan-E`, matchKeys(withMade(E, specs), shapesOf(specs)));
    }
    const opened = { files: { ...files, E: encoder && files.E }, networks: { generator, encoder } };
    const size = paintedSize(generator, { ...written, ...defined(options) });
    return { ...opened, size, rule: semanticRule(channels, options, written), description: describe(opened) };
  } finally {
    await G.file.close();
    await E?.file.close();
  }
}

/**
 * Puts generator and encoder on a device. Averaged weights win over the plain ones; buffers are always those of the
 * training.
 *
 * @throws as `openGaugan`; OutOfMemoryError, LimitError when the weights do not fit
 */
export async function loadGaugan(device: Device, options: GauganOptions | OpenedGaugan): Promise<LoadedGaugan> {
  const opened = 'networks' in options ? options : await openGaugan(options);
  const { files, networks } = opened;
  const averages = files.ema === undefined ? undefined : await openCheckpoint(files.ema);
  try {
    const G = await upload(device, files.G, 'G', specsOfGenerator(networks.generator), averages);
    const E =
      networks.encoder && files.E
        ? await upload(device, files.E, 'E', encoderSpecs(networks.encoder), averages)
        : undefined;
    return { ...opened, device, state: { G, E } };
  } finally {
    await averages?.close();
  }
}

interface OpenNet {
  readonly file: CheckpointFile;
  /** under the release's names */
  readonly tensors: Map<string, StoredTensor>;
  readonly net: 'G' | 'E';
}

async function openNet(path: string, net: 'G' | 'E'): Promise<OpenNet> {
  const file = await openCheckpoint(path);
  return { file, net, tensors: renameWith(file.tensors, (key) => keyMap(net).rename(key, file.tensors)) };
}

const closing =
  ({ file }: OpenNet) =>
  async (error: unknown): Promise<never> => {
    await file.close();
    throw error;
  };

const keyMap = (net: 'G' | 'E') => keyMapFor(`gaugan-${net}`) as NonNullable<ReturnType<typeof keyMapFor>>;
const shapesOf = (specs: readonly StateSpec[]) => new Map<string, Shape>(specs.map(({ key, shape }) => [key, shape]));

/** A file's tensors, and those that can be made of them. */
const withMade = ({ net, tensors }: OpenNet, specs: readonly StateSpec[]): Map<string, StoredTensor> =>
  new Map([...tensors, ...derivedTensors(keyMap(net), shapesOf(specs), tensors)]);

async function upload(
  device: Device,
  path: string,
  net: 'G' | 'E',
  specs: readonly StateSpec[],
  averages: CheckpointFile | undefined,
): Promise<Tree> {
  const opened = await openNet(path, net);
  try {
    const stored = withMade(opened, specs);
    assertMatch(`${path} for gaugan-${net}`, matchKeys(stored, shapesOf(specs)));
    const entries: [string, ReturnType<typeof tensor>][] = [];
    for (const { key, shape } of specs) {
      const source = averages?.tensors.get(`${net}.${key}`) ?? (stored.get(key) as StoredTensor);
      const values = toFloat32Array({ ...source, bytes: await source.read() });
      if (values.length !== elementCount(shape)) throw damagedAverage(averages?.path ?? path, key);
      entries.push([key, tensor(device, values, shape)]);
    }
    return treeOf(entries);
  } finally {
    await opened.file.close();
  }
}

const damagedAverage = (path: string, key: string): CheckpointError =>
  new CheckpointError(
    `${path}: expected the average of ${key} to have its shape, but it has another. Take another checkpoint.`,
  );

function inferred(G: OpenNet, E: OpenNet | undefined, options: GauganOptions): OpenedGaugan['networks'] {
  const { format, metadata } = G.file;
  // numpy arrays in a plain pickle are what Jittor saves
  const ported = format === 'pickle' || metadata.get('source_format') === 'pickle';
  const flavour = options.flavour ?? (ported ? 'jittor' : 'pytorch');
  const shapes: Shapes = G.tensors;
  if (isPix2pixHd(shapes)) {
    return { generator: { net: 'pix2pixhd', ...inferPix2pixHdConfig(shapes, flavour) }, encoder: undefined };
  }
  const unseen = { ...usual(shapes, options), flavour };
  const generator = inferGeneratorConfig(shapes, unseen);
  return {
    generator: { net: 'spade', ...generator },
    encoder: generator.useVae && E ? inferEncoderConfig(E.tensors, flavour) : undefined,
  };
}

/** Crop and layers of the data set that is named, or whose number of channels the network reads. */
function usual(shapes: Shapes, { cropSize, aspectRatio, upsampling, datasetMode }: GauganOptions) {
  const mode = datasetMode ?? publishedDataset(shapes.get('head_0.norm_0.mlp_shared.0.weight')?.shape[1] ?? 0);
  const given = { cropSize, aspectRatio, upsampling };
  if (mode === undefined || mode === 'custom' || shapes.get('fc.weight')?.shape.length === 2) return given;
  const dataset = LABEL_DATASETS[mode];
  return {
    cropSize: cropSize ?? dataset.cropSize,
    aspectRatio: aspectRatio ?? dataset.aspectRatio,
    upsampling:
      upsampling ?? ([...shapes.keys()].some((key) => key.startsWith('up_4.')) ? undefined : dataset.upsampling),
  };
}

const defined = ({ cropSize, aspectRatio }: GauganOptions) => ({
  ...(cropSize === undefined ? {} : { cropSize }),
  ...(aspectRatio === undefined ? {} : { aspectRatio }),
});

/** The size that a network is made for; pix2pixHD, which takes any, gets the nearest to the crop that it can halve. */
function paintedSize(
  generator: GauganNetworks['generator'],
  { cropSize = 256, aspectRatio = 1 }: { readonly cropSize?: number; readonly aspectRatio?: number },
): Size {
  if (generator.net === 'spade') {
    const { width, height } = generatorPlan(generator);
    return { width, height };
  }
  const unit = 2 ** generator.downsamplings;
  const legal = (side: number) => unit * Math.max(1, Math.round(side / unit));
  return { width: legal(cropSize), height: legal(cropSize / aspectRatio) };
}

const SHAPE = z.object({
  netG: z.enum(['spade', 'pix2pixhd']),
  labelNc: z.number().int().positive(),
  dontCare: z.boolean(),
  instance: z.boolean(),
  ngf: z.number().int().positive(),
  nhidden: z.number().int().positive(),
  normG: z.string(),
  normE: z.string(),
  numUpsamplingLayers: z.enum(['normal', 'more', 'most']),
  cropSize: z.number().int().positive(),
  aspectRatio: z.number().positive(),
  useVae: z.boolean(),
  zDim: z.number().int().positive(),
  flavour: z.enum(['pytorch', 'jittor']),
});

/** What a training of miaobi wrote of its networks; undefined in other files. */
function writtenShape(path: string, { metadata }: CheckpointFile): GauganShape | undefined {
  const text = metadata.get('shape');
  if (text === undefined) return undefined;
  let written: unknown;
  try {
    written = JSON.parse(text);
  } catch {
    written = undefined;
  }
  const parsed = SHAPE.safeParse(written);
  if (parsed.success) return parsed.data;
  throw new CheckpointError(
    `${path}: expected the shape of a gaugan in its metadata, but ` +
      `${parsed.error.issues.map(({ path: at, message }) => `${at.join('.') || 'shape'}: ${message}`).join('; ')}. ` +
      'Train or convert it again.',
  );
}

/** A network without a latent paints any size; one with a latent only its own. @throws RequestError */
function checked(written: GauganShape, { cropSize, aspectRatio, upsampling, flavour }: GauganOptions): GauganShape {
  const free = written.netG === 'spade' && !written.useVae;
  const given = { cropSize, aspectRatio, numUpsamplingLayers: upsampling, flavour };
  for (const [name, value] of Object.entries(given)) {
    const own = written[name as keyof typeof given];
    if (value === undefined || value === own || (free && (name === 'cropSize' || name === 'aspectRatio'))) continue;
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new RequestError(`${flag} ${value}: expected ${own}, with which this network was trained. Leave it out.`);
  }
  return { ...written, cropSize: cropSize ?? written.cropSize, aspectRatio: aspectRatio ?? written.aspectRatio };
}

function describe({ files, networks: { generator, encoder } }: Pick<OpenedGaugan, 'files' | 'networks'>): string {
  const kind =
    generator.net === 'pix2pixhd'
      ? 'pix2pixHD'
      : `SPADE${generator.useVae ? ' with a latent' : ''}, ${generator.flavour}`;
  const from = [files.G, ...(encoder && files.E ? [files.E] : [])].join(' and ');
  return `${from} (${kind}, ngf ${generator.ngf})${files.ema ? ', averaged' : ''}`;
}
