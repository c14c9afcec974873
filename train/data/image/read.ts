/**
 * Reading pictures: upright, sRGB, with the alpha plane apart and 16 bits kept.
 *
 * sharp decodes JPEG, PNG, WebP, TIFF, GIF and AVIF; netpbm and Windows bitmaps have small readers of their own.
 */
import { open, readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { DataError, RequestError } from '../../errors.ts';
import { bmpHeader, decodeBmp, isBmp } from './bmp.ts';
import { decodeNetpbm, isNetpbm, netpbmHeader } from './netpbm.ts';
import type { Picture, Samples } from './picture.ts';

/** More than this is refused unless asked for: 16383². */
export const DEFAULT_LIMIT_PIXELS = 0x3fff * 0x3fff;

/** Even a picture that is reduced while it is read may not have more: interlaced files are held whole. */
const REDUCED_LIMIT_PIXELS = 2 ** 30;

export interface ReadOptions {
  /** the most pixels that are decoded at full size; {@link DEFAULT_LIMIT_PIXELS} */
  readonly limitPixels?: number;
  /** a picture over the limit is read reduced, so that its larger side is this; without it such a picture is refused */
  readonly reduceTo?: number;
}

/** A picture and what its file was. */
export interface ReadPicture extends Picture {
  /** an embedded colour profile was converted to sRGB */
  readonly hadIcc: boolean;
  /** the file has one colour channel */
  readonly wasGrey: boolean;
  /** what the user should know: pages left out, a reduction */
  readonly notes: readonly string[];
}

/**
 * Reads a picture. Orientation (EXIF) is applied, colours are converted to sRGB, grey becomes three equal channels,
 * alpha is split off, and more than 8 bits come as 16.
 *
 * @throws RequestError when there is no such file
 * @throws DataError when the file is empty, damaged, not a picture or too large
 */
export async function readImage(path: string, options: ReadOptions = {}): Promise<ReadPicture> {
  const bytes = await readBytes(path);
  const limit = options.limitPixels ?? DEFAULT_LIMIT_PIXELS;
  if (isNetpbm(bytes)) return small(path, bytes, limit, netpbmHeader, decodeNetpbm);
  if (isBmp(bytes)) return small(path, bytes, limit, bmpHeader, decodeBmp);
  return decode(path, bytes, limit, options.reduceTo);
}

/**
 * The size of an upright picture from the beginning of its file, without decoding it.
 *
 * @throws RequestError, DataError as {@link readImage}, as far as the beginning tells
 */
export async function readPictureSize(path: string): Promise<{ readonly width: number; readonly height: number }> {
  const file = await open(path).catch(() => undefined);
  const head = new Uint8Array(32);
  await file?.read(head);
  await file?.close();
  const facts =
    isNetpbm(head) || isBmp(head)
      ? undefined
      : await sharp(path)
          .metadata()
          .catch(() => undefined);
  // what sharp does not read, and the words for what nobody can
  return facts ? facts.autoOrient : readImage(path);
}

async function readBytes(path: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new RequestError(`${path}: expected a picture, but there is no such file. Check the spelling of the path.`);
    }
    if (code === 'EISDIR') throw new DataError(`${path}: expected a picture, but it is a folder.`);
    throw new DataError(`${path}: expected a picture, but the file cannot be read: ${message}`);
  }
  if (bytes.length === 0) {
    throw new DataError(`${path}: expected a picture, but the file is empty (0 bytes). Copy or download it again.`);
  }
  return bytes;
}

function small(
  path: string,
  bytes: Uint8Array,
  limit: number,
  header: (bytes: Uint8Array) => { readonly width: number; readonly height: number },
  decodeWhole: (bytes: Uint8Array) => Picture & { readonly wasGrey: boolean },
): ReadPicture {
  try {
    const { width, height } = header(bytes);
    if (width * height > limit) throw tooLarge(path, width, height, limit);
    return { ...decodeWhole(bytes), hadIcc: false, notes: [] };
  } catch (error) {
    throw error instanceof DataError ? error : damaged(path, 'bitmap', (error as Error).message);
  }
}

