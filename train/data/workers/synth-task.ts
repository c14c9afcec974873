/** The job of a worker thread: one file of a drawn data set. */
import { join } from 'node:path';
import { writeAtomic } from '../../atomic-write.ts';
import type { SynthRequest } from '../synth/kind.ts';
import { synthEntry } from '../synth/kinds.ts';
import type { Task } from './pool.ts';

export interface SynthJob {
  readonly kind: string;
  readonly request: SynthRequest;
  /** of the kind's files */
  readonly index: number;
  /** the data set's folder */
  readonly out: string;
  readonly overwrite: boolean;
}

/** Draws and writes the file; gives back its path. */
export const run: Task<SynthJob, string> = async ({ kind, request, index, out, overwrite }) => {
  const file = (await synthEntry(kind).load()).files(request)[index];
  const path = join(out, ...file.path.split('/'));
  await writeAtomic(path, await file.encode(), overwrite);
  return { result: path, transfer: [] };
};
