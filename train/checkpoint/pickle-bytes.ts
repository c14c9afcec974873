/** A cursor over the bytes of a pickle. Every read is bounded by the end of the bytes; little-endian. */
import { damaged } from './pickle-values.ts';

const MAX_LINE = 1 << 16;

export class PickleBytes {
  readonly bytes: Uint8Array;
  offset: number;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves on by `length` bytes and returns where they begin. */
  #advance(length: number): number {
    const at = this.offset;
    if (length > this.bytes.byteLength - at) {
      throw damaged(`${length} bytes expected at offset ${at}, but ${this.bytes.byteLength - at} are left`);
    }
    this.offset = at + length;
    return at;
  }

  u8(): number {
    return this.bytes[this.#advance(1)];
  }
  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }
  i32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }
  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }
  /** A length of 8 bytes: beyond 2^53 no file is that long, so the loss of low bits does not matter. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }
  /** Big-endian: the one number that pickle stores so. */
  f64(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  /** A view, not a copy. */
  take(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.bytes.subarray(at, at + length);
  }

  utf8(length: number): string {
    const at = this.offset;
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.take(length));
    } catch (error) {
      if (error instanceof TypeError) throw damaged(`the text at offset ${at} is not UTF-8`);
      throw error;
    }
  }

  /** Text up to the next newline, which is left out; one character a byte, as in Python's latin-1. */
  line(): string {
    const end = this.bytes.indexOf(10, this.offset);
    if (end < 0 || end - this.offset > MAX_LINE) throw damaged(`the line at offset ${this.offset} does not end`);
    const text = latin1(this.take(end - this.offset));
    this.offset = end + 1;
    return text;
  }

  /** Two's complement of any length up to 1 KiB; a number where it is safe. */
  long(length: number): number | bigint {
    if (length > 1024) throw damaged(`an integer of ${length} bytes`);
    let value = 0n;
    const bytes = this.take(length);
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
    if (length > 0 && bytes[length - 1] & 0x80) value -= 1n << BigInt(8 * length);
    return narrow(value);
  }
}

export function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

/** Bytes of a text whose characters are all below 256, as Python's latin-1 codec makes them. */
export function fromLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) throw damaged('text that should hold bytes has a character beyond 255');
    bytes[i] = code;
  }
  return bytes;
}
