import { beforeAll, describe, expect, it } from 'vitest';
import { acquireDevice } from '../../engine/device/node.ts';
import { type Device, type Ref, ShapeError, scope, type Tensor, vjp } from '../../engine/index.ts';
import type { PaddingMode, Window } from '../../kernels/conv2d/geometry.ts';
import { conv2d, convTranspose2d, linear, matmul, roundTo } from '../../kernels/index.ts';
import { roundToRef } from '../../kernels/pointwise/reference.ts';
import { expectClose, unitOf } from '../support/compare.ts';
import { testDevice } from '../support/device.ts';
import { draw, generator, toTensor } from '../support/samples.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const normalTensor = (shape: number[], seed: number, on = device) => toTensor(on, draw(shape, 'f32', generator(seed)));

describe('convTranspose2d', () => {
  // pictures whose extents the stride divides, so that the transpose has the picture's size
  it.each<[string, Partial<Window>, number]>([
    ['stride 1', { padding: 1 }, 3],
    ['stride 2', { stride: 2, padding: 1 }, 4],
    ['dilation and groups', { dilation: 2, padding: 2, groups: 3 }, 3],
  ])('is the adjoint of conv2d: %s', async (_, window, taps) => {
    const x = normalTensor([2, 6, 8, 10], 1);
    const weight = normalTensor([9, 6 / (window.groups ?? 1), taps, taps], 2);
    const y = scope(() => conv2d(x, { weight }, window));
    const v = normalTensor([...y.shape], 3);
    const back = scope(() => convTranspose2d(v, { weight }, window));
    expect(back.shape).toEqual(x.shape);
    const left = dot(await y.data(), await v.data());
    const right = dot(await x.data(), await back.data());
    const scale = Math.sqrt(dot(await y.data(), await y.data()) * dot(await v.data(), await v.data()));
    expect(Math.abs(left - right)).toBeLessThanOrEqual(4 * Math.sqrt(x.size) * 2 ** -24 * scale);
    for (const tensor of [x, weight, y, v, back]) tensor.dispose();
  });

  it('takes the output padding that the stride leaves open', () => {
    const x = normalTensor([1, 2, 5, 5], 1);
    const weight = normalTensor([2, 3, 3, 3], 2);
    const options = { stride: 2, padding: 1 };
    const shapes = scope(() => {
      convTranspose2d(x, { weight }, options);
      return [0, 1].map((outputPadding) => convTranspose2d(x, { weight }, { ...options, outputPadding }).shape);
    });
    expect(shapes).toEqual([
      [1, 3, 9, 9],
      [1, 3, 10, 10],
    ]);
    expect(() => convTranspose2d(x, { weight }, { ...options, outputPadding: 2 })).toThrow('less than the stride');
    for (const tensor of [x, weight]) tensor.dispose();
  });
});

