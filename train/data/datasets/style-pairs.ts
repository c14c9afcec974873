/** CAP-VSTNet's training set: a folder of contents and a folder of styles. */
import { resolve } from 'node:path';
import type { LapTable } from '../../../kernels/matting-laplacian/table.ts';
import { RequestError } from '../../errors.ts';
import { type Loader, prefetch } from '../loader.ts';
import type { CropJob, CropResult } from '../workers/crop-task.ts';
import { openPool, taskBeside, workersFor } from '../workers/pool.ts';
import { holdOut, nothingLeft } from './hold-out.ts';
import { type Crop, pictureFolder } from './picture-folder.ts';
import { LARGEST_BATCH } from './shuffle.ts';
import { walkPictures } from './walk.ts';

/** What one step trains on. */
export interface StylePairs {
  readonly step: number;
  /** pictures of each kind */
  readonly batchSize: number;
  /** sides of the crops in pixels */
  readonly size: number;
  /** [B, size, size, 3] RGB, 8 bits */
  readonly content: Uint8Array;
  /** [B, size, size, 3] */
  readonly style: Uint8Array;
  /** of each content crop, for `mattingLaplacian` */
  readonly laplacian: readonly LapTable[];
}

export interface StylePairsOptions {
  /** walked with the folders in it; may be the same as `styleDir` */
  readonly contentDir: string;
  readonly styleDir: string;
  /** 2 in the original */
  readonly batchSize: number;
  /** the shorter side becomes this many pixels; 512 in the original */
  readonly loadSize: number;
  /** side of the random crop; 256 in the original */
  readonly cropSize: number;
  readonly seed: number;
  /** threads; 0 decodes in this process, left out: as many as the machine gives */
  readonly workers?: number;
  /** of the matting Laplacian: radius 1 and 1e-7 in the original */
  readonly laplacian: { readonly winRad: number; readonly eps: number };
  /** batches made ahead; 3 */
  readonly ahead?: number;
  /** memory for pictures that are kept decoded, resized: 512 MiB */
  readonly keepBytes?: number;
  /** uses the first files of each folder alone */
  readonly maxItems?: number;
  /** pairs that batches never hold: so many contents, and as many styles; 0 */
  readonly holdOut?: number;
  /** told once of every file that cannot be read */
  readonly onWarning?: (message: string) => void;
}

/** The loader, and how many pictures it draws from. */
export interface StylePairsLoader extends Loader<StylePairs> {
  readonly contents: number;
  readonly styles: number;
  /** pairs that no batch holds, one each, cut from the middle of their pictures; those that cannot be read are left out */
  readonly heldOut: readonly StylePairs[];
}

const KEEP_BYTES = 512 * 2 ** 20;
const [CONTENT, STYLE] = [0, 1];
/** The crop in the middle. */
const MIDDLE = { x: 2 ** 31, y: 2 ** 31 };

/**
 * Opens the two folders. Per picture: RGB → shorter side to `loadSize` (Pillow's bilinear) → random square crop, and of
 * the content crops the matting Laplacian, in float64. No flips, no change of colours. The pictures of a step depend on
 * the seed and the step alone. Unlike the original, pictures are turned upright by their EXIF orientation first.
 * Pictures that are held out depend on the seed and the folders' files.
 *
 * @throws RequestError when a folder is not there, or the sizes do not fit together
 * @throws DataError when a folder holds no picture; by a batch, when none of those tried can be read
 * @see Wen, Gao, Zou 2023, arXiv:2303.17867, section 4.1
 */
