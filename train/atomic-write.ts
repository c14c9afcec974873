/** Files that appear whole or not at all. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RequestError } from './errors.ts';

/**
 * Fails early, before any work is done, when `path` could not be written at the end.
 *
 * @throws RequestError when the file exists and `overwrite` is not set, when a folder has its name, or when its
 * folder cannot be written
 */
export async function assertFree(path: string, overwrite = false): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    throw new RequestError(`${path}: expected the name of a file to write, but it is a folder. Add a file name to it.`);
  }
  if (found && !overwrite) throw exists(path);
  try {
    await assertFolder(dirname(path));
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** The nearest folder on the way that exists must take new entries. @throws Error with the `code` of what forbids it */
export async function assertFolder(folder: string): Promise<void> {
  try {
    if (!(await stat(folder)).isDirectory()) throw Object.assign(new Error(folder), { code: 'ENOTDIR' });
    await access(folder, constants.W_OK);
  } catch (error) {
    const parent = dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === folder) throw error;
    await assertFolder(parent);
  }
}

/**
 * Writes a file under a temporary name beside it, flushes it to the disk and renames it. Missing folders are made.
 * Without `overwrite` an existing file is left as it is, even one that appeared meanwhile.
 *
 * @throws RequestError when the file exists, or when it cannot be written there
 */
export async function writeAtomic(path: string, bytes: Uint8Array, overwrite = false): Promise<void> {
  await assertFree(path, overwrite);
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    if (overwrite) await rename(temporary, path);
    else await publish(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw unwritable(path, error);
  }
}

/** Gives `temporary` the name `path` unless that is taken; a hard link is the one call that tells. */
async function publish(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw exists(path);
    await rename(temporary, path); // a file system without hard links
    return;
  }
  await rm(temporary);
}

function exists(path: string): RequestError {
  return new RequestError(
    `${path}: expected a name that is free, but a file is already there and was left as it is. ` +
      'Give --overwrite to replace it, or another name.',
  );
}

/** Why the file system refused to write, by its code, as the end of a sentence that begins with "but". */
export const writeRefusals: Readonly<Record<string, string>> = {
  EACCES: 'this account may not write there',
  EPERM: 'this account may not write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a part of the path is a file, not a folder',
  ENAMETOOLONG: 'the name is too long',
};

function unwritable(path: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof RequestError || code === undefined) return error as Error;
  return new RequestError(
    `${path}: expected to write a file there, but ${writeRefusals[code] ?? message} (${code}). ` +
      'Nothing was written. Choose another place for the output.',
  );
}
