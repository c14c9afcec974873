import { beforeAll, describe, expect, it } from 'vitest';
import { type Device, keep, type Shape, scope, sizeOf, type Tensor, tensor, vjp } from '../../engine/index.ts';
import { permute, spectralNorm } from '../../kernels/index.ts';
import { asCard } from '../support/card.ts';
import { testDevice } from '../support/device.ts';
import { generator, normal } from '../support/samples.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const UNIT = 2 ** -24;
const draw = (seed: number, shape: Shape): Float32Array => {
  const random = generator(seed);
  return Float32Array.from({ length: sizeOf(shape) }, () => normal(random));
};
const upload = (values: ArrayLike<number>, shape: Shape) => tensor(device, values, shape);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, v, i) => sum + v * b[i], 0);
const near = (got: ArrayLike<number>, want: ArrayLike<number>, units: number) => {
  expect(got.length).toBe(want.length);
  const rms = Math.sqrt(dot(want, want) / want.length);
  for (let i = 0; i < got.length; i++) {
    expect(Math.abs(got[i] - want[i])).toBeLessThan(units * UNIT * (rms + Math.abs(want[i])));
  }
};

const cases = [
  { shape: [6, 4, 3, 3], transposed: false },
  { shape: [4, 6, 3, 3], transposed: true },
  { shape: [5, 3, 4, 4], transposed: true },
];

for (const { shape, transposed } of cases) {
  const [outputs, inputs] = transposed ? [shape[1], shape[0]] : shape;
  const taps = shape[2] * shape[3];
  const columns = inputs * taps;
  /** where M[o, k] lies in the weight */
  const at = (o: number, k: number) =>
    transposed ? (Math.floor(k / taps) * outputs + o) * taps + (k % taps) : o * columns + k;

  describe(`[${shape}]${transposed ? ', transposed' : ''}`, () => {
    for (const iterations of [0, 1]) {
      it(`has the gradient at constant u and v, after ${iterations} iterations`, async () => {
        const weight = draw(1, shape);
        const cotangent = draw(2, shape);
        // near a singular pair, so that σ is far from 0
        const found = scope(() => {
          const start = [upload(draw(3, [outputs]), [outputs]), upload(draw(4, [columns]), [columns])] as const;
          const w = upload(weight, shape);
          const begun = spectralNorm(w, ...start, { iterations: 4, transposed });
          let result = begun;
          const { pull } = vjp(() => {
            result = spectralNorm(w, begun.u, begun.v, { iterations, transposed });
            // a function under a tape frees what it does not return; given u and v are not its own
            if (iterations > 0) for (const t of [result.u, result.v]) keep(t);
            return [result.weight];
          }, [w]);
          const [dweight] = pull([upload(cotangent, shape)]);
          return [dweight, result.u, result.v];
        }) as [Tensor, Tensor, Tensor];
        const [gradient, u, v] = await Promise.all(found.map((t) => t.data()));
        const direction = draw(5, shape);
        // ⟨cotangent, W/σ(W)⟩ in float64, with σ = uᵀMv
        const value = (step: number) => {
          const moved = Array.from(weight, (x, i) => x + step * direction[i]);
          let sigma = 0;
          for (let o = 0; o < outputs; o++) for (let k = 0; k < columns; k++) sigma += u[o] * moved[at(o, k)] * v[k];
          return dot(cotangent, moved) / sigma;
        };
        const difference = (value(1e-5) - value(-1e-5)) / 2e-5;
        const scale = Math.sqrt(dot(gradient, gradient) * dot(direction, direction));
        expect(Math.abs(dot(gradient, direction) - difference)).toBeLessThan(64 * UNIT * scale);
        for (const t of found) t.dispose();
      });
    }

    it('gives vectors of length 1 whatever the length of u, and σ = uᵀMv', async () => {
      const weight = draw(6, shape);
      const results = scope(() =>
        [1, 1024].map((factor) => {
          const start = draw(7, [outputs]).map((x) => x * factor);
          const w = upload(weight, shape);
          const { u, v, sigma } = spectralNorm(w, upload(start, [outputs]), upload(draw(8, [columns]), [columns]), {
            iterations: 1,
            transposed,
          });
          return [u, v, sigma] as const;
        }),
      );
      const [near1, far] = await Promise.all(results.map((all) => Promise.all(all.map((t) => t.data()))));
      const [u, v, sigma] = near1;
      for (const [i, t] of far.entries()) near(t, near1[i], 4);
      for (const x of [u, v]) expect(Math.abs(Math.sqrt(dot(x, x)) - 1)).toBeLessThan(8 * UNIT);
      let want = 0;
      for (let o = 0; o < outputs; o++) for (let k = 0; k < columns; k++) want += u[o] * weight[at(o, k)] * v[k];
      near(sigma, [want], 64);
      for (const t of results.flat()) t.dispose();
    });
  });
}

