/**
 * PBM, PGM and PPM pictures, text (P1 to P3) and binary (P4 to P6).
 *
 * @see https://netpbm.sourceforge.net/doc/ppm.html
 */
import type { Picture } from './picture.ts';

/** Whether a file begins as a netpbm picture does. */
export function isNetpbm(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] >= 0x31 && bytes[1] <= 0x36 && isSpace(bytes[2]);
}

const isSpace = (byte: number) => byte === 32 || (byte >= 9 && byte <= 13);

/** The sizes and the largest value that the header states, and where the pixels begin. */
interface Header {
  readonly kind: number;
  readonly width: number;
  readonly height: number;
  readonly max: number;
  readonly start: number;
}

/** @throws Error with a short reason when the header is not one */
export function netpbmHeader(bytes: Uint8Array): Header {
  const kind = bytes[1] - 0x30;
  const numbers: number[] = [];
  let at = 2;
  for (const need = kind === 1 || kind === 4 ? 2 : 3; numbers.length < need; ) {
    at = skip(bytes, at);
    const from = at;
    while (bytes[at] >= 0x30 && bytes[at] <= 0x39) at++;
    if (at === from) throw new Error('the header lacks a number');
    numbers.push(Number(String.fromCharCode(...bytes.subarray(from, at))));
  }
  const [width, height, max = 1] = numbers;
  if (width < 1 || height < 1 || max < 1 || max > 65535) {
    throw new Error(`the header states ${width} x ${height} with values up to ${max}`);
  }
  return { kind, width, height, max, start: kind > 3 ? at + 1 : at };
}

/** Passes white space and comments. */
function skip(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && (isSpace(bytes[at]) || bytes[at] === 0x23)) {
    if (bytes[at] === 0x23) while (at < bytes.length && bytes[at] !== 10) at++;
    else at++;
  }
  return at;
}

/** @throws Error with a short reason when the pixels do not fit the header */
export function decodeNetpbm(bytes: Uint8Array): Picture & { readonly wasGrey: boolean } {
  const header = netpbmHeader(bytes);
  const { kind, width, height, max } = header;
  const wasGrey = kind % 3 !== 0;
  const channels = wasGrey ? 1 : 3;
  const values = kind > 3 ? binary(bytes, header, channels) : text(bytes, header, channels);
  const bitDepth = max > 255 ? 16 : 8;
  const peak = bitDepth === 8 ? 255 : 65535;
  const count = width * height * 3;
  const rgb = bitDepth === 8 ? new Uint8Array(count) : new Uint16Array(count);
  for (let i = 0; i < count; i++) rgb[i] = Math.round((values(wasGrey ? Math.floor(i / 3) : i) * peak) / max);
  return { width, height, bitDepth, rgb, wasGrey };
}

function binary(bytes: Uint8Array, header: Header, channels: number): (i: number) => number {
  const { kind, width, height, max, start } = header;
  const size = max > 255 ? 2 : 1;
  const row = kind === 4 ? Math.ceil(width / 8) : width * channels * size;
  if (bytes.length < start + row * height) throw new Error(`${start + row * height - bytes.length} bytes are missing`);
  if (kind === 4) {
    return (i) => {
      const x = i % width;
      return 1 - ((bytes[start + Math.floor(i / width) * row + (x >> 3)] >> (7 - (x & 7))) & 1); // 1 is black
    };
  }
  return size === 1 ? (i) => bytes[start + i] : (i) => (bytes[start + 2 * i] << 8) | bytes[start + 2 * i + 1];
}

function text(bytes: Uint8Array, header: Header, channels: number): (i: number) => number {
  const { kind, width, height, max } = header;
  const count = width * height * channels;
  const values = new Uint16Array(count);
  let at = header.start;
  for (let i = 0; i < count; i++) {
    at = skip(bytes, at);
    let value = 0;
    const from = at;
    // PBM digits may stand without space between them
    while (bytes[at] >= 0x30 && bytes[at] <= 0x39 && (kind !== 1 || at === from))
      value = value * 10 + bytes[at++] - 0x30;
    if (at === from) throw new Error(`value ${i + 1} of ${count} is missing`);
    if (value > max) throw new Error(`value ${i + 1} is ${value}, above the stated maximum ${max}`);
    values[i] = kind === 1 ? 1 - value : value;
  }
  return (i) => values[i];
}
