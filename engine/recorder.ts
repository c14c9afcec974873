import type { ParamsArena, ParamsSlot } from './params-arena.ts';
import type { PipelineEntry } from './pipelines.ts';
import type { PooledBuffer } from './pool.ts';
import type { Profiler } from './profile.ts';

/** Arithmetic of one dispatch, from its kernel's cost function: multiply-add counts two. */
export interface Cost {
  readonly flops: number;
  readonly bytes: number;
}

export interface Dispatch {
  readonly kernel: string;
  readonly entry: PipelineEntry;
  readonly group: GPUBindGroup;
  readonly params: ParamsSlot;
  readonly grid: readonly [number, number, number];
  readonly cost: Cost;
}

interface Copy {
  readonly from: GPUBuffer;
  readonly fromOffset: number;
  readonly to: GPUBuffer;
  readonly toOffset: number;
  readonly bytes: number;
}

type Record = { dispatch: Dispatch; phase: string; profiler: Profiler | undefined } | { copy: Copy };

/** What the recorder assumes about an adapter when it decides to submit early. */
export interface Rates {
  flopsPerSecond: number;
  bytesPerSecond: number;
}

const FLUSH_AFTER_SECONDS = 0.05;
/** A GPU that has nothing to do gets its first work sooner; each submit after that may take twice as long. */
const FIRST_FLUSH_SECONDS = 0.002;
const FLUSH_AFTER_RECORDS = 2000;

/**
 * Eager to write, deferred to run: ops append records; a flush turns them into one upload of parameters, one compute
 * pass (copies split it) and one submit (several where they would take too long). A flush happens on demand, and by itself
 * when the estimated GPU time passes 50 ms and every pipeline is ready: long submits freeze desktops and trip the watchdog
 * of Windows. After a result was waited for the GPU is idle, so the first submits are shorter: what is recorded after them
 * is recorded while they run.
 */
export class Recorder {
  readonly #gpu: GPUDevice;
  readonly #arena: ParamsArena;
  readonly #rates: Rates;
  #records: Record[] = [];
  readonly #waiting = new Set<PipelineEntry>();
  #seconds = 0;
  #flushAfter = FIRST_FLUSH_SECONDS;
  readonly #staging: GPUBuffer[] = [];
  /** times what is recorded while it is here */
  profiler: Profiler | undefined;
  #together = false;
  #phase = 'forward';
  dispatches = 0;
  submits = 0;
  /** called after each submit, before the queue has finished it */
  onSubmit: () => void = () => {};

  constructor(gpu: GPUDevice, arena: ParamsArena, rates: Rates) {
    this.#gpu = gpu;
    this.#arena = arena;
    this.#rates = rates;
  }

  get pending(): number {
    return this.#records.length;
  }

  nextParams(): ParamsSlot {
    return this.#arena.next();
  }

  dispatch(dispatch: Dispatch): void {
    this.dispatches++;
    this.#records.push({ dispatch, phase: this.#phase, profiler: this.profiler });
    if (!dispatch.entry.pipeline) this.#waiting.add(dispatch.entry);
    this.#seconds += this.#secondsOf(dispatch.cost);
    if (this.#together) return;
    if (this.#seconds > this.#flushAfter || this.#records.length >= FLUSH_AFTER_RECORDS) this.flushIfReady();
  }

  /** The GPU has finished the first `submits`. Where there are no others it has nothing to do: the next should come soon. */
  finished(submits: number): void {
    if (submits === this.submits) this.#flushAfter = FIRST_FLUSH_SECONDS;
  }

  /** Runs `fn`; a profile counts what it records as this phase, and what nothing names as `forward`. */
  inPhase<R>(phase: string, fn: () => R): R {
    const outer = this.#phase;
    this.#phase = phase;
    try {
      return fn();
    } finally {
      this.#phase = outer;
    }
  }

  /**
   * Submits nothing of what `fn` records before its end, unless memory is asked back: then it runs without the gaps that
   * recording leaves on a GPU faster than its host. Long work still goes out in several submits, one right after the other.
   */
  together<R>(fn: () => R): R {
    const outer = this.#together;
    this.#together = true;
    try {
      return fn();
    } finally {
      this.#together = outer;
    }
  }

  /** Copies between buffers, in order with the dispatches around it. */
  copy(copy: Copy): void {
    this.#records.push({ copy });
  }

  /** Host data into a pooled buffer, in order with the dispatches around it: a queue write would overtake them. */
  upload(to: PooledBuffer, data: Uint8Array, toOffset = 0): void {
    if (!to.gpu) return;
    const size = Math.ceil(data.byteLength / 4) * 4;
    const staging = this.#gpu.createBuffer({
      label: 'upload',
      size,
      usage: GPUBufferUsage.COPY_SRC,
      mappedAtCreation: true,
    });
    new Uint8Array(staging.getMappedRange()).set(data);
    staging.unmap();
    this.#staging.push(staging);
    this.copy({ from: staging, fromOffset: 0, to: to.gpu, toOffset, bytes: size });
  }

