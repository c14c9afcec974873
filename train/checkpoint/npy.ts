/**
 * numpy's .npy format: magic, version, a Python dict literal {'descr', 'fortran_order', 'shape'}, raw data.
 * Source: numpy.lib.format, versions 1.0 to 3.0.
 */
import { CheckpointError } from '../../engine/errors.ts';
import {
  byteLength,
  type CheckpointDType,
  type RawTensor,
  type TensorInfo,
} from '../../models/checkpoint/tensor-map.ts';
import { columnMajorStrides, readStrided } from './strided-tensor.ts';

const DTYPES: Record<string, CheckpointDType> = {
  f8: 'F64',
  f4: 'F32',
  f2: 'F16',
  i8: 'I64',
  i4: 'I32',
  i2: 'I16',
  i1: 'I8',
  u4: 'U32',
  u2: 'U16',
  u1: 'U8',
  b1: 'BOOL',
};

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
const MAX_HEADER_BYTES = 1 << 16;

export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

function fail(what: string): never {
  throw new CheckpointError(
    `npy: ${what}.\nThe file is truncated, damaged or holds something other than numbers; save it again with numpy.save.`,
  );
}

/**
 * Our name of a numpy type such as "<f4".
 *
 * @throws CheckpointError for big-endian numbers and for types that hold no plain numbers
 */
export function numpyDType(descr: string, where: string): CheckpointDType {
  const [order, code] = [descr.slice(0, 1), descr.slice(1)];
  const dtype = Object.hasOwn(DTYPES, code) ? DTYPES[code] : undefined;
  if (!dtype || !/^[<|=>]$/.test(order)) {
    throw new CheckpointError(
      `${where}: the numpy type ${JSON.stringify(descr.slice(0, 40))} is none of ${Object.keys(DTYPES).join(' ')}. ` +
        'Save plain numbers: array.astype("float32").',
    );
  }
  if (order === '>') {
    throw new CheckpointError(
      `${where}: the numbers are big-endian (${descr}), but little-endian ones are read. ` +
        'Save them with array.astype("<f4").',
    );
  }
  return dtype;
}

export interface NpyHeader extends TensorInfo {
  /** The first axis varies fastest. */
  readonly columnMajor: boolean;
  readonly dataStart: number;
}

/** @throws CheckpointError when the header breaks the format */
export function parseNpyHeader(bytes: Uint8Array): NpyHeader {
  if (!isNpy(bytes) || bytes.byteLength < 12) fail('the file does not begin with "\\x93NUMPY" and a version');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6];
  if (version < 1 || version > 3) fail(`format version ${version}; 1 to 3 are known`);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = version === 1 ? 10 : 12;
  if (length > MAX_HEADER_BYTES || start + length > bytes.byteLength) {
    fail(`the file claims a header of ${length} bytes, but has ${bytes.byteLength - start} left`);
  }
  const text = new TextDecoder().decode(bytes.subarray(start, start + length));
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const extents = /'shape'\s*:\s*\(([\d,\sL]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || extents === undefined) {
    fail("the header has no plain 'descr', 'fortran_order' and 'shape'");
  }
  const shape = extents
    .split(',')
    .map((extent) => extent.trim().replace(/L$/, ''))
    .filter((extent) => extent !== '')
    .map(Number);
  if (shape.length > 64 || !shape.every(Number.isSafeInteger)) fail(`(${extents.slice(0, 80)}) is not a shape`);
  return { dtype: numpyDType(descr, 'npy'), shape, columnMajor: order === 'True', dataStart: start + length };
}

/**
 * Reads an array; column-major data is put in row-major order.
 *
 * @throws CheckpointError when the file is damaged or holds something other than little-endian numbers
 */
export async function parseNpy(bytes: Uint8Array): Promise<RawTensor> {
  const { dtype, shape, columnMajor, dataStart } = parseNpyHeader(bytes);
  const data = bytes.subarray(dataStart);
  const needed = byteLength('npy', { dtype, shape });
  if (data.byteLength !== needed) {
    fail(`an array of ${dtype} [${shape}] needs ${needed} bytes, but ${data.byteLength} follow the header`);
  }
  if (!columnMajor) return { dtype, shape, bytes: data };
  const storage = { dtype, byteLength: data.byteLength, read: async () => data };
  const strides = columnMajorStrides(shape);
  return { dtype, shape, bytes: await readStrided({ dtype, shape, strides, offset: 0, storage }) };
}

/**
 * A whole .npy file, version 1.0, row-major.
 *
 * @throws CheckpointError for BF16, which numpy does not know
 */
export function serializeNpy({ dtype, shape, bytes }: RawTensor): Uint8Array {
  const code = Object.keys(DTYPES).find((key) => DTYPES[key] === dtype);
  if (!code) throw new CheckpointError(`npy: numpy has no type ${dtype}. Write a .safetensors file instead.`);
  const descr = `${code.endsWith('1') ? '|' : '<'}${code}`;
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${extents}), }`;
  // Magic, version and length are 10 bytes; the data must begin at a multiple of 64.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const file = new Uint8Array(10 + length + bytes.byteLength).fill(0x20, 0, 10 + length);
  file.set([...MAGIC, 1, 0, length & 0xff, length >> 8]);
  file.set(new TextEncoder().encode(text), 10);
  file[10 + length - 1] = 0x0a;
  file.set(bytes, 10 + length);
  return file;
}
