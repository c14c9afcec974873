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

const QUERIES = 4096;

/**
 * Times every dispatch with timestamp queries while it is attached to a recorder. Each dispatch then has a pass of its
 * own, so a profiled step is somewhat slower than a plain one.
 */
export class Profiler {
  readonly #gpu: GPUDevice;
  readonly #timestamps: boolean;
  readonly #kernels = new Map<string, KernelProfile>();
  #batch: { querySet: GPUQuerySet; dispatches: Dispatch[] } | undefined;
  readonly #reads: Promise<void>[] = [];

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
    this.#timestamps = gpu.features.has('timestamp-query');
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
    this.#batch ??= { querySet: this.#gpu.createQuerySet({ type: 'timestamp', count: QUERIES }), dispatches: [] };
    const { querySet, dispatches } = this.#batch;
    const first = dispatches.length * 2;
    if (first + 2 > QUERIES) return {};
    dispatches.push(dispatch);
    return { timestampWrites: { querySet, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 } };
  }

  /** Ends the timing of one command buffer. */
  resolve(encoder: GPUCommandEncoder): void {
    const batch = this.#batch;
    if (!batch) return;
    this.#batch = undefined;
    const count = batch.dispatches.length * 2;
    const size = count * 8;
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    const resolved = this.#gpu.createBuffer({ size, usage });
    const mapped = this.#gpu.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    encoder.resolveQuerySet(batch.querySet, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, mapped, 0, size);
    const read = async () => {
      await this.#gpu.queue.onSubmittedWorkDone();
      await mapped.mapAsync(GPUMapMode.READ);
      const times = new BigUint64Array(mapped.getMappedRange());
      batch.dispatches.forEach((dispatch, i) => {
        this.#row(dispatch.kernel).ms += Number(times[2 * i + 1] - times[2 * i]) / 1e6;
      });
      for (const buffer of [resolved, mapped]) buffer.destroy();
      batch.querySet.destroy();
    };
    // starts after the submit that follows this call
    this.#reads.push(Promise.resolve().then(read));
  }

  /** All kernels, the dearest first. Flush the device before. */
  async results(): Promise<KernelProfile[]> {
    await Promise.all(this.#reads.splice(0));
    return [...this.#kernels.values()].sort((a, b) => b.ms - a.ms || b.flops - a.flops);
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
