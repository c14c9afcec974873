import { beforeAll, describe, expect, it } from 'vitest';
import { type Device, type Shape, scope, sizeOf, type Tensor, tensor, vjp } from '../../engine/index.ts';
import {
  add,
  affine,
  batchNorm,
  div,
  instanceNorm,
  leakyRelu,
  mul,
  reshape,
  slice,
  spade,
  sqrt,
  sub,
} from '../../kernels/index.ts';
import { asCard } from '../support/card.ts';
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
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, v, i) => sum + v * b[i], 0);
const size = (a: ArrayLike<number>) => Math.sqrt(dot(a, a));
const near = (got: ArrayLike<number>, want: ArrayLike<number>, units: number) => {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < got.length; i++) {
    expect(Math.abs(got[i] - want[i])).toBeLessThan(units * UNIT * (1 + Math.abs(want[i])));
  }
};

const plain = {
  instance: (x: Tensor) => instanceNorm(x),
  batch: (x: Tensor) => batchNorm(x, {}, { training: true }).y,
};
// single values and whole vectors; short planes of a batch; planes split over workgroups
const SHAPES: Shape[] = [
  [3, 2, 5, 7],
  [9, 3, 4, 4],
  [1, 1, 96, 92],
];

for (const norm of ['instance', 'batch'] as const) {
  describe(norm, () => {
    for (const [n, c, h, w] of SHAPES) {
      const shape = [n, c, h, w];
      const doubled = [n, 2 * c, h, w];

      it(`is the plain norm where gamma and beta are 0: [${shape}]`, async () => {
        const [got, want] = scope(() => {
          const x = upload(draw(1, shape, 5), shape);
          const zero = upload(new Float32Array(sizeOf(doubled)), doubled);
          return [spade(x, zero, { norm, training: true }).y, plain[norm](x)];
        });
        near(await got.data(), await want.data(), 8);
        for (const t of [got, want]) t.dispose();
      });

      it(`without activation is affine in gammaBeta, with dgammaBeta as its adjoint: [${shape}]`, async () => {
        const values = draw(2, doubled);
        const cotangent = draw(3, shape);
        const [y, y0, gradient] = scope(() => {
          const x = upload(draw(4, shape), shape);
          const gammaBeta = upload(values, doubled);
          const { outputs, pull } = vjp(() => [spade(x, gammaBeta, { norm, training: true }).y] as const, [gammaBeta]);
          const [dgammaBeta] = pull([upload(cotangent, shape)]);
          return [outputs[0], plain[norm](x), dgammaBeta] as [Tensor, Tensor, Tensor];
        });
        const base = await y0.data();
        const moved = (await y.data()).map((v, i) => v - base[i]);
        const got = await gradient.data();
        const scale = size(moved) * size(cotangent) + size(values) * size(got);
        expect(Math.abs(dot(moved, cotangent) - dot(values, got))).toBeLessThan(8 * UNIT * scale);
        for (const t of [y, y0, gradient]) t.dispose();
      });
    }
  });
}

it('instance gives permuted pictures permuted results, bit for bit', async () => {
  const shape = [3, 2, 9, 12];
  const doubled = [3, 4, 9, 12];
  const order = [2, 0, 1];
  const permute = (values: Float32Array) => {
    const picture = values.length / 3;
    return values.map((_, i) => values[order[Math.floor(i / picture)] * picture + (i % picture)]);
  };
  const [x, gammaBeta] = [draw(5, shape), draw(6, doubled)];
  const run = (a: Float32Array, b: Float32Array) =>
    spade(upload(a, shape), upload(b, doubled), { norm: 'instance', training: true }).y;
  const [y, moved] = scope(() => [run(x, gammaBeta), run(permute(x), permute(gammaBeta))]);
  expect(await moved.data()).toEqual(permute((await y.data()) as Float32Array));
  for (const t of [y, moved]) t.dispose();
});

