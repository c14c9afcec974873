/** Writes zip archives by hand, so that every field can be wrong. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface Entry {
  readonly name: string;
  readonly content: Uint8Array;
  readonly deflate?: boolean;
  /** Overrides of the directory's fields. */
  readonly claims?: Partial<{
    bytes: number;
    packedBytes: number;
    crc: number;
    method: number;
    flags: number;
    offset: number;
  }>;
  /** The name in the entry's own header. */
  readonly localName?: string;
  /** Sizes and offset in the zip64 extra field. */
  readonly zip64?: boolean;
}

function localHeader(name: Buffer, method: number, crc: number, packed: number, bytes: number): Buffer {
  const head = Buffer.alloc(30);
  head.writeUInt32LE(0x04034b50, 0);
  head.writeUInt16LE(45, 4);
  head.writeUInt16LE(method, 8);
  head.writeUInt32LE(crc, 14);
  head.writeUInt32LE(packed, 18);
  head.writeUInt32LE(bytes, 22);
  head.writeUInt16LE(name.length, 26);
  return Buffer.concat([head, name]);
}

function directoryEntry(entry: Entry, packedBytes: number, offset: number): Buffer {
  const { content, claims = {}, deflate = false, zip64 = false } = entry;
  const name = Buffer.from(entry.name);
  const sizes = [claims.bytes ?? content.length, claims.packedBytes ?? packedBytes, claims.offset ?? offset];
  const extra = Buffer.alloc(zip64 ? 28 : 0);
  if (zip64) {
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(24, 2);
    sizes.forEach((size, i) => {
      extra.writeBigUInt64LE(BigInt(size), 4 + 8 * i);
    });
  }
  const [bytes, packed, at] = zip64 ? [0xffffffff, 0xffffffff, 0xffffffff] : sizes;
  const head = Buffer.alloc(46);
  head.writeUInt32LE(0x02014b50, 0);
  head.writeUInt16LE(claims.flags ?? 0, 8);
  head.writeUInt16LE(claims.method ?? (deflate ? 8 : 0), 10);
  head.writeUInt32LE(claims.crc ?? crc32(content), 16);
  head.writeUInt32LE(packed, 20);
  head.writeUInt32LE(bytes, 24);
  head.writeUInt16LE(name.length, 28);
  head.writeUInt16LE(extra.length, 30);
  head.writeUInt32LE(at, 42);
  return Buffer.concat([head, name, extra]);
}

/** @param zip64 also writes the 8-byte end record, as archives beyond 4 GiB have it */
export function zip(entries: readonly Entry[], zip64 = false): Uint8Array {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const packed = entry.deflate ? deflateRawSync(entry.content) : Buffer.from(entry.content);
    const name = Buffer.from(entry.localName ?? entry.name);
    const method = entry.deflate ? 8 : 0;
    const body = [localHeader(name, method, crc32(entry.content), packed.length, entry.content.length), packed];
    directory.push(directoryEntry(entry, packed.length, offset));
    bodies.push(...body);
    offset += body[0].length + body[1].length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(zip64 ? 0xffff : entries.length, 10);
  end.writeUInt32LE(zip64 ? 0xffffffff : listing.length, 12);
  end.writeUInt32LE(zip64 ? 0xffffffff : offset, 16);
  const wide = zip64 ? zip64End(entries.length, listing.length, offset) : Buffer.alloc(0);
  return Buffer.concat([...bodies, listing, wide, end]);
}

function zip64End(count: number, bytes: number, offset: number): Buffer {
  const record = Buffer.alloc(76);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(bytes), 40);
  record.writeBigUInt64LE(BigInt(offset), 48);
  record.writeUInt32LE(0x07064b50, 56); // the locator
  record.writeBigUInt64LE(BigInt(offset + bytes), 64);
  record.writeUInt32LE(1, 72);
  return record;
}

/** A PyTorch archive: the pickle, and storages by key. */
export function torchZip(pickle: Uint8Array, storages: Record<string, Float32Array> = {}, more: Entry[] = []) {
  const stored = Object.entries(storages).map(([key, values]) => ({
    name: `archive/data/${key}`,
    content: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  }));
  return zip([{ name: 'archive/data.pkl', content: pickle }, ...stored, ...more]);
}
