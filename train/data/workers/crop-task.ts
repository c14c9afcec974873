/** The job of a worker thread: one training crop of one file, and what is computed from it on the host. */
import { type LapTable, lapTable } from '../../../kernels/matting-laplacian/table.ts';
import { type CropDraw, cropRegion, resizeShorter, shorterSideTo } from '../datasets/square-crop.ts';
import { readImage } from '../image/read.ts';
import type { Task } from './pool.ts';

/** A picture whose shorter side has its size already, in memory that all threads see. */
export interface ResizedPicture {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3] */
  readonly rgb: SharedArrayBuffer;
}

export interface CropJob {
  readonly path: string;
  /** the shorter side becomes this many pixels */
  readonly loadSize: number;
  /** side of the crop in pixels */
  readonly cropSize: number;
  readonly draw: CropDraw;
  /** asks for the matting Laplacian of the crop */
  readonly laplacian?: { readonly winRad: number; readonly eps: number };
  /** the picture, when it was kept before: the file is not read */
  readonly resized?: ResizedPicture;
  /** asks for the whole picture when it takes at most this many bytes */
  readonly keepBytes: number;
}

export type CropResult =
  | {
      /** [cropSize, cropSize, 3] */
      readonly rgb: Uint8Array;
      readonly laplacian?: LapTable;
      readonly resized?: ResizedPicture;
    }
  | { /** why the file gives no picture */ readonly unreadable: string };

/** What is wrong with a file, as opposed to this program. */
const OF_THE_FILE = ['DataError', 'RequestError'];

export const run: Task<CropJob, CropResult> = async (job) => {
  let crop: Uint8Array<ArrayBuffer>;
  let resized: ResizedPicture | undefined;
  try {
    ({ crop, resized } = await cropOf(job));
  } catch (error) {
    if (!(error instanceof Error) || !OF_THE_FILE.includes(error.name)) throw error;
    return { result: { unreadable: error.message }, transfer: [] };
  }
  const { cropSize, laplacian } = job;
  const table = laplacian && lapTable(crop, cropSize, cropSize, laplacian.winRad, laplacian.eps);
  const parts = table ? [crop, table.pixels, table.factors] : [crop];
  return {
    result: { rgb: crop, laplacian: table, resized },
    transfer: parts.map(({ buffer }) => buffer as ArrayBuffer),
  };
};

async function cropOf(job: CropJob): Promise<{ crop: Uint8Array<ArrayBuffer>; resized?: ResizedPicture }> {
  const { path, loadSize, cropSize, draw, keepBytes } = job;
  if (job.resized) return { crop: cutOut(job.resized, cropSize, draw) };
  const picture = await readImage(path);
  const { width, height } = shorterSideTo(loadSize, picture.width, picture.height);
  const bytes = 3 * width * height;
  if (bytes > keepBytes) {
    const part = resizeShorter(picture, loadSize, (size) => cropRegion(size.width, size.height, cropSize, draw));
    return { crop: part.pixels as Uint8Array<ArrayBuffer> };
  }
  const rgb = new SharedArrayBuffer(bytes);
  new Uint8Array(rgb).set(resizeShorter(picture, loadSize).pixels);
  const resized = { width, height, rgb };
  return { crop: cutOut(resized, cropSize, draw), resized };
}

function cutOut({ width, height, rgb }: ResizedPicture, side: number, draw: CropDraw): Uint8Array<ArrayBuffer> {
  const { left, top } = cropRegion(width, height, side, draw);
  const crop = new Uint8Array(3 * side * side);
  for (let y = 0; y < side; y++) {
    crop.set(new Uint8Array(rgb, 3 * ((top + y) * width + left), 3 * side), 3 * y * side);
  }
  return crop;
}
