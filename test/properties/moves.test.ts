import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Device,
  type DType,
  type Shape,
  ShapeError,
  scope,
  sizeOf,
  type Tensor,
  tensor,
  vjp,
} from '../../engine/index.ts';
import {
  concat,
  crop,
  flip,
  pad2d,
  padAxis,
  permute,
  pixelShuffle,
  pixelUnshuffle,
  resize,
  slice,
  split,
  squeeze,
  transpose,
  unsqueeze,
} from '../../kernels/index.ts';
import { asCard } from '../support/card.ts';
import { testDevice } from '../support/device.ts';
import { generator, normal } from '../support/samples.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const upload = (values: ArrayLike<number>, shape: Shape, dtype: DType = 'f32') => tensor(device, values, shape, dtype);
const counting = (shape: Shape) =>
  upload(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => i),
    shape,
  );
const normals = (seed: number, shape: Shape) => {
  const random = generator(seed);
  return upload(
    Float32Array.from({ length: sizeOf(shape) }, () => normal(random)),
    shape,
  );
};

async function read(fn: () => Tensor): Promise<{ shape: Shape; data: number[] }> {
  const result = scope(fn);
  const data = Array.from(await result.data());
  result.dispose();
  return { shape: result.shape, data };
}

describe('squeeze', () => {
  it("puts all channels of one offset together, in CAP-VSTNet's order", async () => {
    // channel c, row i, column j hold 100c + 10i + j
    const x = upload([0, 1, 10, 11, 100, 101, 110, 111], [1, 2, 2, 2]);
    expect((await read(() => squeeze(x))).data).toEqual([0, 100, 1, 101, 10, 110, 11, 111]);
  });

  it('twice by 2 has another order of channels than once by 4', async () => {
    const x = counting([1, 1, 4, 4]);
    const twice = await read(() => squeeze(squeeze(x)));
    const once = await read(() => squeeze(x, 4));
    expect(twice.shape).toEqual(once.shape);
    expect(twice.data).not.toEqual(once.data);
  });

  it.each([
    [[2, 3, 8, 24], 2],
    [[1, 5, 6, 10], 2],
    [[2, 2, 9, 15], 3],
    [[1, 1, 20, 4], 4],
  ] as const)('of %j by %i is undone by unsqueeze, bit by bit', async (shape, factor) => {
    const x = normals(3, shape);
    const back = await read(() => unsqueeze(squeeze(x, factor), factor));
    expect(back).toEqual({ shape, data: Array.from(await x.data()) });
    const shuffled = await read(() => pixelShuffle(pixelUnshuffle(x, factor), factor));
    expect(shuffled.data).toEqual(back.data);
  });

  it('refuses extents that the factor does not divide', () => {
    expect(() => squeeze(counting([1, 2, 5, 4]))).toThrow(ShapeError);
    expect(() => unsqueeze(counting([1, 6, 2, 2]))).toThrow(/4 divides, got 6/);
  });
});

describe('concat and split', () => {
  it('undo each other for any number of parts', async () => {
    for (const count of [1, 2, 3, 5, 8, 9, 17]) {
      const sizes = Array.from({ length: count }, (_, i) => (i % 3) + 1);
      const shape = [2, sizes.reduce((a, b) => a + b, 0), 3];
      const x = await read(() => normals(count, shape));
      const back = await read(() => concat(split(upload(x.data, shape), sizes, 1), -2));
      expect(back, `${count} parts`).toEqual(x);
    }
  });

  it('split gives the unused parts a gradient of zero', async () => {
    const x = normals(1, [6]);
    const seed = upload([7, 8], [2]);
    const [dx] = scope(() => vjp(() => [split(x, [1, 2, 3], 0)[1]], [x]).pull([seed]));
    expect(Array.from((await dx?.data()) ?? [])).toEqual([0, 7, 8, 0, 0, 0]);
    dx?.dispose();
  });

  it('copies labels beyond 2^24 exactly', async () => {
    const labels = upload([4294967295, 16777217, 3, 2147483649], [4], 'u32');
    const both = await read(() => concat([labels, flip(labels, [0])], 0));
    expect(both.data).toEqual([4294967295, 16777217, 3, 2147483649, 2147483649, 3, 16777217, 4294967295]);
  });

  it('refuses sizes that do not add up and shapes that differ elsewhere', () => {
    expect(() => split(counting([5]), [2, 2], 0)).toThrow(/add up to 5/);
    expect(() => concat([counting([2, 3]), counting([3, 3])], 1)).toThrow(ShapeError);
    expect(() => concat([], 0)).toThrow(ShapeError);
  });
});

