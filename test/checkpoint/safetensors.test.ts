import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../engine/errors.ts';
import { layout, parse, serialize } from '../../models/checkpoint/safetensors.ts';
import {
  type CheckpointDType,
  DTYPE_BYTES,
  elementCount,
  float32Tensor,
  type TensorMap,
  toFloat32Array,
} from '../../models/checkpoint/tensor-map.ts';

/** A file from a header text and a number of data bytes. */
function file(header: string, dataBytes: number, claimedLength?: bigint): Uint8Array {
  const json = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimedLength ?? BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

const one = (fields: string) => `{"a":{${fields}}}`;

describe('safetensors', () => {
  it('gives back every dtype, shape, byte and metadata that it wrote, in order', () => {
    const tensors: TensorMap = new Map();
    // "1" and "__proto__" would move or vanish in a plain object.
    for (const [i, dtype] of (Object.keys(DTYPE_BYTES) as CheckpointDType[]).entries()) {
      const shape = [i % 3, 1 + (i % 2), 2];
      const bytes = new Uint8Array(elementCount(shape) * DTYPE_BYTES[dtype]).map((_, j) => (j * 37 + i) & 255);
      tensors.set(`t${i}`, { dtype, shape, bytes });
    }
    tensors.set('1', float32Tensor([], new Float32Array([2.5])));
    tensors.set('__proto__', float32Tensor([1], new Float32Array([7])));
    tensors.set('名前 "quoted"\n', float32Tensor([0, 4], new Float32Array(0)));
    const metadata = new Map([
      ['model', 'x'],
      ['1', 'y'],
    ]);
    const read = parse(serialize(tensors, metadata));
    expect(read.metadata).toEqual(metadata);
    expect([...read.tensors.keys()]).toEqual([...tensors.keys()]);
    for (const [name, { dtype, shape, bytes }] of tensors) {
      const got = read.tensors.get(name)!;
      expect({ dtype: got.dtype, shape: got.shape }).toEqual({ dtype, shape });
      expect(Buffer.compare(got.bytes, bytes)).toBe(0);
    }
  });

  it('aligns every tensor to its element', () => {
    const tensors: TensorMap = new Map([
      ['odd', { dtype: 'U8', shape: [3], bytes: new Uint8Array(3) }],
      ['half', { dtype: 'F16', shape: [1], bytes: new Uint8Array(2) }],
      ['wide', { dtype: 'F64', shape: [1], bytes: new Uint8Array(8) }],
      ['single', { dtype: 'F32', shape: [1], bytes: new Uint8Array(4) }],
    ]);
    const bytes = serialize(tensors);
    for (const [name, tensor] of parse(bytes).tensors) {
      const offset = tensor.bytes.byteOffset - bytes.byteOffset;
      expect(offset % DTYPE_BYTES[tensor.dtype], name).toBe(0);
    }
    expect(layout(tensors).order).toEqual(['wide', 'single', 'half', 'odd']);
  });

  it('reads data at an odd offset', () => {
    const header = '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} ';
    const bytes = file(header, 8);
    new DataView(bytes.buffer, bytes.byteOffset).setFloat32(bytes.length - 4, 1.5, true);
    expect((bytes.length - 8) % 4).not.toBe(0);
    expect([...toFloat32Array(parse(bytes).tensors.get('a')!)]).toEqual([0, 1.5]);
  });

  it.each([
    ['a header of 10 GB', file('{}', 0, 10_000_000_000n), /10000000000 bytes/],
    ['a header length of 2^64 - 1', file('{}', 0, 0xffffffffffffffffn), /claims a header/],
    ['an empty file', new Uint8Array(0), /0\./],
    ['a file that ends in the header', file('{"a":', 0, 40n), /claims a header/],
    ['a header that is not JSON', file('{"a":', 0), /not JSON/],
    ['a header that is a list', file('[]', 0), /JSON object/],
    ['a header that is not UTF-8', Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0x7d]), /not UTF-8/],
    ['a key twice', file('{"__metadata__":{},"__metadata__":{}}', 0), /twice/],
    [
      'an escaped key twice',
      file(
        '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
        0,
      ),
      /"a" twice/,
    ],
    ['a field twice', file(one('"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]'), 1), /twice/],
    ['metadata that is not text', file('{"__metadata__":{"a":1}}', 0), /must be a string/],
    ['an unknown dtype', file(one('"dtype":"F8","shape":[1],"data_offsets":[0,1]'), 1), /dtype "F8"/],
    ['a dtype of the prototype', file(one('"dtype":"constructor","shape":[1],"data_offsets":[0,1]'), 1), /dtype/],
    ['a dtype that cannot be printed', file(one('"dtype":{"toString":1,"valueOf":1}'), 0), /dtype of type object/],
    [
      'a dtype nested a million deep',
      file(one(`"dtype":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`), 0),
      /dtype of type object|not JSON/,
    ],
    ['a negative extent', file(one('"dtype":"U8","shape":[-1],"data_offsets":[0,1]'), 1), /whole numbers/],
    [
      'a shape whose product overflows',
      file(one('"dtype":"U8","shape":[9007199254740991,9007199254740991],"data_offsets":[0,1]'), 1),
      /product/,
    ],
    ['a shape larger than its data', file(one('"dtype":"F32","shape":[3],"data_offsets":[0,8]'), 8), /needs 12 bytes/],
    ['offsets backwards', file(one('"dtype":"U8","shape":[1],"data_offsets":[1,0]'), 1), /begin, end/],
    ['offsets past the end', file(one('"dtype":"U8","shape":[9],"data_offsets":[0,9]'), 1), /describes 9 bytes/],
    ['bytes that belong to nothing', file(one('"dtype":"U8","shape":[1],"data_offsets":[0,1]'), 2), /holds 2/],
    ['a hole', file(one('"dtype":"U8","shape":[1],"data_offsets":[1,2]'), 2), /hole/],
    [
      'tensors that overlap',
      file(
        '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
        3,
      ),
      /overlaps/,
    ],
    ['a value that is no tensor', file('{"a":null}', 0), /not an object/],
    ['brackets nested a million deep', file(`{"a":${'['.repeat(1_000_000)}`, 0), /not JSON/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => parse(bytes)).toThrow(CheckpointError);
    expect(() => parse(bytes)).toThrow(message);
  });

  it('refuses to write bytes that do not fit the shape', () => {
    const tensors: TensorMap = new Map([['a', { dtype: 'F32', shape: [2], bytes: new Uint8Array(4) }]]);
    expect(() => serialize(tensors)).toThrow(/needs 8 bytes, but 4 came/);
  });

  it('refuses a tensor named __metadata__', () => {
    expect(() => serialize(new Map([['__metadata__', float32Tensor([1], new Float32Array(1))]]))).toThrow(
      CheckpointError,
    );
  });
});

