/** The central directory of a zip archive, with zip64's 8-byte sizes. Source: PKWARE's APPNOTE 6.3, section 4.3. */
import { CheckpointError } from '../../engine/errors.ts';
import { printable } from '../../models/checkpoint/printable.ts';
import type { RandomAccess } from './random-access.ts';

export interface ZipEntry {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly deflated: boolean;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly crc: number;
  /** Of the entry's own header. */
  readonly offset: number;
}

/** Makes the error for an archive that breaks the format or abuses it. */
export function zipError(file: RandomAccess, what: string): CheckpointError {
  return new CheckpointError(
    `${file.name}: ${what}.\nThe archive is truncated, damaged or crafted; get it again from its source.`,
  );
}

const MAX_DIRECTORY_BYTES = 1 << 28;
/** Deflate cannot shrink further than 1 bit for 258 bytes and a little. */
const MAX_RATIO = 1032;

interface Place {
  readonly count: number;
  readonly offset: number;
  readonly bytes: number;
}

const big = (view: DataView, at: number) => Number(view.getBigUint64(at, true));
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Finds the end record: the last one whose comment ends where the file ends. */
async function findDirectory(file: RandomAccess): Promise<Place> {
  const tailBytes = Math.min(file.size, 22 + 0xffff);
  const tailStart = file.size - tailBytes;
  const view = viewOf(await file.readAt(tailStart, tailBytes));
  for (let at = tailBytes - 22; at >= 0; at--) {
    if (view.getUint32(at, true) !== 0x06054b50 || at + 22 + view.getUint16(at + 20, true) !== tailBytes) continue;
    const disk = view.getUint16(at + 4, true);
    if (disk !== 0 && disk !== 0xffff) throw zipError(file, 'the archive is split over several files');
    const count = view.getUint16(at + 10, true);
    const bytes = view.getUint32(at + 12, true);
    const offset = view.getUint32(at + 16, true);
    const short = { count, bytes, offset };
    if (count !== 0xffff && bytes !== 0xffffffff && offset !== 0xffffffff) return short;
    return (await findZip64(file, tailStart + at)) ?? short;
  }
  throw zipError(file, 'the directory at the end of the archive is missing');
}

/** The locator stands right before the end record; without one the short fields are meant as they are. */
async function findZip64(file: RandomAccess, endRecord: number): Promise<Place | undefined> {
  if (endRecord < 20) return undefined;
  const locator = viewOf(await file.readAt(endRecord - 20, 20));
  if (locator.getUint32(0, true) !== 0x07064b50) return undefined;
  const record = viewOf(await file.readAt(big(locator, 8), 56));
  if (record.getUint32(0, true) !== 0x06064b50) throw zipError(file, 'the zip64 directory is missing');
  return { count: big(record, 32), bytes: big(record, 40), offset: big(record, 48) };
}

/** @throws CheckpointError when the directory is damaged, or names something that no checkpoint holds */
export async function parseDirectory(file: RandomAccess): Promise<Map<string, ZipEntry>> {
  const place = await findDirectory(file);
  if (place.bytes > MAX_DIRECTORY_BYTES || place.count * 46 > place.bytes) {
    throw zipError(file, `the directory claims ${place.count} entries in ${place.bytes} bytes`);
  }
  const directory = await file.readAt(place.offset, place.bytes);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < place.count; i++) {
    const { entry, next } = parseEntry(file, directory, at);
    if (entries.has(entry.name)) throw zipError(file, `two entries are named "${printable(entry.name)}"`);
    entries.set(entry.name, entry);
    at = next;
  }
  return entries;
}

function parseEntry(file: RandomAccess, directory: Uint8Array, at: number): { entry: ZipEntry; next: number } {
  const view = viewOf(directory);
  if (at + 46 > directory.byteLength || view.getUint32(at, true) !== 0x02014b50) {
    throw zipError(file, 'the directory ends early');
  }
  const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
  const nameEnd = at + 46 + view.getUint16(at + 28, true);
  const extraEnd = nameEnd + view.getUint16(at + 30, true);
  const next = extraEnd + view.getUint16(at + 32, true);
  if (next > directory.byteLength) throw zipError(file, 'the directory ends early');
  const nameBytes = directory.subarray(at + 46, nameEnd);
  const name = new TextDecoder().decode(nameBytes);
  const quoted = `"${printable(name)}"`;
  if (name.startsWith('/') || /[\\:\0]/.test(name) || name.split('/').includes('..')) {
    throw zipError(file, `the entry name ${quoted} leads out of the archive`);
  }
  if (flags & 1) throw zipError(file, `the entry ${quoted} is encrypted`);
  if (method !== 0 && method !== 8) throw zipError(file, `the entry ${quoted} uses compression method ${method}`);

  const short = [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)];
  const [bytes, packedBytes, offset] = widen(directory.subarray(nameEnd, extraEnd), short);
  const deflated = method === 8;
  if (deflated ? bytes > packedBytes * MAX_RATIO : bytes !== packedBytes) {
    throw zipError(file, `the entry ${quoted} claims ${bytes} bytes out of ${packedBytes}`);
  }
  const crc = view.getUint32(at + 16, true);
  return { entry: { name, nameBytes, deflated, packedBytes, bytes, crc, offset }, next };
}

/** Replaces each field of 0xffffffff by the next 8-byte value of the zip64 extra field (id 1). */
function widen(extra: Uint8Array, fields: number[]): number[] {
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.byteLength; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    let from = at + 4;
    const end = Math.min(extra.byteLength, from + view.getUint16(at + 2, true));
    return fields.map((field) => {
      if (field !== 0xffffffff || from + 8 > end) return field;
      from += 8;
      return big(view, from - 8);
    });
  }
  return fields;
}
