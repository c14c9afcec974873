/** Drawing a whole data set, on worker threads. */
import 'sharp'; // loaded here first: a library that only threads load goes with the first that ends
import { readdir, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { RequestError } from '../../errors.ts';
import { openPool, taskBeside } from '../workers/pool.ts';
import type { SynthJob } from '../workers/synth-task.ts';
import type { SynthRequest } from './kind.ts';
import type { SynthEntry } from './kinds.ts';

export interface DrawSetOptions {
  /** draws into a folder that is not empty, over files of the same names */
  readonly overwrite?: boolean;
  /** threads; as many as the machine has cores */
  readonly workers?: number;
  /** told of each file that is done */
  readonly onFile?: (path: string) => void;
}

/**
 * Draws the files of a set. The same request gives the same bytes; a larger count adds files and changes none but
 * those that list the others.
 *
 * @returns the paths, in the order of the set
 * @throws RequestError when the size is not one of the kind's, when `out` is not an empty folder, or cannot be written
 */
export async function drawSet(
  entry: SynthEntry,
  out: string,
  request: SynthRequest,
  { overwrite = false, workers = availableParallelism(), onFile }: DrawSetOptions = {},
): Promise<string[]> {
  const kind = await entry.load();
  const [least, most] = kind.sizes;
  if (request.size < least || request.size > most) {
    throw new RequestError(
      `--size ${request.size}: expected ${least} to ${most} pixels for ${entry.name}. Try --size 256.`,
    );
  }
  if (!overwrite) await assertEmpty(out);
  const files = kind.files(request);
  const pool = openPool<SynthJob, string>(taskBeside(import.meta.url, '../workers/synth-task'), {
    workers: Math.min(workers, files.length),
    nameOf: ({ index }) => files[index].path,
  });
  try {
    return await Promise.all(
      files.map(async (_, index) => {
        const path = await pool.run({ kind: entry.name, request, index, out, overwrite });
        onFile?.(path);
        return path;
      }),
    );
  } finally {
    await pool.close();
  }
}

async function assertEmpty(out: string): Promise<void> {
  const found = await stat(out).catch(() => undefined);
  if (!found) return;
  if (!found.isDirectory()) {
    throw new RequestError(`${out}: expected a folder to draw into, but it is a file. Name another place.`);
  }
  const entries = await readdir(out);
  if (entries.length === 0) return;
  throw new RequestError(
    `${out}: expected an empty folder or none, but it holds ${entries.length} entries, ${entries[0]} among them, and was ` +
      'left as it is. Give --overwrite to draw over files of the same names, or name another folder.',
  );
}
