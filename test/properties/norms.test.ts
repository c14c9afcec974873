import { beforeAll, describe, expect, it } from 'vitest';
import { type Device, type Shape, scope, sizeOf, type Tensor, tensor, vjp } from '../../engine/index.ts';
import {
  add,
  affine,
  batchNorm,
  div,
  instanceNorm,
  layerNorm,
  mul,
  type NormOptions,
  reshape,
  sqrt,
  sub,
} from '../../kernels/index.ts';
import { testDevice } from '../support/device.ts';
import { generator, normal } from '../support/samples.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const UNIT = 2 ** -24;
const draw = (seed: number, shape: Shape, offset = 0, scale = 1): Float32Array => {
  const random = generator(seed);
  return Float32Array.from({ length: sizeOf(shape) }, () => normal(random) * scale + offset);
};
const upload = (values: ArrayLike<number>, shape: Shape) => tensor(device, values, shape);

/** Mean and biased variance of values, in float64. */
function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, variance: values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length };
}

/** The values of a result cut into groups: group g holds [outer, groups, length] at g. */
function groupsOf(data: ArrayLike<number>, outer: number, groups: number, length: number): number[][] {
  return Array.from({ length: groups }, (_, g) =>
    Array.from({ length: outer * length }, (_, k) => {
      const o = Math.floor(k / length);
      return data[(o * groups + g) * length + (k % length)];
    }),
  );
}

const norms: { name: string; run: (x: Tensor, options?: NormOptions) => Tensor; groups: (shape: Shape) => Shape }[] = [
  { name: 'instanceNorm', run: instanceNorm, groups: ([n, c, h, w]) => [1, n * c, h * w] },
  { name: 'layerNorm', run: (x) => layerNorm(x, { axes: [1, 2, 3] }), groups: ([n, ...rest]) => [1, n, sizeOf(rest)] },
  { name: 'batchNorm', run: (x) => batchNorm(x, {}, { training: true }).y, groups: ([n, c, h, w]) => [n, c, h * w] },
];
// smaller and larger than a workgroup, whole vectors and single values, one workgroup a group and several
const SHAPES: Shape[] = [
  [2, 3, 5, 5],
  [2, 4, 16, 20],
  [1, 2, 128, 160],
];

for (const { name, run, groups } of norms) {
  describe(name, () => {
    for (const shape of SHAPES) {
      for (const offset of [0, 1e4]) {
        it(`leaves mean 0 and variance 1: [${shape}] with an offset of ${offset} deviations`, async () => {
          const [outer, count, length] = groups(shape);
          const n = outer * length;
          const y = scope(() => run(upload(draw(3, shape, offset), shape)));
          for (const group of groupsOf(await y.data(), outer, count, length)) {
            const { mean, variance } = moments(group);
            // n results rounded on their own, and one mean rounded for all
            expect(Math.abs(mean)).toBeLessThan(4 * UNIT);
            // eps = 1e-5 takes about that share of a variance near 1
            expect(Math.abs(variance - 1)).toBeLessThan(1e-5 * (1 + 8 / Math.sqrt(n)) + 16 * UNIT);
          }
          y.dispose();
        });
      }
    }

    it('does not change when all values move by 4096 deviations', async () => {
      const shape = [2, 3, 12, 10];
      // multiples of 2⁻⁸ stay exact beside 4096
      const x = draw(5, shape).map((v) => Math.round(v * 256) / 256);
      const [near, far] = scope(() => [
        run(upload(x, shape)),
        run(
          upload(
            x.map((v) => v + 4096),
            shape,
          ),
        ),
      ]);
      const want = await near.data();
      const got = await far.data();
      const worst = Math.max(...got.map((v, i) => Math.abs(v - want[i]) / (1 + Math.abs(want[i]))));
      expect(worst).toBeLessThan(8 * UNIT);
      for (const t of [near, far]) t.dispose();
    });

    it('survives an outlier at the place where the shift is sampled', async () => {
      const shape = [1, 2, 40, 40];
      const x = draw(6, shape);
      x[0] = 1e4;
      const y = scope(() => run(upload(x, shape)));
      const [outer, count, length] = groups(shape);
      const got = groupsOf(await y.data(), outer, count, length);
      groupsOf(x, outer, count, length).forEach((group, g) => {
        const { mean, variance } = moments(group);
        const worst = Math.max(
          ...group.map((v, i) => {
            const want = (v - mean) / Math.sqrt(variance + 1e-5);
            return Math.abs(got[g][i] - want) / (1 + Math.abs(want));
          }),
        );
        expect(worst).toBeLessThan(16 * UNIT);
      });
      y.dispose();
    });

    it('makes zeros of constant groups', async () => {
      const y = scope(() => run(upload(new Float32Array(2 * 3 * 49).fill(1234.567), [2, 3, 7, 7])));
      expect(Math.max(...(await y.data()).map(Math.abs))).toBeLessThan(1e-3);
      y.dispose();
    });
  });
}

