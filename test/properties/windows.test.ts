import { beforeAll, describe, expect, it } from 'vitest';
import { type Device, type Shape, ShapeError, scope, sizeOf, type Tensor, tensor, vjp } from '../../engine/index.ts';
import {
  adaptiveAveragePool2d,
  averagePool2d,
  globalAveragePool,
  globalMaxPool,
  maxPool2d,
  type ResizeOptions,
  resize,
} from '../../kernels/index.ts';
import { testDevice } from '../support/device.ts';
import { generator, normal } from '../support/samples.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const UNIT = 2 ** -24;
const upload = (values: ArrayLike<number>, shape: Shape) => tensor(device, values, shape);
const normals = (seed: number, shape: Shape) => {
  const random = generator(seed);
  return upload(
    Float32Array.from({ length: sizeOf(shape) }, () => normal(random)),
    shape,
  );
};

async function read(fn: () => Tensor): Promise<number[]> {
  const result = scope(fn);
  const data = await result.data();
  result.dispose();
  return Array.from(data);
}

async function gradient(x: Tensor, fn: () => Tensor): Promise<number[]> {
  return read(() => {
    const { outputs, pull } = vjp(() => [fn()], [x]);
    return pull([upload(new Float32Array(outputs[0].size).fill(1), outputs[0].shape)])[0] as Tensor;
  });
}

const PICTURE = [1, 5, 2, 8, 3, 0, 7, 4, 6, 9, 1, 2];

describe('resize', () => {
  // what torch.nn.functional.interpolate 1.13 returns for the picture
  it.each<[string, ResizeOptions, number[]]>([
    ['nearest', { size: [2, 6], mode: 'nearest' }, [1, 1, 5, 2, 2, 8, 3, 3, 0, 7, 7, 4]],
    ['nearest-exact', { size: [2, 6], mode: 'nearest-exact' }, [1, 5, 5, 2, 8, 8, 6, 9, 9, 1, 2, 2]],
    [
      'bilinear',
      { size: [2, 6], mode: 'bilinear' },
      [1.5, 2.625, 3.66667, 3.33333, 5.125, 7, 5.25, 6, 6.04167, 3.20833, 2.5, 2.5],
    ],
    [
      'bilinear, corners aligned',
      { size: [2, 6], mode: 'bilinear', alignCorners: true },
      [1, 3.4, 4.4, 2.6, 4.4, 8, 6, 7.8, 7.4, 2.6, 1.4, 2],
    ],
    [
      'bicubic',
      { size: [2, 6], mode: 'bicubic' },
      [1.15641, 2.46863, 3.64599, 3.08009, 5.2345, 7.49569, 5.26957, 6.48633, 6.30012, 3.18865, 2.02539, 2.29317],
    ],
    [
      'bicubic, corners aligned',
      { size: [2, 6], mode: 'bicubic', alignCorners: true },
      [1, 3.772, 4.712, 2.048, 4.004, 8, 6, 8.7, 7.856, 2.384, 0.524, 2],
    ],
    ['area', { size: [2, 6], mode: 'area' }, [2, 2.25, 2.5, 4.5, 5.25, 6, 4.5, 4.5, 4.5, 4, 3.5, 3]],
    [
      'bilinear by a factor that does not divide the extents',
      { scale: [0.7, 1.3], mode: 'bilinear' },
      [1.42857, 3.06319, 3.56593, 3.8544, 6.98626, 4.92857, 5.48901, 4.66758, 3.06044, 2.73077],
    ],
  ])('returns what PyTorch returns: %s', async (_, options, want) => {
    const got = await read(() => resize(upload(PICTURE, [1, 1, 3, 4]), options));
    expect(got.length).toBe(want.length);
    got.forEach((value, i) => {
      expect(Math.abs(value - want[i]), `element ${i}: ${value}`).toBeLessThan(6e-6);
    });
  });

  it('keeps constants, whatever the ratio', async () => {
    for (const mode of ['nearest', 'nearest-exact', 'bilinear', 'bicubic', 'area'] as const) {
      for (const size of [
        [1, 1],
        [7, 31],
        [40, 3],
      ] as const) {
        const got = await read(() => resize(upload(new Float32Array(13 * 11).fill(3), [13, 11]), { size, mode }));
        for (const value of got) expect(Math.abs(value - 3), `${mode} ${size}`).toBeLessThan(16 * UNIT);
      }
    }
  });

  it('places a ramp of 10000 elements exactly, where an f32 position would be off by 2^-11 of an element', async () => {
    const n = 10000;
    const m = 3001;
    const ramp = Float32Array.from({ length: n }, (_, i) => i % 2);
    const got = await read(() => resize(upload(ramp, [1, n]), { size: [1, m], mode: 'bilinear' }));
    got.forEach((value, o) => {
      const position = (n / m) * (o + 0.5) - 0.5;
      const t = position - Math.floor(position);
      const want = Math.floor(position) % 2 === 0 ? t : 1 - t;
      expect(Math.abs(value - want), `output ${o}`).toBeLessThan(2e-6);
    });
  });

  it('needs one of size and scale', () => {
    expect(() => resize(upload([1], [1, 1]), {})).toThrow(ShapeError);
    expect(() => resize(upload([1], [1, 1]), { size: [2, 2], scale: 2 })).toThrow(/either size or scale/);
    expect(() => resize(upload([1], [1, 1]), { scale: 0.5 })).toThrow(/at least 1/);
    expect(() => resize(upload([1], [1, 1]), { size: [2, 2], mode: 'area', alignCorners: true })).toThrow(
      /alignCorners/,
    );
  });
});

