/** GauGAN's training set: label maps and the pictures that belong to them. */
import 'sharp'; // loaded here first: a library that only threads load goes with the first that ends
import { multiplyHigh, randomWords } from '../../../engine/random.ts';
import { DataError, RequestError } from '../../errors.ts';
import { checkLabelRule, type LabelRule } from '../image/label-map.ts';
import type { Palette } from '../image/palette.ts';
import { type Loader, prefetch } from '../loader.ts';
import type { KeptSample, LabelPictureJob, LabelPictureResult } from '../workers/label-picture-task.ts';
import { openPool, taskBeside, type WorkerPool, workersFor } from '../workers/pool.ts';
import { holdOut } from './hold-out.ts';
import { inspectLabels, wrongFiles } from './inspect-labels.ts';
import { joined, type LabelPictures, type Picked } from './label-batch.ts';
import { type LabelFilesOptions, type LabelPair, labelFiles } from './label-files.ts';
import type { KeepBudget } from './picture-folder.ts';
import { outputSize, type Preprocess } from './preprocess.ts';
import { DATA_OPS, endlessPermutation, LARGEST_BATCH } from './shuffle.ts';
import { refuseWrongFiles } from './wrong-files.ts';

export type { LabelPictures };

export interface LabelPicturesOptions extends LabelFilesOptions, LabelRule {
  readonly batchSize: number;
  readonly preprocess: Preprocess;
  /** mirrors every second sample, labels, instances and picture together */
  readonly flips: boolean;
  readonly seed: number;
  /** of coloured label maps */
  readonly palette?: Palette;
  /** pairs, chosen by the seed, that no batch has: 0 */
  readonly holdOut?: number;
  /**
   * the reference photos in the batches, too, where the data set names some: false. Pairs held out have them wherever there
   * is one for each
   */
  readonly references?: boolean;
  /** threads; 0 decodes in this process, left out: as many as the machine gives */
  readonly workers?: number;
  /** batches made ahead; 3 */
  readonly ahead?: number;
  /** memory for samples that are kept decoded, resized: 512 MiB */
  readonly keepBytes?: number;
  /** looks at all label maps, and at the sizes of pictures, before it opens: true */
  readonly check?: boolean;
  /** told of each pair that was looked at, and of how many there are */
  readonly onChecked?: (done: number, total: number) => void;
  /** told once of every file that cannot be read */
  readonly onWarning?: (message: string) => void;
}

export interface LabelPictureLoader extends Loader<LabelPictures> {
  /** pairs that batches are made of */
  readonly pairs: readonly LabelPair[];
  readonly heldOutPairs: readonly LabelPair[];
  /** whole batches in a pass over the pairs; those left over have their turn in another pass */
  readonly stepsPerEpoch: number;
  /**
   * Pairs that were held out: the middle of each, not mirrored; in mode `resize_and_crop` all of it.
   *
   * @param from, count  a part of them; all
   */
  heldOut(from?: number, count?: number): Promise<LabelPictures>;
}

const KEEP_BYTES = 512 * 2 ** 20;
/** Pairs tried in the place of one that cannot be read. */
const REPLACEMENTS = 64;

/**
 * Opens a data set. Each pass has all pairs in another order, and its last batch is dropped when it is not full, as in the
 * original; crops and mirrors are drawn anew. Everything about a step depends on the seed and the step alone. Unlike the
 * original, pictures are turned upright by their EXIF orientation first.
 *
 * @throws RequestError when a folder is not there, or the numbers do not fit together
 * @throws DataError when a file has no partner, another size than its label map or labels that the network has no class
 * for, with one sentence for each file; by a batch, when none of the pairs tried can be read
 */
