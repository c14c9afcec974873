import { BindGroups, type BoundBuffer } from '../bind-groups.ts';
import { DeviceLostError, GpuValidationError, LimitError } from '../errors.ts';
import { ParamsArena } from '../params-arena.ts';
import { type PipelineEntry, Pipelines, type ShaderSource } from '../pipelines.ts';
import { Pool, type PooledBuffer } from '../pool.ts';
import { Profiler } from '../profile.ts';
import { Recorder } from '../recorder.ts';
import { scope } from '../scope.ts';
import { compileAhead, type Siblings } from './compile-ahead.ts';

export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** a CPU pretending to be a GPU */
  readonly software: boolean;
}

/** What kernels choose their variants by. */
export interface Capabilities {
  readonly f16: boolean;
  /** lanes of a subgroup where the width is fixed or can be asked for, else 0 */
  readonly subgroupWidth: number;
  /** the width varies from kernel to kernel, and those with subgroups ask for `subgroupWidth` */
  readonly asksForWidth: boolean;
  readonly subgroups: boolean;
  readonly timestamps: boolean;
  readonly subgroupMatrix: readonly SubgroupMatrixConfig[];
  readonly software: boolean;
  /** indices beyond the end of a buffer are moved inside it */
  readonly boundsChecks: boolean;
  readonly maxWorkgroupBytes: number;
  readonly maxWorkgroupSize: number;
  readonly maxBindingBytes: number;
  readonly maxStorageBuffers: number;
}

export interface SubgroupMatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

export interface DeviceOptions {
  info: AdapterInfo;
  capabilities: Capabilities;
  /** byte budget of the pool */
  budgetBytes?: number;
  /** fills every buffer with NaN before it is handed out, so that a kernel that skips an element is found out */
  poison?: boolean;
  /** tensors remember where they were made and freed */
  debug?: boolean;
  /** other devices of the adapter, to compile on */
  siblings?: Siblings | undefined;
  /** names of kernels' variants to use where they can run, instead of what they would choose; read by kernels */
  kernels?: string | undefined;
}

/** What a run would take, found by recording it without executing it. */
export interface Forecast {
  readonly peakBytes: number;
  readonly flops: number;
  readonly bytes: number;
  readonly dispatches: number;
  /**
   * Compiles every pipeline of the run, in parallel.
   *
   * @param onSiblings  on other devices of the adapter first, where that is faster: see `compileAhead`
   * @throws GpuValidationError when a shader does not compile
   */
  compile(onSiblings?: boolean): Promise<void>;
}

/** A pipeline that a run will need. */
interface PlannedPipeline {
  /** it was asked for before */
  readonly known: boolean;
  source(): ShaderSource;
  /** asks for it: it compiles */
  entry(): PipelineEntry;
}

interface Forecasting {
  flops: number;
  bytes: number;
  dispatches: number;
  readonly pipelines: Map<string, PlannedPipeline>;
}

const POISON_BYTES = 1 << 20;

/** A GPU with the engine's state on it. Passed explicitly or found through a tensor: there is no global device. */
export class Device {
  readonly gpu: GPUDevice;
  readonly info: AdapterInfo;
  readonly capabilities: Capabilities;
  readonly debug: boolean;
  readonly kernels: string | undefined;
  readonly pipelines: Pipelines;
  readonly recorder: Recorder;
  /** the pool in use: the real one, or the one of a forecast */
  pool: Pool;
  liveTensors = 0;
  /** totals while a forecast runs: dispatches are counted and dropped */
  forecasting: Forecasting | undefined;
  readonly #bindGroups: BindGroups;
  /** a promise for each submit that the GPU is still at, the oldest first */
  readonly #running = new Set<Promise<void>>();
  readonly #siblings: Siblings | undefined;
  #failure: Error | undefined;
  #poisonBuffer: GPUBuffer | undefined;