  /** Submits all records when every pipeline is compiled; returns whether nothing is left. */
  flushIfReady(): boolean {
    for (const entry of this.#waiting) if (entry.pipeline) this.#waiting.delete(entry);
    if (this.#waiting.size > 0) return false;
    this.#submit();
    return true;
  }

  /**
   * Waits for the pipelines, also those of what is recorded meanwhile, then submits.
   *
   * @returns how many submits there were then
   * @throws GpuValidationError when a shader does not compile; its dispatches are dropped, all others stay recorded
   */
  async flush(): Promise<number> {
    while (!this.flushIfReady()) {
      try {
        await Promise.all([...this.#waiting].map((entry) => entry.ready));
      } catch (error) {
        this.#dropFailed();
        throw error;
      }
    }
    return this.submits;
  }

  #dropFailed(): void {
    this.#records = this.#records.filter((record) => !('dispatch' in record && record.dispatch.entry.failed));
    for (const entry of this.#waiting) if (entry.failed) this.#waiting.delete(entry);
  }

  #submit(): void {
    if (this.#records.length === 0) return;
    const records = this.#records;
    this.#records = [];
    this.#seconds = 0;
    this.#flushAfter = Math.min(2 * this.#flushAfter, FLUSH_AFTER_SECONDS);
    this.#arena.upload();
    for (const part of this.#parts(records)) this.#submitPart(part);
    for (const buffer of this.#staging) buffer.destroy();
    this.#staging.length = 0;
    this.onSubmit();
  }

  /** Runs of records that take about as long as one submit may: while pipelines compiled, more have come together. */
  *#parts(records: readonly Record[]): Generator<readonly Record[]> {
    let start = 0;
    let seconds = 0;
    for (const [i, record] of records.entries()) {
      if ('dispatch' in record) seconds += this.#secondsOf(record.dispatch.cost);
      if (seconds <= FLUSH_AFTER_SECONDS && i < records.length - 1) continue;
      yield records.slice(start, i + 1);
      start = i + 1;
      seconds = 0;
    }
  }

  #secondsOf({ flops, bytes }: Cost): number {
    return Math.max(flops / this.#rates.flopsPerSecond, bytes / this.#rates.bytesPerSecond);
  }

  #submitPart(records: readonly Record[]): void {
    const encoder = this.#gpu.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    const profilers = new Set<Profiler>();
    for (const record of records) {
      if ('copy' in record) {
        pass?.end();
        pass = undefined;
        const { from, fromOffset, to, toOffset, bytes } = record.copy;
        encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, bytes);
        continue;
      }
      const { dispatch, phase, profiler } = record;
      if (profiler) {
        profilers.add(profiler);
        pass?.end();
        pass = encoder.beginComputePass(profiler.passFor(dispatch, phase));
        this.#encode(pass, dispatch);
        pass.end();
        pass = undefined;
      } else {
        pass ??= encoder.beginComputePass();
        this.#encode(pass, dispatch);
      }
    }
    pass?.end();
    for (const profiler of profilers) profiler.resolve(encoder);
    this.#gpu.queue.submit([encoder.finish()]);
    this.submits++;
  }

  #encode(pass: GPUComputePassEncoder, { entry, group, params, grid }: Dispatch): void {
    pass.setPipeline(entry.pipeline as GPUComputePipeline);
    pass.setBindGroup(0, group);
    pass.setBindGroup(1, this.#arena.group(params.chunk), [params.offset]);
    pass.dispatchWorkgroups(...grid);
  }
}
