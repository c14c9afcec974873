import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../engine/errors.ts';
import { inMemory } from '../../train/checkpoint/random-access.ts';
import { openZip } from '../../train/checkpoint/zip.ts';
import { fixture } from './scratch.ts';
import { sparse } from './sparse.ts';
import { type Entry, zip } from './zip-writer.ts';

const content = Buffer.from('some content, some content, some content');
const open = (bytes: Uint8Array) => openZip(inMemory(bytes, 'test.zip'));

describe('a zip archive', () => {
  it.each([
    ['stored', { name: 'a/b', content }],
    ['deflated', { name: 'a/b', content, deflate: true }],
    ['empty', { name: 'a/b', content: new Uint8Array(0) }],
    ['with zip64 fields', { name: 'a/b', content, zip64: true }],
  ] satisfies [string, Entry][])('gives an entry that is %s', async (_, entry) => {
    for (const wide of [false, true]) {
      const archive = await open(zip([{ name: 'first', content: Buffer.from('x') }, entry], wide));
      expect(Buffer.compare(await archive.read('a/b'), entry.content)).toBe(0);
    }
  });

  it('is found before a comment', async () => {
    const bytes = zip([{ name: 'a', content }]);
    const commented = Buffer.concat([bytes, Buffer.from('hello')]);
    commented.writeUInt16LE(5, bytes.length - 2);
    expect((await open(commented)).entries.has('a')).toBe(true);
  });

  it('reads an entry beyond 4 GiB without reading what lies before it', async () => {
    const small = zip([{ name: 'late', content, zip64: true }], true);
    const shift = 5 * 2 ** 30;
    const moved = Buffer.from(small);
    const directory = moved.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    const offsetField = directory + 46 + 'late'.length + 4 + 16;
    moved.writeBigUInt64LE(BigInt(shift), offsetField);
    const record = moved.indexOf(Buffer.from([0x50, 0x4b, 6, 6]));
    moved.writeBigUInt64LE(BigInt(shift + directory), record + 48);
    moved.writeBigUInt64LE(BigInt(shift + record), record + 64);
    const { file, bytesRead } = sparse(shift + moved.length, new Map([[shift, moved]]));
    const archive = await openZip(file);
    expect(Buffer.compare(await archive.read('late'), content)).toBe(0);
    expect(bytesRead()).toBeLessThan(1 << 17);
  });

  it.each<[string, Partial<Entry>, RegExp]>([
    ['a name that climbs', { name: '../evil' }, /leads out/],
    ['a name that climbs inside', { name: 'archive/../../evil' }, /leads out/],
    ['an absolute name', { name: '/etc/passwd' }, /leads out/],
    ['a name with backslashes', { name: '..\\evil' }, /leads out/],
    ['a name with a drive', { name: 'C:evil' }, /leads out/],
    ['a name with a NUL', { name: 'a\0b' }, /leads out/],
    ['an encrypted entry', { claims: { flags: 1 } }, /encrypted/],
    ['an unknown compression', { claims: { method: 12 } }, /method 12/],
    ['a stored entry of two sizes', { claims: { bytes: 99 } }, /claims 99 bytes/],
    ['a size beyond what deflate can reach', { deflate: true, claims: { bytes: 2 ** 31 } }, /claims 2147483648 bytes/],
  ])('refuses %s', async (_, change, message) => {
    const bytes = zip([{ name: 'a', content, ...change }]);
    await expect(open(bytes)).rejects.toThrow(CheckpointError);
    await expect(open(bytes)).rejects.toThrow(message);
  });

  it.each<[string, Partial<Entry>, RegExp]>([
    ['whose own header has another name', { localName: 'b' }, /not where the directory says/],
    ['whose checksum differs', { claims: { crc: 1 } }, /checksum/],
    ['that inflates to less', { deflate: true, claims: { bytes: 41 } }, /checksum/],
    ['that inflates to more', { deflate: true, claims: { bytes: 39 } }, /does not inflate to 39/],
    ['whose offset is past the end', { claims: { offset: 2 ** 30 } }, /ends at/],
    ['that is not deflated data', { claims: { method: 8 } }, /does not inflate|checksum/],
  ])('refuses to read an entry %s', async (_, change, message) => {
    const archive = await open(zip([{ name: 'a', content, ...change }]));
    await expect(archive.read('a')).rejects.toThrow(CheckpointError);
    await expect(archive.read('a')).rejects.toThrow(message);
  });

  it('refuses two entries of one name', async () => {
    const entry = { name: 'archive/data.pkl', content };
    await expect(open(zip([entry, entry]))).rejects.toThrow(/two entries/);
  });

  it('refuses a bomb of entries that share one body', async () => {
    const zeros = new Uint8Array(1 << 20);
    const entries = Array.from({ length: 1100 }, (_, i) => ({
      name: `e${i}`,
      content: i === 0 ? zeros : new Uint8Array(0),
      deflate: true,
      claims: { offset: 0, bytes: 1 << 20, packedBytes: 1034 },
    }));
    await expect(open(zip(entries))).rejects.toThrow(/claim \d+ bytes/);
  });

  it('refuses a directory that claims 2^32 entries', async () => {
    const bytes = Buffer.from(zip([{ name: 'a', content }], true));
    bytes.writeBigUInt64LE(2n ** 32n, bytes.indexOf(Buffer.from([0x50, 0x4b, 6, 6])) + 32);
    await expect(open(bytes)).rejects.toThrow(/claims 4294967296 entries/);
  });

  it('refuses every truncation of a real file', async () => {
    const bytes = readFileSync(fixture('torch-zip-parallel.pt'));
    for (let length = 0; length < bytes.length; length += 7) {
      await expect(open(bytes.subarray(0, length))).rejects.toThrow(CheckpointError);
    }
  });
});