export async function labelPictureLoader(options: LabelPicturesOptions): Promise<LabelPictureLoader> {
  checkNumbers(options);
  const { batchSize, seed, preprocess, workers } = options;
  const all = await labelFiles(options);
  const unreadable = new Set<string>();
  const warn = (pair: LabelPair, message: string) => {
    if (!unreadable.has(pair.label)) options.onWarning?.(`${message} Another picture takes its place.`);
    unreadable.add(pair.label);
  };
  if (options.check !== false) await checkFirst(all, options, warn);
  const references = options.references === true && allHavePhotos(all);
  const { held, pairs } = split(all, options, unreadable);
  const stepsPerEpoch = Math.floor(pairs.length / batchSize);
  if (stepsPerEpoch === 0) {
    throw new RequestError(
      `--batch-size ${batchSize}: expected no more than the ${pairs.length} pairs there are to train on` +
        `${held.length > 0 ? ` (${held.length} are held out)` : ''}. Try --batch-size ${Math.max(1, pairs.length)}.`,
    );
  }
  const pool: Pool = openPool(taskBeside(import.meta.url, '../workers/label-picture-task'), {
    workers: workers ?? workersFor(batchSize),
    nameOf: ({ pair }) => pair.label,
  });
  const order = endlessPermutation(pairs.length, seed, 0);
  const one = sampler(pairs, { ...options, references }, pool, unreadable, warn);

  const make = async (step: number): Promise<LabelPictures> => {
    const first = Math.floor(step / stepsPerEpoch) * pairs.length + (step % stepsPerEpoch) * batchSize;
    const picked = Array.from({ length: batchSize }, (_, slot) => order(first + slot));
    return joined(step, await Promise.all(picked.map((index, slot) => one(step, slot, index))));
  };
  const loader = prefetch(make, { ahead: options.ahead, close: () => pool.close() });
  return {
    ...loader,
    ...{ pairs, heldOutPairs: held, stepsPerEpoch },
    async heldOut(from = 0, count = held.length - from) {
      const part = held.slice(from, from + count);
      if (part.length === 0) throw new RangeError(`heldOut: no pair from ${from} on, for ${held.length} are held out.`);
      const withPhotos = part.every(({ reference }) => reference !== undefined);
      const samples = part.map(async (pair): Promise<Picked> => {
        const job = { ...jobOf(options, pair, withPhotos), preprocess: unaugmented(preprocess), keepBytes: 0 };
        const sample = await pool.run(job);
        if ('unreadable' in sample) throw new DataError(sample.unreadable);
        return { pair, sample };
      });
      return joined(-1, await Promise.all(samples));
    },
  };
}

type Pool = WorkerPool<LabelPictureJob, LabelPictureResult>;

function checkNumbers(options: LabelPicturesOptions): void {
  const { batchSize, holdOut: count = 0, preprocess } = options;
  checkLabelRule(options);
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > LARGEST_BATCH) {
    throw new RequestError(
      `--batch-size ${batchSize}: expected a whole number from 1 to ${LARGEST_BATCH}. Try --batch-size 1.`,
    );
  }
  if (!Number.isInteger(count) || count < 0) {
    throw new RequestError(`--hold-out ${count}: expected how many pairs to keep out of training. Try --hold-out 4.`);
  }
  const sizes = { '--load-size': preprocess.loadSize, '--crop-size': preprocess.cropSize };
  for (const [flag, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1)
      throw new RequestError(`${flag} ${size}: expected pixels. Try ${flag} 256.`);
  }
  if (!(preprocess.aspectRatio > 0 && Number.isFinite(preprocess.aspectRatio))) {
    throw new RequestError(
      `--aspect-ratio ${preprocess.aspectRatio}: expected width / height, above 0. Try --aspect-ratio 1.`,
    );
  }
}

/** @throws DataError when some pairs have a reference photo and some have none */
function allHavePhotos(pairs: readonly LabelPair[]): boolean {
  const without = pairs.filter(({ reference }) => reference === undefined);
  if (without.length === 0 || without.length === pairs.length) return without.length === 0;
  throw new DataError(
    `${without[0].label}: expected a reference photo for every label map, as for ${pairs.length - without.length} others, ` +
      `but label_to_img.json names none for ${without.length}. Add them to it, or leave it out.`,
  );
}

