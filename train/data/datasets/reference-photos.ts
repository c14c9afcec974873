/** Photos that lend their style to label maps, by the contest's `label_to_img.json`. */
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DataError, RequestError } from '../../errors.ts';
import { folderIn, type LabelFilesOptions, type LabelPair, stem } from './label-folders.ts';
import { walkPictures } from './walk.ts';

/**
 * Adds to each pair the photo that the data set's list names for it.
 *
 * @throws DataError when the list is not one, or names a photo that is not there
 * @throws RequestError when nobody says where the photos are
 */
export async function withReferences(
  pairs: readonly LabelPair[],
  options: LabelFilesOptions,
): Promise<readonly LabelPair[]> {
  const { data } = options;
  const usual = data === undefined ? undefined : join(data, 'label_to_img.json');
  const isThere = usual !== undefined && (await stat(usual).catch(() => undefined)) !== undefined;
  const mapFile = options.labelToImage ?? (isThere ? usual : undefined);
  if (mapFile === undefined) return pairs;
  const names = await readReferenceNames(mapFile);
  const folder =
    options.referenceDir ??
    (await folderIn(options, 'references')) ??
    options.imageDir ??
    (await folderIn(options, 'images'));
  if (folder === undefined) {
    throw new RequestError(
      `--reference-dir: expected the folder of the photos that ${mapFile} names, but none is named.`,
    );
  }
  const photos = new Map((await walkPictures(folder)).map((path) => [stem(path), path]));
  return pairs.map((pair) => {
    const named = names[basename(pair.label)] ?? names[pair.name];
    if (named === undefined) return pair;
    const reference = photos.get(stem(named));
    if (reference !== undefined) return { ...pair, reference };
    throw new DataError(
      `${mapFile}: expected photos that are in ${folder}, but ${named}, named for ${basename(pair.label)}, is not.`,
    );
  });
}

/**
 * Reads a list of reference photos.
 *
 * @returns name of a label map's file, or that without extension → name of the photo's
 * @throws RequestError when it cannot be read; DataError when it is not one
 */
export async function readReferenceNames(path: string): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new RequestError(
      `${path}: expected a list of label maps and photos, but it cannot be read: ${error.message}`,
    );
  });
  const wrong = (reason: string) =>
    new DataError(`${path}: expected JSON such as {"12.png": "photo.jpg"}, but ${reason}. Mend the file.`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrong('it is another kind of value');
  const strange = Object.entries(json).find(([, value]) => typeof value !== 'string');
  if (strange) throw wrong(`the value of ${strange[0]} is no file name`);
  return json as Record<string, string>;
}
