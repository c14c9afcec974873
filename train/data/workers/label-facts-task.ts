/** The job of a worker thread: what the files of one pair are, and what is wrong with them. */
import type { LabelPair } from '../datasets/label-files.ts';
import type { Size } from '../datasets/preprocess.ts';
import { countLabels, readInstanceIds, readLabelIds, WrongMapError } from '../image/label-map.ts';
import type { Palette } from '../image/palette.ts';
import { readImage, readPictureSize } from '../image/read.ts';
import type { BadFile, PictureFacts } from './inspect-task.ts';
import { assertSameSize } from './label-picture-task.ts';
import type { Task } from './pool.ts';

export interface LabelFactsJob {
  readonly pair: LabelPair;
  readonly palette?: Palette;
  /** decodes pictures and instance maps, too, instead of reading their sizes alone */
  readonly whole: boolean;
}

export interface LabelFacts {
  readonly pair: LabelPair;
  readonly label?: Size & {
    /** pixels by label, [256] */
    readonly counts: Uint32Array<ArrayBuffer>;
    /** read by a palette */
    readonly coloured: boolean;
  };
  /** of the picture, when it was decoded */
  readonly image?: PictureFacts;
  readonly instance?: Size;
  /** files that cannot be read: another pair can take the place of this one */
  readonly unreadable: readonly BadFile[];
  /** files that can, and that no training can use as they are */
  readonly wrong: readonly BadFile[];
}

export const run: Task<LabelFactsJob, LabelFacts> = async (job) => {
  const result = await factsOf(job);
  return { result, transfer: result.label ? [result.label.counts.buffer] : [] };
};

async function factsOf({ pair, palette, whole }: LabelFactsJob): Promise<LabelFacts> {
  const unreadable: BadFile[] = [];
  const wrong: BadFile[] = [];
  const look = async <T>(path: string | undefined, read: (path: string) => Promise<T>): Promise<T | undefined> => {
    if (path === undefined) return undefined;
    try {
      return await read(path);
    } catch (error) {
      if (!(error instanceof Error) || !['DataError', 'RequestError'].includes(error.name)) throw error;
      (error instanceof WrongMapError ? wrong : unreadable).push({ path, reason: error.message });
      return undefined;
    }
  };
  const ids = await look(pair.label, (path) => readLabelIds(path, palette));
  const label = ids && { width: ids.width, height: ids.height, counts: countLabels(ids.ids), coloured: ids.coloured };
  const image = whole ? await look(pair.image, pictureFacts) : undefined;
  const imageSize = image ?? (whole ? undefined : await look(pair.image, readPictureSize));
  const instance = await look(pair.instance, whole ? readInstanceIds : readPictureSize);
  if (label) await look(pair.image ?? pair.instance, async () => assertSameSize(pair, label, imageSize, instance));
  return {
    ...{ pair, label, image, unreadable, wrong },
    instance: instance && { width: instance.width, height: instance.height },
  };
}

async function pictureFacts(path: string): Promise<PictureFacts> {
  const { width, height, bitDepth, wasGrey, alpha } = await readImage(path);
  return { path, width, height, bitDepth, grey: wasGrey, alpha: alpha !== undefined };
}
