/** Writing pictures: the format by the file's extension, whole or not at all. */
import { extname } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { assertFree, writeAtomic } from '../../atomic-write.ts';
import { RequestError } from '../../errors.ts';
import { type Picture, type Samples, to8Bit } from './picture.ts';

export interface WriteOptions {
  /** replace a file that is there */
  readonly overwrite?: boolean;
  /** 1 to 100 for JPEG and WebP; 95 */
  readonly quality?: number;
}

interface Format {
  readonly deep: boolean;
  readonly alpha: boolean;
  readonly encode: (pixels: Sharp, quality: number) => Sharp;
}

const jpeg: Format = {
  deep: false,
  alpha: false,
  encode: (pixels, quality) => pixels.jpeg({ quality, chromaSubsampling: quality >= 90 ? '4:4:4' : '4:2:0' }),
};
const tiff: Format = {
  deep: true,
  alpha: true,
  encode: (pixels) => pixels.tiff({ compression: 'deflate', predictor: 'horizontal' }),
};

const formats: Record<string, Format> = {
  '.png': { deep: true, alpha: true, encode: (pixels) => pixels.png() },
  '.jpg': jpeg,
  '.jpeg': jpeg,
  '.webp': { deep: false, alpha: true, encode: (pixels, quality) => pixels.webp({ quality }) },
  '.tif': tiff,
  '.tiff': tiff,
};

/**
 * Checks, before any work is done, that a picture can be written under this name.
 *
 * @throws RequestError for an extension without a format, a file that exists, a folder of that name
 */
export async function assertWritable(path: string, options: WriteOptions = {}): Promise<void> {
  formatOf(path);
  await assertFree(path, options.overwrite);
}

/**
 * Writes a picture. 16 bits stay 16 in PNG and TIFF; alpha is written as it is.
 *
 * @returns what was lost, one line each: 16 bits rounded to 8, alpha left out
 * @throws RequestError as {@link assertWritable}, or when the place cannot be written
 */
export async function writeImage(path: string, picture: Picture, options: WriteOptions = {}): Promise<string[]> {
  const format = formatOf(path);
  await assertFree(path, options.overwrite);
  const notes: string[] = [];
  const fitted = format.deep ? picture : to8Bit(picture);
  const extension = extname(path).toLowerCase();
  if (fitted !== picture) notes.push(`${path}: rounded from 16 bits to 8, for ${extension} has no more`);
  const alpha = format.alpha ? fitted.alpha : undefined;
  if (fitted.alpha && !alpha)
    notes.push(`${path}: transparency left out, for ${extension} has none; write .png to keep it`);
  await writeAtomic(path, await encoded(fitted, alpha, format, options.quality), options.overwrite);
  return notes;
}

/**
 * The bytes of a picture's file; 16 bits are rounded to 8, and alpha left out, where the format has none.
 *
 * @param path  whose extension says the format; nothing is written there
 * @throws RequestError for an extension without a format
 */
export async function encodeImage(path: string, picture: Picture, quality?: number): Promise<Buffer> {
  const format = formatOf(path);
  const fitted = format.deep ? picture : to8Bit(picture);
  return encoded(fitted, format.alpha ? fitted.alpha : undefined, format, quality);
}

function encoded(picture: Picture, alpha: Samples | undefined, format: Format, quality = 95): Promise<Buffer> {
  const { width, height, rgb, bitDepth } = picture;
  const raw = { width, height, channels: alpha ? 4 : 3 } as const;
  const pixels = sharp(alpha ? joinAlpha(rgb, alpha) : rgb, { raw, limitInputPixels: false });
  return format.encode(pixels.toColourspace(bitDepth === 16 ? 'rgb16' : 'srgb'), quality).toBuffer();
}

function formatOf(path: string): Format {
  const extension = extname(path).toLowerCase();
  const format = formats[extension];
  if (format) return format;
  throw new RequestError(
    `${path}: expected a name that ends in ${Object.keys(formats).join(' ')}, but it ends in ` +
      `${extension === '' ? 'no extension' : extension}. Use .png to lose nothing.`,
  );
}

function joinAlpha(rgb: Samples, alpha: Samples): Samples {
  const joined = rgb instanceof Uint8Array ? new Uint8Array(alpha.length * 4) : new Uint16Array(alpha.length * 4);
  for (let i = 0; i < alpha.length; i++) {
    joined[4 * i] = rgb[3 * i];
    joined[4 * i + 1] = rgb[3 * i + 1];
    joined[4 * i + 2] = rgb[3 * i + 2];
    joined[4 * i + 3] = alpha[i];
  }
  return joined;
}
