import type { CapVstnet, PlanarPicture } from '../../models/cap-vstnet/latent.ts';
import type { LabelMap } from '../../models/cap-vstnet/regions.ts';
import { labelsFromColours } from '../../models/cap-vstnet/segment.ts';
import { stylize } from '../../models/cap-vstnet/stylize.ts';
import { fromPlanar, type Picture, resizePicture, to8Bit, toPlanar } from '../data/image/picture.ts';
import { type ReadPicture, readImage } from '../data/image/read.ts';
import { imgResizeRule } from '../data/image/resize-rule.ts';
import { DataError } from '../errors.ts';

export interface StylizePictureOptions {
  readonly alphaContent?: number;
  readonly tile?: number;
  /** no side longer than this; smaller pictures stay as they are */
  readonly maxSize?: number;
  /** the original's sizes (multiples of 4, never padded) and its truncation to 8 bits */
  readonly compat?: boolean;
  readonly onProgress?: (done: number) => void;
}

/** A style picture as the network reads it. */
export interface LoadedStyle {
  readonly path: string;
  readonly picture: PlanarPicture;
  readonly mask?: LabelMap;
  readonly weight: number;
}

/** Reads a style picture and, if given, its colour mask. */
export async function loadStyle(
  path: string,
  weight: number,
  options: StylizePictureOptions,
  maskPath?: string,
): Promise<LoadedStyle> {
  const picture = await readSized(path, options);
  const planar = { planar: toPlanar(picture), width: picture.width, height: picture.height };
  return { path, picture: planar, weight, mask: maskPath === undefined ? undefined : await readMask(maskPath) };
}

/** A content picture at the size that it will be painted in. */
export async function readSized(path: string, options: StylizePictureOptions): Promise<ReadPicture> {
  const picture = await readImage(path, { reduceTo: options.maxSize });
  const { width, height } = sizeFor(picture, options);
  if (width < 2 || height < 2) {
    throw new DataError(
      `${path}: expected a picture of at least 2 pixels a side, got ${width} x ${height}: ` +
        'it has no statistics to transfer. Use a larger one.',
    );
  }
  return width === picture.width && height === picture.height
    ? picture
    : { ...picture, ...resizePicture(picture, width, height, 'bicubic') };
}

function sizeFor({ width, height }: Picture, { maxSize, compat }: StylizePictureOptions) {
  const longest = Math.max(width, height);
  if (compat) {
    const rule = imgResizeRule(width, height, maxSize ?? 1280, 4);
    return { width: Math.max(rule.width, 8), height: Math.max(rule.height, 8) };
  }
  if (maxSize === undefined || longest <= maxSize) return { width, height };
  const scale = maxSize / longest;
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Labels of a colour mask: nearest palette colour of each pixel. */
export async function readMask(path: string): Promise<LabelMap> {
  const { rgb, width, height } = to8Bit(await readImage(path));
  return { labels: labelsFromColours(rgb as Uint8Array, width, height), width, height };
}

/**
 * Repaints one picture: colours by the network, depth and alpha as they came.
 *
 * @throws NonFiniteError when the weights do not fit the mode and the result is no picture
 */
export async function stylizePicture(
  net: CapVstnet,
  content: Picture,
  styles: readonly LoadedStyle[],
  options: StylizePictureOptions,
  mask?: LabelMap,
): Promise<Picture> {
  const { width, height, bitDepth, alpha } = content;
  const planar = await stylize(net, { planar: toPlanar(content), width, height }, styles, { ...options, mask });
  return fromPlanar(planar, width, height, { bitDepth, alpha, truncate: options.compat });
}

