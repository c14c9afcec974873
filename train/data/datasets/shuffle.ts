/** Random choices of a data set: functions of the seed and the step, so that nothing has to be remembered. */
import { multiplyHigh, randomWords } from '../../../engine/random.ts';

/**
 * The `op` of every stream that data sets draw from, far from the small numbers that recipes give to their draws.
 * A data set adds the number of its folder and of the picture in the batch.
 */
export const DATA_OPS = { holdOut: 0xda740000, order: 0xda7a0000, picture: 0xda800000 } as const;

/** The most pictures in a batch: each has a stream of its own. */
export const LARGEST_BATCH = 2 ** 16;

/** A position in an endless stream of files → the file's index. */
export type Order = (position: number) => number;

/**
 * An endless stream of files in which every pass is a permutation of all of them, another one each time. Any position
 * can be asked for; a pass takes one shuffle, and the last one is kept.
 *
 * @param count   files, at least 1
 * @param folder  tells apart the streams of a data set's folders, from 0
 */
export function endlessPermutation(count: number, seed: number, folder: number): Order {
  let pass = -1;
  let indices = new Uint32Array(0);
  return (position) => {
    const wanted = Math.floor(position / count);
    if (wanted !== pass) {
      indices = permutation(count, { seed, step: wanted, op: DATA_OPS.order + folder });
      pass = wanted;
    }
    return indices[position % count];
  };
}

/** The numbers below `count` in random order: Fisher and Yates, on the words of a draw. */
export function permutation(count: number, draw: Parameters<typeof randomWords>[0]): Uint32Array<ArrayBuffer> {
  const words = randomWords(draw, count);
  const indices = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = multiplyHigh(words[i], i + 1);
    [indices[i], indices[j]] = [indices[j], indices[i]];
  }
  return indices;
}
