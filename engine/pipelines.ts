import { GpuValidationError } from './errors.ts';
import { shaderText } from './shader-text.ts';

/** One WGSL text in the pieces that it was put together from, so that error lines can be mapped back. */
export interface ShaderSource {
  /** kernel name and key, for messages */
  label: string;
  header: string;
  files: readonly URL[];
  /** of the entry point, beside those in its file */
  attributes: string;
  /** one letter a storage binding, `r` or `w`: names the bind group layout */
  access: string;
}

export interface PipelineEntry {
  readonly label: string;
  /** of each storage binding: `r` or `w` */
  readonly access: string;
  readonly layout: GPUBindGroupLayout;
  pipeline: GPUComputePipeline | undefined;
  /** it does not compile */
  failed: boolean;
  /** settles when `pipeline` is there, or rejects with the compiler's message */
  ready: Promise<void>;
}

/** What the compiler is given: the header and the texts of `files`. */
export function codeOf({ header, attributes }: ShaderSource, texts: readonly string[]): string {
  return [header, ...texts].join('\n').replace(/^@compute /m, `@compute ${attributes}`);
}

const PARAMS_BYTES = 256;

/**
 * Compiles each (kernel, storage types, key) once, in parallel and without blocking the recording: bind group layouts
 * are explicit, so a bind group can exist before its pipeline does.
 */
export class Pipelines {
  readonly #gpu: GPUDevice;
  readonly #storageLayouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelineLayouts = new Map<string, GPUPipelineLayout>();
  readonly paramsLayout: GPUBindGroupLayout;
  compiled = 0;
  compileMs = 0;

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
    this.paramsLayout = gpu.createBindGroupLayout({
      label: 'params',
      entries: [
        {
          binding: 0,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: PARAMS_BYTES },
        },
      ],
    });
  }

  storageLayout(access: string): GPUBindGroupLayout {
    let layout = this.#storageLayouts.get(access);
    if (!layout) {
      const entries = [...access].map((letter, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: letter === 'r' ? ('read-only-storage' as const) : ('storage' as const) },
      }));
      layout = this.#gpu.createBindGroupLayout({ label: access, entries });
      this.#storageLayouts.set(access, layout);
    }
    return layout;
  }

  create(source: ShaderSource): PipelineEntry {
    const entry: PipelineEntry = {
      label: source.label,
      access: source.access,
      layout: this.storageLayout(source.access),
      pipeline: undefined,
      failed: false,
      ready: Promise.resolve(),
    };
    entry.ready = this.#compile(source, entry);
    // reported by the flush that needs it
    entry.ready.catch(() => {
      entry.failed = true;
    });
    return entry;
  }

  async #compile(source: ShaderSource, entry: PipelineEntry): Promise<void> {
    const texts = await Promise.all(source.files.map(shaderText));
    const code = codeOf(source, texts);
    const started = performance.now();
    // the error comes back from the pipeline; without a scope Dawn would also print it and report it as uncaptured
    this.#gpu.pushErrorScope('validation');
    const module = this.#gpu.createShaderModule({ label: source.label, code });
    this.#gpu.popErrorScope().catch(() => {});
    try {
      entry.pipeline = await this.#gpu.createComputePipelineAsync({
        label: source.label,
        layout: this.#pipelineLayout(source.access, entry.layout),
        compute: { module, entryPoint: 'main' },
      });
    } catch (error) {
      throw new GpuValidationError(await explain(source, texts, module, error));
    }
    this.compiled++;
    this.compileMs += performance.now() - started;
  }

  #pipelineLayout(access: string, storage: GPUBindGroupLayout): GPUPipelineLayout {
    let layout = this.#pipelineLayouts.get(access);
    if (!layout) {
      layout = this.#gpu.createPipelineLayout({ label: access, bindGroupLayouts: [storage, this.paramsLayout] });
      this.#pipelineLayouts.set(access, layout);
    }
    return layout;
  }
}

/** The compiler's messages with each line number counted in the file that a person edits. */
async function explain(
  source: ShaderSource,
  texts: readonly string[],
  module: GPUShaderModule,
  error: unknown,
): Promise<string> {
  const pieces = [source.header, ...texts];
  const names = ['generated header', ...source.files.map((url) => url.pathname)];
  const { messages } = await module.getCompilationInfo();
  const lines = messages.map((message) => {
    let line = message.lineNum;
    let piece = 0;
    while (piece < pieces.length - 1 && line > countLines(pieces[piece])) line -= countLines(pieces[piece++]);
    return `${names[piece]}:${line}:${message.linePos}: ${message.type}: ${message.message}`;
  });
  const text = lines.length > 0 ? lines.join('\n') : String((error as Error).message ?? error);
  return `${source.label} does not compile.\n${text}`;
}

function countLines(text: string): number {
  return text.split('\n').length;
}
