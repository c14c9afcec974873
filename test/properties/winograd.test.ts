/** Winograd's algorithm on shapes that need every corner of it; test/ops.test.ts has too few channels for it. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { acquireDevice } from '../../engine/device/node.ts';
import { type AnyOp, allOps, type Device, type DType, type Sample, scope, type Tensor } from '../../engine/index.ts';
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
afterEach(() => forceVariants(undefined));

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
    ...{ op: 'conv2dActivated', title: 'an activation' },
    ...{ inputs: { x: [1, 32, 4, 6], weight: [34, 32, 3, 3], bias: [34] }, attrs: { padding: 1, activation: 'tanh' } },
  },
  {
    ...{ op: 'convTranspose2d', title: 'taps that run backwards' },
    inputs: { x: [2, 34, 5, 3], weight: [34, 16, 3, 3], bias: [16] },
    attrs: { padding: 1, size: [5, 3] },
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
const LAST = { conv2dWeightGrad: 'conv2d.winograd.fold' } as Record<string, string>;

describe("Winograd's algorithm", () => {
  for (const { op, title, types = ['f32'] as const, ...sample } of cases) {
    const subject = () => {
      const found = subjects().find(({ name }) => name === op);
      if (!found) throw new Error(`no op is called ${op}`);
      return found;
    };
    for (const dtype of types) {
      it(`computes ${op}: ${title}, ${dtype}`, async () => {
        forceVariants('winograd');
        const run = () => checkForward(executorOn(device), subject(), sample, dtype, 1);
        expect(await launchesOf(run)).toHaveProperty([LAST[op] ?? 'conv2d.winograd.output'], 2);
      });
    }
    it(`has the gradient of ${op}: ${title}`, async () => {
      forceVariants('winograd');
      await checkGradients(executorOn(device), subject(), sample, 'f32', 1);
    });
  }

  it('computes tiles in parts, as many as workspace is kept for, as if they were one', async () => {
    const [x, weight, bias] = [[1, 32, 200, 200], [9, 32, 3, 3], [9]].map((shape) =>
      toTensor(device, draw(shape, 'f32', generator(3))),
    );
    const run = (name: string) => {
      forceVariants(name);
      return scope(() => conv2d(x, { weight, bias }, { padding: 1 }));
    };
    let parts: Tensor | undefined;
    const launches = await launchesOf(async () => {
      parts = run('winograd');
      await device.finish();
    });
    const whole = run('direct');
    const want = { shape: whole.shape, data: Float64Array.from(await whole.data()) };
    expectClose(await (parts as Tensor).data(), want, 4 * Math.sqrt(Math.max(x.size / 32, 288)) * unitOf('f32'), 'y');
    expect(launches).toHaveProperty(['conv2d.winograd.output'], 2);
    for (const tensor of [x, weight, bias, parts, whole]) tensor?.dispose();
  });

  it('adds the weight gradients of parts of the tiles', async () => {
    // 40,000 pixels are 2,500 tiles, of which a part has 1,024 at most
    const [x, g] = [
      [1, 2, 200, 200],
      [1, 3, 200, 200],
    ].map((shape) => toTensor(device, draw(shape, 'f32', generator(5))));
    const op = allOps().find(({ definition }) => definition.name === 'conv2dWeightGrad') as AnyOp;
    const run = (name: string) => {
      forceVariants(name);
      return scope(() => op({ x, g }, { ...op.definition.defaults, padding: 1, kernel: [3, 3] }).w);
    };
    let parts: Tensor | undefined;
    const launches = await launchesOf(async () => {
      parts = run('winograd');
      await device.finish();
    });
    const whole = run('direct');
    const want = { shape: whole.shape, data: Float64Array.from(await whole.data()) };
    expectClose(await (parts as Tensor).data(), want, 4 * 200 * unitOf('f32'), 'w');
    expect(launches).toMatchObject({ 'conv2d.winograd.gradient': 3, 'conv2d.winograd.fold': 1 });
    for (const tensor of [x, g, parts, whole]) tensor?.dispose();
  });

  it('computes output channels in parts, whose transformed weights and sums stay small', async () => {
    // 4,096 input channels leave 48 output channels to a part
    const [x, weight, g] = [
      [1, 4096, 24, 24],
      [64, 4096, 3, 3],
      [1, 64, 24, 24],
    ].map((shape) => toTensor(device, draw(shape, 'f32', generator(6))));
    const op = allOps().find(({ definition }) => definition.name === 'conv2dWeightGrad') as AnyOp;
    const gradient = () =>
      scope(() => op({ x, g }, { ...op.definition.defaults, padding: 1, kernel: [3, 3] }).w as Tensor);
    const forward = () => scope(() => conv2d(x, { weight }, { padding: 1 }));
    for (const [run, last, terms] of [
      [forward, 'conv2d.winograd.output', 9 * 4096],
      [gradient, 'conv2d.winograd.fold', 24 * 24],
    ] as const) {
      forceVariants('winograd');
      let parts: Tensor | undefined;
      const launches = await launchesOf(async () => {
        parts = run();
        await device.finish();
      });
      forceVariants('lanes');
      const whole = run();
      const want = { shape: whole.shape, data: Float64Array.from(await whole.data()) };
      expectClose(await (parts as Tensor).data(), want, 4 * Math.sqrt(terms) * unitOf('f32'), last);
      expect(launches).toHaveProperty([last], 2);
      for (const tensor of [parts, whole]) tensor?.dispose();
    }
    for (const tensor of [x, weight, g]) tensor.dispose();
  });

  it('computes the same with products of other families, which devices without subgroups have', async () => {
    const plain = await acquireDevice({ device: process.env.MIAOBI_DEVICE, plainFeatures: true, poison: true });
    forceVariants('conv2d=winograd');
    const { op, title, types, ...sample } = cases[0];
    const conv = subjects().find(({ name }) => name === op);
    if (!conv) throw new Error(`no op is called ${op}`);
    await checkForward(executorOn(plain), conv, sample, 'f32', 1);
    plain.destroy();
  });

  it('leaves other windows and few channels to other variants', async () => {
    forceVariants('winograd');
    const conv = allOps().find(({ definition }) => definition.name === 'conv2d') as AnyOp;
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
    expect(fits).toContain('conv2d.winograd.product');
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