describe('maxPool2d', () => {
  it('keeps the partial windows of ceil mode', async () => {
    const got = await read(() => maxPool2d(upload(PICTURE, [1, 1, 3, 4]), { kernel: 2, ceilMode: true }));
    expect(got).toEqual([5, 8, 9, 2]);
  });

  it('never takes the padding, even where all is negative', async () => {
    const got = await read(() => maxPool2d(upload([-3, -2, -5, -7], [2, 2]), { kernel: 3, stride: 2, padding: 1 }));
    expect(got).toEqual([-2]);
  });

  it('sends the gradient of ties to the first maximum of each window', async () => {
    const x = upload(new Float32Array(9), [1, 1, 3, 3]);
    const got = await gradient(x, () => maxPool2d(x, { kernel: 2, stride: 1 }));
    expect(got).toEqual([1, 1, 0, 1, 1, 0, 0, 0, 0]);
  });

  it('refuses windows that could hold padding alone, and windows larger than x', () => {
    const x = upload(PICTURE, [3, 4]);
    expect(() => maxPool2d(x, { kernel: 2, padding: 2 })).toThrow(/half a window/);
    expect(() => maxPool2d(x, { kernel: 4 })).toThrow(/larger than x/);
  });
});

describe('averagePool2d', () => {
  // what torch.nn.functional.avg_pool2d 1.13 returns for the picture
  it('counts the padding, but nothing past it', async () => {
    const options = { kernel: 3, stride: 2, padding: 1, ceilMode: true };
    const x = upload(PICTURE, [1, 1, 3, 4]);
    const close = (got: number[], want: number[]) =>
      want.forEach((value, i) => {
        expect(Math.abs(got[i] - value), `element ${i}`).toBeLessThan(16 * UNIT * value);
      });
    close(await read(() => averagePool2d(x, options)), [1, 26 / 9, 2, 2, 23 / 9, 1]);
    close(await read(() => averagePool2d(x, { ...options, countPadding: false })), [2.25, 13 / 3, 6, 4.5, 23 / 6, 3]);
  });
});

describe('global and adaptive pools', () => {
  it('equal loops over the planes', async () => {
    const x = normals(1, [2, 3, 17, 29]);
    const data = Array.from(await x.data());
    const planes = Array.from({ length: 6 }, (_, p) => data.slice(p * 493, (p + 1) * 493));
    expect(await read(() => globalMaxPool(x))).toEqual(planes.map((plane) => Math.max(...plane)));
    const means = planes.map((plane) => plane.reduce((a, b) => a + b, 0) / plane.length);
    for (const pool of [globalAveragePool, (y: Tensor) => adaptiveAveragePool2d(y, [1, 1])]) {
      (await read(() => pool(x))).forEach((value, p) => {
        expect(Math.abs(value - means[p])).toBeLessThan(32 * UNIT);
      });
    }
  });

  it('of the maximum send the gradient to the first place by rows', async () => {
    const x = upload([0, 2, 1, 2, 2, 0], [1, 1, 2, 3]);
    expect(await gradient(x, () => globalMaxPool(x))).toEqual([0, 1, 0, 0, 0, 0]);
  });
});
