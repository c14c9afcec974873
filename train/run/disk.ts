/** What the file system refuses, in words. */
import { assertFolder, writeRefusals } from '../atomic-write.ts';
import { RequestError } from '../errors.ts';

const REMEDY = 'Nothing of the run was lost. Free some room or mend the folder, or give other --runs.';

/** Gives the file system's refusals words, and the exit code of usage. */
export async function writable<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(path, error, REMEDY);
  }
}

/** A refusal of the disk as a RequestError; any other error as it is. */
export function diskError(path: string, error: unknown, remedy: string): unknown {
  const { code, path: at = path } = error as NodeJS.ErrnoException;
  const reason = code === undefined ? undefined : writeRefusals[code];
  if (!reason || !(error instanceof Error) || error instanceof RequestError) return error;
  return new RequestError(`${at}: expected to write there, but ${reason} (${code}). ${remedy}`);
}

/** Fails early when a folder, or the nearest one that exists on the way to it, takes no new files. */
export async function assertWritableFolder(path: string): Promise<void> {
  await writable(path, () => assertFolder(path));
}