describe('toFloat32Array', () => {
  const convert = (dtype: CheckpointDType, values: ArrayBufferView<ArrayBuffer>) => {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return [...toFloat32Array({ dtype, shape: [bytes.length / DTYPE_BYTES[dtype]], bytes })];
  };

  it('converts every half-precision number as IEEE 754 defines it', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const got = convert('F16', all);
    for (const half of all) {
      const sign = half >> 15 ? -1 : 1;
      const [exponent, fraction] = [(half >> 10) & 31, (half & 1023) / 1024];
      let expected = sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
      if (exponent === 31) expected = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
      expect(Object.is(got[half], expected), `0x${half.toString(16)}`).toBe(true);
    }
  });

  it('widens bfloat16 by its bits', () => {
    expect(convert('BF16', new Uint16Array([0x3f80, 0xc040, 0x7f80, 0x0001]))).toEqual([
      1,
      -3,
      Number.POSITIVE_INFINITY,
      2 ** -133,
    ]);
  });

  it('rounds and converts the other types', () => {
    expect(convert('F64', new Float64Array([0.1, -1e300]))).toEqual([Math.fround(0.1), Number.NEGATIVE_INFINITY]);
    expect(convert('I64', new BigInt64Array([-1n, 2n ** 40n]))).toEqual([-1, 2 ** 40]);
    expect(convert('I32', new Int32Array([-5]))).toEqual([-5]);
    expect(convert('I16', new Int16Array([-5]))).toEqual([-5]);
    expect(convert('I8', new Int8Array([-5]))).toEqual([-5]);
    expect(convert('U8', new Uint8Array([251]))).toEqual([251]);
    expect(convert('U16', new Uint16Array([65535]))).toEqual([65535]);
    expect(convert('U32', new Uint32Array([2 ** 31]))).toEqual([2 ** 31]);
    expect(convert('BOOL', new Uint8Array([0, 1, 7]))).toEqual([0, 1, 1]);
  });

  it('views f32 data without a copy', () => {
    const values = new Float32Array([1, 2]);
    expect(toFloat32Array(float32Tensor([2], values)).buffer).toBe(values.buffer);
  });
});
