/** Stage `zip`: the results in one file, each under its label map's name at the top level, as the landscape contest expects. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { zipSync } from 'fflate';
import { writeAtomic } from '../atomic-write.ts';
import { readImage } from '../data/image/read.ts';
import { encodeImage } from '../data/image/write.ts';
import type { Recipe } from './recipe.ts';

export const ZIP_VERSION = 1;

/** Every entry is from this time, so that the same pictures give the same bytes. */
const EPOCH = new Date(1980, 0, 1);

/**
 * Pictures that have the format already go in as they are; others are converted.
 *
 * @param files  by name
 * @throws RequestError when it cannot be written there
 */
export async function writeSubmission(
  path: string,
  files: ReadonlyMap<string, string>,
  { format, quality }: NonNullable<Recipe['zip']>,
): Promise<void> {
  const entries: Record<string, [Uint8Array, { level: 0; mtime: Date }]> = {};
  for (const [name, file] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const entry = `${name}.${format}`;
    const fits = extname(file) === extname(entry);
    const bytes = fits ? await readFile(file) : await encodeImage(entry, await readImage(file), quality);
    // pictures are compressed already
    entries[entry] = [new Uint8Array(bytes), { level: 0, mtime: EPOCH }];
  }
  await writeAtomic(path, zipSync(entries), true);
}
