/** Keeps part of a data set out of training, to look at and to measure with. */
import { RequestError } from '../../errors.ts';
import { DATA_OPS, permutation } from './shuffle.ts';

export interface Split<T> {
  /** what is trained on, in the order of the items */
  readonly kept: readonly T[];
  /** in a random order */
  readonly heldOut: readonly T[];
}

/**
 * Holds out `count` items, chosen by the seed: the same items and seed give the same split on every machine.
 *
 * @param items   a data set's, or those of one of its folders: files, or pairs of them that stay together
 * @param where   what they are, for the error: a folder
 * @param folder  tells apart the folders of a data set, from 0
 * @throws RequestError when nothing would be left to train on
 */
export function holdOut<T>(
  items: readonly T[],
  { count, seed, where, folder = 0 }: { count: number; seed: number; where: string; folder?: number },
): Split<T> {
  if (count >= items.length && count > 0) throw nothingLeft(count, items.length, where);
  const chosen = permutation(items.length, { seed, step: 0, op: DATA_OPS.holdOut + folder }).slice(0, count);
  const out = new Set(chosen);
  return { kept: items.filter((_, i) => !out.has(i)), heldOut: Array.from(chosen, (i) => items[i]) };
}

/** The error when nothing would be left to train on. */
export function nothingLeft(count: number, pictures: number, where: string): RequestError {
  return new RequestError(
    `--hold-out ${count}: expected some of the ${pictures} pictures of ${where} to be left, for the rest is trained on. ` +
      'Hold out fewer, or add pictures.',
  );
}
