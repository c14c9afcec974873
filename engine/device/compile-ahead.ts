/** Shaders compiled on other devices of an adapter, for what its driver keeps of that. */
import { codeOf, Pipelines, type ShaderSource } from '../pipelines.ts';
import { shaderText } from '../shader-text.ts';

/** Other devices of a device's adapter. */
export interface Siblings {
  /** at most; 0: none are asked for */
  readonly count: number;
  acquire(): Promise<GPUDevice>;
}

/** Shaders that a device compiles at a time: Dawn has two threads for it. */
const AT_A_TIME = 2;
/** A shader that is there sooner was not compiled: the driver had it in its cache. */
const CACHED_MS = 100;

/**
 * Fills the driver's cache: what comes after it compiles in no time. A device compiles on two threads however many cores
 * there are, and software drivers translate a pipeline when it is run first, on the one thread of its queue; so the shaders
 * are shared among several devices, and each is run there, over nothing. The longest texts come first, for they take
 * longest; where the first of all was in the cache, so are the others, as far as it pays to know.
 *
 * A shader that fails is left to the device that needs it.
 */
export async function compileAhead(
  { count, acquire }: Siblings,
  sources: readonly ShaderSource[],
  cachedMs = CACHED_MS,
): Promise<void> {
  const texts = await Promise.all(sources.map(async (source) => codeOf(source, await readTexts(source)).length));
  const order = sources.map((source, i) => ({ source, length: texts[i] })).sort((a, b) => b.length - a.length);
  const rest = order.map(({ source }) => source).values();
  const first = rest.next().value;
  if (!first || count === 0) return;
  const probe = await openSibling(acquire);
  try {
    const started = performance.now();
    await probe.run(first).catch(() => {});
    if (performance.now() - started < cachedMs) return;
    const wanted = Math.min(count, Math.ceil(sources.length / AT_A_TIME));
    const others = Array.from({ length: wanted - 1 }, () =>
      openSibling(acquire).then((one) => shareOf(one, rest, true)),
    );
    await Promise.all([shareOf(probe, rest), ...others]);
  } finally {
    probe.destroy();
  }
}

const readTexts = ({ files }: ShaderSource) => Promise.all(files.map(shaderText));

interface Sibling {
  /** Compiles a shader and runs it over no workgroup at all. */
  run(source: ShaderSource): Promise<void>;
  destroy(): void;
}

/** Takes shaders until none is left. */
async function shareOf(sibling: Sibling, rest: Iterable<ShaderSource>, last = false): Promise<void> {
  const worker = async () => {
    for (const source of rest) await sibling.run(source).catch(() => {});
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  if (last) sibling.destroy();
}

/** Bytes of a buffer that stands for any: nothing is read or written. */
const SMALL = 256;

async function openSibling(acquire: Siblings['acquire']): Promise<Sibling> {
  const gpu = await acquire();
  const pipelines = new Pipelines(gpu);
  const none = gpu.createBuffer({ size: 12, usage: GPUBufferUsage.INDIRECT }); // zeros: no workgroups
  const uniform = gpu.createBuffer({ size: SMALL, usage: GPUBufferUsage.UNIFORM });
  const params = gpu.createBindGroup({
    layout: pipelines.paramsLayout,
    entries: [{ binding: 0, resource: { buffer: uniform, size: SMALL } }],
  });
  return {
    async run(source) {
      const entry = pipelines.create(source);
      await entry.ready;
      const entries = Array.from(source.access, (_, binding) => ({
        binding,
        resource: { buffer: gpu.createBuffer({ size: SMALL, usage: GPUBufferUsage.STORAGE }) },
      }));
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(entry.pipeline as GPUComputePipeline);
      pass.setBindGroup(0, gpu.createBindGroup({ layout: entry.layout, entries }));
      pass.setBindGroup(1, params, [0]);
      pass.dispatchWorkgroupsIndirect(none, 0);
      pass.end();
      gpu.queue.submit([encoder.finish()]);
      await gpu.queue.onSubmittedWorkDone();
    },
    destroy: () => gpu.destroy(),
  };
}
