/** Winograd's algorithm on shapes that need every corner of it; test/ops.test.ts has too few channels for it. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AnyOp, allOps, type Device, type DType, type Sample, scope, type Tensor } from '../../engine/index.ts';
import { limitWorkspace } from '../../kernels/conv2d/winograd-products.ts';
import { conv2d } from '../../kernels/index.ts';
import { forceVariants } from '../../kernels/lib/variant.ts';
import { expectClose, unitOf } from '../support/compare.ts';
import { testDevice } from '../support/device.ts';
import { executorOn } from '../support/executor.ts';
import { checkForward, checkGradients } from '../support/op-checks.ts';
import { draw, generator, toTensor } from '../support/samples.ts';
import { subjects } from '../support/subjects.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});
afterEach(() => {
  forceVariants(undefined);
  limitWorkspace(undefined);
});

/** Runs `fn` and says which kernels it launched, and how often. */
async function launchesOf(fn: () => Promise<void>): Promise<Record<string, number>> {
  const profiler = device.profile();
  await fn();
  device.recorder.profiler = undefined;
  return Object.fromEntries((await profiler.results()).map(({ kernel, calls }) => [kernel, calls]));
}

const cases: readonly (Sample<string, object> & { op: string; title: string; types?: readonly DType[] })[] = [
  {
    ...{ op: 'conv2d', title: 'extents that no tile divides, several pictures', types: ['f32', 'f16'] },
    ...{ inputs: { x: [2, 33, 6, 7], weight: [20, 33, 3, 3], bias: [20] }, attrs: { padding: 1 } },
  },
  {
    ...{ op: 'conv2d', title: 'one pixel of a tile' },
    ...{ inputs: { x: [1, 32, 3, 3], weight: [3, 32, 3, 3] } },
  },
  {
    ...{ op: 'conv2d', title: 'one tile more than vectors have, by one row and one column' },
    ...{ inputs: { x: [1, 32, 5, 17], weight: [8, 32, 3, 3] }, attrs: { padding: 1, paddingMode: 'replicate' } },
  },
  {
    ...{ op: 'conv2d', title: 'reflection, a residual, a scale', types: ['f32', 'f16'] },
    inputs: { x: [1, 32, 5, 6], weight: [33, 32, 3, 3], bias: [33], residual: [1, 33, 5, 6] },
    attrs: { padding: 1, paddingMode: 'reflect', scale: -1 },
  },
  {
    ...{ op: 'conv2d', title: 'padding wider than the picture, uneven' },
    inputs: { x: [1, 35, 2, 3], weight: [16, 35, 3, 3] },
    attrs: { padding: [4, 1, 0, 5], paddingMode: 'replicate' },
  },
  {
    ...{ op: 'conv2d', title: 'more channels than a block has' },
    inputs: { x: [1, 33, 3, 5], weight: [55, 33, 3, 3], bias: [55] },
    attrs: { padding: 1, scale: 0.5 },
  },
  {
    ...{ op: 'conv2d', title: 'rows of whole tiles, reflection, a residual', types: ['f32', 'f16'] },
    inputs: { x: [2, 33, 5, 8], weight: [18, 33, 3, 3], bias: [18], residual: [2, 18, 5, 8] },
    attrs: { padding: 1, paddingMode: 'reflect' },
  },
  {
    ...{ op: 'conv2d', title: 'rows of whole tiles, uneven padding' },
    inputs: { x: [1, 32, 4, 12], weight: [8, 32, 3, 3], bias: [8] },
    attrs: { padding: [0, 0, 1, 0] },
  },
  {
    ...{ op: 'conv2d', title: 'windows that end far beyond rows of whole tiles' },
    inputs: { x: [1, 32, 4, 4], weight: [8, 32, 3, 3] },
    attrs: { padding: [1, 1, 1, 5], paddingMode: 'replicate' },
  },
  {
    ...{ op: 'conv2dActivated', title: 'an activation' },
    ...{ inputs: { x: [1, 32, 4, 6], weight: [34, 32, 3, 3], bias: [34] }, attrs: { padding: 1, activation: 'tanh' } },
  },
  {
    ...{ op: 'convTranspose2d', title: 'taps that run backwards' },
    inputs: { x: [2, 34, 5, 3], weight: [34, 16, 3, 3], bias: [16] },
    attrs: { padding: 1, size: [5, 3] },
  },
  {
    ...{ op: 'convTranspose2d', title: 'taps that run backwards, rows of whole tiles' },
    inputs: { x: [1, 40, 6, 8], weight: [40, 24, 3, 3], bias: [24] },
    attrs: { padding: 1, size: [6, 8] },
  },
  {
    ...{ op: 'convTranspose2d', title: 'taps that run backwards, reflection' },
    inputs: { x: [1, 32, 5, 6], weight: [32, 32, 3, 3] },
    attrs: { padding: 1, paddingMode: 'reflect', size: [5, 6] },
  },
  {
    ...{ op: 'conv2dWeightGrad', title: 'extents that no tile divides, several pictures', types: ['f32', 'f16'] },
    ...{ inputs: { x: [2, 5, 17, 19], g: [2, 9, 17, 19] }, attrs: { padding: 1, kernel: [3, 3] } },
  },
  {
    ...{ op: 'conv2dWeightGrad', title: 'rows of whole tiles', types: ['f32', 'f16'] },
    ...{ inputs: { x: [2, 6, 18, 20], g: [2, 10, 18, 20] }, attrs: { padding: 1, kernel: [3, 3] } },
  },
  {
    ...{ op: 'conv2dWeightGrad', title: 'reflection, one channel' },
    inputs: { x: [1, 1, 24, 22], g: [1, 1, 24, 22] },
    attrs: { padding: 1, paddingMode: 'reflect', kernel: [3, 3] },
  },
  {
    ...{ op: 'conv2dWeightGrad', title: 'uneven padding, more channels than a block' },
    inputs: { x: [1, 4, 20, 30], g: [1, 17, 19, 32] },
    attrs: { padding: [0, 1, 4, 0], kernel: [3, 3] },
  },
];

