import type { Dispatch } from './recorder.ts';

/** Sums over some dispatches. */
interface Sums {
  calls: number;
  /** GPU milliseconds by timestamps; NaN where the adapter has none */
  ms: number;
  flops: number;
  bytes: number;
}

/** Sums over the dispatches of one kernel. */
export interface KernelProfile extends Sums {
  kernel: string;
}

/** Sums over the dispatches of one phase of a step: `forward`, `backward` (what a sweep rebuilds is in it), others. */
export interface PhaseProfile extends Sums {
  phase: string;
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
  /** of each dispatch the sums that its time goes to */
  readonly sums: (readonly Sums[])[];
}

const QUERIES = 4096;

/**
 * Times with timestamp queries every dispatch that is recorded while it is attached to a recorder. Each of them has a pass
 * of its own, so a profiled step is somewhat slower than a plain one.
 */
export class Profiler {
  readonly #gpu: GPUDevice;
  readonly #timestamps: boolean;
  readonly #kernels = new Map<string, KernelProfile>();
  readonly #phases = new Map<string, PhaseProfile>();
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
  passFor({ kernel, cost }: Dispatch, phase = 'forward'): GPUComputePassDescriptor {
    const rows = [
      rowOf(this.#kernels, kernel, (sums) => ({ kernel, ...sums })),
      rowOf(this.#phases, phase, (sums) => ({ phase, ...sums })),
    ];
    for (const row of rows) {
      row.calls++;
      row.flops += cost.flops;
      row.bytes += cost.bytes;
      if (!this.#timestamps) row.ms = Number.NaN;
    }
    if (!this.#timestamps) return {};
    const { querySet, sums } = this.#batchWithRoom();
    const first = sums.length * 2;
    sums.push(rows);
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

  /** All phases, in the order in which they began. Flush the device before. */
  async phases(): Promise<PhaseProfile[]> {
    await Promise.all(this.#reads);
    return [...this.#phases.values()];
  }

  /** All ops, the dearest on the host first. */
  ops(): OpProfile[] {
    return [...this.#ops.values()].sort((a, b) => b.hostMs - a.hostMs);
  }

  #batchWithRoom(): Batch {
    const last = this.#batches.at(-1);
    if (last && last.sums.length * 2 < QUERIES) return last;
    const batch = { querySet: this.#gpu.createQuerySet({ type: 'timestamp', count: QUERIES }), sums: [] };
    this.#batches.push(batch);
    return batch;
  }

  #resolveBatch(encoder: GPUCommandEncoder, { querySet, sums }: Batch): void {
    const count = sums.length * 2;
    const size = count * 8;
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    const resolved = this.#gpu.createBuffer({ size, usage });
    const mapped = this.#gpu.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, mapped, 0, size);
    const read = async () => {
      await mapped.mapAsync(GPUMapMode.READ);
      const times = new BigUint64Array(mapped.getMappedRange());
      sums.forEach((rows, i) => {
        for (const row of rows) row.ms += Number(times[2 * i + 1] - times[2 * i]) / 1e6;
      });
      for (const buffer of [resolved, mapped]) buffer.destroy();
      querySet.destroy();
    };
    // starts after the submit that follows this call
    const done = Promise.resolve().then(read);
    done.catch(() => {}); // reported by results()
    this.#reads.push(done);
  }
}

function rowOf<R extends Sums>(rows: Map<string, R>, name: string, make: (sums: Sums) => R): R {
  const row = rows.get(name) ?? make({ calls: 0, ms: 0, flops: 0, bytes: 0 });
  rows.set(name, row);
  return row;
}
