import type { CapVstnet, PlanarPicture } from '../../models/cap-vstnet/latent.ts';
import type { LabelMap } from '../../models/cap-vstnet/regions.ts';
import { stylizer } from '../../models/cap-vstnet/stylize.ts';
import type { Size } from '../../models/cap-vstnet/tiles.ts';
import { readColourMask } from '../data/image/mask.ts';
import { fromPlanar, type Picture, resizePicture, toPlanar } from '../data/image/picture.ts';
import { type ReadPicture, readImage } from '../data/image/read.ts';
import { imgResizeRule } from '../data/image/resize-rule.ts';
import { DataError } from '../errors.ts';

export interface SizeOptions {
  /** no side longer than this; smaller pictures stay as they are */
  readonly maxSize?: number | undefined;
  /** the original's sizes: multiples of 4, at most 1280 unless `maxSize` says otherwise, never padded */
  readonly compat?: boolean | undefined;
}

export interface StylizePictureOptions {
  /** share of the content's own statistics */
  readonly alphaContent?: number;
  /** largest side of a tile in pixels, halo included */
  readonly tile?: number | undefined;
  /** cut fractions off as the original does, instead of rounding */
  readonly compat?: boolean | undefined;
}

/** A style picture as the network reads it. */
export interface LoadedStyle {
  readonly path: string;
  readonly picture: PlanarPicture;
  readonly mask?: LabelMap | undefined;
  /** share among the styles */
  readonly weight: number;
  /** what the user should know of the file */
  readonly notes: readonly string[];
}

/** Reads a style picture and, if given, its colour mask. @throws RequestError, DataError as `readSized` */
export async function loadStyle(
  path: string,
  weight: number,
  options: SizeOptions,
  maskPath?: string,
): Promise<LoadedStyle> {
  const picture = await readSized(path, options);
  const { width, height, notes } = picture;
  const mask = maskPath === undefined ? undefined : await readMask(maskPath, picture);
  return { path, picture: { planar: toPlanar(picture), width, height }, weight, mask, notes };
}

/**
 * A picture at the size that it will be painted in.
 *
 * @throws RequestError when there is no such file
 * @throws DataError when it is no whole picture, or fewer than 2 pixels a side are left (8 with `compat`)
 */
export async function readSized(path: string, options: SizeOptions): Promise<ReadPicture> {
  const picture = await readImage(path, { reduceTo: options.maxSize });
  const least = options.compat ? 8 : 2;
  let sized: ReadPicture = picture;
  for (const { width, height } of sizesFor(picture, options)) {
    if (width < least || height < least) {
      throw new DataError(
        `${path}: expected a picture of at least ${least} pixels a side, but it comes to ${width} x ${height}: ` +
          'too few to have statistics. Use a larger one.',
      );
    }
    if (width === sized.width && height === sized.height) continue;
    sized = { ...sized, ...resizePicture(sized, width, height, 'bicubic') };
  }
  return sized;
}

/** The sizes that a picture goes through: the original reduces, then rounds down to multiples of 4 by a second resize. */
export function sizesFor({ width, height }: Size, { maxSize, compat }: SizeOptions): Size[] {
  if (compat) {
    const { reduced, ...final } = imgResizeRule(width, height, maxSize ?? 1280, 4);
    return [reduced, final];
  }
  const scale = Math.min(1, (maxSize ?? Number.POSITIVE_INFINITY) / Math.max(width, height));
  const shrink = (side: number) => Math.max(1, Math.round(side * scale));
  return [{ width: shrink(width), height: shrink(height) }];
}

/** Labels of a colour mask at the size of its picture. @throws RequestError, DataError */
export async function readMask(path: string, { width, height }: Size): Promise<LabelMap> {
  return { labels: await readColourMask(path, width, height), width, height };
}

/** Repaints one picture: colours by the network, depth and alpha as they came. */
export type PictureStylizer = (
  content: Picture,
  mask?: LabelMap,
  onProgress?: (done: number) => void,
) => Promise<Picture>;

/**
 * Repaints pictures in the same styles, which are encoded once.
 *
 * @throws NonFiniteError (the result) when the weights do not fit the mode and the result is no picture
 */
export function pictureStylizer(
  net: CapVstnet,
  styles: readonly Pick<LoadedStyle, 'picture' | 'mask' | 'weight'>[],
  { alphaContent, tile, compat }: StylizePictureOptions = {},
): PictureStylizer {
  const paint = stylizer(net, styles, tile);
  return async (content, mask, onProgress) => {
    const { width, height, bitDepth, alpha } = content;
    const picture = { planar: toPlanar(content), width, height };
    const planar = await paint(picture, { alphaContent, mask, onProgress });
    return fromPlanar(planar, width, height, { bitDepth, alpha, truncate: compat });
  };
}
