import { beforeAll, describe, expect, it } from 'vitest';
import { type Device, type Shape, scope, sizeOf, type Tensor, tensor, vjp } from '../../engine/index.ts';
import {
  abs,
  cast,
  clamp,
  div,
  exp,
  leakyRelu,
  maximum,
  mul,
  pow,
  power,
  relu,
  roundTo,
  sigmoid,
  softplus,
  sub,
  tanh,
} from '../../kernels/index.ts';
import { asCard } from '../support/card.ts';
import { testDevice } from '../support/device.ts';
import { generator, normal } from '../support/samples.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const UNIT = 2 ** -24;
const upload = (values: ArrayLike<number>, shape: Shape = [values.length]) => tensor(device, values, shape);

async function read(fn: () => Tensor): Promise<number[]> {
  const result = scope(fn);
  const data = await result.data();
  result.dispose();
  return Array.from(data);
}

/** Gradients of Σ fn(inputs) in each input. */
async function gradients(fn: (...inputs: Tensor[]) => Tensor, ...values: number[][]): Promise<number[][]> {
  const found = scope(() => {
    const inputs = values.map((value) => upload(value));
    return vjp(() => [fn(...inputs)], inputs).pull([upload(new Float32Array(values[0].length).fill(1))]);
  });
  return Promise.all(found.map(async (t) => Array.from(await t!.data())));
}

describe('broadcasting', () => {
  it('of operands that do not commute equals loops, whichever of them is the smaller one', async () => {
    const random = generator(7);
    for (let trial = 0; trial < 40; trial++) {
      const rank = 1 + Math.floor(random() * 4);
      const shape = Array.from({ length: rank }, () => 1 + Math.floor(random() * 5));
      const shrink = () => shape.map((n) => (random() < 0.4 ? 1 : n));
      // leading axes may be missing altogether
      const aShape = shrink().slice(Math.floor(random() * 2) * Math.floor(random() * rank));
      const bShape = shrink();
      const a = Array.from({ length: sizeOf(aShape) }, () => normal(random));
      const b = Array.from({ length: sizeOf(bShape) }, () => normal(random));
      const full = bShape.map((n, axis) => Math.max(n, aShape[axis - rank + aShape.length] ?? 1));
      const at = (values: number[], extents: Shape, i: number) => {
        let flat = 0;
        let rest = i;
        let stride = 1;
        for (let axis = rank - 1; axis >= 0; axis--) {
          const coordinate = rest % full[axis];
          rest = Math.floor(rest / full[axis]);
          const n = extents[axis - rank + extents.length] ?? 1;
          flat += n === 1 ? 0 : coordinate * stride;
          stride *= n;
        }
        return Math.fround(values[flat]);
      };
      const got = await read(() => sub(upload(a, aShape), upload(b, bShape)));
      const want = Array.from({ length: sizeOf(full) }, (_, i) => Math.fround(at(a, aShape, i) - at(b, bShape, i)));
      expect(got, `[${aShape}] - [${bShape}], trial ${trial}`).toEqual(want);
    }
  });

  it('refuses extents that do not fit', () => {
    expect(() => mul(upload([1, 2, 3]), upload([1, 2]))).toThrow(/mul: shapes \[3\] and \[2\] do not broadcast/);
  });
});

describe('powers', () => {
  const bases = [0, 0, 0, -2, -2, -2, 3, 1];
  const exponents = [2.5, 0, -1, 3, -2, 0, -1, 40];
  const want = [0, 1, Number.POSITIVE_INFINITY, -8, 0.25, 1, 1 / 3, 1];
  const expectNear = (got: number, value: number) => {
    if (Number.isFinite(value)) expect(Math.abs(got - value)).toBeLessThan(32 * UNIT * (1 + Math.abs(value)));
    else expect(got).toBe(value);
  };

  it('of zero and of negative numbers have the values of arithmetic', async () => {
    const got = await read(() => power(upload(bases), upload(exponents)));
    for (const [i, value] of want.entries()) expectNear(got[i], value);
  });

  it('with one exponent agree', async () => {
    for (const [i, exponent] of exponents.entries()) {
      const [got] = await read(() => pow(upload([bases[i]]), exponent));
      expectNear(got, want[i]);
    }
  });

  it('have finite gradients at zero where the definition has', async () => {
    const [da, db] = await gradients((a, b) => power(a, b), [0, 0, 2], [2, 0, 3]);
    for (const [i, value] of [0, 0, 12].entries()) expectNear(da[i], value);
    for (const [i, value] of [0, 0, 8 * Math.log(2)].entries()) expectNear(db[i], value);
  });
});

