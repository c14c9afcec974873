/** Stage `stylize`: CAP-VSTNet gives a generated picture the colours and contrasts of its reference photo. */
import { leaves, type Tree } from '../../engine/index.ts';
import type { LabelMap } from '../../models/cap-vstnet/regions.ts';
import { readLabelIds } from '../data/image/label-map.ts';
import { type Palette, readPalette } from '../data/image/palette.ts';
import { resizePicture } from '../data/image/picture.ts';
import { readPictureSize } from '../data/image/read.ts';
import { writeImage } from '../data/image/write.ts';
import { DataError } from '../errors.ts';
import { describeRegions } from '../infer/describe-regions.ts';
import { type LoadedCapVstnet, loadCapVstnet } from '../infer/load-cap-vstnet.ts';
import {
  type LoadedStyle,
  loadStyle,
  type PictureStylizer,
  pictureStylizer,
  readSized,
} from '../infer/stylize-picture.ts';
import { checkPrecision } from '../precision.ts';
import { weightsFile } from '../run/weights.ts';
import type { Item } from './items.ts';
import { fileHashes } from './manifest.ts';
import type { Recipe } from './recipe.ts';
import { madeBy, type Painter, type PictureStage, precisionSetting, type StageContext } from './stage.ts';

type Options = NonNullable<Recipe['stylize']>;

/** @throws RequestError, CheckpointError when the weights cannot be read */
export async function stylizeStage(recipe: Recipe, options: Options, context: StageContext): Promise<PictureStage> {
  const { weights, referenceLabels, ...settings } = options;
  const file = weights === 'none' ? undefined : await weightsFile(weights, context.warn);
  const hashes = file === undefined ? `untrained, seed ${context.seed}` : await fileHashes({ net: file });
  const masked = referenceLabels !== undefined;
  const palette = masked && recipe.palette !== undefined ? await readPalette(recipe.palette) : undefined;
  return {
    name: 'stylize',
    version: 1,
    settings: { ...settings, masked, palette, ...precisionSetting(context), weights: hashes },
    description: file ?? 'untrained weights: they carry over colours and contrasts, but no trained look',
    extension: `.${options.format}`,
    reads: ['generate'],
    inputs: (item, earlier) => ({
      content: madeBy('generate', item, earlier),
      ...styleOf(item),
      ...(masked ? masksOf(item) : {}),
    }),
    open: async (device) => {
      const lent = await device();
      checkPrecision(context.precision, lent);
      const { seed, precision: dtype } = context;
      const own = { seed, dtype, mode: options.mode, ...(file === undefined ? {} : { weights: file }) };
      return painting(await loadCapVstnet(lent, own), options, palette);
    },
  };
}

function styleOf({ label, reference, noReference }: Item): { style: string } {
  if (reference !== undefined) return { style: reference };
  throw new DataError(noReference ?? `${label}: expected a reference photo, but the recipe names none.`);
}

function masksOf({ label, reference, referenceLabel }: Item): { mask: string; styleMask: string } {
  if (referenceLabel !== undefined) return { mask: label, styleMask: referenceLabel };
  throw new DataError(
    `${reference}: expected a label map of the same name among reference-labels, but there is none. ` +
      'Add it, or leave reference-labels out.',
  );
}

function painting({ net }: LoadedCapVstnet, options: Options, palette: Palette | undefined): Painter {
  const { alpha, maxSize, compat, quality } = options;
  let last: { path: string; mask: string | undefined; style: LoadedStyle; stylizer: PictureStylizer } | undefined;
  const withStyle = async (path: string, mask: string | undefined) => {
    if (last?.path === path && last.mask === mask) return last;
    const classes = mask === undefined ? undefined : await readClasses(mask, palette);
    const style = { ...(await loadStyle(path, 1, { maxSize, compat })), mask: classes };
    last = { path, mask, style, stylizer: pictureStylizer(net, [style], { alphaContent: 1 - alpha, compat }) };
    return last;
  };
  return {
    async paint(_, { content, style: path, mask, styleMask }, output) {
      const { style, stylizer } = await withStyle(path, styleMask);
      const picture = await readSized(content, { maxSize, compat });
      const classes = mask === undefined ? undefined : await readClasses(mask, palette);
      const regions = describeRegions(net, { ...picture, mask: classes }, [{ ...style.picture, mask: style.mask }]);
      const painted = await stylizer(picture, classes);
      const { width, height } = await readPictureSize(content);
      const same = width === painted.width && height === painted.height;
      const result = same ? painted : resizePicture(painted, width, height, 'bicubic');
      const notes = await writeImage(output, result, { overwrite: true, quality });
      return [...picture.notes, ...(regions ? [`${output}: ${regions}`] : []), ...notes];
    },
    dispose: () => {
      for (const [, tensor] of leaves(net.params as unknown as Tree)) tensor.dispose();
    },
  };
}

/** Classes of a label map as labels of regions. @throws RequestError, DataError */
async function readClasses(path: string, palette: Palette | undefined): Promise<LabelMap> {
  const { ids, width, height } = await readLabelIds(path, palette);
  return { labels: ids, width, height };
}