async function decode(path: string, bytes: Buffer, limit: number, reduceTo?: number): Promise<ReadPicture> {
  const file = { failOn: 'error', limitInputPixels: false, autoOrient: true } as const;
  const facts = await sharp(bytes, file)
    .metadata()
    .catch((error: Error) => {
      throw isForeign(error) ? notAPicture(path, bytes) : damaged(path, 'picture', error.message);
    });
  const { width, height } = facts.autoOrient;
  if (facts.format === 'svg') throw notAPicture(path, bytes);
  const over = width * height > limit;
  if (over && (reduceTo === undefined || width * height > REDUCED_LIMIT_PIXELS)) {
    throw tooLarge(path, width, height, reduceTo === undefined ? limit : REDUCED_LIMIT_PIXELS);
  }
  const bitDepth = facts.depth === 'uchar' || facts.depth === 'char' ? 8 : 16;
  let pipeline = sharp(bytes, file);
  if (over) {
    pipeline = pipeline.resize({ width: reduceTo, height: reduceTo, fit: 'inside', withoutEnlargement: true });
  }
  pipeline = pipeline.toColourspace(bitDepth === 8 ? 'srgb' : 'rgb16');
  // libvips takes 16-bit pictures with a profile to Display P3 and would leave them there
  if (bitDepth === 16 && facts.hasProfile) pipeline = pipeline.withIccProfile('srgb', { attach: false });
  const { data, info } = await pipeline
    .raw({ depth: bitDepth === 8 ? 'uchar' : 'ushort' })
    .toBuffer({ resolveWithObject: true })
    .catch((error: Error) => {
      throw damaged(path, `${width} x ${height} ${facts.format}`, error.message);
    });
  const samples = bitDepth === 8 ? new Uint8Array(data.buffer, data.byteOffset, data.length) : words(data);
  const notes: string[] = [];
  if (over) notes.push(`${path}: ${width} x ${height} pixels, read reduced to ${info.width} x ${info.height}`);
  if ((facts.pages ?? 1) > 1) notes.push(`${path}: only the first of its ${facts.pages} pages is read`);
  return {
    width: info.width,
    height: info.height,
    bitDepth,
    ...splitAlpha(samples, info.channels, info.width * info.height),
    hadIcc: facts.hasProfile,
    wasGrey: facts.channels < 3,
    notes,
  };
}

function words(data: Buffer): Uint16Array {
  const aligned = data.byteOffset % 2 === 0 ? data : Buffer.from(data);
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
}

function splitAlpha(samples: Samples, channels: number, count: number): { rgb: Samples; alpha?: Samples } {
  if (channels === 3) return { rgb: samples };
  const make = (length: number) => (samples instanceof Uint8Array ? new Uint8Array(length) : new Uint16Array(length));
  const rgb = make(3 * count);
  const colours = channels < 3 ? 1 : 3;
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) rgb[3 * i + c] = samples[i * channels + Math.min(c, colours - 1)];
  }
  if (channels === colours) return { rgb };
  const alpha = make(count);
  for (let i = 0; i < count; i++) alpha[i] = samples[i * channels + channels - 1];
  return { rgb, alpha };
}

const isForeign = (error: Error) => error.message.includes('unsupported image format');

function notAPicture(path: string, bytes: Uint8Array): DataError {
  return new DataError(
    `${path}: expected a picture (JPEG, PNG, WebP, TIFF, GIF, AVIF, BMP or PPM), but the file ${beginning(bytes)}. ` +
      'Its name does not change what it holds: convert it to PNG or JPEG, or leave it out.',
  );
}

/** What a stranger's file looks like from its first bytes. */
function beginning(bytes: Uint8Array): string {
  const head = bytes.subarray(0, 24);
  if (head.every((byte) => byte >= 32 || (byte >= 9 && byte <= 13))) {
    const line = Buffer.from(head)
      .toString('utf8')
      .split(/[\r\n]/)[0]
      .replace('\ufffd', '');
    return `is text that begins “${line}”`;
  }
  return `begins with the bytes ${[...head.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}`;
}

function damaged(path: string, what: string, reason: string): DataError {
  const line = reason.trim().split('\n')[0];
  return new DataError(
    `${path}: expected a whole ${what}, but it is cut short or damaged (${line}). Copy or download the file again.`,
  );
}

function tooLarge(path: string, width: number, height: number, limit: number): DataError {
  return new DataError(
    `${path}: ${width} x ${height} is ${(width * height).toLocaleString('en')} pixels, and at most ` +
      `${limit.toLocaleString('en')} are read at full size. Give --max-size 8192 to read it reduced, or crop it first.`,
  );
}
