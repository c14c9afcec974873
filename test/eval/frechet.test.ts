import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { serializeNpy } from '../../train/checkpoint/npy.ts';
import { writeNpz } from '../../train/checkpoint/npz.ts';
import { type Features, statisticsFrom, statisticsOf } from '../../train/eval/feature-statistics.ts';
import { frechetDistance } from '../../train/eval/frechet.ts';
import { kernelDistance, kernelDistanceOfSubsets } from '../../train/eval/kernel-distance.ts';
import { readStatistics, writeStatistics } from '../../train/eval/statistics-file.ts';
import { generator, normal } from '../support/samples.ts';

/** Features with correlations, so that covariances do not commute. */
function features(count: number, dims: number, seed: number, shift = 0): Features {
  const random = generator(seed);
  const mixing = Float64Array.from({ length: dims * dims }, () => normal(random) / Math.sqrt(dims));
  const values = new Float64Array(count * dims);
  for (let i = 0; i < count; i++) {
    const own = Float64Array.from({ length: dims }, () => normal(random));
    for (let j = 0; j < dims; j++) {
      values[i * dims + j] = shift + own.reduce((s, v, k) => s + v * mixing[k * dims + j], 0);
    }
  }
  return { values, count, dims };
}

/** The same statistics, as a file would give them. */
const stored = (f: Features) => {
  const { mean, covariance } = statisticsOf(f);
  return statisticsFrom(mean, covariance());
};

const folder = mkdtempSync(join(tmpdir(), 'miaobi-frechet-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('statistics', () => {
  it('divide the covariance by n − 1', () => {
    const { mean, covariance, trace } = statisticsOf({ values: Float64Array.of(1, 2, 3, 6), count: 2, dims: 2 });
    expect([...mean]).toEqual([2, 4]);
    for (const [i, v] of [2, 4, 4, 8].entries()) expect(covariance()[i]).toBeCloseTo(v, 14);
    expect(trace).toBeCloseTo(10, 14);
  });

  it('need two pictures and finite features', () => {
    expect(() => statisticsOf({ values: Float64Array.of(1), count: 1, dims: 1 })).toThrow(/at least two pictures/);
    expect(() => statisticsOf({ values: Float64Array.of(1, Number.NaN), count: 2, dims: 1 })).toThrow(/finite/);
    expect(() => statisticsFrom(new Float64Array(2), new Float64Array(3))).toThrow(/2 x 2/);
  });
});

describe('the Fréchet distance', () => {
  it('is known where covariances commute', () => {
    const of = (mean: number[], variances: number[]) => {
      const sigma = new Float64Array(9);
      variances.forEach((v, i) => {
        sigma[i * 4] = v;
      });
      return statisticsFrom(Float64Array.from(mean), sigma);
    };
    const found = frechetDistance(of([0, 1, 2], [1, 4, 0]), of([1, 1, 0], [4, 9, 16]));
    expect(found.meanTerm).toBe(5);
    expect(found.rootTrace).toBeCloseTo(2 + 6, 12);
    expect(found.distance).toBeCloseTo(5 + 5 + 29 - 16, 12);
  });

  it.each([
    [9, 7, 12], // fewer pictures than features: the rows themselves
    [40, 7, 12],
    [40, 33, 12], // more: their triangles
  ])('of %i and %i pictures with %i features is the same by every route', (m, n, dims) => {
    const [a, b] = [features(m, dims, 1), features(n, dims, 2, 0.3)];
    const { distance, rootTrace } = frechetDistance(statisticsOf(a), statisticsOf(b));
    expect(distance).toBeGreaterThan(1);
    const routes = [
      frechetDistance(stored(a), stored(b)),
      frechetDistance(statisticsOf(a), stored(b)),
      frechetDistance(stored(a), statisticsOf(b)),
      frechetDistance(statisticsOf(b), statisticsOf(a)),
    ];
    for (const route of routes) {
      expect(Math.abs(route.rootTrace - rootTrace)).toBeLessThan(2e-6); // roots of rounding in absent directions
      expect(Math.abs(route.distance - distance)).toBeLessThan(4e-6);
    }
  });

  it('of a set to itself is rounding, also where features are constant', () => {
    const a = features(20, 6, 3);
    for (let i = 0; i < a.count; i++) a.values[i * 6 + 2] = 0;
    expect(Math.abs(frechetDistance(statisticsOf(a), statisticsOf(a)).distance)).toBeLessThan(1e-12);
    expect(Math.abs(frechetDistance(stored(a), stored(a)).distance)).toBeLessThan(1e-6);
  });

  it('refuses features of another kind', () => {
    const of = (dims: number) => statisticsOf(features(3, dims, 4));
    expect(() => frechetDistance(of(4), of(5))).toThrow(/4 and 5 of them/);
  });
});