describe('conv2d', () => {
  it('gives each picture of a batch what it gives the picture alone', async () => {
    const pictures = [0, 1, 2].map((i) => draw([1, 3, 7, 6], 'f32', generator(i + 1)));
    const weight = normalTensor([5, 3, 3, 3], 9);
    const options = { padding: 1, paddingMode: 'reflect' as PaddingMode };
    const stacked: Ref = {
      shape: [3, 3, 7, 6],
      data: Float64Array.from(pictures.flatMap(({ ref }) => [...ref.data])),
    };
    const batch = toTensor(device, { ref: stacked, dtype: 'f32' });
    const together = scope(() => conv2d(batch, { weight }, options));
    const data = await together.data();
    for (const [i, picture] of pictures.entries()) {
      const x = toTensor(device, picture);
      const alone = scope(() => conv2d(x, { weight }, options));
      expect([...data.slice(i * alone.size, (i + 1) * alone.size)]).toEqual([...(await alone.data())]);
      for (const tensor of [x, alone]) tensor.dispose();
    }
    for (const tensor of [batch, together, weight]) tensor.dispose();
  });

  it('adds a residual to a scaled activation', async () => {
    const x = normalTensor([1, 3, 6, 6], 1);
    const weight = normalTensor([4, 3, 3, 3], 2);
    const residual = normalTensor([1, 4, 6, 6], 3);
    const options = { padding: 1, activation: 'relu' as const };
    const [plain, both] = scope(() => [
      conv2d(x, { weight }, options),
      conv2d(x, { weight }, { ...options, residual, scale: -2 }),
    ]);
    const [a, r] = [await plain.data(), await residual.data()];
    const want = { shape: both.shape, data: Float64Array.from(a, (value, i) => r[i] - 2 * value) };
    expectClose(await both.data(), want, 4 * unitOf('f32'), 'y');
    for (const tensor of [x, weight, residual, plain, both]) tensor.dispose();
  });

  it('rounds to a grid what it adds to a residual, so that the sum gives both back', async () => {
    const grid = 2 ** -9;
    const x = normalTensor([1, 3, 6, 6], 1);
    const weights = { weight: normalTensor([4, 3, 3, 3], 2), bias: normalTensor([4], 4) };
    const [plain, alone, residual] = scope(() => [
      conv2d(x, weights, { padding: 1, scale: -1 }),
      conv2d(x, weights, { padding: 1, scale: -1, grid }),
      roundTo(normalTensor([1, 4, 6, 6], 3), grid),
    ]);
    const sum = scope(() => conv2d(x, weights, { padding: 1, scale: -1, grid, residual }));
    const back = scope(() => conv2d(x, weights, { padding: 1, scale: 1, grid, residual: sum }));
    const [p, a, r, s] = [await plain.data(), await alone.data(), await residual.data(), await sum.data()];
    const rounded = Array.from(p, (value) => roundToRef(value, grid));
    expect(rounded.some((value, i) => value !== p[i])).toBe(true);
    // adding 0 makes −0 one with 0
    expect(Array.from(a, (value) => value + 0)).toEqual(rounded.map((value) => value + 0));
    expect(Array.from(s)).toEqual(rounded.map((value, i) => r[i] + value));
    expect(Array.from(await back.data())).toEqual(Array.from(r));
    for (const t of [x, ...Object.values(weights), plain, alone, residual, sum, back]) t.dispose();
  });

  it('has the gradients of a sum that is not rounded to a grid', async () => {
    const x = normalTensor([1, 3, 6, 6], 1);
    const weight = normalTensor([4, 3, 3, 3], 2);
    const bias = normalTensor([4], 4);
    const residual = normalTensor([1, 4, 6, 6], 3);
    const dy = normalTensor([1, 4, 6, 6], 5);
    const gradients = async (grid: number, activation: 'none' | 'relu') => {
      const inputs = [x, weight, bias, residual];
      const options = { padding: 1, activation, residual, scale: -1, grid };
      const pulled = scope(() => vjp(() => [conv2d(x, { weight, bias }, options)], inputs).pull([dy])) as Tensor[];
      const found: number[][] = [];
      for (const t of pulled) found.push(Array.from(await t.data()));
      for (const t of new Set(pulled)) if (t !== dy) t.dispose();
      return found;
    };
    for (const activation of ['none', 'relu'] as const) {
      expect(await gradients(0.25, activation)).toEqual(await gradients(0, activation));
    }
    for (const t of [x, weight, bias, residual, dy]) t.dispose();
  });

  it('gives the same numbers on a device without optional features, at default limits', async () => {
    const plain = await acquireDevice({
      device: process.env.MIAOBI_DEVICE,
      poison: true,
      plainFeatures: true,
      plainLimits: true,
    });
    const results: ArrayLike<number>[] = [];
    for (const on of [device, plain]) {
      const x = normalTensor([1, 9, 8, 9], 1, on);
      const weight = normalTensor([10, 9, 3, 3], 2, on);
      const y = scope(() => conv2d(x, { weight }, { padding: 1, paddingMode: 'replicate', stride: 2 }));
      results.push(await y.data());
      for (const tensor of [x, weight, y]) tensor.dispose();
    }
    const want = { shape: [results[0].length], data: Float64Array.from(results[0]) };
    expectClose(results[1], want, 4 * Math.sqrt(81) * unitOf('f32'), 'y');
    plain.destroy();
  });

  it.each<[string, number[], number[], object, string]>([
    ['channels that do not match', [1, 4, 5, 5], [2, 3, 3, 3], {}, 'Expected I = C / groups = 4'],
    ['a picture without batch axis', [4, 5, 5], [2, 4, 3, 3], {}, 'expected x to have four axes'],
    ['groups that do not divide', [1, 4, 5, 5], [3, 2, 3, 3], { groups: 2 }, 'divide into 2 groups, got 3'],
    ['a kernel that does not fit', [1, 1, 2, 2], [1, 1, 3, 3], {}, 'the output would be 0 x 0'],
    [
      'reflection past the far edge',
      [1, 1, 2, 2],
      [1, 1, 3, 3],
      { padding: 2, paddingMode: 'reflect' },
      'must be smaller',
    ],
    [
      'a stride of zero',
      [1, 1, 5, 5],
      [1, 1, 3, 3],
      { stride: 0 },
      'expected stride to be an integer of at least 1, got 0',
    ],
    ['a fraction of padding', [1, 1, 5, 5], [1, 1, 3, 3], { padding: 0.5 }, 'expected padding to be an integer'],
    ['a grid between powers of two', [1, 1, 5, 5], [1, 1, 3, 3], { grid: 0.3 }, 'a power of two from 2^-126 to 2^126'],
    ['a falling leaky relu', [1, 1, 5, 5], [1, 1, 3, 3], { activation: 'leakyRelu', slope: -1 }, 'slope of at least 0'],
  ])('refuses %s', (_, x, weight, options, message) => {
    const inputs = [normalTensor(x, 1), normalTensor(weight, 2)];
    expect(() => conv2d(inputs[0], { weight: inputs[1] }, options)).toThrow(ShapeError);
    expect(() => conv2d(inputs[0], { weight: inputs[1] }, options)).toThrow(message);
    for (const tensor of inputs) tensor.dispose();
  });
});