/** What multiplies at the 36 points, and the pass over pixels that goes with it; shapes of more than one part, and in how many. */
const PRODUCTS = [
  {
    ...{ on: 'lanes', names: /^conv2d\.winograd\.input$/, bytes: undefined },
    tiles: { x: [1, 32, 200, 200], weight: [9, 32, 3, 3], parts: 2 },
    // 40,000 pixels are 2,500 tiles, of which a part has 1,024 at most
    sums: { x: [1, 2, 200, 200], g: [1, 3, 200, 200], parts: 3 },
    // 4,096 input channels leave 48 output channels to a part
    channels: { x: [1, 4096, 24, 24], weight: [64, 4096, 3, 3], g: [1, 64, 24, 24], parts: 2 },
  },
  {
    ...{ on: 'tiled', names: /^conv2d\.winograd\.pixels4?$/, bytes: 2 ** 19 },
    tiles: { x: [1, 32, 40, 40], weight: [9, 32, 3, 3], parts: 2 },
    sums: { x: [1, 2, 68, 68], g: [1, 3, 68, 68], parts: 2 },
    channels: { x: [1, 128, 24, 24], weight: [32, 128, 3, 3], g: [1, 32, 24, 24], parts: 2 },
  },
];

/** Such text as runs on a device with enough lanes alone is left out elsewhere. */
const runsOn = (on: string) => on !== 'lanes' || device.capabilities.subgroupWidth >= 4;

const opNamed = (name: string) => allOps().find(({ definition }) => definition.name === name) as AnyOp;
const drawn = (seed: number, shapes: number[][]) =>
  shapes.map((shape) => toTensor(device, draw(shape, 'f32', generator(seed))));
const weightGradient = (x: Tensor, g: Tensor) => {
  const op = opNamed('conv2dWeightGrad');
  return scope(() => op({ x, g }, { ...op.definition.defaults, padding: 1, kernel: [3, 3] }).w as Tensor);
};

