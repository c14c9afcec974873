/**
 * A tensor as PyTorch and numpy pickle it: a window with strides on a storage that other tensors may share. Reading it
 * gives contiguous row-major bytes.
 */
import {
  byteLength,
  type CheckpointDType,
  DTYPE_BYTES,
  elementCount,
  type TensorInfo,
} from '../../models/checkpoint/tensor-map.ts';
import { damaged } from './pickle-values.ts';

/** Raw little-endian elements that tensors are windows of. */
export interface Storage {
  /** Undefined for an untyped storage: the tensor knows. */
  readonly dtype: CheckpointDType | undefined;
  readonly byteLength: number;
  read(): Promise<Uint8Array>;
}

/** A window: strides and offset count elements. */
export interface StridedTensor extends TensorInfo {
  readonly storage: Storage;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Strides of a row-major tensor, in elements. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

/** Strides of a column-major (Fortran) tensor, in elements. */
export function columnMajorStrides(shape: readonly number[]): number[] {
  return rowMajorStrides([...shape].reverse()).reverse();
}

/** Up to this size an expanded tensor (stride 0) may be larger than its storage. */
const MAX_EXPANDED_BYTES = 1 << 20;

/**
 * Checks a window against its storage.
 *
 * @throws CheckpointError when the window reaches outside, or makes far more of a storage than it holds
 */
export function checkWindow(tensor: StridedTensor): StridedTensor {
  const { shape, strides, offset, storage, dtype } = tensor;
  if (strides.length !== shape.length) {
    throw damaged(`a tensor has ${shape.length} extents but ${strides.length} strides`);
  }
  const bytes = byteLength('pickle: a tensor', tensor);
  if (bytes === 0) return tensor;
  const last = shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis], offset);
  const held = Math.floor(storage.byteLength / DTYPE_BYTES[dtype]);
  if (!Number.isSafeInteger(last) || last >= held) {
    throw damaged(`a tensor of shape [${shape}] reaches element ${last} of a storage of ${held}`);
  }
  if (bytes > storage.byteLength && bytes > MAX_EXPANDED_BYTES) {
    throw damaged(`a tensor of shape [${shape}] makes ${bytes} bytes of a storage of ${storage.byteLength}`);
  }
  return tensor;
}

/** The tensor's elements, row-major. A view of the storage when it already is. */
export async function readStrided(tensor: StridedTensor): Promise<Uint8Array> {
  const size = DTYPE_BYTES[tensor.dtype];
  const length = elementCount(tensor.shape) * size;
  if (length === 0) return new Uint8Array(0);
  const bytes = await tensor.storage.read();
  if (isRowMajor(tensor)) return bytes.subarray(tensor.offset * size, tensor.offset * size + length);
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const from = words(aligned, size, Math.floor(aligned.byteLength / size));
  const to = new Uint8Array(length);
  gather(from, words(to, size, length / size), tensor);
  return to;
}

type Words = { [i: number]: unknown; readonly length: number };

/** Elements of 1, 2, 4 or 8 bytes whose meaning does not matter. */
function words({ buffer, byteOffset }: Uint8Array, size: number, count: number): Words {
  if (size === 1) return new Uint8Array(buffer, byteOffset, count);
  if (size === 2) return new Uint16Array(buffer, byteOffset, count);
  if (size === 4) return new Uint32Array(buffer, byteOffset, count);
  return new BigUint64Array(buffer, byteOffset, count);
}

function isRowMajor({ shape, strides }: StridedTensor): boolean {
  const expected = rowMajorStrides(shape);
  return shape.every((extent, axis) => extent === 1 || strides[axis] === expected[axis]);
}

/** Copies element by element in row-major order of the window; `at` follows an odometer over all axes. */
function gather(from: Words, to: Words, tensor: StridedTensor): void {
  const { shape, strides } = tensor;
  const index = new Array<number>(shape.length).fill(0);
  let at = tensor.offset;
  for (let i = 0; i < to.length; i++) {
    to[i] = from[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}
