/**
 * Windows bitmaps without compression: 1, 4, 8 (palette), 16, 24 and 32 bits a pixel, bottom-up or top-down.
 *
 * @see Microsoft, "Bitmap Storage" (BITMAPFILEHEADER, BITMAPINFOHEADER, BITMAPV4HEADER)
 */
import type { Picture } from './picture.ts';

/** Whether a file begins as a bitmap does. */
export function isBmp(bytes: Uint8Array): boolean {
  return bytes.length > 18 && bytes[0] === 0x42 && bytes[1] === 0x4d && bytes[15] === 0 && bytes[16] === 0;
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  /** where the pixels begin */
  readonly start: number;
  readonly palette: { readonly at: number; readonly entry: number; readonly count: number };
  /** red, green, blue, alpha of 16 and 32 bits */
  readonly masks: readonly number[];
}

/** @throws Error with a short reason when the header is not one that we read */
export function bmpHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getUint32(14, true);
  const core = size === 12; // OS/2
  if (bytes.length < 14 + size || (!core && size < 40)) throw new Error('the header is cut short');
  const width = core ? view.getUint16(18, true) : view.getInt32(18, true);
  const tall = core ? view.getUint16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(core ? 24 : 28, true);
  const compression = core ? 0 : view.getUint32(30, true);
  if (![1, 4, 8, 16, 24, 32].includes(bits) || ![0, 3, 6].includes(compression)) {
    throw new Error(`its kind of bitmap (${bits} bits, compression ${compression}) is not read here`);
  }
  if (width < 1 || tall === 0) throw new Error(`the header states ${width} x ${Math.abs(tall)} pixels`);
  const explicit = compression !== 0 && bits >= 16;
  const maskBytes = explicit && size === 40 ? (compression === 6 ? 16 : 12) : 0;
  const used = core ? 0 : view.getUint32(46, true);
  return {
    width,
    height: Math.abs(tall),
    topDown: tall < 0,
    bits,
    start: view.getUint32(10, true),
    palette: { at: 14 + size + maskBytes, entry: core ? 3 : 4, count: bits > 8 ? 0 : used || 1 << bits },
    masks: explicit ? readMasks(view, size >= 56 || compression === 6) : defaultMasks(bits),
  };
}

function readMasks(view: DataView, alpha: boolean): number[] {
  return [54, 58, 62, 66].map((at) => (at < 66 || alpha ? view.getUint32(at, true) : 0));
}

/** 5 bits a channel, or 8; the fourth byte of a plain 32-bit bitmap is padding. */
function defaultMasks(bits: number): number[] {
  return bits === 16 ? [0x7c00, 0x03e0, 0x001f, 0] : [0xff0000, 0xff00, 0xff, 0];
}

/** @throws Error with a short reason when the pixels do not fit the header */
export function decodeBmp(bytes: Uint8Array): Picture & { readonly wasGrey: boolean } {
  const header = bmpHeader(bytes);
  const { width, height, bits, start, topDown } = header;
  const row = Math.ceil((width * bits) / 32) * 4;
  if (bytes.length < start + row * height) throw new Error(`${start + row * height - bytes.length} bytes are missing`);
  const rgb = new Uint8Array(width * height * 3);
  const alpha = header.masks[3] && bits >= 16 ? new Uint8Array(width * height) : undefined;
  const pixel = bits <= 8 ? paletted(bytes, header) : direct(bytes, header);
  for (let y = 0; y < height; y++) {
    const from = start + (topDown ? y : height - 1 - y) * row;
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const [r, g, b, a] = pixel(from, x);
      rgb[3 * i] = r;
      rgb[3 * i + 1] = g;
      rgb[3 * i + 2] = b;
      if (alpha) alpha[i] = a;
    }
  }
  const picture = { width, height, bitDepth: 8 as const, rgb, wasGrey: false };
  return alpha ? { ...picture, alpha } : picture;
}

type Pixel = (row: number, x: number) => readonly number[];

function paletted(bytes: Uint8Array, { bits, palette }: Header): Pixel {
  const colours = Array.from({ length: palette.count }, (_, i) => {
    const at = palette.at + i * palette.entry;
    return [bytes[at + 2] ?? 0, bytes[at + 1] ?? 0, bytes[at] ?? 0, 255];
  });
  return (row, x) => {
    const bit = x * bits;
    const index = (bytes[row + (bit >> 3)] >> (8 - bits - (bit & 7))) & ((1 << bits) - 1);
    const colour = colours[index];
    if (!colour) throw new Error(`a pixel has colour ${index}, but the palette ends at ${colours.length - 1}`);
    return colour;
  };
}

function direct(bytes: Uint8Array, { bits, masks }: Header): Pixel {
  if (bits === 24) {
    return (row, x) => [bytes[row + 3 * x + 2], bytes[row + 3 * x + 1], bytes[row + 3 * x], 255];
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const channels = masks.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    const max = mask >>> shift;
    return (value: number) => (max === 0 ? 255 : Math.round((((value & mask) >>> shift) * 255) / max));
  });
  return (row, x) => {
    const value = bits === 16 ? view.getUint16(row + 2 * x, true) : view.getUint32(row + 4 * x, true);
    return channels.map((channel) => channel(value));
  };
}