for (const name of ['instanceNorm', 'layerNorm'] as const) {
  it(`${name} gives permuted pictures permuted results, bit for bit`, async () => {
    const { run } = norms.find((norm) => norm.name === name)!;
    const shape = [3, 2, 9, 12];
    const x = draw(9, shape);
    const size = x.length / 3;
    const order = [2, 0, 1];
    const permuted = Float32Array.from(x, (_, i) => x[order[Math.floor(i / size)] * size + (i % size)]);
    const [plain, moved] = scope(() => [run(upload(x, shape)), run(upload(permuted, shape))]);
    const a = await plain.data();
    const b = await moved.data();
    expect(b).toEqual(Float32Array.from(b, (_, i) => a[order[Math.floor(i / size)] * size + (i % size)]));
    for (const t of [plain, moved]) t.dispose();
  });
}

describe('batchNorm', () => {
  const shape = [4, 3, 5, 6];

  it('does not change with the order of the batch beyond rounding', async () => {
    const x = draw(11, shape);
    const size = x.length / 4;
    const reversed = Float32Array.from(x, (_, i) => x[(3 - Math.floor(i / size)) * size + (i % size)]);
    const run = (values: Float32Array) => batchNorm(upload(values, shape), {}, { training: true }).y;
    const [plain, moved] = scope(() => [run(x), run(reversed)]);
    const a = await plain.data();
    const b = await moved.data();
    const worst = Math.max(
      ...b.map((v, i) => Math.abs(v - a[(3 - Math.floor(i / size)) * size + (i % size)]) / (1 + Math.abs(v))),
    );
    expect(worst).toBeLessThan(8 * UNIT);
    for (const t of [plain, moved]) t.dispose();
  });

  it('moves the running statistics by the momentum, the variance without bias', async () => {
    const x = draw(12, shape, 3, 2);
    const mean0 = [0.5, -1, 2];
    const var0 = [1, 0.25, 4];
    const { runningMean, runningVar } = scope(() => {
      const running = { runningMean: upload(mean0, [3]), runningVar: upload(var0, [3]) };
      return batchNorm(upload(x, shape), running, { training: true, momentum: 0.3 });
    });
    const gotMean = await runningMean!.data();
    const gotVar = await runningVar!.data();
    groupsOf(x, 4, 3, 30).forEach((group, c) => {
      const { mean, variance } = moments(group);
      expect(gotMean[c]).toBeCloseTo(0.7 * mean0[c] + 0.3 * mean, 5);
      expect(gotVar[c]).toBeCloseTo(0.7 * var0[c] + 0.3 * variance * (120 / 119), 5);
    });
  });

  it('keeps the running statistics of a channel whose batch is not finite, and moves the others', async () => {
    const values = draw(5, [2, 4, 3, 3]);
    values[1 * 9 + 2] = Number.POSITIVE_INFINITY;
    values[(4 + 2) * 9] = Number.NaN;
    const had = { mean: [0.5, -1, 2, 3], variance: [1, 0.25, 4, 9] };
    const { runningMean, runningVar } = scope(() => {
      const running = { runningMean: upload(had.mean, [4]), runningVar: upload(had.variance, [4]) };
      return batchNorm(upload(values, [2, 4, 3, 3]), running, { training: true });
    });
    for (const [moved, before] of [[runningMean, had.mean] as const, [runningVar, had.variance] as const]) {
      const found = Array.from((await moved?.data()) ?? []);
      expect(found.map((value, channel) => value === before[channel])).toEqual([false, true, true, false]);
      expect(found.every(Number.isFinite)).toBe(true);
    }
  });

  it('uses the running statistics in evaluation, and returns them untouched', async () => {
    const x = draw(13, shape);
    const runningMean = upload([0.5, -1, 2], [3]);
    const runningVar = upload([1, 0.25, 4], [3]);
    const result = scope(() => batchNorm(upload(x, shape), { runningMean, runningVar }, { training: false, eps: 0 }));
    expect(result.runningMean).toBe(runningMean);
    expect(result.runningVar).toBe(runningVar);
    const y = await result.y.data();
    for (const [i, v] of x.entries()) {
      const c = Math.floor(i / 30) % 3;
      expect(y[i]).toBeCloseTo((v - [0.5, -1, 2][c]) / [1, 0.5, 2][c], 5);
    }
  });

  it('has in evaluation the gradients of the formula composed of pointwise ops', async () => {
    const [x, w, b, m, v] = [
      upload(draw(14, shape), shape),
      upload([0.5, -2, 1], [3]),
      upload([0.25, 1, -1], [3]),
      upload([0.5, -1, 2], [3]),
      upload([1, 0.25, 4], [3]),
    ];
    const cotangent = upload(draw(15, shape), shape);
    const column = (t: Tensor) => reshape(t, [3, 1, 1]);
    const fused = () =>
      batchNorm(x, { weight: w, bias: b, runningMean: m, runningVar: v }, { training: false, eps: 1e-3 }).y;
    const composed = () => {
      const xhat = div(sub(x, column(m)), sqrt(affine(column(v), { shift: 1e-3 })));
      return add(mul(xhat, column(w)), column(b));
    };
    const gradients = (fn: () => Tensor) =>
      scope(() => vjp(() => [fn()], [x, w, b]).pull([cotangent])) as [Tensor, Tensor, Tensor];
    const got = gradients(fused);
    const want = gradients(composed);
    for (const [i, t] of got.entries()) {
      const expected = await want[i].data();
      (await t.data()).forEach((value, at) => {
        expect(Math.abs(value - expected[at])).toBeLessThan(64 * UNIT * (4 + Math.abs(expected[at])));
      });
    }
  });

  it('refuses one value a channel in training', () => {
    expect(() => scope(() => batchNorm(upload([1, 2], [1, 2]), {}, { training: true }))).toThrow(/one value a channel/);
  });
});

