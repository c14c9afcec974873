/** Bytes of one params block: WebGPU's default alignment of dynamic offsets, and room for 64 scalars. */
export const PARAMS_STRIDE = 256;

const CHUNK_BLOCKS = 1024;

export interface ParamsSlot {
  readonly chunk: number;
  readonly offset: number;
  /** views of the chunk's host memory; write at `offset / 4` */
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
}

interface Chunk {
  readonly host: ArrayBuffer;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly buffer: GPUBuffer;
  readonly group: GPUBindGroup;
}

/**
 * The parameters of all recorded dispatches, in host memory until the flush writes them to the GPU at once. Chunks are
 * reused after each flush: a queue write happens after the work that was submitted before it.
 */
export class ParamsArena {
  readonly #gpu: GPUDevice;
  readonly #layout: GPUBindGroupLayout;
  readonly #chunks: Chunk[] = [];
  #used = 0;

  constructor(gpu: GPUDevice, layout: GPUBindGroupLayout) {
    this.#gpu = gpu;
    this.#layout = layout;
  }

  next(): ParamsSlot {
    const chunk = Math.floor(this.#used / CHUNK_BLOCKS);
    const offset = (this.#used % CHUNK_BLOCKS) * PARAMS_STRIDE;
    this.#used++;
    this.#chunks[chunk] ??= this.#createChunk();
    const { u32, i32, f32 } = this.#chunks[chunk];
    return { chunk, offset, u32, i32, f32 };
  }

  group(chunk: number): GPUBindGroup {
    return this.#chunks[chunk].group;
  }

  /** Writes what was recorded and starts anew. */
  upload(): void {
    let blocks = this.#used;
    for (let i = 0; blocks > 0; i++, blocks -= CHUNK_BLOCKS) {
      const bytes = Math.min(blocks, CHUNK_BLOCKS) * PARAMS_STRIDE;
      this.#gpu.queue.writeBuffer(this.#chunks[i].buffer, 0, this.#chunks[i].host, 0, bytes);
    }
    this.#used = 0;
  }

  #createChunk(): Chunk {
    const size = CHUNK_BLOCKS * PARAMS_STRIDE;
    const host = new ArrayBuffer(size);
    const buffer = this.#gpu.createBuffer({
      label: 'params',
      size,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    const group = this.#gpu.createBindGroup({
      layout: this.#layout,
      entries: [{ binding: 0, resource: { buffer, size: PARAMS_STRIDE } }],
    });
    const views = { u32: new Uint32Array(host), i32: new Int32Array(host), f32: new Float32Array(host) };
    return { host, ...views, buffer, group };
  }
}