describe('statistics files', () => {
  const statistics = statisticsOf(features(9, 5, 5));

  it('come back bit for bit', async () => {
    const path = join(folder, 'a.npz');
    await writeStatistics(path, statistics);
    const read = await readStatistics(path);
    expect(read.mean).toEqual(statistics.mean);
    expect(read.covariance()).toEqual(statistics.covariance());
    expect(read.trace).toBeCloseTo(statistics.trace, 12);
    expect(read.count).toBeUndefined();
  });

  it('may be two files of floats', async () => {
    const floats = (values: Float64Array, shape: number[]) =>
      serializeNpy({ dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) });
    writeFileSync(join(folder, 'train_m.npy'), floats(statistics.mean, [5]));
    writeFileSync(join(folder, 'train_s.npy'), floats(statistics.covariance(), [5, 5]));
    const read = await readStatistics(join(folder, 'train_m.npy'));
    expect(read.mean).toEqual(Float64Array.from(statistics.mean, Math.fround));
    expect(read.dims).toBe(5);
  });

  it('are refused when they are something else', async () => {
    const raw = (shape: number[], fill = 0) => ({
      dtype: 'F64' as const,
      shape,
      bytes: new Uint8Array(new Float64Array(shape.reduce((a, b) => a * b)).fill(fill).buffer),
    });
    const path = join(folder, 'other.npz');
    await writeNpz(path, new Map([['weights', raw([3])]]));
    await expect(readStatistics(path)).rejects.toThrow(/expected mu \[d\] and sigma \[d, d\], got mu \[none\]/);
    await writeNpz(
      path,
      new Map([
        ['mu', raw([2])],
        ['sigma', raw([2, 2], Number.NaN)],
      ]),
      { overwrite: true },
    );
    await expect(readStatistics(path)).rejects.toThrow(/finite/);
    await expect(readStatistics(join(folder, 'none.npz'))).rejects.toThrow(/no such file/);
  });
});

describe('the kernel distance', () => {
  it('averages the kernel over pairs, without those of a picture with itself', () => {
    const [x, y] = [features(6, 4, 6), features(6, 4, 7, 0.5)];
    const k = (a: Features, i: number, b: Features, j: number) => {
      let product = 0;
      for (let d = 0; d < 4; d++) product += a.values[i * 4 + d] * b.values[j * 4 + d];
      return (product / 4 + 1) ** 3;
    };
    let [within, across, diagonal] = [0, 0, 0];
    for (let i = 0; i < 6; i++) {
      for (let j = 0; j < 6; j++) {
        if (i !== j) within += k(x, i, x, j) + k(y, i, y, j);
        across += k(x, i, y, j);
      }
      diagonal += k(x, i, y, i);
    }
    const found = kernelDistance(x, y);
    expect(found.unbiased).toBeCloseTo(within / 30 - across / 18, 10);
    expect(found.uStatistic).toBeCloseTo((within - 2 * (across - diagonal)) / 30, 10);
  });

  it('is about zero between samples of one distribution, by its own deviation', () => {
    const all = features(400, 8, 8);
    const half = (start: number): Features => ({
      values: all.values.slice(start * 8, (start + 200) * 8),
      count: 200,
      dims: 8,
    });
    const { unbiased, variance } = kernelDistance(half(0), half(200));
    expect(Math.abs(unbiased)).toBeLessThan(4 * Math.sqrt(variance));
    expect(kernelDistance(half(0), features(200, 8, 9, 1)).unbiased).toBeGreaterThan(10 * Math.sqrt(variance));
  });

  it('draws subsets without putting back, the same ones for the same seed', () => {
    const [x, y] = [features(30, 4, 10), features(25, 4, 11, 0.5)];
    const found = kernelDistanceOfSubsets(x, y, { subsets: 20, size: 12 });
    expect(found).toEqual(kernelDistanceOfSubsets(x, y, { subsets: 20, size: 12 }));
    expect(found.mean).not.toBe(kernelDistanceOfSubsets(x, y, { subsets: 20, size: 12, seed: 1 }).mean);
    expect(found.std).toBeGreaterThan(0);
    const whole = kernelDistanceOfSubsets(x, x, { size: 99 });
    expect(whole).toMatchObject({ size: 30, subsets: 1, std: 0 });
    expect(whole.mean).toBeCloseTo(kernelDistance(x, x).unbiased, 10);
  });

  it('refuses sets of different size', () => {
    expect(() => kernelDistance(features(4, 2, 1), features(5, 2, 1))).toThrow(/equal size/);
  });
});
