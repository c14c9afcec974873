/** Kernels for matrix units, on emulated ones: tiles, boundaries, layouts and epilogues. What is native is linted. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Capabilities, type Device, type Profiler, scope, tensor } from '../../engine/index.ts';
import { cast, conv2d } from '../../kernels/index.ts';
import { type MatrixUnit, matrixUnitFor, servesTile, useMatrixUnit } from '../../kernels/lib/matrix-unit.ts';
import { defaultVariant, forceVariants, type MatrixWork } from '../../kernels/lib/variant.ts';
import { testDevice } from '../support/device.ts';
import { type Executor, executorOn } from '../support/executor.ts';
import { checkForward } from '../support/op-checks.ts';
import { describeSample, type Subject, subjects } from '../support/subjects.ts';

let device: Device;
let executor: Executor;
beforeAll(async () => {
  device = await testDevice();
  executor = executorOn(device);
});
afterAll(() => {
  forceVariants(undefined);
  useMatrixUnit(undefined);
});

const subject = (name: string) => subjects().find((one) => one.name === name) as Subject;
type AnySample = Subject['samples'][number];

type Cases = Readonly<Record<string, readonly AnySample[]>>;

/** Where tiles, units and steps end: one less and one more. All layouts of a product; lines of fours and others. */
const BOUNDARIES: Cases = {
  matmul: [{ inputs: { a: [129, 33], b: [33, 63] } }],
  conv2d: [{ inputs: { x: [3, 17, 5, 9], weight: [130, 17, 3, 3] }, attrs: { padding: 1, paddingMode: 'reflect' } }],
  convTranspose2d: [
    { inputs: { x: [1, 33, 4, 5], weight: [33, 65, 3, 3] }, attrs: { stride: 2, padding: 1, size: [8, 10] } },
  ],
  conv2dWeightGrad: [
    { inputs: { x: [2, 8, 9, 7], g: [2, 130, 9, 7] }, attrs: { padding: 1, paddingMode: 'reflect', kernel: [3, 3] } },
  ],
};
/** Beside those, on the first unit alone: every pipeline takes a second to compile. */
const MORE: Cases = {
  matmul: [
    { inputs: { a: [65, 1], b: [1, 15] } },
    { inputs: { a: [68, 132], b: [68, 64] }, attrs: { transposeA: true } },
    // long enough to be cut into slots
    { inputs: { a: [36, 1041], b: [1041, 20], bias: [20] } },
    ...plain('matmul'),
  ],
  matmulActivated: plain('matmulActivated'),
  // rows of eights: aligned vectors, of which taps and edges take parts
  conv2d: [
    { inputs: { x: [1, 116, 4, 5], weight: [17, 116, 3, 3], bias: [17] } },
    { inputs: { x: [2, 17, 5, 16], weight: [18, 17, 3, 3], bias: [18] }, attrs: { padding: 1 } },
    { inputs: { x: [2, 5, 3, 8], weight: [6, 5, 3, 3] }, attrs: { padding: 1, paddingMode: 'reflect' } },
    { inputs: { x: [2, 5, 3, 16], weight: [6, 5, 3, 3] }, attrs: { padding: 1, paddingMode: 'replicate' } },
    { inputs: { x: [1, 33, 7, 8], weight: [65, 33, 1, 1] } },
    ...plain('conv2d'),
  ],
  conv2dActivated: plain('conv2dActivated'),
  // phases of four, two and one taps, cut into slots by the first
  convTranspose2d: [
    { inputs: { x: [1, 260, 3, 4], weight: [260, 8, 3, 3] }, attrs: { stride: 2, padding: 1, size: [6, 7] } },
    { inputs: { x: [2, 17, 3, 8], weight: [17, 6, 4, 4] }, attrs: { stride: 2, padding: 1, size: [6, 16] } },
    { inputs: { x: [1, 17, 3, 16], weight: [17, 6, 3, 3] }, attrs: { padding: 1, size: [3, 16] } },
    ...plain('convTranspose2d'),
  ],
  conv2dWeightGrad: [
    { inputs: { x: [1, 15, 8, 8], g: [1, 63, 4, 4] }, attrs: { padding: 1, stride: 2, kernel: [3, 3] } },
    { inputs: { x: [2, 5, 7, 16], g: [2, 17, 7, 16] }, attrs: { padding: 1, kernel: [3, 3] } },
    { inputs: { x: [1, 5, 3, 8], g: [1, 6, 3, 8] }, attrs: { padding: 1, paddingMode: 'reflect', kernel: [3, 3] } },
    { inputs: { x: [1, 8, 3, 16], g: [1, 6, 3, 16] }, attrs: { padding: 1, paddingMode: 'replicate', kernel: [3, 3] } },
    ...plain('conv2dWeightGrad'),
  ],
};

