import { beforeAll, describe, expect, it } from 'vitest';
import { type Device, type Tensor, tensor } from '../../engine/index.ts';
import { covarianceStatistics, mergeStatistics, type Statistics } from '../../kernels/covariance/statistics.ts';
import { testDevice } from '../support/device.ts';
import { generator, normal } from '../support/samples.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

describe('covarianceStatistics', () => {
  it('is within 2e-6 of float64 on 2^20 pixels with offsets up to 1e3 standard deviations', async () => {
    const pixels = 2 ** 20;
    const random = generator(11);
    const offsets = [0, 1000, -1000, 30];
    const scales = [1, 1, 1, 0.03];
    const values = drawPixels(4, pixels, (c, _, previous) => {
      // every channel follows the one before by half; the offset is in units of the channel's deviation
      const fresh = normal(random);
      return (
        scales[c] *
        (offsets[c] + 0.5 * (c > 0 ? (previous - offsets[c - 1] * scales[c - 1]) / scales[c - 1] : 0) + fresh)
      );
    });
    const got = await statisticsOf(values, [1, 4, 1024, 1024]);
    const want = float64Statistics(values, 1, 4, pixels);
    expectCovariance(got, want, 2e-6);
    expectMeans(got, want, 1e-6);
  });

  it.each([
    [[2, 3, 1003], 'rows that do not start at multiples of four'],
    [[1, 9, 64, 65], 'more channels than a tile'],
    [[3, 17, 515], 'several items and tiles'],
    [[1, 1, 2], 'two pixels of one channel'],
    [[1, 5, 7], 'fewer pixels than a workgroup'],
    [[1, 33, 40, 41], 'three tile rows'],
  ])('agrees with float64 on %j: %s', async (shape) => {
    const random = generator(shape.length + shape[1]);
    const [items, channels] = shape;
    const pixels = shape.slice(2).reduce((a, b) => a * b);
    const values = drawPixels(items * channels, pixels, (c) => (c % 7) * 100 + (1 + (c % 3)) * normal(random));
    const got = await statisticsOf(values, shape);
    const want = float64Statistics(values, items, channels, pixels);
    expectCovariance(got, want, 2e-6);
    expectMeans(got, want, 1e-6);
    expect([...got.count]).toEqual(new Array(items).fill(pixels));
  });

  it('gives a constant channel exactly zero, and its value as mean', async () => {
    const random = generator(5);
    const values = drawPixels(4, 5000, (c) => [0, 0.1, 12345.678, normal(random)][c]);
    const got = await statisticsOf(values, [1, 4, 5000]);
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 4; j++) if (i < 3 || j < 3) expect(got.covariance[4 * i + j]).toBe(0);
    }
    expect([...got.mean.slice(0, 3)]).toEqual([0, 0.1, 12345.678].map(Math.fround));
  });

  it('is as accurate where rounding errors all have one sign: two values in long runs', async () => {
    const pixels = 200_000;
    const values = drawPixels(2, pixels, (c, p) => (Math.floor(p / (c === 0 ? 3 : 700)) % 3 === 0 ? 0.7 : 0.1));
    expectCovariance(await statisticsOf(values, [1, 2, pixels]), float64Statistics(values, 1, 2, pixels), 2e-6);
  });

  it('is symmetric', async () => {
    const random = generator(8);
    const { covariance } = await statisticsOf(
      drawPixels(13, 900, () => normal(random)),
      [1, 13, 900],
    );
    for (let i = 0; i < 13; i++)
      for (let j = 0; j < i; j++) expect(covariance[13 * i + j]).toBe(covariance[13 * j + i]);
  });

  it.each([[[2, 5, 30, 31]], [[2, 9, 32, 40]]])('counts the pixels of one label alone: %j', async (shape) => {
    const random = generator(shape[1]);
    const [items, channels, height, width] = shape;
    const pixels = height * width;
    const labels = Uint32Array.from({ length: items * pixels }, () => Math.floor(random() * 3));
    const values = drawPixels(items * channels, pixels, (c) => 50 * c + normal(random));
    // what does not count may hold anything
    for (let i = 0; i < items; i++) {
      for (let p = 0; p < pixels; p += 5) {
        labels[i * pixels + p] = 7;
        for (let c = 0; c < channels; c++) values[(i * channels + c) * pixels + p] = Number.NaN;
      }
    }
    const map = tensor(device, labels, [items, height, width], 'u32');
    for (const label of [0, 2]) {
      const got = await statisticsOf(values, shape, { labels: map, label });
      const want = float64Statistics(values, items, channels, pixels, (i, p) => labels[i * pixels + p] === label);
      expect([...got.count]).toEqual([...want.count]);
      expectCovariance(got, want, 2e-6);
      expectMeans(got, want, 1e-6);
    }
    map.dispose();
  });

  it('is zero, not NaN, for a label that nothing or one pixel has', async () => {
    const labels = tensor(device, [0, 0, 0, 4, 0, 0], [1, 6], 'u32');
    const values = Float32Array.from({ length: 12 }, (_, i) => i + 1);
    const none = await statisticsOf(values, [1, 2, 6], { labels, label: 9 });
    expect(none).toEqual({ mean: new Float64Array(2), covariance: new Float64Array(4), count: new Float64Array(1) });
    const one = await statisticsOf(values, [1, 2, 6], { labels, label: 4 });
    expect(one).toEqual({
      mean: Float64Array.of(4, 10),
      covariance: new Float64Array(4),
      count: Float64Array.of(1),
    });
    labels.dispose();
  });

  it('takes f16', async () => {
    if (!device.capabilities.f16) return;
    const random = generator(3);
    const values = drawPixels(3, 777, () => Math.round(normal(random) * 64) / 64);
    const x = tensor(device, values, [1, 3, 777], 'f16');
    expectCovariance(await covarianceStatistics(x), float64Statistics(values, 1, 3, 777), 2e-6);
    x.dispose();
  });

  it('refuses shapes that have no pixels, and labels of another size or type', async () => {
    const x = tensor(device, [1, 2, 3, 4], [2, 2]);
    const picture = tensor(device, [1, 2, 3, 4], [1, 2, 2]);
    const short = tensor(device, [1], [1, 1], 'u32');
    const floats = tensor(device, [1, 2], [1, 2]);
    await expect(covarianceStatistics(x)).rejects.toThrow('[N, C, HW]');
    await expect(covarianceStatistics(picture, { labels: short })).rejects.toThrow('label');
    await expect(covarianceStatistics(picture, { labels: floats })).rejects.toThrow('u32');
    for (const t of [x, picture, short, floats]) t.dispose();
  });
});

