/** Convolutions and means of label maps are those of their one-hot tensors, which are never made. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Device,
  DTypeError,
  type Shape,
  ShapeError,
  scope,
  sizeOf,
  type Tensor,
  tensor,
  vjp,
} from '../../engine/index.ts';
import {
  averagePool2d,
  cast,
  concat,
  conv2d,
  type LabelConv2dOptions,
  labelConv2d,
  oneHot,
  pooledOneHot,
  resize,
  resizeLabels,
  slice,
} from '../../kernels/index.ts';
import { shareEverywhere } from '../../kernels/label-conv/kernels.ts';
import { expectClose, unitOf } from '../support/compare.ts';
import { testDevice } from '../support/device.ts';
import { draw, generator, toTensor } from '../support/samples.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const normals = (seed: number, shape: Shape) => toTensor(device, draw(shape, 'f32', generator(seed)));
const map = (shape: Shape, labelAt: (i: number) => number) =>
  tensor(
    device,
    Uint32Array.from({ length: sizeOf(shape) }, (_, i) => labelAt(i)),
    shape,
    'u32',
  );
const randomMap = (seed: number, shape: Shape, below: number) => {
  const random = generator(seed);
  return map(shape, () => Math.floor(random() * below));
};

/** The outputs of fn and the gradients in wrt, for fixed cotangents. */
async function sweep(fn: () => Tensor, wrt: readonly Tensor[]) {
  const found = scope(() => {
    const { outputs, pull } = vjp(() => [fn()], wrt);
    return [outputs[0], ...(pull([cast(normals(99, outputs[0].shape), outputs[0].dtype)]) as Tensor[])];
  });
  const values: { shape: Shape; dtype: string; data: Float64Array }[] = [];
  for (const t of found) {
    values.push({ shape: t.shape, dtype: t.dtype, data: Float64Array.from(await t.data()) });
    t.dispose();
  }
  return values;
}

const read = async (fn: () => Tensor) => {
  const result = scope(fn);
  const data = Array.from(await result.data());
  result.dispose();
  return data;
};

describe.each([
  ['on software', false],
  ['as on GPUs', true],
])('labelConv2d %s', (_when, everywhere) => {
  beforeEach(() => shareEverywhere(everywhere));
  afterEach(() => shareEverywhere(false));

  it.each<[string, Shape, Shape, LabelConv2dOptions]>([
    ['a SPADE layer', [2, 9, 11], [18, 184, 3, 3], { padding: 1, activation: 'relu' }],
    ['a discriminator', [1, 16, 13], [7, 30, 4, 4], { padding: 2, stride: 2, activation: 'leakyRelu', slope: 0.2 }],
    ['one tap', [3, 5, 4], [33, 2, 1, 1], {}],
    ['more channels than a workgroup takes', [1, 10, 13], [133, 3, 3, 3], { padding: 1 }],
    ['a window larger than the map', [1, 2, 3], [4, 6, 7, 7], { padding: 3 }],
  ])('is conv2d of the one-hot tensor, with its gradients: %s', async (_, shape, size, options) => {
    const labels = randomMap(1, shape, size[1] + 1); // one past the classes
    const [weight, bias] = [normals(2, size), normals(3, [size[0]])];
    const got = await sweep(() => labelConv2d(labels, { weight, bias }, options), [weight, bias]);
    const { residual: _none, dtype: _type, ...same } = options;
    const want = await sweep(() => conv2d(oneHot(labels, size[1]), { weight, bias }, same), [weight, bias]);
    const terms = [size[2] * size[3], sizeOf(want[0].shape) / size[0], sizeOf(want[0].shape) / size[0]];
    got.forEach(({ data }, i) => {
      expectClose(data, want[i], 8 * Math.sqrt(terms[i]) * unitOf('f32'), ['y', 'dweight', 'dbias'][i]);
    });
    for (const t of [labels, weight, bias]) t.dispose();
  });

  it('gives the same bits again, gradients too', async () => {
    const labels = randomMap(4, [1, 40, 37], 5);
    const weight = normals(5, [6, 5, 3, 3]);
    const run = () => sweep(() => labelConv2d(labels, { weight }, { padding: 1 }), [weight]);
    expect(await run()).toEqual(await run());
    for (const t of [labels, weight]) t.dispose();
  });

  it('gives windows of one class the bits that their taps add up to', async () => {
    // two classes of equal weights: what the labels are decides the path, and not the value
    const half = normals(6, [5, 1, 3, 3]);
    const bias = normals(7, [5]);
    const weight = scope(() => concat([half, half], 1));
    const [plain, mixed] = [map([1, 12, 12], () => 0), randomMap(8, [1, 12, 12], 2)];
    const run = (labels: Tensor) => read(() => labelConv2d(labels, { weight, bias }, { padding: 1 }));
    expect(await run(plain)).toEqual(await run(mixed));
    for (const t of [half, bias, weight, plain, mixed]) t.dispose();
  });

  it('adds what other channels contribute before the activation', async () => {
    const [labels, picture] = [randomMap(9, [2, 7, 6], 4), normals(10, [2, 3, 7, 6])];
    const [weight, bias] = [normals(11, [8, 4 + 3, 4, 4]), normals(12, [8])];
    const options = { stride: 2, padding: 2 } as const;
    const activation = { activation: 'leakyRelu', slope: 0.2 } as const;
    const split = () => {
      const residual = conv2d(picture, { weight: slice(weight, { axis: 1, start: 4 }) }, options);
      const own = slice(weight, { axis: 1, end: 4 });
      return labelConv2d(labels, { weight: own, bias }, { ...options, ...activation, residual });
    };
    const whole = () =>
      conv2d(concat([oneHot(labels, 4), picture], 1), { weight, bias }, { ...options, ...activation });
    const got = await sweep(split, [weight, bias, picture]);
    const want = await sweep(whole, [weight, bias, picture]);
    // the longest sum: 7 channels of 4 × 4 taps
    got.forEach(({ data }, i) => {
      expectClose(data, want[i], 8 * Math.sqrt(7 * 16) * unitOf('f32'), `${i}`);
    });
    for (const t of [labels, picture, weight, bias]) t.dispose();
  });

  it('gives f16 beside parameters in f32, and their gradients in f32', async () => {
    if (!device.capabilities.f16) return;
    const labels = randomMap(13, [1, 6, 5], 3);
    const [weight, bias, residual] = [normals(14, [4, 3, 3, 3]), normals(15, [4]), normals(16, [1, 4, 6, 5])];
    const run = (other: Tensor) =>
      sweep(
        () => labelConv2d(labels, { weight, bias }, { padding: 1, dtype: other.dtype, residual: other }),
        [weight, bias, other],
      );
    const small = scope(() => cast(residual, 'f16'));
    const [half, full] = [await run(small), await run(residual)];
    expect(half.map(({ dtype }) => dtype)).toEqual(['f16', 'f32', 'f32', 'f16']);
    half.forEach(({ data }, i) => {
      expectClose(data, full[i], 8 * unitOf('f16'), `${i}`);
    });
    for (const t of [labels, weight, bias, residual, small]) t.dispose();
  });

  it('refuses labels that are not u32, axes that are missing, and a residual of another type', () => {
    const weight = normals(17, [2, 3, 1, 1]);
    const labels = randomMap(18, [1, 2, 2], 3);
    expect(() => labelConv2d(normals(19, [1, 2, 2]), { weight })).toThrow(DTypeError);
    expect(() => labelConv2d(randomMap(20, [2, 2], 3), { weight })).toThrow(/\[N, H, W\]/);
    expect(() => labelConv2d(labels, { weight }, { residual: normals(21, [1, 2, 2, 3]) })).toThrow(ShapeError);
    expect(() => labelConv2d(labels, { weight }, { dtype: 'f16', residual: normals(22, [1, 2, 2, 2]) })).toThrow(
      DTypeError,
    );
  });
});

