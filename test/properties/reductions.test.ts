import { beforeAll, describe, expect, it } from 'vitest';
import { type Device, type DType, type Shape, scope, sizeOf, type Tensor, tensor, vjp } from '../../engine/index.ts';
import {
  argmax,
  broadcastTo,
  crossEntropy,
  logSoftmax,
  max,
  mean,
  softmax,
  sum,
  sumTo,
  variance,
  where,
} from '../../kernels/index.ts';
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
const upload = (values: ArrayLike<number>, shape: Shape, dtype: DType = 'f32') => tensor(device, values, shape, dtype);

/** Runs `fn` in a scope and reads its result. */
async function read(fn: () => Tensor): Promise<number[]> {
  const result = scope(fn);
  const data = await result.data();
  result.dispose();
  return Array.from(data);
}

describe('sum', () => {
  it('rounds like a pairwise sum: a million equal terms', async () => {
    const term = Math.fround(0.1);
    const [got] = await read(() => sum(upload(new Float32Array(1 << 20).fill(term), [1 << 20])));
    // a serial sum is off by 1e-3 here
    expect(Math.abs(got / (term * (1 << 20)) - 1)).toBeLessThan(8 * UNIT);
  });

  it('of columns rounds like a pairwise sum', async () => {
    const term = Math.fround(0.1);
    const got = await read(() => sum(upload(new Float32Array(3 << 16).fill(term), [1 << 16, 3]), { axes: [0] }));
    for (const value of got) expect(Math.abs(value / (term * (1 << 16)) - 1)).toBeLessThan(8 * UNIT);
  });

  it('of halves does not overflow between two runs of axes', async () => {
    // each row sums to 80000, beyond the largest half, and the rows cancel
    const x = Float32Array.from({ length: 4 * 2000 }, (_, i) => (i % 4000 < 2000 ? 40 : -40));
    const got = await read(() => mean(upload(x, [2, 2, 1, 2000], 'f16'), { axes: [1, 3] }));
    expect(got).toEqual([0, 0]);
  });

  it('over all sets of axes equals loops', async () => {
    const shape = [2, 3, 4, 5];
    const x = draw(1, shape);
    for (let set = 0; set < 16; set++) {
      const axes = [0, 1, 2, 3].filter((axis) => set & (1 << axis));
      const want = new Map<string, number>();
      x.forEach((value, i) => {
        const at = [Math.floor(i / 60), Math.floor(i / 20) % 3, Math.floor(i / 5) % 4, i % 5];
        const key = at.filter((_, axis) => !axes.includes(axis)).join();
        want.set(key, (want.get(key) ?? 0) + value);
      });
      const got = await read(() => sum(upload(x, shape), { axes }));
      expect(got.length).toBe(want.size);
      [...want.values()].forEach((value, i) => {
        expect(Math.abs(got[i] - value)).toBeLessThan(64 * UNIT * (1 + Math.abs(value)));
      });
    }
  });

  it('is the adjoint of broadcasting: ⟨broadcast(x), y⟩ = ⟨x, sum(y)⟩', async () => {
    for (const [small, large] of [
      [
        [3, 1, 1],
        [2, 3, 4, 8],
      ],
      [
        [2, 1, 6],
        [2, 5, 6],
      ],
      [[1], [3, 7]],
      [
        [4, 1, 3, 1],
        [4, 2, 3, 5],
      ],
    ]) {
      const x = draw(2, small);
      const y = draw(3, large);
      const grown = await read(() => broadcastTo(upload(x, small), large));
      const shrunk = await read(() => sumTo(upload(y, large), small));
      const left = grown.reduce((total, value, i) => total + value * y[i], 0);
      const right = shrunk.reduce((total, value, i) => total + value * x[i], 0);
      expect(Math.abs(left - right)).toBeLessThan(256 * UNIT * (1 + Math.abs(left)));
    }
  });

  it('refuses axes that are out of range or twice there', () => {
    const x = upload([1, 2], [1, 2]);
    expect(() => sum(x, { axes: [2] })).toThrow(/axes \[2\] do not fit shape \[1,2\]/);
    expect(() => sum(x, { axes: [0, -2] })).toThrow(/do not fit/);
  });
});

describe('variance', () => {
  it('over any axes does not change when all values move by 4096 deviations', async () => {
    const shape = [5, 6, 40];
    // multiples of 2⁻⁸ stay exact beside 4096
    const x = draw(4, shape).map((v) => Math.round(v * 256) / 256);
    for (const axes of [[0], [1], [2], [0, 2], [0, 1], [0, 1, 2]]) {
      const near = await read(() => variance(upload(x, shape), { axes }));
      const far = await read(() =>
        variance(
          upload(
            x.map((v) => v + 4096),
            shape,
          ),
          { axes },
        ),
      );
      near.forEach((value, i) => {
        expect(Math.abs(far[i] - value)).toBeLessThan(16 * UNIT * value);
      });
    }
  });

  it('refuses as few values as the correction', () => {
    expect(() => variance(upload([1, 2], [2, 1]), { axes: [1] })).toThrow(/hold 1 value.*correction: 0/s);
  });
});

