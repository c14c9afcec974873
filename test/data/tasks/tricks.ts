/** A task for tests of the pool: each job says what its thread should do. */
import { isMainThread, threadId } from 'node:worker_threads';
import type { Task } from '../../../train/data/workers/pool.ts';

export type Trick =
  | { readonly kind: 'echo'; readonly value: number; readonly waitMs?: number }
  | { readonly kind: 'fail'; readonly file: string }
  | { readonly kind: 'crash'; readonly file: string }
  | { readonly kind: 'exit'; readonly file: string }
  | { readonly kind: 'give'; readonly bytes: number }
  | { readonly kind: 'left' };

export interface TrickResult {
  readonly value?: number;
  readonly thread: number;
  readonly main: boolean;
  readonly buffer?: ArrayBuffer;
  /** bytes that this thread still sees of the buffer it gave away */
  readonly left?: number;
}

class TrickError extends Error {
  override name = 'TrickError';
}

let given: ArrayBuffer | undefined;

export const run: Task<Trick, TrickResult> = async (job) => {
  const where = { thread: threadId, main: isMainThread };
  switch (job.kind) {
    case 'echo':
      if (job.waitMs) await new Promise((resolve) => setTimeout(resolve, job.waitMs));
      return { result: { ...where, value: job.value }, transfer: [] };
    case 'fail':
      throw new TrickError(`${job.file} is not what it should be`);
    case 'crash':
      setTimeout(() => {
        throw new Error('stack of cards fell');
      });
      return new Promise(() => {});
    case 'exit':
      return process.exit(7);
    case 'give':
      given = new ArrayBuffer(job.bytes);
      new Uint8Array(given).fill(42);
      return { result: { ...where, buffer: given }, transfer: [given] };
    case 'left':
      return { result: { ...where, left: given?.byteLength }, transfer: [] };
  }
};