describe('the gradient of a label convolution in its weight', () => {
  it('is 0 where its terms cancel but for rounding, and counts where they do not', async () => {
    const labels = map([1, 1, 4], () => 0);
    const weight = normals(31, [2, 2, 1, 1]);
    const dy = tensor(device, [0.7, -0.2, -0.5, 2 ** -24, 0.7, -0.2, -0.5, 2 ** -18], [1, 2, 1, 4]);
    const gradient = await read(() => {
      const { pull } = vjp(() => [labelConv2d(labels, { weight })] as const, [weight]);
      return pull([dy])[0] as Tensor;
    });
    expect(gradient[0]).toBe(0);
    expect(gradient[2]).toBeCloseTo(2 ** -18, 7);
    expect([gradient[1], gradient[3]]).toEqual([0, 0]); // no pixel is of class 1
    for (const t of [labels, weight, dy]) t.dispose();
  });
});

describe('resizeLabels', () => {
  it('takes the labels whose one-hot planes resize() takes', async () => {
    for (const [h, w, oH, oW] of [
      [7, 9, 5, 4],
      [16, 12, 8, 3],
      [3, 5, 11, 6],
      [10, 49, 7, 47],
    ]) {
      const labels = randomMap(h, [2, h, w], 6);
      const got = await read(() => oneHot(resizeLabels(labels, [oH, oW]), 6));
      expect(got, `${[h, w]} to ${[oH, oW]}`).toEqual(await read(() => resize(oneHot(labels, 6), { size: [oH, oW] })));
      labels.dispose();
    }
  });
});

describe('pooledOneHot', () => {
  it.each([false, true])('is the average pool of the one-hot tensor, padding counted: %s', async (counted) => {
    const labels = randomMap(23, [2, 9, 8], 8);
    const got = await read(() => pooledOneHot(labels, 7, { countIncludePad: counted }));
    const window = { kernel: 3, stride: 2, padding: 1, countPadding: counted };
    const want = await read(() => averagePool2d(oneHot(labels, 7), window));
    expectClose(got, { shape: [want.length], data: Float64Array.from(want) }, 4 * unitOf('f32'), 'shares');
    labels.dispose();
  });
});
