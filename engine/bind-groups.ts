import type { PooledBuffer } from './pool.ts';

/** A buffer as one binding sees it: all of it, or a range of a flat one. */
export interface BoundBuffer {
  readonly buffer: PooledBuffer;
  readonly offset: number;
  /** bytes; the rest of the buffer when left out */
  readonly size: number | undefined;
}

/** Bind groups by the buffers they hold, in binding order: each combination is made once. */
export class BindGroups {
  readonly #gpu: GPUDevice;
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #keysOfBuffer = new Map<number, Set<string>>();
  hits = 0;
  misses = 0;

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  get(access: string, layout: GPUBindGroupLayout, bound: readonly BoundBuffer[]): GPUBindGroup {
    let key = access;
    for (const { buffer, offset } of bound) key += offset ? `,${buffer.id}@${offset}` : `,${buffer.id}`;
    const cached = this.#groups.get(key);
    if (cached) {
      this.hits++;
      return cached;
    }
    this.misses++;
    const entries = bound.map(({ buffer, offset, size }, binding) => ({
      binding,
      resource: { buffer: buffer.gpu as GPUBuffer, offset, size },
    }));
    const group = this.#gpu.createBindGroup({ layout, entries });
    this.#groups.set(key, group);
    for (const { buffer } of bound) {
      const keys = this.#keysOfBuffer.get(buffer.id);
      if (keys) keys.add(key);
      else this.#keysOfBuffer.set(buffer.id, new Set([key]));
    }
    return group;
  }

  /** Drops every group that holds a buffer, which is about to be destroyed. */
  forget({ id }: PooledBuffer): void {
    for (const key of this.#keysOfBuffer.get(id) ?? []) {
      this.#groups.delete(key);
      for (const other of key.split(',').slice(1)) this.#keysOfBuffer.get(Number.parseInt(other, 10))?.delete(key);
    }
    this.#keysOfBuffer.delete(id);
  }
}