function plain(name: string): readonly AnySample[] {
  return subject(name).samples.filter(({ bench }) => !bench);
}

function joined(a: Cases, b: Cases): Cases {
  return Object.fromEntries(
    Object.keys({ ...a, ...b }).map((name) => [name, [...(a[name] ?? []), ...(b[name] ?? [])]]),
  );
}

const emulated = ([M, N, K]: readonly number[], operands: 'f16' | 'f32'): MatrixUnit => ({
  ...{ M, N, K, operands, emulated: true },
});

interface Setting {
  /** in place of the device's own */
  readonly unit?: MatrixUnit;
  readonly dtype: 'f16' | 'f32';
  readonly tile: number;
  readonly cases: Cases;
}

function computes({ unit, dtype, tile, cases }: Setting) {
  let profiler: Profiler;
  let able: boolean;
  beforeAll(() => {
    profiler = device.profile();
    useMatrixUnit(unit);
    forceVariants(`matrix:${tile}x${tile}`);
    const used = matrixUnitFor(device.capabilities, dtype);
    able =
      used !== undefined && servesTile(used, tile, device.capabilities) && (dtype === 'f32' || device.capabilities.f16);
  });
  for (const [name, samples] of Object.entries(cases)) {
    for (const [index, sample] of samples.entries()) {
      it(`${name} ${describeSample(sample)}`, async ({ skip }) => {
        if (!able) skip();
        await checkForward(executor, subject(name), sample, dtype, index + 1);
      });
    }
  }
  it('was what computed them', async ({ skip }) => {
    if (!able) skip();
    const kernels = (await profiler.results()).map(({ kernel }) => kernel);
    for (const room of ['matmul', 'conv2d', 'conv2d.weightGrad']) expect(kernels.join(' ')).toMatch(`${room}.matrix`);
    const inSlots = kernels.filter((kernel) => kernel.endsWith('.parts'));
    expect(inSlots.length).toBe(cases === BOUNDARIES ? 0 : 2);
    for (const kernel of kernels) expect(kernel).not.toMatch(/lanes|rows|taps|tiled|direct/);
  });
}

const ALL = joined(BOUNDARIES, MORE);
describe.each<Setting & { unit: MatrixUnit }>([
  { unit: emulated([16, 16, 16], 'f16'), dtype: 'f16', tile: 64, cases: ALL },
  { unit: emulated([16, 16, 16], 'f16'), dtype: 'f16', tile: 128, cases: BOUNDARIES },
  { unit: emulated([8, 16, 16], 'f32'), dtype: 'f32', tile: 64, cases: BOUNDARIES },
  { unit: emulated([8, 8, 8], 'f32'), dtype: 'f32', tile: 128, cases: BOUNDARIES },
])('emulated units of $unit.M x $unit.N x $unit.K $dtype, tiles of $tile', computes);

// where there are some: the lavapipe of Mesa 26.2 has them for halves, that of 25.0 has none
describe.each<Setting>([
  { dtype: 'f16', tile: 64, cases: ALL },
  { dtype: 'f16', tile: 128, cases: ALL },
  { dtype: 'f32', tile: 64, cases: ALL },
  { dtype: 'f32', tile: 128, cases: ALL },
])("the device's own units, $dtype, tiles of $tile", computes);

describe.each([
  { of: 'emulated units, f16', unit: emulated([16, 16, 16], 'f16') },
  { of: 'emulated units, f32', unit: emulated([16, 16, 16], 'f32') },
  { of: "the device's own units", unit: undefined },
])('$of', ({ unit }) => {
  it('round a float beside halves where they multiply halves', async ({ skip }) => {
    useMatrixUnit(unit);
    forceVariants('matrix:64x64');
    const used = matrixUnitFor(device.capabilities, undefined);
    if (!device.capabilities.f16 || !used) return skip();
    const [ones, weight] = [
      tensor(device, new Float32Array(18).fill(1), [1, 18, 1, 1]),
      // f16 cannot tell the first two from ±1; the channels after them fill more than a unit
      tensor(device, [1 + 2 ** -13, -1, ...new Array(15).fill(0), 2 ** -20], [1, 18, 1, 1]),
    ];
    const x = cast(ones, 'f16');
    const y = scope(() => conv2d(x, { weight }));
    expect(await y.item()).toBe(used.operands === 'f16' ? 2 ** -20 : 2 ** -13 + 2 ** -20);
    for (const t of [ones, weight, x, y]) t.dispose();
  });
});

