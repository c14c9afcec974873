import type { Dispatch } from './recorder.ts';

/** Sums over the dispatches of one kernel. */
export interface KernelProfile {
  kernel: string;
  calls: number;
  /** GPU milliseconds by timestamps; NaN where the adapter has none */
  ms: number;
  flops: number;
  bytes: number;
}

/** Sums over the calls of one op, gradients included: they are made of ops too. */
export interface OpProfile {
  op: string;
  calls: number;
  /**
   * milliseconds on the host: shape rule, memory, recording, and submits that fall due meanwhile; ops inside count for
   * themselves and for this one
   */
  hostMs: number;
}

interface Batch {
  readonly querySet: GPUQuerySet;
  readonly dispatches: Dispatch[];
}

const QUERIES = 4096;

/**
 * Times every dispatch with timestamp queries while it is attached to a recorder. Each dispatch then has a pass of its
 * own, so a profiled step is somewhat slower than a plain one.
 */
export class Profiler {
  readonly #gpu: GPUDevice;
  readonly #timestamps: boolean;
  readonly #kernels = new Map<string, KernelProfile>();
  readonly #ops = new Map<string, OpProfile>();
  #batches: Batch[] = [];
  readonly #reads: Promise<void>[] = [];

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
    this.#timestamps = gpu.features.has('timestamp-query');
  }

  /** Notes one call of an op. */
  opCalled(op: string, hostMs: number): void {
    const row = this.#ops.get(op) ?? { op, calls: 0, hostMs: 0 };
    this.#ops.set(op, row);
    row.calls++;
    row.hostMs += hostMs;
  }

  /** The descriptor of the pass that a dispatch runs in. */
  passFor(dispatch: Dispatch): GPUComputePassDescriptor {
    const row = this.#row(dispatch.kernel);
    row.calls++;
    row.flops += dispatch.cost.flops;
    row.bytes += dispatch.cost.bytes;
    if (!this.#timestamps) {
      row.ms = Number.NaN;
      return {};
    }
    const { querySet, dispatches } = this.#batchWithRoom();
    const first = dispatches.length * 2;
    dispatches.push(dispatch);
    return { timestampWrites: { querySet, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 } };
  }

  /** Ends the timing of one command buffer. */
  resolve(encoder: GPUCommandEncoder): void {
    for (const batch of this.#batches.splice(0)) this.#resolveBatch(encoder, batch);
  }

  /** All kernels, the dearest first. Flush the device before. */
  async results(): Promise<KernelProfile[]> {
    await Promise.all(this.#reads.splice(0));
    return [...this.#kernels.values()].sort((a, b) => b.ms - a.ms || b.flops - a.flops);
  }

  /** All ops, the dearest on the host first. */
  ops(): OpProfile[] {
    return [...this.#ops.values()].sort((a, b) => b.hostMs - a.hostMs);
  }

  #batchWithRoom(): Batch {
    const last = this.#batches.at(-1);
    if (last && last.dispatches.length * 2 < QUERIES) return last;
    const batch = { querySet: this.#gpu.createQuerySet({ type: 'timestamp', count: QUERIES }), dispatches: [] };
    this.#batches.push(batch);
    return batch;
  }

  #resolveBatch(encoder: GPUCommandEncoder, { querySet, dispatches }: Batch): void {
    const count = dispatches.length * 2;
    const size = count * 8;
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    const resolved = this.#gpu.createBuffer({ size, usage });
    const mapped = this.#gpu.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, mapped, 0, size);
    const read = async () => {
      await mapped.mapAsync(GPUMapMode.READ);
      const times = new BigUint64Array(mapped.getMappedRange());
      dispatches.forEach((dispatch, i) => {
        this.#row(dispatch.kernel).ms += Number(times[2 * i + 1] - times[2 * i]) / 1e6;
      });
      for (const buffer of [resolved, mapped]) buffer.destroy();
      querySet.destroy();
    };
    // starts after the submit that follows this call
    const done = Promise.resolve().then(read);
    done.catch(() => {}); // reported by results()
    this.#reads.push(done);
  }

  #row(kernel: string): KernelProfile {
    let row = this.#kernels.get(kernel);
    if (!row) {
      row = { kernel, calls: 0, ms: 0, flops: 0, bytes: 0 };
      this.#kernels.set(kernel, row);
    }
    return row;
  }
}