describe('slice', () => {
  it('counts negative positions from the end', async () => {
    const x = counting([7]);
    expect((await read(() => slice(x, { axis: -1, start: -3 }))).data).toEqual([4, 5, 6]);
    expect((await read(() => slice(x, { axis: 0, end: -4, step: 2 }))).data).toEqual([0, 2]);
  });

  it('refuses to take nothing, or what lies past the end', () => {
    expect(() => slice(counting([4]), { axis: 0, start: 2, end: 2 })).toThrow(/at least one element/);
    expect(() => slice(counting([4]), { axis: 0, end: 5 })).toThrow(ShapeError);
    expect(() => slice(counting([4]), { axis: 1 })).toThrow(/axis from -1 to 0/);
  });
});

describe('pads', () => {
  it('reflect about the edge element, without repeating it', async () => {
    const padded = await read(() => pad2d(upload([1, 2, 3], [1, 3]), { left: 2, right: 2 }, 'reflect'));
    expect(padded.data).toEqual([3, 2, 1, 2, 3, 2, 1]);
  });

  it('are undone by crop', async () => {
    const x = normals(5, [2, 5, 7]);
    for (const mode of ['zeros', 'reflect', 'replicate'] as const) {
      const back = await read(() => crop(pad2d(x, 3, mode), { top: 3, left: 3, height: 5, width: 7 }));
      expect(back.data, mode).toEqual(Array.from(await x.data()));
    }
  });

  it('along channels append the constant', async () => {
    const padded = await read(() => padAxis(upload([1, 2], [1, 1, 1, 2]), 1, 0, 2, 0.5));
    expect(padded).toEqual({ shape: [1, 3, 1, 2], data: [1, 2, 0.5, 0.5, 0.5, 0.5] });
  });

  it('refuse reflections as large as the axis, and rectangles outside', () => {
    expect(() => pad2d(counting([3, 4]), { top: 3 }, 'reflect')).toThrow(/smaller than the extents/);
    expect(() => crop(counting([3, 4]), { top: 1, left: 0, height: 3, width: 1 })).toThrow(/inside 3 × 4/);
  });
});

describe('permute', () => {
  it('followed by its inverse gives the same bits, for all orders of four axes', async () => {
    const x = await read(() => normals(9, [2, 3, 4, 8]));
    for (const axes of orders([0, 1, 2, 3])) {
      const back = await read(() =>
        permute(
          permute(upload(x.data, x.shape), axes),
          axes.map((_, k) => axes.indexOf(k)),
        ),
      );
      expect(back, `${axes}`).toEqual(x);
    }
  });

  it('twice flipped is the same, and transposing moves [i, j] to [j, i]', async () => {
    const x = counting([2, 3]);
    expect((await read(() => transpose(x))).data).toEqual([0, 3, 1, 4, 2, 5]);
    expect((await read(() => flip(x, [1]))).data).toEqual([2, 1, 0, 5, 4, 3]);
    expect((await read(() => flip(flip(x, [0, 1]), [-1, -2]))).data).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('refuses axes that are not all there', () => {
    expect(() => permute(counting([2, 3]), [0])).toThrow(/each of the 2 axes/);
    expect(() => permute(counting([2, 3]), [0, 0])).toThrow(ShapeError);
  });
});

function orders(axes: readonly number[]): number[][] {
  if (axes.length < 2) return [[...axes]];
  return axes.flatMap((axis) => orders(axes.filter((other) => other !== axis)).map((rest) => [axis, ...rest]));
}

describe('on a card', () => {
  const shape = [2, 4, 6, 24];
  const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => i % 1021);
  const moves: Record<string, (x: Tensor) => Tensor> = {
    squeeze: (x) => squeeze(x),
    unsqueeze: (x) => unsqueeze(x),
    'twice as large': (x) => resize(x, { scale: 2, mode: 'nearest' }),
  };
  for (const [name, move] of Object.entries(moves)) {
    it(`${name} is what it is on other devices`, async () => {
      for (const dtype of ['f32', 'f16'] as const) {
        if (dtype === 'f16' && !device.capabilities.f16) continue;
        const [want, got] = await Promise.all(
          [device, asCard(device)].map((on) => read(() => move(tensor(on, values, shape, dtype)))),
        );
        expect(got).toEqual(want);
      }
    });
  }
});
