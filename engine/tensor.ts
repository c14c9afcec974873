import type { Device } from './device/device.ts';
import { DisposedError, DTypeError, ShapeError } from './errors.ts';
import { fromHalf, toHalf } from './half.ts';
import type { Pool, PooledBuffer } from './pool.ts';
import { adopt, type Scope } from './scope.ts';

/** Storage types: f32, f16 (arithmetic stays f32), u32 for labels and indices. */
export type DType = 'f32' | 'f16' | 'u32';

export type Shape = readonly number[];

/** What a shape rule returns: a tensor that does not exist yet. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

export function bytesPerElement(dtype: DType): number {
  return dtype === 'f16' ? 2 : 4;
}

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** A buffer shared by the handles that view it. */
export class Storage {
  readonly device: Device;
  readonly buffer: PooledBuffer;
  readonly #pool: Pool;
  #references = 1;

  constructor(device: Device, buffer: PooledBuffer) {
    this.device = device;
    this.buffer = buffer;
    this.#pool = device.pool;
  }

  retain(): this {
    this.#references++;
    return this;
  }

  release(): void {
    if (--this.#references === 0) this.#pool.release(this.buffer);
  }
}

let nextId = 1;

/** The `id` of the value that is made next: everything older has a lower one. */
export function nextValueId(): number {
  return nextId;
}

/** Where a view lies in a flat buffer. */
export interface Place {
  /** bytes from the buffer's start, a multiple of 256 */
  readonly offset: number;
}

const placeOf = ({ view, offset }: Tensor): Place | undefined => (view ? { offset } : undefined);

/** Bytes that a view takes in a flat buffer: WebGPU's default alignment of binding offsets. */
export function slotBytes(bytes: number): number {
  return Math.ceil(bytes / 256) * 256;
}

/**
 * A handle to numbers on the GPU: shape (row-major, NCHW for pictures), storage type and storage. It has no methods
 * that compute: ops are functions. It is freed by the scope it was made in, by `dispose()`, or by `using`.
 */
export class Tensor implements TensorSpec {
  /** Names the *value* for the tape; handles that alias one value share it. */
  readonly id: number;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly size: number;
  /** where the numbers begin in the storage, in bytes: above 0 for views into a flat buffer alone */
  readonly offset: number;
  /** shares a flat buffer with others, see flat.ts */
  readonly view: boolean;
  readonly #storage: Storage;
  /** The scope that will free this handle. Managed by scope.ts. */
  owner: Scope | undefined;
  #freedAt: string | undefined;
  #disposed = false;
  readonly #madeAt: string | undefined;

  constructor(storage: Storage, spec: TensorSpec, id = nextId++, place?: Place) {
    this.id = id;
    this.shape = spec.shape;
    this.dtype = spec.dtype;
    this.size = sizeOf(spec.shape);
    this.offset = place?.offset ?? 0;
    this.view = place !== undefined;
    this.#storage = storage;
    const { device } = storage;
    device.liveTensors++;
    if (device.debug) this.#madeAt = new Error('made here').stack;
  }

  get device(): Device {
    return this.#storage.device;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** @throws DisposedError after the tensor was freed */
  get storage(): Storage {
    if (this.#disposed) {
      const history = this.#madeAt ? `\nMade: ${this.#madeAt}\nFreed: ${this.#freedAt}` : '';
      throw new DisposedError(
        `A tensor of shape [${this.shape}] was used after it was freed. Return it from its scope, or keep() it; ` +
          `a device acquired with debug: true prints where it was made and freed.${history}`,
      );
    }
    return this.#storage;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.owner?.disown(this);
    this.device.liveTensors--;
    if (this.device.debug) this.#freedAt = new Error('freed here').stack;
    this.#storage.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Reads the values back: drains the GPU. f16 comes as f32. */
  async data(): Promise<Float32Array | Uint32Array> {
    const bytes = await this.device.read(this.storage.buffer, this.size * bytesPerElement(this.dtype), this.offset);
    if (this.dtype === 'f16') return fromHalf(new Uint16Array(bytes, 0, this.size));
    return this.dtype === 'u32' ? new Uint32Array(bytes, 0, this.size) : new Float32Array(bytes, 0, this.size);
  }

  /** The value of a one-element tensor. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new ShapeError(`item: expected one element, got shape [${this.shape}]. Use data().`);
    return (await this.data())[0];
  }
}

/** A tensor of unset memory, owned by the current scope. Every kernel writes all elements of what it declares. */
export function empty(device: Device, spec: TensorSpec): Tensor {
  for (const extent of spec.shape) {
    if (!Number.isInteger(extent) || extent < 1) {
      throw new ShapeError(`A tensor needs extents of at least 1, got [${spec.shape}].`);
    }
  }
  if (spec.dtype === 'f16' && !device.capabilities.f16) {
    throw new DTypeError(`f16: this adapter (${device.info.description}) has no shader-f16. Use --precision f32.`);
  }
  const bytes = sizeOf(spec.shape) * bytesPerElement(spec.dtype);
  return adopt(new Tensor(new Storage(device, device.acquireBuffer(bytes)), spec));
}

/**
 * Uploads `values` in row-major order.
 *
 * @throws ShapeError when the number of values is not the product of `shape`
 */
export function tensor(device: Device, values: ArrayLike<number>, shape: Shape, dtype: DType = 'f32'): Tensor {
  if (values.length !== sizeOf(shape)) {
    throw new ShapeError(`tensor: shape [${shape}] has ${sizeOf(shape)} elements, but ${values.length} values came.`);
  }
  const out = empty(device, { shape, dtype });
  device.upload(out.storage.buffer, encode(values, dtype));
  return out;
}

/** A second handle of the same value under another shape; shares the storage. */
export function alias(source: Tensor, shape: Shape = source.shape, sameValue = true): Tensor {
  const spec = { shape, dtype: source.dtype };
  return adopt(new Tensor(source.storage.retain(), spec, sameValue ? source.id : undefined, placeOf(source)));
}

/** A second handle of the same value that no scope frees: for the tape. */
export function retain(source: Tensor): Tensor {
  return new Tensor(source.storage.retain(), source, source.id, placeOf(source));
}

function encode(values: ArrayLike<number>, dtype: DType): Uint8Array {
  if (dtype === 'f16') return bytesOf(toHalf(values));
  if (dtype === 'u32') return bytesOf(values instanceof Uint32Array ? values : Uint32Array.from(values));
  return bytesOf(values instanceof Float32Array ? values : Float32Array.from(values));
}

function bytesOf(array: Float32Array | Uint32Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
