/** Stage `generate`: GauGAN paints a picture for a label map, in the manner of the reference where the network has an encoder. */
import { readLabelInput, readPictureAt } from '../data/datasets/label-input.ts';
import { type Palette, readPalette } from '../data/image/palette.ts';
import { resizePicture } from '../data/image/picture.ts';
import { readPictureSize } from '../data/image/read.ts';
import { writeImage } from '../data/image/write.ts';
import { DataError } from '../errors.ts';
import { gauganPainter, type Latent, latentOf } from '../infer/generate-picture.ts';
import { loadGaugan, type OpenedGaugan, openGaugan } from '../infer/load-gaugan.ts';
import { checkPrecision } from '../precision.ts';
import type { Item } from './items.ts';
import { fileHashes } from './manifest.ts';
import type { Recipe } from './recipe.ts';
import { type Painter, type PictureStage, precisionSetting, type StageContext } from './stage.ts';

type Options = NonNullable<Recipe['generate']>;

/** @throws CheckpointError, RequestError when the weights cannot be read or do not fit what the recipe says of them */
export async function generateStage(recipe: Recipe, options: Options, context: StageContext): Promise<PictureStage> {
  const { weights, encoder, size, batchStats, zSeed, numUpsamplingLayers, ...hints } = options;
  const said = { ...hints, upsampling: numUpsamplingLayers, ...(recipe.instances ? { instance: true } : {}) };
  const opened = await openGaugan({ ...said, weights, encoder, warn: context.warn });
  const palette = recipe.palette === undefined ? undefined : await readPalette(recipe.palette);
  const { G, E, ema } = opened.files;
  const { epoch: _, ...shape } = hints;
  return {
    name: 'generate',
    version: 1,
    settings: {
      ...{ size, batchStats, zSeed, ...shape, numUpsamplingLayers, palette },
      ...precisionSetting(context),
      seed: drawsAlone(opened) ? (zSeed ?? context.seed) : undefined,
      weights: await fileHashes({ G, E, ema }),
    },
    description: opened.description,
    extension: '.png',
    reads: [],
    inputs: (item) => inputsOf(item, opened),
    open: async (device) => {
      const lent = await device();
      checkPrecision(context.precision, lent);
      const painter = gauganPainter(await loadGaugan(lent, opened), {
        ...{ batchStatistics: batchStats, precision: context.precision },
      });
      await painter.prepare();
      return painting(painter, opened, { ...options, palette, seed: zSeed ?? context.seed });
    },
  };
}

const hasLatent = ({ networks: { generator } }: OpenedGaugan) => generator.net === 'spade' && generator.useVae;

/** Whether latents are noise alone. */
const drawsAlone = (opened: OpenedGaugan) => hasLatent(opened) && !opened.networks.encoder;

function inputsOf({ label, instance, reference, noReference }: Item, { networks, rule }: OpenedGaugan) {
  if (networks.encoder && reference === undefined) {
    throw new DataError(
      noReference ?? `${label}: expected a reference photo for this network's encoder, but the recipe names none.`,
    );
  }
  return {
    label,
    ...(rule.instance && instance !== undefined ? { instance } : {}),
    ...(networks.encoder && reference !== undefined ? { reference } : {}),
  };
}

interface PaintingOptions extends Pick<Options, 'size' | 'zSeed'> {
  readonly palette: Palette | undefined;
  readonly seed: number;
}

function painting(
  painter: ReturnType<typeof gauganPainter>,
  opened: OpenedGaugan,
  { size, zSeed, seed, palette }: PaintingOptions,
): Painter {
  const latents = new Map<string, Promise<Latent>>();
  const latentFrom = (path: string): Promise<Latent> => {
    const known = latents.get(path) ?? readPictureAt(path, painter.size).then((rgb) => painter.encode(rgb));
    latents.set(path, known);
    return known;
  };
  const manner = async (reference: string | undefined): Promise<Float32Array | undefined> => {
    if (painter.zDim === 0) return undefined;
    const latent = reference === undefined ? undefined : await latentFrom(reference);
    return latentOf(painter.zDim, latent, latent && zSeed === undefined ? undefined : { seed, sample: 0 });
  };
  return {
    async paint(_, { label, instance, reference }, output) {
      const map = await readLabelInput(label, { ...opened.rule, palette, instance, size: painter.size });
      const picture = await painter.paint(map, await manner(reference));
      const { width, height } = await targetSize(size, label, painter.size);
      const same = width === picture.width && height === picture.height;
      return writeImage(output, same ? picture : resizePicture(picture, width, height, 'bicubic'), { overwrite: true });
    },
    dispose: () => painter.dispose(),
  };
}

async function targetSize(size: Options['size'], label: string, network: { width: number; height: number }) {
  if (size === 'network') return network;
  if (size === 'keep') return readPictureSize(label);
  const [width, height] = size.split('x').map(Number);
  return { width, height };
}
