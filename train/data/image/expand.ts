/** From what a user types (files, folders, patterns) to a list of pictures. */
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { DataError, RequestError } from '../../errors.ts';
import { glob, isGlob } from '../glob.ts';

/** The extensions by which pictures are found in folders and patterns, in any mixture of cases. */
export const PICTURE_EXTENSIONS: readonly string[] =
  '.jpg .jpeg .jpe .png .webp .tif .tiff .gif .avif .bmp .ppm .pgm .pbm'.split(' ');

/** Whether a file's name says that it is a picture. */
export function isPictureName(path: string): boolean {
  return PICTURE_EXTENSIONS.includes(extname(path).toLowerCase());
}

/**
 * Lists the pictures that the arguments name: a file is taken whatever its name, a folder gives the pictures directly
 * in it, a pattern the pictures that match. Sorted within each argument, and no path twice.
 *
 * @throws RequestError when a path does not exist or a pattern matches nothing
 * @throws DataError when a folder holds no picture
 */
export async function expandInputs(paths: readonly string[]): Promise<string[]> {
  const pictures = new Set<string>();
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) for (const file of await folderPictures(path)) pictures.add(file);
    else if (found) pictures.add(path);
    else if (isGlob(path)) for (const file of await matchingPictures(path)) pictures.add(file);
    else {
      throw new RequestError(
        `${path}: expected a picture, a folder of pictures or a pattern, but there is no such file. ` +
          'Check the spelling of the path.',
      );
    }
  }
  return [...pictures];
}

async function folderPictures(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const pictures = entries.filter((e) => !e.isDirectory() && !e.name.startsWith('.') && isPictureName(e.name));
  if (pictures.length > 0) return pictures.map((entry) => join(folder, entry.name)).sort();
  const files = entries.filter((entry) => !entry.isDirectory()).length;
  const folders = entries.length - files;
  throw new DataError(
    `${folder}: expected pictures in this folder (${PICTURE_EXTENSIONS.join(' ')}), but it holds ${files} other ` +
      `${files === 1 ? 'file' : 'files'} and ${folders} ${folders === 1 ? 'folder' : 'folders'}. ` +
      (folders > 0
        ? `Name the folder that has them, or give the pattern '${join(folder, '**')}'.`
        : 'Name another folder.'),
  );
}

async function matchingPictures(pattern: string): Promise<string[]> {
  const files = await glob(pattern);
  const pictures = files.filter(isPictureName);
  if (pictures.length > 0) return pictures;
  throw new RequestError(
    `${pattern}: expected at least one picture that matches this pattern, but ` +
      `${files.length === 0 ? 'nothing matches' : `none of the ${files.length} matching files is a picture by its name`}. ` +
      'Check the pattern from the folder you are in.',
  );
}