describe('gradients at kinks', () => {
  it('follow PyTorch: relu and abs 0 at 0, clamp 1 on its bounds', async () => {
    expect(await gradients((x) => relu(x), [-1, 0, 1])).toEqual([[0, 0, 1]]);
    expect(await gradients((x) => abs(x), [-1, 0, 1])).toEqual([[-1, 0, 1]]);
    expect(await gradients((x) => clamp(x, -1, 1), [-2, -1, 0, 1, 2])).toEqual([[0, 1, 1, 1, 0]]);
    const [slope] = await gradients((x) => leakyRelu(x, 0.25), [-1, 0, 1]);
    expect(slope).toEqual([0.25, 0.25, 1]);
  });

  it('of maximum go to one side at a tie', async () => {
    const [da, db] = await gradients((a, b) => maximum(a, b), [1, 2, 3], [2, 2, 2]);
    expect([da, db]).toEqual([
      [0, 0, 1],
      [1, 1, 0],
    ]);
  });
});

it('saturated functions stay finite, and so do their gradients', async () => {
  const far = [-1e4, -200, -90, 90, 200, 1e4];
  for (const fn of [tanh, sigmoid, softplus]) {
    for (const value of await read(() => fn(upload(far)))) expect(Number.isFinite(value)).toBe(true);
    for (const value of (await gradients((x) => fn(x), far))[0]) expect(Number.isFinite(value)).toBe(true);
  }
});

describe('second derivatives', () => {
  /** d/dx Σ g(x), g the derivative of Σ fn. */
  async function second(fn: (x: Tensor) => Tensor, values: number[]): Promise<number[]> {
    const found = scope(() => {
      const x = upload(values);
      const ones = upload(new Float32Array(values.length).fill(1));
      const outer = vjp(() => [vjp(() => [fn(x)], [x]).pull([ones])[0] as Tensor], [x]);
      return outer.pull([ones])[0] as Tensor;
    });
    return Array.from(await found.data());
  }

  const points = [-1.5, -0.3, 0.4, 1.2];
  const cases: [string, (x: Tensor) => Tensor, (x: number) => number][] = [
    ['tanh', tanh, (x) => -2 * Math.tanh(x) * (1 - Math.tanh(x) ** 2)],
    [
      'sigmoid',
      sigmoid,
      (x) => {
        const s = 1 / (1 + Math.exp(-x));
        return s * (1 - s) * (1 - 2 * s);
      },
    ],
    ['exp', exp, Math.exp],
    ['x³', (x) => pow(x, 3), (x) => 6 * x],
    ['a constant quotient', (x) => div(exp(mul(x, x)), exp(mul(x, x))), () => 0],
    ['x · tanh x', (x) => mul(x, tanh(x)), (x) => 2 * (1 - Math.tanh(x) ** 2) * (1 - x * Math.tanh(x))],
  ];
  for (const [name, fn, want] of cases) {
    it(`of ${name} equal their formula`, async () => {
      const got = await second(fn, points);
      for (const [i, x] of points.entries()) {
        // drivers' exp is good to some tens of units here, and the derivative of a quotient cancels
        expect(Math.abs(got[i] - want(x))).toBeLessThan(512 * UNIT * (1 + Math.abs(want(x))));
      }
    });
  }
});

describe('rounding to a grid', () => {
  it('takes the nearest multiple, ties to the even one, and passes its gradient on', async () => {
    const values = [0.125, 0.375, 0.3, -0.125, -0.625, 5, 1e-9, 2 ** 23 + 1];
    const want = [0, 0.5, 0.25, 0, -0.5, 5, 0, 2 ** 23 + 1];
    expect((await read(() => roundTo(upload(values), 0.25))).map((v) => v + 0)).toEqual(want);
    expect(await gradients((x) => roundTo(x, 0.25), values)).toEqual([values.map(() => 1)]);
    expect(await gradients((x) => mul(roundTo(x, 0.25), roundTo(x, 0.25)), [0.3, 0.8])).toEqual([[0.5, 1.5]]);
  });

  it('leaves x as it is where the grid is 0, and refuses what is no power of two', () => {
    const x = upload([1, 2]);
    expect(roundTo(x, 0)).toBe(x);
    for (const grid of [0.3, -1, Number.NaN, 2 ** 127])
      expect(() => roundTo(x, grid)).toThrow(/^roundTo: expected a grid/);
    x.dispose();
  });
});

describe('on a card', () => {
  it('halves become floats of the same value', async () => {
    if (!device.capabilities.f16) return;
    const values = Float32Array.from({ length: 1027 }, (_, i) => (i - 500) / 8);
    expect(await read(() => cast(tensor(asCard(device), values, [1027], 'f16'), 'f32'))).toEqual([...values]);
  });

  it('curves of halves are those of other devices, small and large, whole pairs of units and rests alike', async () => {
    if (!device.capabilities.f16) return;
    const card = asCard(device);
    for (const size of [3, 2048, 2056, 4096, 4100, 8200]) {
      const random = generator(size);
      const values = Float32Array.from({ length: size }, (_, i) => normal(random) * 3 * 10 ** -(i % 5));
      for (const fn of [tanh, softplus]) {
        const [want, got] = await Promise.all(
          [device, card].map((on) => read(() => fn(tensor(on, values, [size], 'f16')))),
        );
        // a neighbouring half at most
        got.forEach(
          (v, i) => void expect(Math.abs(v - want[i])).toBeLessThanOrEqual(2 ** -10 * Math.abs(want[i]) + 2 ** -24),
        );
      }
    }
  });
});
