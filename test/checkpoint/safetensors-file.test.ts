import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../engine/errors.ts';
import { serialize } from '../../models/checkpoint/safetensors.ts';
import { float32Tensor, type RawTensor, type TensorMap, toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { OutputExistsError, writeAtomically } from '../../train/checkpoint/atomic-write.ts';
import { openCheckpoint, readContent } from '../../train/checkpoint/open-checkpoint.ts';
import {
  openSafetensors,
  readSafetensors,
  type StoredTensor,
  writeSafetensors,
} from '../../train/checkpoint/safetensors-file.ts';
import { scratch } from './scratch.ts';
import { sparse } from './sparse.ts';

const tensors: TensorMap = new Map([
  ['w', float32Tensor([2, 2], Float32Array.of(1, 2, 3, 4))],
  ['b', float32Tensor([2], Float32Array.of(5, 6))],
]);

describe('a safetensors file', () => {
  it('gives back what was written, whole or in part', async () => {
    const path = join(scratch(), 'a.safetensors');
    await writeSafetensors(path, tensors, { metadata: new Map([['model', 'test']]) });
    const all = await readSafetensors(path);
    expect([...all.metadata]).toEqual([['model', 'test']]);
    expect([...toFloat32Array(all.tensors.get('w')!)]).toEqual([1, 2, 3, 4]);
    const part = await readSafetensors(path, (name) => name === 'b');
    expect([...part.tensors.keys()]).toEqual(['b']);
    expect(Buffer.compare(readFileSync(path), serialize(tensors, all.metadata))).toBe(0);
  });

  it('is not replaced unless told', async () => {
    const folder = scratch();
    const path = join(folder, 'a.safetensors');
    writeFileSync(path, 'precious');
    await expect(writeSafetensors(path, tensors)).rejects.toThrow(OutputExistsError);
    expect(readFileSync(path, 'utf8')).toBe('precious');
    await writeSafetensors(path, tensors, { overwrite: true });
    expect((await readSafetensors(path)).tensors.size).toBe(2);
    expect(readdirSync(folder)).toEqual(['a.safetensors']);
  });

  it('leaves nothing behind, and the old file whole, when writing fails halfway', async () => {
    const folder = scratch();
    const path = join(folder, 'a.safetensors');
    writeFileSync(path, 'precious');
    const broken = new Map<string, RawTensor | StoredTensor>(tensors);
    broken.set('bad', { dtype: 'F32', shape: [1], read: () => Promise.reject(new Error('disk on fire')) });
    await expect(writeSafetensors(path, broken, { overwrite: true })).rejects.toThrow('disk on fire');
    expect(readdirSync(folder)).toEqual(['a.safetensors']);
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('does not replace a file that appears while it is written', async () => {
    const folder = scratch();
    const path = join(folder, 'a.bin');
    async function* parts() {
      yield Buffer.from('new');
      writeFileSync(path, 'precious');
    }
    await expect(writeAtomically(path, parts())).rejects.toThrow(OutputExistsError);
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(readdirSync(folder)).toEqual(['a.bin']);
  });

  it('is not seen before it is whole', async () => {
    const path = join(scratch(), 'a.bin');
    async function* parts() {
      yield Buffer.from('half');
      expect(() => readFileSync(path)).toThrow(/ENOENT/);
      yield Buffer.from(' and half');
    }
    await writeAtomically(path, parts());
    expect(readFileSync(path, 'utf8')).toBe('half and half');
  });

  it('refuses a header of 10 GB, in a file that has them, without reading it', async () => {
    const head = Buffer.alloc(16, ' ');
    head.writeBigUInt64LE(10_000_000_000n);
    head.write('{}', 8);
    const { file, bytesRead } = sparse(11e9, new Map([[0, head]]));
    await expect(openSafetensors(file)).rejects.toThrow(/header of 10000000000 bytes/);
    await expect(readContent(file)).rejects.toThrow(/header of 10000000000 bytes/);
    expect(bytesRead()).toBeLessThan(1024);
  });

  it('refuses every truncation of itself', async () => {
    const path = join(scratch(), 'a.safetensors');
    const whole = serialize(tensors);
    for (let length = 0; length < whole.length; length += 5) {
      writeFileSync(path, whole.subarray(0, length));
      await expect(readSafetensors(path), `${length} bytes`).rejects.toThrow(CheckpointError);
    }
  });

  it('reads one tensor out of a file of 6 GB without reading the rest', async () => {
    const gap = 6e9;
    const header = Buffer.from(
      JSON.stringify({
        gap: { dtype: 'U8', shape: [gap], data_offsets: [0, gap] },
        w: { dtype: 'F32', shape: [1], data_offsets: [gap, gap + 4] },
      }),
    );
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(header.length));
    const value = Buffer.alloc(4);
    value.writeFloatLE(2.5);
    const start = 8 + header.length;
    const parts = new Map([
      [0, Buffer.concat([head, header])],
      [start + gap, value],
    ]);
    const { file, bytesRead } = sparse(start + gap + 4, parts);
    const { tensors: stored } = await openSafetensors(file);
    expect(Buffer.from(await stored.get('w')!.read()).equals(value)).toBe(true);
    expect(bytesRead()).toBeLessThan(1024);
  });
});

describe('a path that is no file', () => {
  it('keeps the code of the file system', async () => {
    const folder = scratch();
    await expect(openCheckpoint(join(folder, 'none.pt'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(openCheckpoint(folder)).rejects.toMatchObject({ code: 'EISDIR' });
    await expect(writeSafetensors(join(folder, 'none', 'a.safetensors'), tensors)).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });
});

describe('files that are no checkpoint', () => {
  it.each<[string, string, RegExp]>([
    ['an empty file', '', /the file is empty/],
    ['a web page', '<!DOCTYPE html><html></html>', /web page/],
    ['a pointer of git LFS', 'version https://git-lfs.example/spec/v1\noid sha256:0\n', /git LFS/],
    ['a text', 'hello, these are no weights', /begins with 68 65 6c 6c/],
    ['an empty zip', 'PK\x05\x06'.padEnd(22, '\0'), /neither/],
  ])('%s is named in the message, with the path', async (_, text, message) => {
    const path = join(scratch(), 'x.bin');
    writeFileSync(path, text, 'latin1');
    await expect(openCheckpoint(path)).rejects.toThrow(CheckpointError);
    await expect(openCheckpoint(path)).rejects.toThrow(message);
    await expect(openCheckpoint(path)).rejects.toThrow(path);
  });
});
