import { invariant, LimitError, OutOfMemoryError } from './errors.ts';

/** A GPU buffer that belongs to the pool. `gpu` is absent while memory is only being forecast. */
export interface PooledBuffer {
  readonly id: number;
  readonly bytes: number;
  readonly gpu: GPUBuffer | undefined;
}

export interface PoolStats {
  /** bytes of buffers in use now */
  usedBytes: number;
  /** bytes of all buffers, in use or free */
  allocatedBytes: number;
  peakUsedBytes: number;
  peakAllocatedBytes: number;
  buffers: number;
  /** buffers created since the pool was made: constant in a steady training step */
  created: number;
}

export interface PoolOptions {
  /** largest size of one buffer that a kernel can bind */
  maxBindingBytes: number;
  /** byte budget: crossing it throws before the driver does */
  budgetBytes: number;
  create: (bytes: number) => GPUBuffer | undefined;
  destroy: (buffer: PooledBuffer) => void;
  /** submits what is recorded, so that free buffers may be destroyed; false when that cannot be done now */
  settle: () => boolean;
}

/**
 * Buffers by size class. A request gets the free buffer with the *lowest id* of its class, so what is handed out
 * depends on the set of free buffers and not on the order in which they were freed: a step that repeats gets the same
 * buffers again, and every cached bind group hits.
 */
export class Pool {
  readonly stats: PoolStats = {
    usedBytes: 0,
    allocatedBytes: 0,
    peakUsedBytes: 0,
    peakAllocatedBytes: 0,
    buffers: 0,
    created: 0,
  };
  readonly #options: PoolOptions;
  readonly #free = new Map<number, PooledBuffer[]>();
  #nextId = 1;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get budgetBytes(): number {
    return this.#options.budgetBytes;
  }

  /**
   * @throws LimitError when no kernel could bind a buffer of that size
   * @throws OutOfMemoryError when the budget would be exceeded
   */
  acquire(bytes: number): PooledBuffer {
    const size = sizeClass(bytes);
    const { maxBindingBytes } = this.#options;
    if (bytes > maxBindingBytes) {
      throw new LimitError(
        `maxStorageBufferBindingSize: a tensor of ${mib(bytes)} was asked for, but this device binds at most ` +
          `${mib(maxBindingBytes)} at once. Work on a smaller picture or batch, or in tiles (--tile).`,
      );
    }
    const buffer = this.#lowestFree(size) ?? this.#allocate(size);
    this.stats.usedBytes += buffer.bytes;
    this.stats.peakUsedBytes = Math.max(this.stats.peakUsedBytes, this.stats.usedBytes);
    return buffer;
  }

  release(buffer: PooledBuffer): void {
    this.stats.usedBytes -= buffer.bytes;
    const list = this.#free.get(buffer.bytes) ?? [];
    if (list.length === 0) this.#free.set(buffer.bytes, list);
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      // highest id first, so that the lowest is popped
      if (list[middle].id > buffer.id) low = middle + 1;
      else high = middle;
    }
    invariant(list[low]?.id !== buffer.id, `buffer ${buffer.id} was released twice`);
    list.splice(low, 0, buffer);
  }

  /** Destroys every free buffer. Returns the bytes given back. */
  trim(): number {
    if (!this.#options.settle()) return 0;
    let bytes = 0;
    for (const list of this.#free.values()) {
      for (const buffer of list) {
        bytes += buffer.bytes;
        this.stats.buffers--;
        this.#options.destroy(buffer);
      }
    }
    this.#free.clear();
    this.stats.allocatedBytes -= bytes;
    return bytes;
  }

  resetPeaks(): void {
    this.stats.peakUsedBytes = this.stats.usedBytes;
    this.stats.peakAllocatedBytes = this.stats.allocatedBytes;
  }

  #lowestFree(size: number): PooledBuffer | undefined {
    return this.#free.get(size)?.pop();
  }

  #allocate(size: number): PooledBuffer {
    const { stats } = this;
    const { budgetBytes } = this.#options;
    if (stats.allocatedBytes + size > budgetBytes) {
      this.trim();
      if (stats.allocatedBytes + size > budgetBytes) {
        const larger = this.#smallestFreeAbove(size);
        if (larger) return larger;
        throw new OutOfMemoryError(
          `Out of GPU memory: ${mib(size)} more are needed, ${mib(stats.usedBytes)} are in use and the budget is ` +
            `${mib(budgetBytes)}. Use a smaller picture, crop or batch, or raise --memory-limit.`,
          stats.usedBytes + size,
          budgetBytes,
        );
      }
    }
    const buffer = { id: this.#nextId++, bytes: size, gpu: this.#options.create(size) };
    stats.allocatedBytes += size;
    stats.peakAllocatedBytes = Math.max(stats.peakAllocatedBytes, stats.allocatedBytes);
    stats.buffers++;
    stats.created++;
    return buffer;
  }

  #smallestFreeAbove(size: number): PooledBuffer | undefined {
    let best: number | undefined;
    for (const [bytes, list] of this.#free) {
      if (bytes > size && list.length > 0 && (best === undefined || bytes < best)) best = bytes;
    }
    return best === undefined ? undefined : this.#lowestFree(best);
  }
}

/** Rounds up to one of eight classes an octave (at most 12.5 % waste), never below 256 bytes. */
export function sizeClass(bytes: number): number {
  if (bytes <= 256) return 256;
  const step = 2 ** (Math.ceil(Math.log2(bytes)) - 4);
  return Math.ceil(bytes / Math.max(step, 256)) * Math.max(step, 256);
}

export function mib(bytes: number): string {
  return bytes < 1 << 20 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}