describe.each(PRODUCTS)("Winograd's algorithm, products on $on", ({ on, names, bytes, tiles, sums, channels }) => {
  const winograd = `winograd,matmul=${on}`;
  /** How often the pass over pixels ran. */
  const callsOf = (launches: Record<string, number>) =>
    Object.entries(launches).reduce((total, [kernel, calls]) => total + (names.test(kernel) ? calls : 0), 0);

  for (const { op, title, types = ['f32'] as const, ...sample } of cases) {
    const subject = () => {
      const found = subjects().find(({ name }) => name === op);
      if (!found) throw new Error(`no op is called ${op}`);
      return found;
    };
    for (const dtype of types) {
      it(`computes ${op}: ${title}, ${dtype}`, async () => {
        if (!runsOn(on)) return;
        forceVariants(winograd);
        const run = () => checkForward(executorOn(device), subject(), sample, dtype, 1);
        expect(callsOf(await launchesOf(run))).toBe(2);
      });
    }
    it(`has the gradient of ${op}: ${title}`, async () => {
      if (!runsOn(on)) return;
      forceVariants(winograd);
      await checkGradients(executorOn(device), subject(), sample, 'f32', 1);
    });
  }

  /** Compares what `run` computes with the sums of all terms, and says what it launched. */
  async function launchesOfParts(run: () => Tensor, terms: number, name: string): Promise<Record<string, number>> {
    forceVariants(winograd);
    let parts: Tensor | undefined;
    const launches = await launchesOf(async () => {
      parts = run();
      await device.finish();
    });
    forceVariants(on);
    const whole = run();
    const want = { shape: whole.shape, data: Float64Array.from(await whole.data()) };
    expectClose(await (parts as Tensor).data(), want, 4 * Math.sqrt(terms) * unitOf('f32'), name);
    for (const tensor of [parts, whole]) tensor?.dispose();
    return launches;
  }

  it('computes tiles in parts, as many as workspace is kept for, as if they were one', async () => {
    if (!runsOn(on)) return;
    limitWorkspace(bytes);
    const [x, weight, bias] = drawn(3, [tiles.x, tiles.weight, [9]]);
    const run = () => scope(() => conv2d(x, { weight, bias }, { padding: 1 }));
    const launches = await launchesOfParts(run, Math.max(x.size / 32, 288), 'y');
    expect(callsOf(launches)).toBe(tiles.parts);
    for (const tensor of [x, weight, bias]) tensor.dispose();
  });

  it('adds the weight gradients of parts of the tiles', async () => {
    if (!runsOn(on)) return;
    limitWorkspace(bytes);
    const [x, g] = drawn(5, [sums.x, sums.g]);
    const launches = await launchesOfParts(() => weightGradient(x, g), g.size / 3, 'w');
    expect(callsOf(launches)).toBe(sums.parts);
    expect(launches).toMatchObject({ 'conv2d.winograd.fold': 1 });
    for (const tensor of [x, g]) tensor.dispose();
  });

  it('computes output channels in parts, whose transformed weights and sums stay small', async () => {
    if (!runsOn(on)) return;
    limitWorkspace(bytes);
    const { parts } = channels;
    const [x, weight, g] = drawn(6, [channels.x, channels.weight, channels.g]);
    const forward = await launchesOfParts(
      () => scope(() => conv2d(x, { weight }, { padding: 1 })),
      9 * channels.x[1],
      'y',
    );
    expect(forward).toMatchObject({ 'conv2d.winograd.weights': parts });
    const gradient = await launchesOfParts(() => weightGradient(x, g), channels.x[2] ** 2, 'w');
    expect(gradient).toMatchObject({ 'conv2d.winograd.fold': parts });
    for (const tensor of [x, weight, g]) tensor.dispose();
  });
});

describe("Winograd's algorithm", () => {
  it('sums many tiles of a weight gradient in slots, which a second pass adds', async () => {
    const [x, g] = drawn(7, [
      [1, 40, 132, 136],
      [1, 33, 132, 136],
    ]);
    // 1,122 tiles, a few more than the longest sum
    forceVariants('winograd,matmul=tiled:32x32');
    let sums: Tensor | undefined;
    const launches = await launchesOf(async () => {
      sums = weightGradient(x, g);
      await device.finish();
    });
    expect(launches).toMatchObject({ 'matmul.tiledParts114': 1, 'matmul.sumParts': 1, 'conv2d.winograd.fold': 1 });
    forceVariants('tiled');
    const whole = weightGradient(x, g);
    const want = { shape: whole.shape, data: Float64Array.from(await whole.data()) };
    expectClose(await (sums as Tensor).data(), want, 4 * 132 * unitOf('f32'), 'w');
    for (const tensor of [x, g, sums, whole]) tensor?.dispose();
  });

  it('leaves other windows and few channels to other variants', async () => {
    forceVariants('winograd,matmul=tiled');
    const conv = opNamed('conv2d');
    const run = async (xShape: number[], weightShape: number[], attrs: object) => {
      const [x, weight] = [xShape, weightShape].map((shape) => toTensor(device, draw(shape, 'f32', generator(4))));
      const launches = await launchesOf(async () => {
        scope(() => {
          conv({ x, weight }, { ...conv.definition.defaults, ...attrs });
        });
        await device.finish();
      });
      for (const tensor of [x, weight]) tensor.dispose();
      return Object.keys(launches);
    };
    const fits = await run([1, 32, 8, 8], [16, 32, 3, 3], {});
    expect(fits).toContain('conv2d.winograd.weights');
    for (const kernels of [
      await run([1, 31, 8, 8], [16, 31, 3, 3], {}),
      await run([1, 32, 8, 8], [16, 32, 3, 3], { stride: 2 }),
      await run([1, 32, 8, 8], [16, 32, 3, 3], { dilation: 2 }),
      await run([1, 64, 8, 8], [4, 32, 3, 3], { groups: 2 }),
      await run([1, 32, 8, 8], [16, 32, 1, 3], {}),
    ]) {
      expect(kernels.filter((name) => name.includes('winograd'))).toEqual([]);
    }
  });
});
