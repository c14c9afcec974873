/** The contact sheet of a pipeline: for each label map a row with all that was made of it. */
import sharp from 'sharp';
import { colourLabels, coloursOfClasses } from '../data/image/label-colours.ts';
import { readLabelIds } from '../data/image/label-map.ts';
import { paletteColours, readPalette } from '../data/image/palette.ts';
import { type Picture, resizePicture, to8Bit } from '../data/image/picture.ts';
import { readImage } from '../data/image/read.ts';
import { labelledSheet } from '../run/samples.ts';
import type { Item } from './items.ts';
import type { Recipe } from './recipe.ts';
import type { Results } from './stage.ts';
import type { StageName } from './stages.ts';

/** Pictures are enlarged by a whole factor to about this width, or reduced to it. */
const WIDTH = 160;

/** Numbers that a label map may hold, less the two that the colours have beyond the classes. */
const LABELS = 254;

/** What a column is called. */
const TITLES: Readonly<Partial<Record<StageName, string>>> = {
  generate: 'generated',
  stylize: 'stylized',
  merge: 'merged',
};

/**
 * label | generated | reference | stylized | merged | truth, as far as there are such.
 *
 * @returns a JPEG file; undefined without items
 */
export async function contactSheet(items: readonly Item[], recipe: Recipe, results: Results) {
  if (items.length === 0) return undefined;
  const palette = recipe.palette === undefined ? undefined : await readPalette(recipe.palette);
  const colours = palette ? paletteColours(palette) : coloursOfClasses(LABELS);
  const label = async (path: string): Promise<Picture> => {
    const { ids, width, height } = await readLabelIds(path, palette);
    return { width, height, bitDepth: 8, rgb: colourLabels(ids, colours) };
  };
  const read = async (path: string) => to8Bit(await readImage(path));
  const rows: Picture[][] = [];
  let names: string[] = [];
  for (const item of items) {
    const made = [...results].map(([stage, files]) => [TITLES[stage] ?? stage, files.get(item.name)] as const);
    const [first, ...rest] = made;
    const columns = [first, ['reference', item.reference] as const, ...rest, ['truth', item.truth] as const];
    const present = columns.filter((one): one is readonly [string, string] => one?.[1] !== undefined);
    names = ['label', ...present.map(([name]) => name)];
    rows.push([await label(item.label), ...(await Promise.all(present.map(([, path]) => read(path))))].map(fitted));
  }
  const { png } = await labelledSheet(rows, names);
  return sharp(png).jpeg({ quality: 92, chromaSubsampling: '4:4:4' }).toBuffer();
}

function fitted(picture: Picture): Picture {
  const { width, height } = picture;
  const factor = Math.round(WIDTH / width);
  if (factor > 1) return resizePicture(picture, width * factor, height * factor, 'nearest');
  if (width <= WIDTH) return picture;
  return resizePicture(picture, WIDTH, Math.max(1, Math.round((height * WIDTH) / width)), 'bicubic');
}
