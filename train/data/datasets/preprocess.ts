/**
 * GauGAN's preprocessing: how a label map and its picture are resized, cropped and mirrored together.
 *
 * @see Park et al. 2019, arXiv:1903.07291, and the options of the code released with it
 */
import { multiplyHigh } from '../../../engine/random.ts';
import { resizeLabels } from '../../../models/cap-vstnet/segment.ts';
import { roundHalfEven } from '../../../models/gaugan/config.ts';
import type { PreprocessMode } from '../../choices.ts';
import { pillowResize } from '../image/pillow-resize.ts';

export interface Preprocess {
  readonly mode: PreprocessMode;
  /** pixels; of the modes that resize or scale */
  readonly loadSize: number;
  /** pixels: side of the square crop, width in mode `fixed` */
  readonly cropSize: number;
  /** width / height in mode `fixed` */
  readonly aspectRatio: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Where a sample is cut out, and whether it is mirrored left to right. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  readonly flip: boolean;
}

/** The size to which a picture is brought before the crop. */
export function resizedSize({ mode, loadSize, cropSize, aspectRatio }: Preprocess, { width, height }: Size): Size {
  switch (mode) {
    case 'resize_and_crop':
      return { width: loadSize, height: loadSize };
    case 'scale_width':
    case 'scale_width_and_crop':
      return { width: loadSize, height: Math.trunc((loadSize * height) / width) };
    case 'scale_shortside':
    case 'scale_shortside_and_crop':
      return scaledShortSide(loadSize, { width, height });
    case 'fixed':
      return { width: cropSize, height: roundHalfEven(cropSize / aspectRatio) };
    case 'none':
      return { width: 32 * roundHalfEven(width / 32), height: 32 * roundHalfEven(height / 32) };
    case 'crop':
      return { width, height };
  }
}

/**
 * As in the released code, which scales the longer side as if the shorter became `load`, and leaves the shorter as it is:
 * only pictures whose shorter side is `load` already keep their proportions.
 */
function scaledShortSide(load: number, { width, height }: Size): Size {
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  const scaled = Math.trunc((load * long) / short);
  return width === short ? { width: short, height: scaled } : { width: scaled, height: short };
}

const isCropped = (mode: PreprocessMode) => mode.includes('crop');

/** The size of the samples, or undefined where it is that of each picture. */
export function sampleSize(preprocess: Preprocess): Size | undefined {
  const { mode, cropSize } = preprocess;
  if (isCropped(mode)) return { width: cropSize, height: cropSize };
  return mode === 'fixed' ? resizedSize(preprocess, { width: 1, height: 1 }) : undefined;
}

/** The size of one picture's sample. */
export function outputSize(preprocess: Preprocess, size: Size): Size {
  return sampleSize(preprocess) ?? resizedSize(preprocess, size);
}

/** The largest offsets of the crop, both allowed: 0 where the picture is no larger than it, or nothing is cut out. */
export function cropRange(preprocess: Preprocess, size: Size): { readonly x: number; readonly y: number } {
  if (!isCropped(preprocess.mode)) return { x: 0, y: 0 };
  const { width, height } = resizedSize(preprocess, size);
  return { x: Math.max(0, width - preprocess.cropSize), y: Math.max(0, height - preprocess.cropSize) };
}

/** Where three random words place a sample: every offset is as likely, and so are both sides of the mirror. */
export function drawPlacement(preprocess: Preprocess, size: Size, words: ArrayLike<number>, flips: boolean): Placement {
  const range = cropRange(preprocess, size);
  return {
    x: multiplyHigh(words[0], range.x + 1),
    y: multiplyHigh(words[1], range.y + 1),
    flip: flips && words[2] >= 2 ** 31,
  };
}

/** The middle of the picture, not mirrored: what is looked at between trainings. */
export function centrePlacement(preprocess: Preprocess, size: Size): Placement {
  const range = cropRange(preprocess, size);
  return { x: range.x >> 1, y: range.y >> 1, flip: false };
}

/** Pixels of a picture, ids of classes, or ids of instances. */
export type Samples = Uint8Array | Int32Array;

/** Row-major [height, width, channels]. */
export interface Plane<T extends Samples = Samples> extends Size {
  readonly channels: number;
  readonly pixels: T;
}

/** Pillow's bicubic filter for pictures, its nearest for ids. */
export function resizePlane<T extends Samples>(source: Plane<T>, { width, height }: Size): Plane<T> {
  const { channels, pixels } = source;
  if (channels > 1 && pixels instanceof Uint8Array) {
    return pillowResize({ ...source, pixels }, width, height, 'bicubic') as Plane<Uint8Array> as Plane<T>;
  }
  return { width, height, channels, pixels: resizeLabels(pixels, source.width, source.height, width, height) };
}

/** Cuts the sample out of a resized raster and mirrors it; outside the picture everything is 0. */
export function placeSample<T extends Samples>(
  preprocess: Preprocess,
  source: Plane<T>,
  placement: Placement,
): Plane<T> {
  const { channels, pixels } = source;
  const { width, height } = isCropped(preprocess.mode) ? sampleSize(preprocess)! : source;
  const { x: left, y: top } = isCropped(preprocess.mode) ? placement : { x: 0, y: 0 };
  const out = new (pixels.constructor as new (length: number) => T)(width * height * channels);
  const columns = Math.min(width, source.width - left);
  for (let y = 0; y < Math.min(height, source.height - top); y++) {
    const from = ((top + y) * source.width + left) * channels;
    out.set(pixels.subarray(from, from + columns * channels), y * width * channels);
  }
  if (placement.flip) mirrorRows(out, width, channels);
  return { width, height, channels, pixels: out };
}

function mirrorRows(pixels: Samples, width: number, channels: number): void {
  for (let row = 0; row < pixels.length; row += width * channels) {
    for (let a = row, b = row + (width - 1) * channels; a < b; a += channels, b -= channels) {
      for (let c = 0; c < channels; c++) {
        const kept = pixels[a + c];
        pixels[a + c] = pixels[b + c];
        pixels[b + c] = kept;
      }
    }
  }
}