export async function capVstnetLoader(options: StylePairsOptions): Promise<StylePairsLoader> {
  checkSizes(options);
  const { batchSize, cropSize, seed, laplacian } = options;
  const { contents, styles, pairs } = await filesOf(options);
  const pool = openPool<CropJob, CropResult>(taskBeside(import.meta.url, '../workers/crop-task'), {
    workers: options.workers ?? workersFor(batchSize),
    nameOf: (job) => job.path,
  });
  const common = {
    ...{ seed, batchSize, loadSize: options.loadSize, cropSize, pool },
    budget: { bytes: options.keepBytes ?? KEEP_BYTES },
    onUnreadable: (message: string) => options.onWarning?.(`${message} Another picture takes its place.`),
  };
  const contentCrops = pictureFolder({ ...common, files: contents, folder: CONTENT, laplacian });
  const styleCrops = pictureFolder({ ...common, files: styles, folder: STYLE });

  const together = (step: number, content: readonly Crop[], style: readonly Crop[]): StylePairs => ({
    ...{ step, batchSize: content.length, size: cropSize },
    content: joined(content.map(({ rgb }) => rgb)),
    style: joined(style.map(({ rgb }) => rgb)),
    laplacian: content.map(({ laplacian }) => laplacian as LapTable),
  });
  const fromTheMiddle = async (path: string, laplacian?: CropJob['laplacian']): Promise<Crop | undefined> => {
    const { loadSize } = options;
    const result = await pool.run({ path, loadSize, cropSize, draw: MIDDLE, laplacian, keepBytes: 0 });
    if (!('unreadable' in result)) return result;
    options.onWarning?.(`${result.unreadable} It was to be held out; its pair is left out.`);
    return undefined;
  };
  const heldOut = await Promise.all(
    pairs.map(async ([content, style]) => {
      const [a, b] = await Promise.all([fromTheMiddle(content, laplacian), fromTheMiddle(style)]);
      return a && b ? [together(0, [a], [b])] : [];
    }),
  );
  const make = async (step: number): Promise<StylePairs> =>
    together(step, ...(await Promise.all([contentCrops(step), styleCrops(step)])));
  const loader = prefetch(make, { ahead: options.ahead, close: () => pool.close() });
  return { ...loader, contents: contents.length, styles: styles.length, heldOut: heldOut.flat() };
}

/** What is trained on, and the pairs that are not: in a folder that is both, no held-out picture is trained on as either. */
async function filesOf({ contentDir, styleDir, maxItems, holdOut: count = 0, seed }: StylePairsOptions) {
  const listed = await Promise.all([contentDir, styleDir].map(walkPictures));
  const [contents, styles] = listed.map((files) => files.slice(0, maxItems));
  const ofContents = holdOut(contents, { count, seed, where: contentDir, folder: CONTENT });
  const chosen = new Set(ofContents.heldOut.map((path) => resolve(path)));
  const others = styles.filter((path) => !chosen.has(resolve(path)));
  const ofStyles = holdOut(others, { count, seed, where: styleDir, folder: STYLE });
  for (const path of ofStyles.heldOut) chosen.add(resolve(path));
  const kept = ofContents.kept.filter((path) => !chosen.has(resolve(path)));
  if (kept.length === 0) throw nothingLeft(count, contents.length, contentDir);
  const pairs = ofContents.heldOut.map((content, i) => [content, ofStyles.heldOut[i]] as const);
  return { contents: kept, styles: ofStyles.kept, pairs };
}

function checkSizes({ batchSize, loadSize, cropSize, laplacian }: StylePairsOptions): void {
  const wrong = (message: string) => new RequestError(message);
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > LARGEST_BATCH) {
    throw wrong(`--batch-size ${batchSize}: expected a whole number from 1 to ${LARGEST_BATCH}. Try --batch-size 2.`);
  }
  if (!Number.isInteger(cropSize) || cropSize < 8 || cropSize % 4 !== 0) {
    const near = Math.max(8, Math.round(cropSize / 4) * 4) || 256;
    throw wrong(
      `--crop-size ${cropSize}: expected a multiple of 4, at least 8, for cap-vstnet (two squeezes). ` +
        `Try --crop-size ${near}.`,
    );
  }
  if (!Number.isInteger(loadSize) || loadSize < cropSize) {
    throw wrong(
      `--load-size ${loadSize}: expected a whole number of at least --crop-size ${cropSize}, for the crop is taken ` +
        `out of a picture whose shorter side is the load size. Try --load-size ${2 * cropSize}.`,
    );
  }
  if (2 * laplacian.winRad + 1 > cropSize) {
    throw wrong(
      `--win-rad ${laplacian.winRad}: expected windows that fit into a crop of ${cropSize} pixels. Try --win-rad 1.`,
    );
  }
}

function joined(crops: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(crops.length * crops[0].length);
  for (const [i, crop] of crops.entries()) whole.set(crop, i * crop.length);
  return whole;
}

/**
 * 8-bit pictures as a network reads them.
 *
 * @param pixels  [B, H, W, 3]
 * @param plane   H · W
 * @returns       [B, 3, H, W] in [0, 1]
 */
export function planarBatch(pixels: Uint8Array, plane: number): Float32Array {
  const planar = new Float32Array(pixels.length);
  for (let item = 0; item < pixels.length; item += 3 * plane) {
    for (let i = item, at = item; i < item + plane; i++) {
      planar[i] = pixels[at++] / 255;
      planar[i + plane] = pixels[at++] / 255;
      planar[i + 2 * plane] = pixels[at++] / 255;
    }
  }
  return planar;
}
