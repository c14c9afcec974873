/** The pictures of a data set's folder. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { DataError, RequestError } from '../../errors.ts';
import { isPictureName, PICTURE_EXTENSIONS } from '../image/expand.ts';

/**
 * Every picture in a folder and the folders in it, by its name's extension. Hidden files and folders are passed over,
 * links are followed, none twice. Sorted by their paths below the folder, the same on every platform.
 *
 * @returns paths that begin with `folder`
 * @throws RequestError when there is no such folder
 * @throws DataError when no picture is in it
 */
export async function walkPictures(folder: string): Promise<string[]> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new RequestError(
      `${folder}: expected a folder of pictures, but ${found ? 'it is a file' : 'there is no such folder'}. ` +
        'Check the spelling of the path.',
    );
  }
  const walked = { pictures: [] as string[], others: 0 };
  await walk(folder, '', new Set(), walked);
  if (walked.pictures.length > 0) {
    const byCodeUnits = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
    return walked.pictures.sort(byCodeUnits).map((path) => join(folder, ...path.split('/')));
  }
  throw new DataError(
    `${folder}: expected pictures in this folder or those in it (${PICTURE_EXTENSIONS.join(' ')}), but found none` +
      `${walked.others > 0 ? ` among ${walked.others} other files` : ': it is empty'}. Name another folder.`,
  );
}

async function walk(
  root: string,
  below: string,
  seen: Set<string>,
  walked: { pictures: string[]; others: number },
): Promise<void> {
  const folder = join(root, ...below.split('/'));
  const real = await realpath(folder);
  if (seen.has(real)) return;
  seen.add(real);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue;
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    const target = entry.isSymbolicLink() ? await stat(`${folder}${sep}${entry.name}`).catch(() => entry) : entry;
    if (target.isDirectory()) await walk(root, path, seen, walked);
    else if (isPictureName(entry.name)) walked.pictures.push(path);
    else walked.others++;
  }
}
