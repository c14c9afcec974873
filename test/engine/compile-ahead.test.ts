/** Compiling on other devices, on the null backend: who gets which shader, and when none is asked for. */
import { expect, it } from 'vitest';
import { compileAhead } from '../../engine/device/compile-ahead.ts';
import { acquireDevice } from '../../engine/device/node.ts';
import type { ShaderSource } from '../../engine/pipelines.ts';

/** A shader of its own, longer with each `lines`. */
const shader = (label: string, lines: number, body = 'y[0] = x[0];'): ShaderSource => ({
  label,
  header: [
    '@group(0) @binding(0) var<storage, read> x: array<f32>;',
    '@group(0) @binding(1) var<storage, read_write> y: array<f32>;',
    '@group(1) @binding(0) var<uniform> P: vec4u;',
    `@compute @workgroup_size(1) fn main() { ${body} }`,
    ...Array.from({ length: lines }, (_, i) => `// ${i}`),
  ].join('\n'),
  files: [],
  attributes: '',
  access: 'rw',
});

const SHADERS = [3, 9, 1, 7, 5, 2, 8, 4, 6].map((lines) => shader(`of ${lines} lines`, lines));

/** Devices that note what they compile and run, and errors of theirs. */
function watched() {
  const devices: { compiled: string[]; runs: number; destroyed: boolean; errors: string[] }[] = [];
  const acquire = async (): Promise<GPUDevice> => {
    const { gpu } = await acquireDevice({ device: 'null' });
    const seen = { compiled: [] as string[], runs: 0, destroyed: false, errors: [] as string[] };
    devices.push(seen);
    const create = gpu.createComputePipelineAsync.bind(gpu);
    gpu.createComputePipelineAsync = (descriptor) => {
      seen.compiled.push(descriptor.label as string);
      return create(descriptor);
    };
    const submit = gpu.queue.submit.bind(gpu.queue);
    gpu.queue.submit = (buffers) => {
      seen.runs++;
      return submit(buffers);
    };
    const destroy = gpu.destroy.bind(gpu);
    gpu.destroy = () => {
      seen.destroyed = true;
      return destroy();
    };
    gpu.addEventListener('uncapturederror', (event) =>
      seen.errors.push((event as GPUUncapturedErrorEvent).error.message),
    );
    return gpu;
  };
  return { devices, acquire };
}

it('shares shaders among devices, the longest first, runs each once and gives the devices back', async () => {
  const { devices, acquire } = watched();
  await compileAhead({ count: 3, acquire }, SHADERS, 0);
  expect(devices).toHaveLength(3);
  expect(devices[0].compiled[0]).toBe('of 9 lines');
  const all = devices.flatMap(({ compiled }) => compiled);
  expect(all.toSorted()).toEqual(SHADERS.map(({ label }) => label).toSorted());
  expect(devices.reduce((sum, { runs }) => sum + runs, 0)).toBe(SHADERS.length);
  expect(devices.map(({ destroyed, errors }) => [destroyed, errors])).toEqual(devices.map(() => [true, []]));
});

it('leaves the others alone where the driver had the first in its cache', async () => {
  const { devices, acquire } = watched();
  await compileAhead({ count: 3, acquire }, SHADERS, Number.POSITIVE_INFINITY);
  expect(devices.map(({ compiled, destroyed }) => [compiled, destroyed])).toEqual([[['of 9 lines'], true]]);
});

it('leaves a shader that does not compile to the device that needs it', async () => {
  const { devices, acquire } = watched();
  const bad = shader('bad', 10, 'y[0] = nothing;');
  await compileAhead({ count: 2, acquire }, [...SHADERS, bad], 0);
  expect(devices.flatMap(({ compiled }) => compiled)).toHaveLength(SHADERS.length + 1);
  expect(devices.reduce((sum, { runs }) => sum + runs, 0)).toBe(SHADERS.length);
});

it('asks for no device where none is to be had, or nothing to compile', async () => {
  const { devices, acquire } = watched();
  await compileAhead({ count: 0, acquire }, SHADERS, 0);
  await compileAhead({ count: 3, acquire }, [], 0);
  expect(devices).toEqual([]);
});