it('of a transposed weight is that of the permuted one', async () => {
  const shape = [4, 6, 3, 3];
  const results = scope(() => {
    const weight = upload(draw(9, shape), shape);
    const [u, v] = [upload(draw(10, [6]), [6]), upload(draw(11, [36]), [36])];
    const turned = spectralNorm(permute(weight, [1, 0, 2, 3]), u, v, { iterations: 2 });
    const plain = spectralNorm(weight, u, v, { iterations: 2, transposed: true });
    return [
      [permute(plain.weight, [1, 0, 2, 3]), turned.weight],
      [plain.u, turned.u],
      [plain.v, turned.v],
    ] as [Tensor, Tensor][];
  });
  for (const [got, want] of results) near(await got.data(), await want.data(), 32);
  for (const t of results.flat()) t.dispose();
});

it('finds the largest singular value, and leaves a weight whose largest is 1', async () => {
  // singular values 5, 3, 2, 1, in a frame turned by Householder reflections on both sides
  const n = 4;
  const reflect = (seed: number) => {
    const w = draw(seed, [n]);
    const square = dot(w, w);
    return (i: number, j: number) => (i === j ? 1 : 0) - (2 * w[i] * w[j]) / square;
  };
  const [left, right] = [reflect(12), reflect(13)];
  const values = Float32Array.from({ length: n * n }, (_, i) =>
    [5, 3, 2, 1].reduce((sum, s, k) => sum + left(Math.floor(i / n), k) * s * right(i % n, k), 0),
  );
  const [sigma, again] = scope(() => {
    const [u, v] = [upload(draw(14, [n]), [n]), upload(draw(15, [n]), [n])];
    const first = spectralNorm(upload(values, [n, n]), u, v, { iterations: 40 });
    return [first.sigma, spectralNorm(first.weight, u, v, { iterations: 40 }).sigma];
  });
  near(await sigma.data(), [5], 16);
  near(await again.data(), [1], 16);
  for (const t of [sigma, again]) t.dispose();
});

it('takes several iterations at once as one after another', async () => {
  const shape = [6, 4, 3, 3];
  const results = scope(() => {
    const weight = upload(draw(16, shape), shape);
    const [u, v] = [upload(draw(17, [6]), [6]), upload(draw(18, [36]), [36])];
    const once = spectralNorm(weight, u, v, { iterations: 3 });
    let step = spectralNorm(weight, u, v, { iterations: 1 });
    for (let i = 0; i < 2; i++) step = spectralNorm(weight, step.u, step.v, { iterations: 1 });
    return (['weight', 'u', 'v', 'sigma'] as const).map((name) => [once[name], step[name]] as const);
  });
  for (const [got, want] of results) near(await got.data(), await want.data(), 32);
  for (const t of results.flat()) t.dispose();
});

it('returns the given u and v without iterations', () => {
  scope(() => {
    const [u, v] = [upload([0.6, 0.8], [2]), upload([1, 0, 0], [3])];
    const result = spectralNorm(upload(draw(19, [2, 3]), [2, 3]), u, v, { iterations: 0 });
    expect(result.u).toBe(u);
    expect(result.v).toBe(v);
  });
});

it('what does not fit is refused by name', () => {
  const run = (shape: Shape, u: number, v: number, iterations = 1) => {
    const vectors = [upload(draw(1, [u]), [u]), upload(draw(1, [v]), [v])] as const;
    return spectralNorm(upload(draw(1, shape), shape), ...vectors, { iterations });
  };
  scope(() => {
    expect(() => run([4, 6, 3, 3], 6, 36)).toThrow(/expected u of shape \[4\] and v of shape \[54\].*transposed: true/);
    expect(() => run([4, 6, 3, 3], 4, 54, 0.5)).toThrow(/whole number of iterations/);
    expect(() => run([4], 4, 1)).toThrow(/at least two axes/);
  });
});

describe('on a card', () => {
  // ends within and between values that are loaded at once
  for (const { shape, transposed } of [
    { shape: [150, 20, 3, 3], transposed: false },
    { shape: [20, 70, 5, 4], transposed: true },
  ]) {
    it(`[${shape}] and its gradient are those of other devices`, async () => {
      const [outputs, inputs] = transposed ? [shape[1], shape[0]] : shape;
      const columns = inputs * shape[2] * shape[3];
      const resultsOn = async (on: Device) => {
        const found = scope(() => {
          const draws = [shape, [outputs], [columns], shape].map((of, i) => tensor(on, draw(i + 1, of), of));
          const [w, u, v, dy] = draws;
          const { outputs: made, pull } = vjp(() => [spectralNorm(w, u, v, { iterations: 1, transposed }).weight], [w]);
          return [...made, ...pull([dy])] as Tensor[];
        });
        return Promise.all(
          found.map(async (t) => {
            const data = await t.data();
            t.dispose();
            return data;
          }),
        );
      };
      const want = await resultsOn(device);
      const got = await resultsOn(asCard(device));
      for (const [k, values] of got.entries()) near(values, want[k], 64);
    });
  }
});