describe('mergeStatistics', () => {
  it('of tiles is the statistics of the whole', async () => {
    const random = generator(21);
    const pixels = 3000;
    const values = drawPixels(6, pixels, (c, p) => 10 * c + 0.001 * p * c + normal(random));
    const want = float64Statistics(values, 2, 3, pixels);
    const cuts = [0, 1, 1000, 1003, 3000];
    const parts: Statistics[] = [];
    for (let k = 0; k + 1 < cuts.length; k++) {
      const width = cuts[k + 1] - cuts[k];
      const rows = Array.from({ length: 6 }, (_, c) => values.slice(c * pixels + cuts[k], c * pixels + cuts[k + 1]));
      const tile = Float32Array.from(rows.flatMap((row) => [...row]));
      parts.push(await statisticsOf(tile, [2, 3, width]));
    }
    const got = mergeStatistics(parts);
    expect([...got.count]).toEqual([pixels, pixels]);
    expectCovariance(got, want, 2e-6);
    expectMeans(got, want, 1e-6);
    expect(parts[0].count[0], 'parts are left as they were').toBe(1);
  });

  it('skips parts in which nothing counted', () => {
    const empty = { mean: new Float64Array(2), covariance: new Float64Array(4), count: new Float64Array(1) };
    const part = { mean: Float64Array.of(1, 2), covariance: Float64Array.of(4, 1, 1, 3), count: Float64Array.of(10) };
    expect(mergeStatistics([empty, part, empty])).toEqual(part);
    expect(mergeStatistics([empty, empty])).toEqual(empty);
  });

  it('refuses parts of different channels, and none', () => {
    const part = (c: number) => ({
      mean: new Float64Array(c),
      covariance: new Float64Array(c * c),
      count: new Float64Array(1),
    });
    expect(() => mergeStatistics([part(2), part(3)])).toThrow('same items and channels');
    expect(() => mergeStatistics([])).toThrow('at least one part');
  });
});