  constructor(gpu: GPUDevice, options: DeviceOptions) {
    this.gpu = gpu;
    this.info = options.info;
    this.capabilities = options.capabilities;
    this.debug = options.debug ?? false;
    this.kernels = options.kernels;
    this.#siblings = options.siblings;
    this.pipelines = new Pipelines(gpu);
    this.#bindGroups = new BindGroups(gpu);
    const { software } = options.info;
    const rates = software
      ? { flopsPerSecond: 1e10, bytesPerSecond: 4e9 }
      : { flopsPerSecond: 5e12, bytesPerSecond: 2e11 };
    this.recorder = new Recorder(gpu, new ParamsArena(gpu, this.pipelines.paramsLayout), rates);
    this.recorder.onSubmit = () => this.#follow(gpu.queue.onSubmittedWorkDone());
    this.pool = this.#makePool(options.budgetBytes ?? Number.POSITIVE_INFINITY);
    if (options.poison) this.#poisonBuffer = makePoison(gpu);
    gpu.addEventListener('uncapturederror', (event) => {
      this.#failure ??= new GpuValidationError((event as GPUUncapturedErrorEvent).error.message);
    });
    gpu.lost.then((info) => {
      this.#failure = new DeviceLostError(
        `The GPU device was lost (${info.reason}: ${info.message || 'no message'}). Start again; training resumes with --resume.`,
      );
    });
  }

  acquireBuffer(bytes: number): PooledBuffer {
    const buffer = this.pool.acquire(bytes);
    if (this.#poisonBuffer && buffer.gpu) {
      for (let offset = 0; offset < buffer.bytes; offset += POISON_BYTES) {
        const size = Math.min(POISON_BYTES, buffer.bytes - offset);
        this.recorder.copy({ from: this.#poisonBuffer, fromOffset: 0, to: buffer.gpu, toOffset: offset, bytes: size });
      }
    }
    return buffer;
  }

  pipeline(source: ShaderSource): PipelineEntry {
    return this.pipelines.create(source);
  }

  /** The bind group of these buffers, in binding order; made once for each combination. */
  bindGroup(access: string, layout: GPUBindGroupLayout, bound: readonly BoundBuffer[]): GPUBindGroup {
    return this.#bindGroups.get(access, layout, bound);
  }

  get bindGroupMisses(): number {
    return this.#bindGroups.misses;
  }

  get bindGroupHits(): number {
    return this.#bindGroups.hits;
  }

  upload(buffer: PooledBuffer, data: Uint8Array): void {
    this.recorder.upload(buffer, data);
  }

  /**
   * Submits what is recorded, unless one of its pipelines still compiles, and waits for nothing: the GPU works on it while
   * the host goes on.
   */
  submit(): void {
    this.recorder.flushIfReady();
  }

  /**
   * Submits everything recorded. Resolves when it is submitted and at most one earlier submit is still running.
   *
   * @throws DeviceLostError, GpuValidationError that happened since the last call
   */
  async flush(): Promise<void> {
    await this.recorder.flush();
    while (this.#running.size > 2) await this.#running.values().next().value;
    this.#throwFailure();
  }

  /** Waits until the GPU has finished everything recorded so far. */
  async finish(): Promise<void> {
    const submits = await this.recorder.flush();
    await Promise.all(this.#running);
    this.recorder.finished(submits);
    this.#throwFailure();
  }

  /**
   * Copies `bytes` of a buffer to the host, from `offset` on, as they are at the time of the call: what is recorded later
   * changes nothing of it, and the GPU may go on with that while the copy comes.
   */
  async read(buffer: PooledBuffer, bytes: number, offset = 0): Promise<ArrayBuffer> {
    if (!buffer.gpu) throw new Error('internal error: a forecast has no values to read');
    const size = Math.ceil(bytes / 4) * 4;
    if (size > this.gpu.limits.maxBufferSize) {
      throw new LimitError(
        `maxBufferSize: cannot read ${size} bytes at once; the limit is ${this.gpu.limits.maxBufferSize}.`,
      );
    }
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
    const mapped = this.gpu.createBuffer({ label: 'read', size, usage });
    this.recorder.copy({ from: buffer.gpu, fromOffset: offset, to: mapped, toOffset: 0, bytes: size });
    const submits = await this.recorder.flush();
    try {
      await mapped.mapAsync(GPUMapMode.READ);
    } catch (error) {
      this.#throwFailure();
      throw new DeviceLostError((error as Error).message || 'The GPU device was lost while a result was read.');
    }
    this.#throwFailure();
    this.recorder.finished(submits);
    const copy = mapped.getMappedRange().slice(0);
    mapped.unmap();
    mapped.destroy();
    return copy;
  }

  /**
   * Runs `fn` on shapes alone against an empty pool: what it would allocate and compute, without executing it. What
   * `fn` makes is freed at its end.
   */
  forecast(fn: () => void): Forecast {
    const real = this.pool;
    const budget = real.budgetBytes - real.stats.usedBytes;
    const totals: Forecasting = { flops: 0, bytes: 0, dispatches: 0, pipelines: new Map() };
    this.pool = this.#makePool(budget, true);
    this.forecasting = totals;
    try {
      scope(fn);
      const { flops, bytes, dispatches, pipelines } = totals;
      const planned = [...pipelines.values()];
      const compile = async (onSiblings = false) => {
        const fresh = planned.filter(({ known }) => !known);
        // a driver without a cache, or without another device, is as slow as it is
        if (onSiblings && this.#siblings) {
          await compileAhead(
            this.#siblings,
            fresh.map((pipeline) => pipeline.source()),
          ).catch(() => {});
        }
        await Promise.all(planned.map((pipeline) => pipeline.entry().ready));
      };
      return { flops, bytes, dispatches, peakBytes: this.pool.stats.peakAllocatedBytes, compile };
    } finally {
      this.pool = real;
      this.forecasting = undefined;
    }
  }

  /**
   * Like `forecast`, and compiles. A run that was prepared submits its work as it goes; one that compiles while it records
   * submits nothing before its first await, and so cannot give memory back.
   *
   * @throws GpuValidationError when a shader does not compile
   */
  async prepare(fn: () => void): Promise<Forecast> {
    const forecast = this.forecast(fn);
    await forecast.compile();
    return forecast;
  }

  /** Starts to time every dispatch; `profiler.results()` after a flush. */
  profile(): Profiler {
    const profiler = new Profiler(this.gpu);
    this.recorder.profiler = profiler;
    return profiler;
  }

  destroy(): void {
    this.gpu.destroy();
  }

  #makePool(budgetBytes: number, dry = false): Pool {
    return new Pool({
      maxBindingBytes: this.capabilities.maxBindingBytes,
      budgetBytes,
      create: (size) => (dry ? undefined : this.gpu.createBuffer({ size, usage: POOL_USAGE() })),
      destroy: (buffer) => {
        if (!dry) this.#destroyBuffer(buffer);
      },
      settle: () => dry || this.recorder.flushIfReady(),
    });
  }

  #follow(work: Promise<unknown>): void {
    const ended = work.then(
      () => void this.#running.delete(ended),
      () => void this.#running.delete(ended),
    );
    this.#running.add(ended);
  }

  #destroyBuffer(buffer: PooledBuffer): void {
    this.#bindGroups.forget(buffer);
    buffer.gpu?.destroy();
  }

  #throwFailure(): void {
    const failure = this.#failure;
    if (!failure) return;
    if (!(failure instanceof DeviceLostError)) this.#failure = undefined;
    throw failure;
  }
}

const POOL_USAGE = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

function makePoison(gpu: GPUDevice): GPUBuffer {
  const usage = GPUBufferUsage.COPY_SRC;
  const buffer = gpu.createBuffer({ label: 'poison', size: POISON_BYTES, usage, mappedAtCreation: true });
  // 0x7e007e00 reads as NaN both as two f16; as f32 only an exponent of all ones does, hence 0x7fff7e00
  new Uint32Array(buffer.getMappedRange()).fill(0x7fff7e00);
  buffer.unmap();
  return buffer;
}