it('a fused activation equals the activation of the result', async () => {
  const shape = [1, 2, 8, 8];
  const x = draw(16, shape);
  const [fused, plain] = scope(() => {
    const input = upload(x, shape);
    return [instanceNorm(input, { activation: 'leakyRelu', slope: 0.2 }), instanceNorm(input)];
  });
  const want = await plain.data();
  (await fused.data()).forEach((value, i) => {
    expect(value).toBe(Math.fround(want[i] > 0 ? want[i] : Math.fround(0.2) * want[i]));
  });
});

it('halves take weights of f32, whose gradients stay f32', async () => {
  if (!device.capabilities.f16) return;
  const shape = [2, 3, 6, 8];
  const values = draw(17, shape);
  const cotangent = draw(18, shape);
  const run = (dtype: 'f16' | 'f32') =>
    scope(() => {
      const x = tensor(device, values, shape, dtype);
      const weight = upload([0.5, -2, 1], [3]);
      const bias = upload([0.25, 1, -1], [3]);
      const { outputs, pull } = vjp(() => [instanceNorm(x, { weight, bias })] as const, [x, weight, bias]);
      return [outputs[0], ...pull([tensor(device, cotangent, shape, dtype)])] as Tensor[];
    });
  const [half, single] = [run('f16'), run('f32')];
  expect(half.map(({ dtype }) => dtype)).toEqual(['f16', 'f16', 'f32', 'f32']);
  for (const [i, t] of half.entries()) {
    const want = Array.from(await single[i].data());
    const rms = Math.sqrt(want.reduce((total, v) => total + v * v, 0) / want.length);
    // two halves are rounded for each term of the weights' sums, one or two for each value
    (await t.data()).forEach((value, at) => {
      expect(Math.abs(value - want[at])).toBeLessThan(8 * 2 ** -11 * (Math.abs(want[at]) + rms));
    });
  }
});

it('weights of the wrong shape are refused by name', () => {
  const run = () =>
    scope(() => instanceNorm(upload(draw(1, [1, 3, 4, 4]), [1, 3, 4, 4]), { weight: upload([1, 2], [2]) }));
  expect(run).toThrow(/expected weight of shape \[3\].*got \[2\]/);
});
