/** What a pipeline works through: label maps, each with its reference photo and the real picture. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { labelFiles } from '../data/datasets/label-files.ts';
import { stem } from '../data/datasets/label-folders.ts';
import { readReferenceNames } from '../data/datasets/reference-photos.ts';
import { walkPictures } from '../data/datasets/walk.ts';
import { RequestError } from '../errors.ts';
import type { Recipe } from './recipe.ts';

export interface Item {
  /** of the label map, without folder and extension: the name of all that is made of it */
  readonly name: string;
  readonly label: string;
  readonly instance?: string | undefined;
  /** the photo whose style the picture is to have, or why there is none */
  readonly reference?: string | undefined;
  readonly noReference?: string | undefined;
  /** label map of that photo */
  readonly referenceLabel?: string | undefined;
  readonly truth?: string | undefined;
}

/**
 * @throws RequestError, DataError when a folder or the list cannot be read, or two label maps have one name. A photo that
 *         is missing concerns its picture alone
 */
export async function pipelineItems(recipe: Recipe): Promise<readonly Item[]> {
  const { labels, instances } = recipe;
  const pairs = await labelFiles({
    ...{ mode: 'custom', labelDir: labels, instanceDir: instances, instances: instances !== undefined, images: false },
  });
  const seen = new Map<string, string>();
  for (const { name, label } of pairs) {
    const other = seen.get(name);
    if (other !== undefined) {
      throw new RequestError(`labels: ${label} and ${other} would have one name in the results. Rename one of them.`);
    }
    seen.set(name, label);
  }
  const photoOf = await references(recipe);
  const truths = await byStem(recipe.truth);
  const maps = await byStem(recipe.stylize?.referenceLabels);
  return pairs.map(({ name, label, instance }): Item => {
    const photo = photoOf(label);
    const referenceLabel = photo.reference === undefined ? undefined : maps?.get(stem(photo.reference));
    return { name, label, instance, ...photo, referenceLabel, truth: truths?.get(name) };
  });
}

type PhotoOf = (label: string) => Pick<Item, 'reference' | 'noReference'>;

async function references({ references: place, labelToImg }: Recipe): Promise<PhotoOf> {
  if (place === undefined) return () => ({});
  const found = await stat(place).catch(() => undefined);
  if (!found) throw new RequestError(`references: expected a folder or a picture, but there is no ${place}.`);
  if (!found.isDirectory()) return () => ({ reference: place });
  const photos = (await byStem(place)) as ReadonlyMap<string, string>;
  const names = labelToImg === undefined ? undefined : await readReferenceNames(labelToImg);
  return (label) => {
    const named = names === undefined ? stem(label) : (names[basename(label)] ?? names[stem(label)]);
    const reference = named === undefined ? undefined : photos.get(stem(named));
    if (reference !== undefined) return { reference };
    const what = named === undefined ? 'a line for it' : `${names === undefined ? `a photo ${named}` : named}`;
    const where = named === undefined ? labelToImg : place;
    return { noReference: `${label}: expected its reference photo, but ${what} is not in ${where}. Add it.` };
  };
}

/** The pictures of a folder and of those below it, by their names without extension. */
async function byStem(folder: string | undefined): Promise<ReadonlyMap<string, string> | undefined> {
  return folder === undefined ? undefined : new Map((await walkPictures(folder)).map((path) => [stem(path), path]));
}