async function checkFirst(
  pairs: readonly LabelPair[],
  options: LabelPicturesOptions,
  warn: (pair: LabelPair, message: string) => void,
): Promise<void> {
  let done = 0;
  const { palette, workers, batchSize, preprocess } = options;
  const onPair = () => options.onChecked?.(++done, pairs.length);
  const facts = await inspectLabels(pairs, { palette, whole: false, workers, onPair });
  refuseWrongFiles(wrongFiles(facts, options));
  for (const { pair, unreadable } of facts) for (const { reason } of unreadable) warn(pair, reason);
  if (batchSize === 1) return;
  const named = facts.flatMap(({ label, pair }) => (label ? [{ pair, ...outputSize(preprocess, label) }] : []));
  const other = named.find(({ width, height }) => width !== named[0].width || height !== named[0].height);
  if (other) {
    throw new RequestError(
      `--batch-size ${batchSize}: expected samples of one size, but with --preprocess-mode ${preprocess.mode} ` +
        `${named[0].pair.label} gives ${named[0].width} x ${named[0].height} and ${other.pair.label} ` +
        `${other.width} x ${other.height}. Use --batch-size 1, or a mode that crops.`,
    );
  }
}

/** Pairs that cannot be read are not held out. */
function split(all: readonly LabelPair[], options: LabelPicturesOptions, unreadable: ReadonlySet<string>) {
  const { holdOut: count = 0, seed, data, labelDir = '' } = options;
  const readable = all.filter(({ label }) => !unreadable.has(label));
  const { heldOut } = holdOut(readable, { count, seed, where: data ?? labelDir });
  return { held: heldOut, pairs: all.filter((pair) => !heldOut.includes(pair)) };
}

function jobOf(options: LabelPicturesOptions, pair: LabelPair, reference: boolean): Omit<LabelPictureJob, 'keepBytes'> {
  const { labelNc, dontCare, shift, preprocess, palette, flips } = options;
  return { pair, preprocess, rule: { labelNc, dontCare, shift }, palette, flips, reference };
}

/** `resize_and_crop` loads somewhat more than it crops, to cut at random; without chance it loads what it crops. */
function unaugmented(preprocess: Preprocess): Preprocess {
  return preprocess.mode === 'resize_and_crop' ? { ...preprocess, loadSize: preprocess.cropSize } : preprocess;
}

/** The sample of a place in a batch; a pair that cannot be read is replaced by another at random. */
function sampler(
  pairs: readonly LabelPair[],
  options: LabelPicturesOptions,
  pool: Pool,
  unreadable: ReadonlySet<string>,
  warn: (pair: LabelPair, message: string) => void,
): (step: number, slot: number, index: number) => Promise<Picked> {
  const kept = new Map<string, KeptSample>();
  const budget: KeepBudget = { bytes: options.keepBytes ?? KEEP_BYTES };
  const { seed, references = false } = options;
  return async (step, slot, index) => {
    const words = [...randomWords({ seed, step, op: DATA_OPS.picture + slot }, 3 + REPLACEMENTS)];
    const others = words.slice(3).map((word) => multiplyHigh(word, pairs.length));
    for (const at of [index, ...others]) {
      const pair = pairs[at];
      if (unreadable.has(pair.label)) continue;
      const before = kept.get(pair.label);
      const job = { ...jobOf(options, pair, references), words: words.slice(0, 3), kept: before };
      const sample = await pool.run({ ...job, keepBytes: before ? 0 : budget.bytes });
      if ('unreadable' in sample) {
        warn(pair, sample.unreadable);
        continue;
      }
      if (sample.kept) keepSample(kept, budget, pair.label, sample.kept);
      return { pair, sample };
    }
    throw new DataError(
      `${pairs[index].label}: expected a label map and a picture, but neither this pair nor ${REPLACEMENTS} others of ` +
        `${pairs.length} could be read. List the bad files with: miaobi data check DATA --model gaugan`,
    );
  };
}

/** Keeps until the budget is used up, and then no others, as `picture-folder.ts` explains. */
function keepSample(kept: Map<string, KeptSample>, budget: KeepBudget, path: string, sample: KeptSample): void {
  const { labels, image, instances } = sample;
  const bytes = [labels, image, instances].reduce((sum, plane) => sum + (plane?.pixels.byteLength ?? 0), 0);
  if (kept.has(path) || bytes > budget.bytes) return;
  kept.set(path, sample);
  budget.bytes -= bytes;
}
