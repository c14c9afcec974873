/** The job of a worker thread: decodes a picture whole and says what it is. */
import { readImage } from '../image/read.ts';
import type { Task } from './pool.ts';

export interface PictureFacts {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly bitDepth: 8 | 16;
  readonly grey: boolean;
  readonly alpha: boolean;
}

export interface BadFile {
  readonly path: string;
  /** one line that names the file */
  readonly reason: string;
}

export const run: Task<string, PictureFacts | BadFile> = async (path) => ({
  result: await inspect(path),
  transfer: [],
});

async function inspect(path: string): Promise<PictureFacts | BadFile> {
  try {
    const { width, height, bitDepth, wasGrey, alpha } = await readImage(path);
    return { path, width, height, bitDepth, grey: wasGrey, alpha: alpha !== undefined };
  } catch (error) {
    if (!(error instanceof Error) || !['DataError', 'RequestError'].includes(error.name)) throw error;
    return { path, reason: error.message };
  }
}
