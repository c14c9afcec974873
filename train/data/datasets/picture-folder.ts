/** Random crops of a folder's pictures, decoded by a pool of workers. */
// sharp's library must be loaded by the main thread before any worker loads it, or it goes with the first that ends
import 'sharp';
import { multiplyHigh, randomWords } from '../../../engine/random.ts';
import { DataError } from '../../errors.ts';
import type { CropJob, CropResult, ResizedPicture } from '../workers/crop-task.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { DATA_OPS, endlessPermutation, LARGEST_BATCH } from './shuffle.ts';

/** A crop that was made. */
export type Crop = Exclude<CropResult, { unreadable: string }>;

/** Bytes of decoded pictures that may still be kept; shared by the folders of a data set. */
export interface KeepBudget {
  bytes: number;
}

export interface PictureFolderOptions {
  /** at least one */
  readonly files: readonly string[];
  /** tells apart the folders of a data set, from 0 */
  readonly folder: number;
  readonly seed: number;
  readonly batchSize: number;
  readonly loadSize: number;
  readonly cropSize: number;
  readonly laplacian?: CropJob['laplacian'];
  readonly pool: WorkerPool<CropJob, CropResult>;
  readonly budget: KeepBudget;
  /** told once of every file that gives no picture */
  readonly onUnreadable: (message: string) => void;
}

/** Files tried in the place of one that gives no picture. */
const REPLACEMENTS = 64;

/**
 * The crops of a step. Files come in random order, every one once a pass; one that cannot be read is replaced by another
 * at random. Everything depends on (seed, step) alone.
 *
 * @throws DataError when no file that is tried can be read
 */
export function pictureFolder(options: PictureFolderOptions): (step: number) => Promise<Crop[]> {
  const { files, folder, seed, batchSize } = options;
  const order = endlessPermutation(files.length, seed, folder);
  const keeper = keepPictures(options.budget);
  const unreadable = new Set<string>();

  const one = async (step: number, slot: number, file: number): Promise<Crop> => {
    const op = DATA_OPS.picture + folder * LARGEST_BATCH + slot;
    const [x, y, ...others] = randomWords({ seed, step, op }, 2 + REPLACEMENTS);
    for (const index of [file, ...others.map((word) => multiplyHigh(word, files.length))]) {
      const path = files[index];
      if (unreadable.has(path)) continue;
      const { loadSize, cropSize, laplacian } = options;
      const job = { path, loadSize, cropSize, draw: { x, y }, laplacian, ...keeper.before(path) };
      const result = await options.pool.run(job);
      if (!('unreadable' in result)) {
        keeper.after(path, result.resized);
        return result;
      }
      if (!unreadable.has(path)) options.onUnreadable(result.unreadable);
      unreadable.add(path);
    }
    throw new DataError(
      `${files[file]}: expected a picture, but neither it nor ${REPLACEMENTS} others of the ${files.length} files ` +
        `could be read. List the bad ones with: miaobi data check FOLDER`,
    );
  };

  return (step) => {
    const slots = Array.from({ length: batchSize }, (_, slot) => slot);
    const picked = slots.map((slot) => order(step * batchSize + slot));
    return Promise.all(slots.map((slot) => one(step, slot, picked[slot])));
  };
}

/**
 * Keeps decoded pictures until the budget is used up, and then no others: in a random order that takes every file once a
 * pass, the share of hits is the share that is kept, and replacing the oldest would lose those that come soonest.
 */
function keepPictures(budget: KeepBudget) {
  const kept = new Map<string, ResizedPicture>();
  return {
    before: (path: string) => ({ resized: kept.get(path), keepBytes: kept.has(path) ? 0 : budget.bytes }),
    after(path: string, resized: ResizedPicture | undefined): void {
      if (!resized || kept.has(path) || resized.rgb.byteLength > budget.bytes) return;
      kept.set(path, resized);
      budget.bytes -= resized.rgb.byteLength;
    },
  };
}