describe('the unit that a device has', () => {
  beforeAll(() => {
    useMatrixUnit(undefined);
    forceVariants(undefined);
  });
  const config = (componentType: string, resultComponentType: string, M: number, N: number, K: number) => ({
    ...{ componentType, resultComponentType, M, N, K },
  });
  const device = (subgroupWidth: number, subgroupMatrix: Capabilities['subgroupMatrix'], f16 = true) =>
    ({ subgroupWidth, subgroupMatrix, f16, software: false }) as Capabilities;
  const nvidia = device(32, [
    config('f16', 'f16', 16, 8, 16),
    config('f16', 'f32', 16, 8, 16),
    config('f16', 'f32', 16, 16, 16),
    config('i8', 'i32', 16, 16, 32),
  ]);
  const apple = device(32, [config('f16', 'f16', 8, 8, 8), config('f32', 'f32', 8, 8, 8)]);
  const intel = device(16, [config('f16', 'f32', 8, 16, 16), config('f16', 'f16', 8, 16, 16)]);
  const found = (capabilities: Capabilities, dtype: 'f16' | 'f32' | undefined) => {
    const unit = matrixUnitFor(capabilities, dtype);
    return unit && `${unit.M}x${unit.N}x${unit.K} ${unit.operands}`;
  };

  it('multiplies halves as halves where their sums are floats', () => {
    expect(found(nvidia, 'f16')).toBe('16x16x16 f16');
    expect(found(intel, 'f16')).toBe('8x16x16 f16');
  });
  it('multiplies halves as floats where their sums would be halves', () => {
    expect(found(apple, 'f16')).toBe('8x8x8 f32');
  });
  it('never rounds floats', () => {
    expect(found(nvidia, 'f32')).toBeUndefined();
    expect(found(intel, 'f32')).toBeUndefined();
    expect(found(apple, 'f32')).toBe('8x8x8 f32');
  });
  it('multiplies a float beside halves as a half, or as it is where there are no units of halves', () => {
    expect(found(nvidia, undefined)).toBe('16x16x16 f16');
    expect(found(intel, undefined)).toBe('8x16x16 f16');
    expect(found(apple, undefined)).toBe('8x8x8 f32');
  });
  it('is none without configurations, f16 or a width that is known', () => {
    expect(found(device(32, []), 'f16')).toBeUndefined();
    expect(found({ ...nvidia, f16: false }, 'f16')).toBeUndefined();
    expect(found({ ...nvidia, subgroupWidth: 0 }, 'f16')).toBeUndefined();
    expect(found({ ...nvidia, subgroupWidth: 8 }, 'f16')).toBeUndefined();
  });

  const named = (capabilities: Capabilities, work: Partial<MatrixWork>) =>
    defaultVariant({ info: { vendor: 'nvidia' }, capabilities } as Parameters<typeof defaultVariant>[0], {
      kind: 'matmul',
      rows: 64,
      columns: 64,
      terms: 64,
      batch: 1,
      dtype: 'f16',
      ...work,
    }).name;
  it('is used for what is large enough, in the tile that fills the device', () => {
    expect(named(nvidia, {})).toBe('matrix:64x64');
    expect(named(nvidia, { rows: 2048, columns: 2048 })).toBe('matrix:128x128');
    // a workgroup of 256 threads has not enough of Apple's units
    expect(named(apple, { rows: 2048, columns: 2048, dtype: 'f32' })).toBe('matrix:64x64');
    // few columns and long sums: GauGAN's deepest layers
    expect(named(nvidia, { rows: 1024, columns: 64, terms: 9216 })).toBe('matrix:64x64');
    expect(named(nvidia, { rows: 1024, columns: 256, terms: 9216 })).toBe('matrix:128x128');
    expect(named(nvidia, { rows: 64, columns: 65536, terms: 576 })).toBe('matrix:64x64');
    for (const small of [{ rows: 15 }, { columns: 15 }, { terms: 15 }, { dtype: 'f32' as const }]) {
      expect(named(nvidia, small)).not.toContain('matrix');
    }
    expect(named(device(32, []), {})).not.toContain('matrix');
    expect(named({ ...nvidia, software: true }, {})).not.toContain('matrix');
    const window = { kernel: [3, 3], stride: [1, 1], outStride: [1, 1], dilation: [1, 1] } as const;
    const conv = (channels: number) => named(nvidia, { kind: 'conv2d', terms: 9 * channels, window });
    expect(conv(15)).not.toContain('matrix');
    expect(conv(16)).toBe('matrix:64x64');
  });
});
