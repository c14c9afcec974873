/** What the pictures of a folder are, found by decoding all of them. */
import 'sharp'; // loaded here first: a library that only threads load goes with the first that ends
import { availableParallelism } from 'node:os';
import type { BadFile, PictureFacts } from '../workers/inspect-task.ts';
import { openPool, taskBeside } from '../workers/pool.ts';

export interface FolderFacts {
  readonly folder: string;
  /** those that can be read, in the order of their paths */
  readonly pictures: readonly PictureFacts[];
  readonly bad: readonly BadFile[];
  /** of the pictures, where there are any */
  readonly shorterSides?: SideFacts;
}

/** Pixels; `tenth` is the side that nine pictures in ten reach. */
export interface SideFacts {
  readonly least: number;
  readonly tenth: number;
  readonly median: number;
  readonly most: number;
}

/**
 * Decodes every file.
 *
 * @param files    of one folder
 * @param onFile   told of each file that is done
 * @param workers  threads; as many as the machine has cores
 */
export async function inspectFolder(
  folder: string,
  files: readonly string[],
  onFile: (path: string) => void = () => {},
  workers = availableParallelism(),
): Promise<FolderFacts> {
  const pool = openPool<string, PictureFacts | BadFile>(taskBeside(import.meta.url, '../workers/inspect-task'), {
    workers: Math.min(workers, files.length),
    nameOf: (path) => path,
  });
  try {
    const found = await Promise.all(
      files.map(async (path) => {
        const facts = await pool.run(path);
        onFile(path);
        return facts;
      }),
    );
    const isBad = (one: PictureFacts | BadFile): one is BadFile => 'reason' in one;
    const pictures = found.filter((one): one is PictureFacts => !isBad(one));
    const sides = pictures.length > 0 ? shorterSides(pictures) : undefined;
    return { folder, pictures, bad: found.filter(isBad), shorterSides: sides };
  } finally {
    await pool.close();
  }
}

export function shorterSides(pictures: readonly PictureFacts[]): SideFacts {
  const sides = pictures.map(({ width, height }) => Math.min(width, height)).sort((a, b) => a - b);
  const at = (share: number) => sides[Math.floor(share * (sides.length - 1))];
  return { least: at(0), tenth: at(0.1), median: at(0.5), most: at(1) };
}
