/**
 * What a checkpoint holds, whatever file it came from: named tensors as raw little-endian, row-major bytes.
 * Conversions to Float32Array, the type that parameters are uploaded from.
 */
import { CheckpointError } from '../../engine/errors.ts';

/** Bytes of one element, by the names that safetensors gives the types. */
export const DTYPE_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  U16: 2,
  U32: 4,
  BOOL: 1,
} as const;

export type CheckpointDType = keyof typeof DTYPE_BYTES;

/** Type and shape of a stored tensor; `shape` [] is a scalar. */
export interface TensorInfo {
  readonly dtype: CheckpointDType;
  readonly shape: readonly number[];
}

/** A tensor in memory: `bytes` is little-endian and row-major, and may be a view of a whole file. */
export interface RawTensor extends TensorInfo {
  readonly bytes: Uint8Array;
}

/** Names in the order of the file. */
export type TensorMap = Map<string, RawTensor>;

export function isCheckpointDType(name: unknown): name is CheckpointDType {
  return typeof name === 'string' && Object.hasOwn(DTYPE_BYTES, name);
}

/** Number of elements; 1 for a scalar. Not a safe integer when the shape is absurd: callers check. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** @throws CheckpointError when the product of the shape is beyond what a file can hold */
export function byteLength(what: string, { dtype, shape }: TensorInfo): number {
  const bytes = elementCount(shape) * DTYPE_BYTES[dtype];
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    throw new CheckpointError(
      `${what}: expected a shape of whole numbers whose product fits a file, but it is [${shape}].\n` +
        'The file is damaged or crafted; get it again from its source.',
    );
  }
  return bytes;
}

/** f32 bits of a half-precision number: the subnormals of f16 are normal in f32. */
function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bytes as a typed array: a view where the alignment allows it, else a copy. */
function view<T>(
  make: { new (buffer: ArrayBufferLike, offset: number, length: number): T; readonly BYTES_PER_ELEMENT: number },
  bytes: Uint8Array,
): T {
  const size = make.BYTES_PER_ELEMENT;
  const safe = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new make(safe.buffer, safe.byteOffset, safe.byteLength / size);
}

/**
 * The values of a tensor as f32. F32 data is a view of `tensor.bytes` where its alignment allows; every other type is
 * converted (F64 and 64-bit integers round to the nearest f32, BOOL becomes 0 or 1).
 */
export function toFloat32Array(tensor: RawTensor): Float32Array {
  const { dtype, bytes } = tensor;
  switch (dtype) {
    case 'F32':
      return view(Float32Array, bytes);
    case 'F64':
      return Float32Array.from(view(Float64Array, bytes));
    case 'F16':
      return Float32Array.from(view(Uint16Array, bytes), halfToFloat);
    case 'BF16': {
      const bits = view(Uint16Array, bytes);
      const wide = new Uint32Array(bits.length);
      for (let i = 0; i < bits.length; i++) wide[i] = bits[i] << 16;
      return new Float32Array(wide.buffer);
    }
    case 'I64':
      return Float32Array.from(view(BigInt64Array, bytes), Number);
    case 'I32':
      return Float32Array.from(view(Int32Array, bytes));
    case 'I16':
      return Float32Array.from(view(Int16Array, bytes));
    case 'I8':
      return Float32Array.from(view(Int8Array, bytes));
    case 'U16':
      return Float32Array.from(view(Uint16Array, bytes));
    case 'U32':
      return Float32Array.from(view(Uint32Array, bytes));
    case 'U8':
      return Float32Array.from(bytes);
    case 'BOOL':
      return Float32Array.from(bytes, (byte) => (byte ? 1 : 0));
  }
}

/** A tensor of f32 values; `values` is not copied. */
export function float32Tensor(shape: readonly number[], values: Float32Array): RawTensor {
  if (elementCount(shape) !== values.length) {
    throw new CheckpointError(
      `a tensor of shape [${shape}] needs ${elementCount(shape)} values, but ${values.length} came. Check the shape.`,
    );
  }
  return { dtype: 'F32', shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}
