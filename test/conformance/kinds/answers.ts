/** What most builders need to read inputs and to answer. */

import type { Context, Lazy } from '../context.ts';
import type { Value } from '../values.ts';

export type Config = Context['config'];

/** Answers by their full names, `output y` or `gradient of input x`. */
export function answers(byName: Record<string, Lazy>): Map<string, Lazy> {
  return new Map(Object.entries(byName));
}

/** The pixels of a stored picture. @throws Error when it is not U8 */
export function pixelsOf({ data }: Value): Uint8Array {
  if (!(data instanceof Uint8Array)) throw new Error('A picture must be stored as U8.');
  return data;
}

/** A label map, whatever it was stored as. */
export function labelsOf({ data }: Value): Int32Array {
  return Int32Array.from(data);
}
