/**
 * Reads a zip archive entry by entry: PyTorch's .pt and numpy's .npz. Only the directory at the end is read up front, so
 * a file of many gigabytes costs no more memory than its largest entry. Nothing is ever written to disk, so an entry's
 * name is only a key; names that would lead elsewhere are refused all the same.
 *
 * fflate, which writes our archives, reads no single entries from a file, and Node's zlib bounds what it inflates.
 * Source: PKWARE's APPNOTE 6.3, sections 4.3 and 4.5.3.
 */
import { promisify } from 'node:util';
import { crc32, inflateRaw, type ZlibOptions } from 'node:zlib';
import { printable } from '../../models/checkpoint/printable.ts';
import type { RandomAccess } from './random-access.ts';
import { parseDirectory, type ZipEntry, zipError } from './zip-directory.ts';

const inflate = promisify<Uint8Array, ZlibOptions, Buffer>(inflateRaw);

export interface ZipArchive {
  readonly file: RandomAccess;
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** The entry's content, checked against its length and CRC. @throws CheckpointError when it is damaged */
  read(name: string): Promise<Uint8Array>;
}

/** Archives that inflate to more than this and more than 8 times their size are refused. */
const FREE_BYTES = 1 << 30;

/**
 * @throws CheckpointError when the archive is truncated, encrypted, split, or has names that lead out of it, equal names
 *         or entries that inflate beyond reason
 */
export async function openZip(file: RandomAccess): Promise<ZipArchive> {
  const entries = await parseDirectory(file);
  let total = 0;
  for (const entry of entries.values()) total += entry.bytes;
  if (total > Math.max(FREE_BYTES, 8 * file.size)) {
    throw zipError(file, `its entries claim ${total} bytes, more than an archive of ${file.size} bytes should`);
  }
  return { file, entries, read: (name) => readEntry(file, entries, name) };
}

async function readEntry(file: RandomAccess, entries: ReadonlyMap<string, ZipEntry>, name: string) {
  const entry = entries.get(name);
  if (!entry) throw zipError(file, `there is no entry "${printable(name)}"`);
  const packed = await file.readAt(await dataOffset(file, entry), entry.packedBytes);
  const content = entry.deflated ? await unpack(file, entry, packed) : packed;
  if (content.byteLength !== entry.bytes || crc32(content) !== entry.crc) {
    throw zipError(file, `the entry "${printable(name)}" fails its checksum`);
  }
  return content;
}

/** Where the entry's data begins: its own header repeats the name and may have other extra fields. */
async function dataOffset(file: RandomAccess, entry: ZipEntry): Promise<number> {
  const header = await file.readAt(entry.offset, 30 + entry.nameBytes.byteLength);
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const nameLength = view.getUint16(26, true);
  const sameName = entry.nameBytes.every((byte, i) => header[30 + i] === byte);
  if (view.getUint32(0, true) !== 0x04034b50 || nameLength !== entry.nameBytes.byteLength || !sameName) {
    throw zipError(file, `the entry "${printable(entry.name)}" is not where the directory says`);
  }
  return entry.offset + 30 + nameLength + view.getUint16(28, true);
}

async function unpack(file: RandomAccess, entry: ZipEntry, packed: Uint8Array): Promise<Uint8Array> {
  try {
    return await inflate(packed, { maxOutputLength: Math.max(1, entry.bytes) });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!code?.startsWith('Z_') && code !== 'ERR_BUFFER_TOO_LARGE') throw error;
    throw zipError(file, `the entry "${printable(entry.name)}" does not inflate to ${entry.bytes} bytes (${code})`);
  }
}
