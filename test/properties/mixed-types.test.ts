/** Parameters in f32 beside pictures in f16, and what infinities do in a fused activation. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Device, scope, type Tensor, tensor, vjp } from '../../engine/index.ts';
import { addTo, cast, conv2d, mean, sum, variance } from '../../kernels/index.ts';
import { forceVariants } from '../../kernels/lib/variant.ts';
import { expectClose, unitOf } from '../support/compare.ts';
import { testDevice } from '../support/device.ts';
import { draw, generator, toTensor } from '../support/samples.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});
afterEach(() => forceVariants(undefined));

const FAMILIES = ['lanes', 'tiled', 'direct'] as const;
const usable = (family: string) => family !== 'lanes' || device.capabilities.subgroupWidth > 0;
const values = async (t: Tensor) => ({ shape: t.shape, data: Float64Array.from(await t.data()) });

describe.each(FAMILIES)('a convolution of f16 pictures with f32 parameters, %s kernels', (family) => {
  it('gives f16, and the gradients of the parameters in f32, as if all had been f32', async () => {
    if (!device.capabilities.f16 || !usable(family)) return;
    forceVariants(family);
    const random = generator(5);
    const [x, weight, bias] = [[2, 5, 7, 9], [6, 5, 3, 3], [6]].map((shape) =>
      toTensor(device, draw(shape, 'f32', random)),
    );
    const small = cast(x, 'f16');
    const same = cast(small, 'f32');
    const run = (input: Tensor) =>
      scope(() => {
        const options = { padding: 1, paddingMode: 'reflect' } as const;
        const { outputs, pull } = vjp(() => [conv2d(input, { weight, bias }, options)], [input, weight, bias]);
        const [y] = outputs;
        return [y, ...(pull([y]) as Tensor[])];
      });
    const [half, full] = [run(small), run(same)];
    expect(half.map(({ dtype }) => dtype)).toEqual(['f16', 'f16', 'f32', 'f32']);
    // y and its cotangent, which is y, are rounded once each
    for (const [i, got] of half.entries())
      expectClose(await got.data(), await values(full[i]), 8 * unitOf('f16'), `${i}`);
    for (const t of [x, weight, bias, small, same, ...half, ...full]) t.dispose();
  });
});

describe('addTo', () => {
  it.each([
    ['f32', 'f16'],
    ['f16', 'f32'],
  ] as const)('adds to %s what is stored as %s, with gradients of each type', async (own, other) => {
    if (!device.capabilities.f16) return;
    const random = generator(6);
    const drawn = [own, other].map((dtype) => toTensor(device, draw([3, 41], dtype, random)));
    const [base, x] = drawn;
    const got = scope(() => {
      const { outputs, pull } = vjp(() => [addTo(base, x)], [base, x]);
      return [outputs[0], ...(pull([outputs[0]]) as Tensor[])];
    });
    const [a, b] = [await base.data(), await x.data()];
    const want = { shape: base.shape, data: Float64Array.from(a, (value, i) => value + b[i]) };
    expect(got.map(({ dtype }) => dtype)).toEqual([own, own, other]);
    for (const t of got) expectClose(await t.data(), want, 4 * unitOf('f16'), 'addTo');
    for (const t of [...drawn, ...got]) t.dispose();
  });
});

describe('sums of f16 in f32', () => {
  it('keep what f16 could not hold', async () => {
    if (!device.capabilities.f16) return;
    const x = tensor(device, new Float32Array(4096).fill(100), [2, 2048], 'f16');
    const total = scope(() => sum(x, { dtype: 'f32' }));
    expect(total.dtype).toBe('f32');
    expect(await total.item()).toBe(409600);
    expect(scope(() => sum(total, { axes: [], dtype: 'f16' })).dtype).toBe('f16');
    for (const t of [x, total]) t.dispose();
  });

  it('have gradients in f16', async () => {
    if (!device.capabilities.f16) return;
    const x = toTensor(device, draw([3, 4, 40], 'f32', generator(2)));
    const small = cast(x, 'f16');
    const run = (input: Tensor) =>
      scope(() => {
        const options = { axes: [2], dtype: 'f32' } as const;
        const { outputs, pull } = vjp(() => [mean(input, options), variance(input, options)], [input]);
        const [dx] = pull([outputs[0], outputs[1]]);
        return [...outputs, dx as Tensor];
      });
    const same = cast(small, 'f32');
    const [half, full] = [run(small), run(same)];
    expect(half.map(({ dtype }) => dtype)).toEqual(['f32', 'f32', 'f16']);
    for (const [i, got] of half.entries())
      expectClose(await got.data(), await values(full[i]), 8 * unitOf('f16'), `${i}`);
    for (const t of [x, small, same, ...half, ...full]) t.dispose();
  });
});

describe.each(FAMILIES)('fused activations of what is not finite, %s kernels', (family) => {
  const activated = async (activation: 'relu' | 'leakyRelu', bias: readonly number[]) => {
    forceVariants(family);
    const x = tensor(device, [0], [1, 1, 1, 1]);
    const weights = {
      weight: tensor(
        device,
        bias.map(() => 1),
        [bias.length, 1, 1, 1],
      ),
      bias: tensor(device, bias, [bias.length]),
    };
    const y = scope(() => conv2d(x, weights, { activation, slope: 0.5 }));
    const found = Array.from(await y.data());
    for (const t of [x, weights.weight, weights.bias, y]) t.dispose();
    return found;
  };
  const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];

  it('relu is 0 at −∞, ∞ at ∞, and keeps NaN', async () => {
    if (!usable(family)) return;
    expect(await activated('relu', [-inf, inf, nan, -2, 3])).toEqual([0, inf, nan, 0, 3]);
  });
  it('leakyRelu is −∞ at −∞', async () => {
    if (!usable(family)) return;
    expect(await activated('leakyRelu', [-inf, inf, -2])).toEqual([-inf, inf, -1]);
  });
});
