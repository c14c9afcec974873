import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as d from 'typegpu/data';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { acquireDevice } from '../../engine/device/node.ts';
import {
  type Device,
  DTypeError,
  defineKernel,
  empty,
  GpuValidationError,
  LimitError,
  read,
  tensor,
  write,
} from '../../engine/index.ts';
import { affineKernel, inlineWgsl } from '../support/kernels.ts';

let device: Device;
let folder: string;
beforeAll(async () => {
  device = await acquireDevice({ device: 'null' });
  folder = await mkdtemp(path.join(tmpdir(), 'miaobi-wgsl-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const BODY = `@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  y[id.x] = twice(x[id.x]);
}
`;

async function file(name: string, text: string): Promise<URL> {
  const full = path.join(folder, name);
  await writeFile(full, text);
  return pathToFileURL(full);
}

async function compile(name: string, lib: URL[], wgsl: URL): Promise<string> {
  const kernel = defineKernel({
    name,
    wgsl,
    lib,
    params: d.struct({ count: d.u32 }).$name('Params'),
    bindings: { x: read('f32'), y: write('f32') },
    keys: { WG: [64] },
    grid: () => 1,
    cost: () => ({ flops: 0, bytes: 0 }),
  });
  const x = empty(device, { shape: [4], dtype: 'f32' });
  const y = empty(device, { shape: [4], dtype: 'f32' });
  kernel.launch({ x, y }, { count: 4 }, { WG: 64 });
  try {
    await device.flush();
    return '';
  } catch (error) {
    expect(error).toBeInstanceOf(GpuValidationError);
    return (error as Error).message;
  }
}

it('gives the line of the file, with the kernel and its key, when the body is wrong', async () => {
  const body = await file('body.wgsl', BODY.replace('x[id.x]', 'nothing[id.x]'));
  const message = await compile(
    'test.body',
    [await file('lib.wgsl', 'fn twice(v: f32) -> f32 {\n  return 2.0 * v;\n}')],
    body,
  );
  expect(message).toContain('test.body [T=f32 WG=64] does not compile');
  expect(message).toMatch(/body\.wgsl:3:19: error: unresolved value 'nothing'/);
});

it('gives the line of the library file when that is wrong', async () => {
  const lib = await file('wrong.wgsl', '// doubles\nfn twice(v: f32) -> f32 {\n  return 2u * v;\n}\n');
  const message = await compile(
    'test.lib',
    [await file('other.wgsl', 'const unused = 1;\n'), lib],
    await file('good.wgsl', BODY),
  );
  expect(message).toMatch(/wrong\.wgsl:3:\d+: error: /);
});

it('says that a name is missing from all of them', async () => {
  const message = await compile('test.missing', [], await file('alone.wgsl', BODY));
  expect(message).toMatch(/alone\.wgsl:3:13: error: unresolved call target 'twice'/);
});

it('fails one flush and spares the work beside it', async () => {
  const x = tensor(device, [1], [1]);
  const good = affineKernel('test.beside');
  good(x, 1, 0);
  expect(await compile('test.bad', [], inlineWgsl('fn nothing() {'))).not.toBe('');
  expect(device.recorder.pending).toBeGreaterThan(0);
  good(x, 1, 0);
  await device.finish();
  expect(device.recorder.pending).toBe(0);
});

it('refuses storage types that do not go together, by the name of the binding', () => {
  const kernel = defineKernel({
    name: 'test.types',
    wgsl: inlineWgsl(BODY),
    params: d.struct({ count: d.u32 }).$name('Params'),
    bindings: { x: read('T'), z: read('T'), labels: read('u32'), y: write('T') },
    grid: () => 1,
    cost: () => ({ flops: 0, bytes: 0 }),
  });
  const make = (dtype: 'f32' | 'f16' | 'u32') => empty(device, { shape: [4], dtype });
  const [f32, f16, u32] = [make('f32'), make('f16'), make('u32')];
  expect(() => kernel.launch({ x: f32, z: f16, labels: u32, y: f32 }, { count: 4 })).toThrow(
    new DTypeError('test.types: expected z to be f32 like the other inputs, got f16. Convert it with cast().'),
  );
  expect(() => kernel.launch({ x: f32, z: f32, labels: f32, y: f32 }, { count: 4 })).toThrow(/labels to hold u32/);
  expect(() => kernel.launch({ x: f32, labels: u32, y: f32 }, { count: 4 })).toThrow(/binding z has no tensor/);
});

it('refuses a kernel that needs more than the device offers', async () => {
  const plain = await acquireDevice({ device: 'null', plainFeatures: true, plainLimits: true });
  const kernel = defineKernel({
    name: 'test.large',
    wgsl: inlineWgsl(BODY),
    params: d.struct({ count: d.u32 }).$name('Params'),
    bindings: { x: read('f32'), y: write('f32') },
    needs: ({ maxWorkgroupBytes }) => maxWorkgroupBytes >= 32768,
    grid: () => 1,
    cost: () => ({ flops: 0, bytes: 0 }),
  });
  const x = empty(plain, { shape: [4], dtype: 'f32' });
  expect(() => kernel.launch({ x, y: empty(plain, x) }, { count: 4 })).toThrow(LimitError);
});

it('refuses a grid over the limit', () => {
  const kernel = defineKernel({
    name: 'test.grid',
    wgsl: inlineWgsl('@compute @workgroup_size(1) fn main() { y[0] = x[0]; }'),
    params: d.struct({ count: d.u32 }).$name('Params'),
    bindings: { x: read('f32'), y: write('f32') },
    grid: ({ count }) => [count, 1, 1],
    cost: () => ({ flops: 0, bytes: 0 }),
  });
  const x = empty(device, { shape: [4], dtype: 'f32' });
  const y = empty(device, x);
  expect(() => kernel.launch({ x, y }, { count: 65536 })).toThrow(/maxComputeWorkgroupsPerDimension is 65535/);
});
