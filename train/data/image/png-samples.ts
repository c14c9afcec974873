/**
 * PNG files as they are stored: grey values and palette indices that no colour management has touched. Label maps are
 * numbers, and libraries for pictures turn indices into colours.
 *
 * @see ISO/IEC 15948 (PNG), sections 7 to 9
 */
import { inflateSync } from 'node:zlib';
import { DEFAULT_LIMIT_PIXELS } from './read.ts';

export interface PngSamples {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: 1 | 2 | 4 | 8 | 16;
  /** whether the one channel holds indices into a palette */
  readonly indexed: boolean;
  /** 1 grey or index, 2 with alpha, 3 colour, 4 with alpha */
  readonly channels: 1 | 2 | 3 | 4;
  /** [height, width, channels] in 0 … 2^bitDepth - 1 */
  readonly samples: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** by colour type */
const CHANNELS: Readonly<Record<number, 1 | 2 | 3 | 4>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** x and y of the first pixel, and steps, of Adam7's passes */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Whether a file begins as a PNG does. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  readonly colourType: number;
  readonly interlaced: boolean;
}

/** @throws Error with a short reason when the file is not a whole PNG */
export function readPngSamples(bytes: Uint8Array): PngSamples {
  const { header, data } = chunks(bytes);
  const { width, height, bitDepth, colourType, interlaced } = header;
  const channels = CHANNELS[colourType];
  if (channels === undefined || ![1, 2, 4, 8, 16].includes(bitDepth) || width < 1 || height < 1) {
    throw new Error(`the header states ${width} x ${height}, ${bitDepth} bits, colour type ${colourType}`);
  }
  if (width * height > DEFAULT_LIMIT_PIXELS) throw new Error(`${width} x ${height} pixels are too many`);
  const passes = (interlaced ? ADAM7 : [[0, 0, 1, 1] as const])
    .map(([x, y, dx, dy]) => ({ x, y, dx, dy, w: Math.ceil((width - x) / dx), h: Math.ceil((height - y) / dy) }))
    .filter(({ w, h }) => w > 0 && h > 0);
  const rowBytes = (w: number) => Math.ceil((w * channels * bitDepth) / 8);
  const total = passes.reduce((sum, { w, h }) => sum + h * (1 + rowBytes(w)), 0);
  const raw = inflateSync(data, { maxOutputLength: total });
  if (raw.length < total) throw new Error(`${total - raw.length} bytes of its pixels are missing`);

  const count = width * height * channels;
  const samples = bitDepth === 16 ? new Uint16Array(count) : new Uint8Array(count);
  let at = 0;
  for (const { x, y, dx, dy, w, h } of passes) {
    const size = rowBytes(w);
    unfilter(raw, at, size, h, Math.max(1, (channels * bitDepth) >> 3));
    for (let row = 0; row < h; row++, at += 1 + size) {
      if (bitDepth === 8 && dx === 1 && dy === 1) {
        samples.set(raw.subarray(at + 1, at + 1 + size), row * size);
        continue;
      }
      const sample = unpack(raw, at + 1, bitDepth);
      for (let i = 0; i < w; i++) {
        const to = ((y + row * dy) * width + x + i * dx) * channels;
        for (let c = 0; c < channels; c++) samples[to + c] = sample(i * channels + c);
      }
    }
  }
  return { width, height, bitDepth: bitDepth as PngSamples['bitDepth'], indexed: colourType === 3, channels, samples };
}

function chunks(bytes: Uint8Array): { header: Header; data: Buffer } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let header: Header | undefined;
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = at + 8;
    if (body + length + 4 > bytes.length) throw new Error(`its ${type} block is cut short`);
    if (type === 'IHDR' && length >= 13) {
      header = {
        width: view.getUint32(body),
        height: view.getUint32(body + 4),
        bitDepth: bytes[body + 8],
        colourType: bytes[body + 9],
        interlaced: bytes[body + 12] === 1,
      };
    } else if (type === 'IDAT') parts.push(bytes.subarray(body, body + length));
    else if (type === 'IEND') break;
    at = body + length + 4;
  }
  if (!header) throw new Error('it has no header');
  if (parts.length === 0) throw new Error('it has no pixels');
  return { header, data: Buffer.concat(parts) };
}

/** Undoes the filters of `rows` rows of `size` bytes, each after its filter's number; `bpp` bytes to the left neighbour. */
function unfilter(raw: Uint8Array, from: number, size: number, rows: number, bpp: number): void {
  let above: Uint8Array = new Uint8Array(size);
  for (let row = 0; row < rows; row++) {
    const start = from + row * (1 + size);
    const line = raw.subarray(start + 1, start + 1 + size);
    switch (raw[start]) {
      case 0:
        break;
      case 1:
        for (let i = bpp; i < size; i++) line[i] += line[i - bpp];
        break;
      case 2:
        for (let i = 0; i < size; i++) line[i] += above[i];
        break;
      case 3:
        for (let i = 0; i < bpp; i++) line[i] += above[i] >> 1;
        for (let i = bpp; i < size; i++) line[i] += (line[i - bpp] + above[i]) >> 1;
        break;
      case 4:
        for (let i = 0; i < bpp; i++) line[i] += above[i];
        for (let i = bpp; i < size; i++) line[i] += paeth(line[i - bpp], above[i], above[i - bpp]);
        break;
      default:
        throw new Error(`row ${row} has the unknown filter ${raw[start]}`);
    }
    above = line;
  }
}

/** Whichever of left, upper and corner is nearest to left + upper - corner. */
function paeth(left: number, upper: number, corner: number): number {
  const dl = upper - corner;
  const du = left - corner;
  const toLeft = dl < 0 ? -dl : dl;
  const toUpper = du < 0 ? -du : du;
  const toCorner = dl + du < 0 ? -dl - du : dl + du;
  return toLeft <= toUpper && toLeft <= toCorner ? left : toUpper <= toCorner ? upper : corner;
}

/** Sample i of a row that begins at `start`. */
function unpack(raw: Uint8Array, start: number, bits: number): (i: number) => number {
  if (bits === 8) return (i) => raw[start + i];
  if (bits === 16) return (i) => (raw[start + 2 * i] << 8) | raw[start + 2 * i + 1];
  const mask = (1 << bits) - 1;
  return (i) => (raw[start + ((i * bits) >> 3)] >> (8 - bits - ((i * bits) & 7))) & mask;
}