describe('matmul', () => {
  it.each<[string, number[], number[], object, string]>([
    ['inner extents that differ', [2, 3], [4, 5], {}, 'got 3 and 4'],
    ['a vector', [3], [3, 5], {}, 'at least two axes'],
    ['batches that differ', [2, 2, 3], [3, 3, 5], {}, 'equal leading axes'],
  ])('refuses %s', (_, a, b, options, message) => {
    const inputs = [normalTensor(a, 1), normalTensor(b, 2)];
    expect(() => matmul(inputs[0], inputs[1], options)).toThrow(ShapeError);
    expect(() => matmul(inputs[0], inputs[1], options)).toThrow(message);
    for (const tensor of inputs) tensor.dispose();
  });

  it('gives a fully connected layer any leading axes', async () => {
    const x = normalTensor([2, 3, 4], 1);
    const weight = normalTensor([5, 4], 2);
    const bias = normalTensor([5], 3);
    const y = scope(() => linear(x, { weight, bias }));
    expect(y.shape).toEqual([2, 3, 5]);
    const [a, w, b] = [await x.data(), await weight.data(), await bias.data()];
    const data = Float64Array.from({ length: 30 }, (_, i) => {
      let sum = b[i % 5];
      for (let k = 0; k < 4; k++) sum += a[Math.floor(i / 5) * 4 + k] * w[(i % 5) * 4 + k];
      return sum;
    });
    expectClose(await y.data(), { shape: y.shape, data }, 4 * 2 * unitOf('f32'), 'y');
    expect(() => linear(y, { weight })).toThrow(ShapeError);
    for (const tensor of [x, weight, bias, y]) tensor.dispose();
  });
});

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}