async function statisticsOf(
  values: Float32Array,
  shape: readonly number[],
  options: { labels?: Tensor; label?: number } = {},
): Promise<Statistics> {
  const x = tensor(device, values, shape);
  const statistics = await covarianceStatistics(x, options);
  x.dispose();
  return statistics;
}

/** f32 values [rows, pixels] of f(row, pixel, the value of the row before). */
function drawPixels(
  rows: number,
  pixels: number,
  f: (row: number, pixel: number, previous: number) => number,
): Float32Array {
  const values = new Float32Array(rows * pixels);
  for (let row = 0; row < rows; row++) {
    for (let p = 0; p < pixels; p++) {
      values[row * pixels + p] = f(row, p, row > 0 ? values[(row - 1) * pixels + p] : 0);
    }
  }
  return values;
}

/** The definition, two passes in float64. */
function float64Statistics(
  values: Float32Array,
  items: number,
  channels: number,
  pixels: number,
  counts: (item: number, pixel: number) => boolean = () => true,
): Statistics {
  const mean = new Float64Array(items * channels);
  const covariance = new Float64Array(items * channels * channels);
  const count = new Float64Array(items);
  for (let item = 0; item < items; item++) {
    const at = Array.from({ length: pixels }, (_, p) => p).filter((p) => counts(item, p));
    count[item] = at.length;
    const x = (c: number, p: number) => values[(item * channels + c) * pixels + p];
    for (let c = 0; c < channels; c++) mean[item * channels + c] = at.reduce((s, p) => s + x(c, p), 0) / at.length;
    const mu = mean.subarray(item * channels);
    for (let i = 0; i < channels; i++) {
      for (let j = 0; j <= i; j++) {
        let moment = 0;
        for (const p of at) moment += (x(i, p) - mu[i]) * (x(j, p) - mu[j]);
        covariance[(item * channels + i) * channels + j] = moment / (at.length - 1);
        covariance[(item * channels + j) * channels + i] = moment / (at.length - 1);
      }
    }
  }
  return { mean, covariance, count };
}

/** |error of Σij| ≤ tolerance · sqrt(Σii Σjj). */
function expectCovariance(got: Statistics, want: Statistics, tolerance: number): void {
  const channels = want.mean.length / want.count.length;
  let worst = 0;
  want.covariance.forEach((value, e) => {
    const item = Math.floor(e / channels ** 2);
    const deviation = (c: number) => Math.sqrt(want.covariance[item * channels ** 2 + c * (channels + 1)]);
    const scale = deviation(Math.floor(e / channels) % channels) * deviation(e % channels);
    const error = Math.abs(got.covariance[e] - value) / scale;
    if (!(error <= worst)) worst = error;
  });
  expect(worst).toBeLessThanOrEqual(tolerance);
}

/** |error of μ| ≤ tolerance · standard deviation. */
function expectMeans(got: Statistics, want: Statistics, tolerance: number): void {
  const channels = want.mean.length / want.count.length;
  want.mean.forEach((value, row) => {
    const item = Math.floor(row / channels);
    const variance = want.covariance[item * channels ** 2 + (row % channels) * (channels + 1)];
    expect(Math.abs(got.mean[row] - value)).toBeLessThanOrEqual(tolerance * Math.sqrt(variance));
  });
}
