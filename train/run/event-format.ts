/**
 * TensorBoard's event files: records of TFRecord framing, each a protocol buffer `Event`.
 *
 *     record = length u64 | masked crc32c(length) u32 | data | masked crc32c(data) u32      (little-endian)
 *     Event   { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
 *     Summary { repeated Value value = 1; }
 *     Value   { string tag = 1; float simple_value = 2; Image image = 4; }
 *     Image   { int32 height = 1; int32 width = 2; int32 colorspace = 3; bytes encoded_image_string = 4; }
 *
 * Source: tensorflow/core/util/event.proto, framework/summary.proto, lib/io/record_writer.h.
 */
import { maskedCrc32c } from './crc32c.ts';

/** A picture of an event, encoded as PNG. */
export interface EventImage {
  readonly width: number;
  readonly height: number;
  readonly png: Uint8Array;
}

export interface SummaryEvent {
  /** seconds since 1970 */
  readonly wallTime: number;
  readonly step: number;
  readonly scalars?: Readonly<Record<string, number>>;
  readonly images?: Readonly<Record<string, EventImage>>;
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const RGB = 3;

/** The first event of every file. */
export function versionEvent(wallTime: number): Uint8Array {
  return join([double(1, wallTime), text(3, 'brain.Event:2')]);
}

/** Scalars and pictures of one step. */
export function summaryEvent({ wallTime, step, scalars = {}, images = {} }: SummaryEvent): Uint8Array {
  const values = [
    ...Object.entries(scalars).map(([tag, value]) => bytes(1, join([text(1, tag), float(2, value)]))),
    ...Object.entries(images).map(([tag, image]) => bytes(1, join([text(1, tag), bytes(4, imageMessage(image))]))),
  ];
  return join([double(1, wallTime), integer(2, step), bytes(5, join(values))]);
}

function imageMessage({ width, height, png }: EventImage): Uint8Array {
  return join([integer(1, height), integer(2, width), integer(3, RGB), bytes(4, png)]);
}

/** One event with its frame. */
export function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(16 + data.byteLength);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.byteLength), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.byteLength, maskedCrc32c(data), true);
  return record;
}

export interface FramedRecord {
  readonly data: Uint8Array;
  /** in the file, frame included */
  readonly begin: number;
  readonly end: number;
}

/** The whole records of a file, up to the first that is torn or whose checksum does not fit. */
export function* readRecords(file: Uint8Array): Generator<FramedRecord> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  for (let begin = 0; begin + 16 <= file.byteLength; ) {
    if (view.getUint32(begin + 8, true) !== maskedCrc32c(file.subarray(begin, begin + 8))) return;
    const end = begin + 16 + Number(view.getBigUint64(begin, true));
    if (end > file.byteLength) return;
    const data = file.subarray(begin + 12, end - 4);
    if (view.getUint32(end - 4, true) !== maskedCrc32c(data)) return;
    yield { data, begin, end };
    begin = end;
  }
}

/** The step of an event; 0 where it names none, as the version does. */
export function stepOfEvent(event: Uint8Array): number {
  for (let at = 0; at < event.byteLength; ) {
    const key = readVarint(event, at);
    const [field, kind] = [key.value >> 3, key.value & 7];
    at = key.end;
    if (kind === VARINT) {
      const value = readVarint(event, at);
      if (field === 2) return value.value;
      at = value.end;
    } else if (kind === BYTES) {
      const length = readVarint(event, at);
      at = length.end + length.value;
    } else at += kind === FIXED64 ? 8 : 4;
  }
  return 0;
}

function readVarint(from: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  let scale = 1;
  for (let at = start; at < from.byteLength; at++, scale *= 128) {
    value += (from[at] & 0x7f) * scale;
    if (from[at] < 0x80) return { value, end: at + 1 };
  }
  return { value, end: from.byteLength };
}

/** Numbers up to 2^53, seven bits a byte. */
function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  out.push(rest);
  return out;
}

const integer = (field: number, value: number) => Uint8Array.from([...varint((field << 3) | VARINT), ...varint(value)]);

function bytes(field: number, value: Uint8Array): Uint8Array {
  return join([Uint8Array.from([...varint((field << 3) | BYTES), ...varint(value.byteLength)]), value]);
}

const text = (field: number, value: string) => bytes(field, new TextEncoder().encode(value));

function double(field: number, value: number): Uint8Array {
  const out = new Uint8Array(9);
  out[0] = (field << 3) | FIXED64;
  new DataView(out.buffer).setFloat64(1, value, true);
  return out;
}

function float(field: number, value: number): Uint8Array {
  const out = new Uint8Array(5);
  out[0] = (field << 3) | FIXED32;
  new DataView(out.buffer).setFloat32(1, value, true);
  return out;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.byteLength;
  }
  return out;
}