describe('max and argmax', () => {
  it('find minus infinity where there is nothing else', async () => {
    const x = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, -3, Number.NEGATIVE_INFINITY];
    expect(await read(() => max(upload(x, [2, 2]), { axes: [1] }))).toEqual([Number.NEGATIVE_INFINITY, -3]);
    expect(await read(() => argmax(upload(x, [2, 2]), { axes: [1] }))).toEqual([0, 0]);
  });

  it('take the first of equal elements, whose gradient is the whole one', async () => {
    const x = new Float32Array(5000);
    for (const at of [1234, 77, 4999]) x[at] = 2;
    expect(await read(() => argmax(upload(x, [5000])))).toEqual([77]);
    const gradient = await read(() => {
      const input = upload(x, [50, 100]);
      return vjp(() => [max(input)], [input]).pull([upload([3], [])])[0] as Tensor;
    });
    expect(gradient).toEqual(Array.from({ length: 5000 }, (_, i) => (i === 77 ? 3 : 0)));
  });
});

describe('softmax', () => {
  it('sums to 1 and does not change when a row moves', async () => {
    const shape = [3, 100];
    const x = draw(6, shape).map((v) => Math.round(v * 256) / 256);
    const near = await read(() => softmax(upload(x, shape)));
    const far = await read(() =>
      softmax(
        upload(
          x.map((v) => v + 4096),
          shape,
        ),
      ),
    );
    expect(far).toEqual(near);
    for (let row = 0; row < 3; row++) {
      const total = near.slice(100 * row, 100 * row + 100).reduce((a, b) => a + b, 0);
      expect(Math.abs(total - 1)).toBeLessThan(64 * UNIT);
    }
  });

  it('of masked values is 0, its logarithm minus infinity', async () => {
    const x = [0, Number.NEGATIVE_INFINITY, 0];
    const half = await read(() => softmax(upload(x, [3])));
    expect(half[1]).toBe(0);
    expect(half[0]).toBeCloseTo(0.5, 6);
    expect((await read(() => logSoftmax(upload(x, [3]))))[1]).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe('crossEntropy', () => {
  const logits = [1, 2, 3, 0, 0, 0, -1, 4, 2, 5, 5, 5];
  const rows = (labels: readonly number[]) =>
    labels.map((label, n) => {
      const row = logits.slice(3 * n, 3 * n + 3);
      return Math.log(row.reduce((total, v) => total + Math.exp(v), 0)) - (row[label] ?? Number.NaN);
    });

  it('weighs classes, and divides by the weights of the labels that count', async () => {
    const labels = [2, 0, 1, 1];
    const weight = [0.5, 2, 3];
    const losses = rows(labels);
    const counted = [0, 1, 2, 3].filter((n) => labels[n] !== 0);
    const want =
      counted.reduce((total, n) => total + weight[labels[n]] * losses[n], 0) /
      counted.reduce((total, n) => total + weight[labels[n]], 0);
    const [got] = await read(() =>
      crossEntropy(upload(logits, [4, 3]), upload(labels, [4], 'u32'), { weight: upload(weight, [3]), ignoreIndex: 0 }),
    );
    expect(got).toBeCloseTo(want, 5);
  });

  it('ignores −100 unless told otherwise', async () => {
    const losses = rows([2, 0, 1, 0]);
    const labels = Uint32Array.from([2, -100, 1, 0]);
    const [got] = await read(() => crossEntropy(upload(logits, [4, 3]), upload(labels, [4], 'u32')));
    expect(got).toBeCloseTo((losses[0] + losses[2] + losses[3]) / 3, 5);
  });

  it('gives NaN for a label beyond the classes', async () => {
    const got = await read(() =>
      crossEntropy(upload(logits, [4, 3]), upload([2, 3, 1, 0], [4], 'u32'), { reduction: 'none' }),
    );
    expect(got.map(Number.isNaN)).toEqual([false, true, false, false]);
  });

  it('refuses labels of another shape or type', () => {
    const x = upload(logits, [4, 3]);
    expect(() => crossEntropy(x, upload([1, 2], [2], 'u32'))).toThrow(/Expected labels of shape \[4\]/);
    expect(() => crossEntropy(x, upload([1, 2, 0, 0], [4]))).toThrow(/labels as u32/);
  });
});

describe('where', () => {
  it('keeps a NaN out that was not chosen', async () => {
    const cond = upload([1, 0, 1, 0, 1], [5], 'u32');
    const a = [1, Number.NaN, 3, Number.NaN, 5];
    const got = await read(() => where(cond, upload(a, [5]), upload([-1, -2, -3, -4, -5], [5])));
    expect(got).toEqual([1, -2, 3, -4, 5]);
  });
});
