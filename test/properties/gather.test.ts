import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Device,
  type DType,
  DTypeError,
  type Shape,
  ShapeError,
  scope,
  type Tensor,
  tensor,
  vjp,
} from '../../engine/index.ts';
import { embedding, gather, indexSelect, oneHot } from '../../kernels/index.ts';
import { testDevice } from '../support/device.ts';
import { generator, normal } from '../support/samples.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const upload = (values: ArrayLike<number>, shape: Shape, dtype: DType = 'f32') => tensor(device, values, shape, dtype);

async function read(fn: () => Tensor): Promise<number[]> {
  const result = scope(fn);
  const data = await result.data();
  result.dispose();
  return Array.from(data);
}

const gradient = (x: Tensor, fn: () => Tensor, cotangent: ArrayLike<number>) =>
  read(() => {
    const { outputs, pull } = vjp(() => [fn()], [x]);
    return pull([upload(cotangent, outputs[0].shape)])[0] as Tensor;
  });

describe('embedding', () => {
  it('has a row for every index, whatever the shape of the indices', async () => {
    const table = upload([1, 2, 3, 4, 5, 6], [3, 2]);
    const indices = upload([2, 0, 0, 1], [2, 1, 2], 'u32');
    const rows = scope(() => embedding(table, indices));
    expect(rows.shape).toEqual([2, 1, 2, 2]);
    expect(Array.from(await rows.data())).toEqual([5, 6, 1, 2, 1, 2, 3, 4]);
    rows.dispose();
  });

  it('sums the gradient of 100000 duplicates in an order that does not vary', async () => {
    const random = generator(4);
    const count = 100000;
    const table = upload(new Float32Array(8), [2, 4]);
    // nine in ten indices name one row: its list is long, and is split
    const labels = Uint32Array.from({ length: count }, () => (random() < 0.9 ? 1 : 0));
    const values = Float32Array.from({ length: count * 4 }, () => normal(random));
    const indices = upload(labels, [count], 'u32');
    const first = await gradient(table, () => embedding(table, indices), values);
    const second = await gradient(table, () => embedding(table, indices), values);
    expect(second).toEqual(first);
    const want = new Float64Array(8);
    const squares = new Float64Array(8);
    values.forEach((value, e) => {
      const element = labels[Math.floor(e / 4)] * 4 + (e % 4);
      want[element] += value;
      squares[element] += value * value;
    });
    first.forEach((value, e) => {
      expect(Math.abs(value - want[e]), `element ${e}`).toBeLessThan(2 ** -24 * 40 * Math.sqrt(squares[e]));
    });
  });
});

describe('indices past the end', () => {
  it('give zeros, and their gradient goes nowhere', async () => {
    const x = upload([1, 2, 3], [3]);
    const index = upload([2, 3, 4294967295, 0], [4], 'u32');
    for (const take of [() => indexSelect(x, index), () => gather(x, index, 0)]) {
      expect(await read(take)).toEqual([3, 0, 0, 1]);
      expect(await gradient(x, take, [10, 20, 30, 40])).toEqual([40, 0, 10]);
    }
  });

  it('have no 1 among the classes', async () => {
    const labels = upload([1, 3, 0, 4294967295], [4], 'u32');
    expect(await read(() => oneHot(labels, 2))).toEqual([0, 1, 0, 0, 1, 0, 0, 0]);
  });
});

describe('oneHot', () => {
  it('turns [N, H, W] into [N, C, H, W], or puts the classes last', async () => {
    const labels = upload([0, 2, 1, 2], [1, 2, 2], 'u32');
    expect(await read(() => oneHot(labels, 3))).toEqual([1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1]);
    expect(await read(() => oneHot(labels, 3, -1))).toEqual([1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1]);
  });

  it('refuses labels that are not u32, and axes that are not there', () => {
    expect(() => oneHot(upload([1], [1]), 2)).toThrow(DTypeError);
    expect(() => oneHot(upload([1], [1], 'u32'), 2, 2)).toThrow(ShapeError);
  });
});

describe('gather', () => {
  it('takes an index that is smaller than x on other axes', async () => {
    const x = upload([1, 2, 3, 4, 5, 6], [2, 3]);
    const index = upload([2, 0], [1, 2], 'u32');
    expect(await read(() => gather(x, index, 1))).toEqual([3, 1]);
    expect(await gradient(x, () => gather(x, index, 1), [7, 9])).toEqual([9, 0, 7, 0, 0, 0]);
  });

  it('refuses an index of another rank', () => {
    expect(() => gather(upload([1, 2], [1, 2]), upload([0], [1], 'u32'), 1)).toThrow(/rank 2/);
  });
});
