import type { CapVstnet, PlanarPicture } from '../../models/cap-vstnet/latent.ts';
import type { LabelMap } from '../../models/cap-vstnet/regions.ts';
import { stylize } from '../../models/cap-vstnet/stylize.ts';
import type { Size } from '../../models/cap-vstnet/tiles.ts';
import { readColourMask } from '../data/image/mask.ts';
import { fromPlanar, type Picture, resizePicture, toPlanar } from '../data/image/picture.ts';
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
  return {
    path,
    picture: planar,
    weight,
    mask: maskPath === undefined ? undefined : await readMask(maskPath, picture),
  };
}

/**
 * A picture at the size that it will be painted in.
 *
 * @throws DataError when fewer than 2 pixels a side are left (8 with `compat`, whose sides are multiples of 4)
 */
export async function readSized(path: string, options: StylizePictureOptions): Promise<ReadPicture> {
  const picture = await readImage(path, { reduceTo: options.maxSize });
  const least = options.compat ? 8 : 2;
  let sized: ReadPicture = picture;
  for (const { width, height } of sizesFor(picture, options)) {
    if (width < least || height < least) {
      throw new DataError(
        `${path}: expected a picture of at least ${least} pixels a side, but it comes to ${width} x ${height}: ` +
          'it has no statistics to transfer. Use a larger one.',
      );
    }
    if (width === sized.width && height === sized.height) continue;
    sized = { ...sized, ...resizePicture(sized, width, height, 'bicubic') };
  }
  return sized;
}

/** The sizes that a picture goes through: the original reduces, then rounds down to multiples of 4 by a second resize. */
function sizesFor({ width, height }: Picture, { maxSize, compat }: StylizePictureOptions): Size[] {
  if (compat) {
    const { reduced, ...final } = imgResizeRule(width, height, maxSize ?? 1280, 4);
    return [reduced, final];
  }
  const scale = Math.min(1, (maxSize ?? Number.POSITIVE_INFINITY) / Math.max(width, height));
  const shrink = (side: number) => Math.max(1, Math.round(side * scale));
  return [{ width: shrink(width), height: shrink(height) }];
}

/** Labels of a colour mask at the size of its picture. */
export async function readMask(path: string, { width, height }: Size): Promise<LabelMap> {
  return { labels: await readColourMask(path, width, height), width, height };
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
