/**
 * Files that are either whole or not there: written beside the target under another name, fsynced, renamed, and the
 * folder fsynced, so a torn write is never visible, not even after a power cut.
 */
import { randomBytes } from 'node:crypto';
import { access, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface WriteOptions {
  /** Replace a file that is there. Default: refuse. */
  readonly overwrite?: boolean;
}

/** The target exists and may not be replaced. */
export class OutputExistsError extends Error {
  override name = 'OutputExistsError';
  readonly code = 'EEXIST';
  readonly path: string;
  constructor(path: string) {
    super(`${path}: expected a new file, but it exists. Choose another name, or pass --overwrite to replace it.`);
    this.path = path;
  }
}

/** @throws OutputExistsError when `path` exists and `overwrite` is not set */
export async function refuseExisting(path: string, { overwrite = false }: WriteOptions): Promise<void> {
  if (overwrite) return;
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists) throw new OutputExistsError(path);
}

/**
 * Writes a file from its parts.
 *
 * @param parts pieces in order; made one at a time, so a large file never is in memory as a whole
 * @throws OutputExistsError when `path` exists and `overwrite` is not set; any error of `parts` or of the file system,
 *         after which nothing is left behind
 */
export async function writeAtomically(
  path: string,
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: WriteOptions = {},
): Promise<void> {
  await refuseExisting(path, options);
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx');
  try {
    try {
      for await (const part of parts) await writeWhole(file, part);
      await file.sync();
    } finally {
      await file.close();
    }
    await refuseExisting(path, options);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

async function writeWhole(file: Awaited<ReturnType<typeof open>>, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.byteLength - done, 1 << 30));
    done += bytesWritten;
  }
}

/** Makes the names in a folder durable. Windows cannot open a folder; its file system journals renames itself. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