describe('batch', () => {
  const shape = [4, 3, 5, 6];
  const doubled = [4, 6, 5, 6];
  const mean0 = [0.5, -1, 2];
  const var0 = [1, 0.25, 4];

  it('has in evaluation the values and gradients of the formula composed of other ops', async () => {
    const [x, gammaBeta] = [upload(draw(7, shape), shape), upload(draw(8, doubled), doubled)];
    const [runningMean, runningVar] = [upload(mean0, [3]), upload(var0, [3])];
    const cotangent = upload(draw(9, shape), shape);
    const options = { norm: 'batch', training: false, activation: 'leakyRelu', slope: 0.2, eps: 1e-3 } as const;
    const column = (t: Tensor) => reshape(t, [3, 1, 1]);
    const fused = () => spade(x, gammaBeta, { ...options, runningMean, runningVar }).y;
    const composed = () => {
      const xhat = div(sub(x, column(runningMean)), sqrt(affine(column(runningVar), { shift: 1e-3 })));
      const [gamma, beta] = [slice(gammaBeta, { axis: 1, end: 3 }), slice(gammaBeta, { axis: 1, start: 3 })];
      return leakyRelu(add(mul(xhat, affine(gamma, { shift: 1 })), beta), 0.2);
    };
    const both = (fn: () => Tensor) =>
      scope(() => {
        const { outputs, pull } = vjp(() => [fn()] as const, [x, gammaBeta]);
        return [outputs[0], ...pull([cotangent])] as Tensor[];
      });
    const got = both(fused);
    const want = both(composed);
    for (const [i, t] of got.entries()) near(await t.data(), await want[i].data(), 64);
    for (const t of [...got, ...want, x, gammaBeta, runningMean, runningVar, cotangent]) t.dispose();
  });

  it('without running statistics evaluates with those of the batch', async () => {
    const run = (training: boolean) =>
      spade(upload(draw(10, shape), shape), upload(draw(11, doubled), doubled), { norm: 'batch', training }).y;
    const [got, want] = scope(() => [run(false), run(true)]);
    expect(await got.data()).toEqual(await want.data());
    for (const t of [got, want]) t.dispose();
  });

  for (const varianceOfRunning of ['unbiased', 'biased'] as const) {
    it(`moves the running statistics as batchNorm does, the variance ${varianceOfRunning}`, async () => {
      const values = draw(12, shape, 3, 2);
      const found = scope(() => {
        const x = upload(values, shape);
        const running = { runningMean: upload(mean0, [3]), runningVar: upload(var0, [3]) };
        const options = { training: true, momentum: 0.3, varianceOfRunning };
        const of = [
          spade(x, upload(draw(13, doubled), doubled), { norm: 'batch', ...options, ...running }),
          batchNorm(x, running, options),
        ];
        return of.map(({ runningMean, runningVar }) => [runningMean, runningVar] as [Tensor, Tensor]);
      });
      for (const [mean, variance] of found) {
        const gotMean = await mean.data();
        const gotVar = await variance.data();
        for (let c = 0; c < 3; c++) {
          const group = Array.from(values).filter((_, i) => Math.floor(i / 30) % 3 === c);
          const m = group.reduce((a, b) => a + b, 0) / 120;
          const squares = group.reduce((a, b) => a + (b - m) ** 2, 0);
          const batchVar = squares / (varianceOfRunning === 'unbiased' ? 119 : 120);
          near([gotMean[c]], [0.7 * mean0[c] + 0.3 * m], 32);
          near([gotVar[c]], [0.7 * var0[c] + 0.3 * batchVar], 32);
        }
      }
      for (const t of found.flat()) t.dispose();
    });
  }

  it('returns the running statistics untouched in evaluation', () => {
    scope(() => {
      const running = { runningMean: upload(mean0, [3]), runningVar: upload(var0, [3]) };
      const gammaBeta = upload(draw(14, doubled), doubled);
      const result = spade(upload(draw(15, shape), shape), gammaBeta, { norm: 'batch', training: false, ...running });
      expect(result.runningMean).toBe(running.runningMean);
      expect(result.runningVar).toBe(running.runningVar);
    });
  });

  it('refuses one value a channel in training, and takes it in evaluation', () => {
    scope(() => {
      const [x, gammaBeta] = [upload([1, 2], [1, 2, 1, 1]), upload([1, 2, 3, 4], [1, 4, 1, 1])];
      expect(() => spade(x, gammaBeta, { norm: 'batch', training: true })).toThrow(/spade: .*one value a channel/);
      expect(spade(x, gammaBeta, { norm: 'batch', training: false }).y.shape).toEqual([1, 2, 1, 1]);
    });
  });
});

it('shapes that do not fit are refused by name', () => {
  const run = (x: Shape, gammaBeta: Shape) => () =>
    scope(() => spade(upload(draw(1, x), x), upload(draw(1, gammaBeta), gammaBeta), { norm: 'batch', training: true }));
  expect(run([1, 3, 4, 4], [1, 3, 4, 4])).toThrow(/expected gammaBeta of shape \[1,6,4,4\].*got \[1,3,4,4\]/);
  expect(run([1, 3, 4, 4], [1, 6, 4, 5])).toThrow(/resize the map/);
  expect(run([3, 4, 4], [1, 6, 4, 4])).toThrow(/expected x of shape \[N, C, H, W\], got \[3,4,4\]/);
});

describe('on a card', () => {
  it('workgroups that share a channel of a batch find the statistics that others find', async () => {
    const shape = [3, 2, 36, 40];
    const modulation = [3, 4, 36, 40];
    const resultsOn = async (on: Device) => {
      const [y, mean, variance] = scope(() => {
        const x = tensor(on, draw(1, shape, 5, 2), shape);
        const gammaBeta = tensor(on, draw(2, modulation), modulation);
        const [runningMean, runningVar] = [0, 1].map((value) => tensor(on, [value, value], [2]));
        const options = { norm: 'batch', activation: 'leakyRelu', slope: 0.2, training: true } as const;
        const found = spade(x, gammaBeta, { ...options, runningMean, runningVar });
        return [found.y, found.runningMean, found.runningVar];
      }) as Tensor[];
      const data = [await y.data(), await mean.data(), await variance.data()];
      for (const t of [y, mean, variance]) t.dispose();
      return data;
    };
    const want = await resultsOn(device);
    const got = await resultsOn(asCard(device));
    for (const [k, values] of got.entries()) near(values, want[k], 16);
  });
});
