import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../engine/errors.ts';
import { type RawTensor, type TensorMap, toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { parseNpy, serializeNpy } from '../../train/checkpoint/npy.ts';
import { readNpy, readNpz, writeNpz } from '../../train/checkpoint/npz.ts';
import { fixture, scratch } from './scratch.ts';

/** A .npy file from its header text. */
function npy(header: string, data: Uint8Array, version = 1): Uint8Array {
  const text = Buffer.from(`${header}\n`);
  const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  return Buffer.concat([head, length, text, data]);
}

const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

describe('npy', () => {
  it.each(['arrays.npz', 'arrays-deflated.npz'])('reads what numpy wrote: %s', async (name) => {
    const tensors = await readNpz(fixture(name));
    expect([...tensors.keys()]).toEqual(['ramp', 'column', 'ints', 'bytes', 'flag', 'scalar']);
    const { dtype, shape } = tensors.get('ramp')!;
    expect({ dtype, shape }).toEqual({ dtype: 'F32', shape: [2, 3, 4] });
    expect([...toFloat32Array(tensors.get('ramp')!)]).toEqual(Array.from({ length: 24 }, (_, i) => i / 4 - 1));
    expect([...toFloat32Array(tensors.get('column')!)]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(tensors.get('scalar')!.shape).toEqual([]);
  });

  it('puts a column-major array in row-major order', async () => {
    const { dtype, shape, bytes } = await readNpy(fixture('column.npy'));
    expect({ dtype, shape }).toEqual({ dtype: 'F64', shape: [2, 3] });
    expect([...new Float64Array(new Uint8Array(bytes).buffer)]).toEqual([0, 1, 2, 3, 4, 5]);
    const cube = npy(header('<f4', '(2, 2, 2)', 'True'), floats(0, 1, 2, 3, 4, 5, 6, 7));
    expect([...toFloat32Array(await parseNpy(cube))]).toEqual([0, 4, 2, 6, 1, 5, 3, 7]);
  });

  it('writes the bytes that numpy writes', async () => {
    for (const [name, tensor] of await readNpz(fixture('arrays.npz'))) {
      if (name === 'column') continue; // numpy kept its column-major order
      const archive = readFileSync(fixture('arrays.npz'));
      expect(archive.includes(Buffer.from(serializeNpy(tensor))), name).toBe(true);
    }
  });

  it('gives back what it wrote, stored and deflated', async () => {
    const make = (dtype: RawTensor['dtype'], size: number): RawTensor => ({
      dtype,
      shape: [3, 2],
      bytes: new Uint8Array(6 * size).map((_, i) => i * 41),
    });
    const tensors: TensorMap = new Map([
      ['f8', make('F64', 8)],
      ['f4', make('F32', 4)],
      ['f2', make('F16', 2)],
      ['i8', make('I64', 8)],
      ['i4', make('I32', 4)],
      ['i2', make('I16', 2)],
      ['u1', make('U8', 1)],
      ['empty', { dtype: 'F32', shape: [0], bytes: new Uint8Array(0) }],
    ]);
    for (const compress of [false, true]) {
      const path = join(scratch(), 'a.npz');
      await writeNpz(path, tensors, { compress });
      const read = await readNpz(path);
      for (const [name, { dtype, shape, bytes }] of tensors) {
        const got = read.get(name)!;
        expect({ dtype: got.dtype, shape: got.shape }, name).toEqual({ dtype, shape });
        expect(Buffer.compare(got.bytes, bytes), name).toBe(0);
      }
      const again = join(scratch(), 'b.npz');
      await writeNpz(again, tensors, { compress });
      expect(Buffer.compare(readFileSync(path), readFileSync(again))).toBe(0);
    }
  });

  it('reads the wider header of versions 2 and 3', async () => {
    for (const version of [2, 3]) {
      const tensor = await parseNpy(npy(header('<f4', '(1,)'), floats(1.5), version));
      expect([...toFloat32Array(tensor)]).toEqual([1.5]);
    }
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['big-endian numbers', npy(header('>f4', '(1,)'), floats(1)), /big-endian/],
    ['Python objects', npy(header('|O', '(1,)'), floats(1)), /numpy type "\|O"/],
    ['a name of the prototype as a type', npy(header('<constructor', '(1,)'), floats(1)), /numpy type/],
    [
      'a structure',
      npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", floats(1)),
      /plain 'descr'/,
    ],
    ['more data than the shape', npy(header('<f4', '(1,)'), floats(1, 2)), /needs 4 bytes, but 8/],
    ['less data than the shape', npy(header('<f4', '(3,)'), floats(1, 2)), /needs 12 bytes, but 8/],
    [
      'a shape whose product overflows',
      npy(header('<f4', '(9007199254740991, 9007199254740991)'), floats(1)),
      /product/,
    ],
    ['an extent beyond 2^53', npy(header('<f4', '(99999999999999999999,)'), floats(1)), /not a shape/],
    ['a header longer than the file', npy(header('<f4', '(1,)'), floats(1)).subarray(0, 40), /claims a header/],
    ['an unknown version', npy(header('<f4', '(1,)'), floats(1), 9), /version 9/],
    ['another file', Buffer.from('not numpy at all'), /does not begin/],
  ])('refuses %s', async (_, bytes, message) => {
    await expect(parseNpy(bytes)).rejects.toThrow(CheckpointError);
    await expect(parseNpy(bytes)).rejects.toThrow(message);
  });

  it('refuses a type that numpy does not have', () => {
    expect(() => serializeNpy({ dtype: 'BF16', shape: [1], bytes: new Uint8Array(2) })).toThrow(/no type BF16/);
  });
});
