import { describe, expect, it } from 'vitest';
import { affineMapGradient, choleskyGradient64 } from '../../models/cap-vstnet/cwct-gradient-host.ts';
import { affineMap, type LatentStatistics } from '../../models/cap-vstnet/cwct-host.ts';
import { planRegions, regionStatistics } from '../../models/cap-vstnet/regions.ts';
import { latentStatistics } from '../../models/cap-vstnet/statistics-host.ts';
import { cholesky64, matmul64, transpose64 } from '../../models/layers/linalg64.ts';

/** Uniform in [-1, 1), repeatable. */
function uniform(length: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const dot = (a: ArrayLike<number>, b: Float64Array) => b.reduce((s, x, i) => s + x * a[i], 0);

describe('latentStatistics', () => {
  /** From the definition, one pair of channels at a time. */
  function naive(x: Float32Array, n: number): LatentStatistics {
    const pixels = x.length / n;
    const row = (c: number) => Array.from(x.subarray(c * pixels, (c + 1) * pixels));
    const mean = Float64Array.from({ length: n }, (_, c) => row(c).reduce((s, v) => s + v, 0) / pixels);
    const covariance = Float64Array.from({ length: n * n }, (_, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      const other = row(j);
      return row(i).reduce((s, v, p) => s + (v - mean[i]) * (other[p] - mean[j]), 0) / (pixels - 1);
    });
    return { mean, covariance };
  }

  it.each([
    [1, 2],
    [2, 127],
    [5, 128],
    [8, 129],
    [7, 1000],
  ])('follows the definition for N = %i, %i pixels', (n, pixels) => {
    const items = [11, 12].map((seed) => Float32Array.from(uniform(n * pixels, seed), (v) => v + 1e3));
    const both = latentStatistics(Float32Array.of(...items[0], ...items[1]), 2, n);
    items.forEach((x, item) => {
      const expected = naive(x, n);
      for (let i = 0; i < n; i++) expect(both.mean[item * n + i]).toBeCloseTo(expected.mean[i], 10);
      for (let i = 0; i < n * n; i++) {
        expect(both.covariance[item * n * n + i]).toBeCloseTo(expected.covariance[i], 12);
      }
    });
  });

  it('gives a constant channel a variance of exactly zero', () => {
    const x = Float32Array.from({ length: 900 }, (_, i) => (i < 300 ? 0.1 : Math.sin(i)));
    const { covariance } = latentStatistics(x, 1, 3);
    expect(Array.from(covariance.subarray(0, 3))).toEqual([0, 0, 0]);
  });

  it('counts pixels, and has no covariance for one or none', () => {
    expect(latentStatistics(Float32Array.of(1, 2, 3, 4), 1, 2).count).toEqual(Float64Array.of(2));
    const single = latentStatistics(Float32Array.of(5, 7), 1, 2);
    expect(single).toEqual({ mean: Float64Array.of(5, 7), covariance: new Float64Array(4), count: Float64Array.of(1) });
    expect(latentStatistics(new Float32Array(0), 1, 2).mean).toEqual(new Float64Array(2));
  });
});

describe('affineMapGradient', () => {
  const n = 4;
  const spd = (seed: number) => {
    const g = uniform(n * n, seed);
    return matmul64(g, transpose64(g, n, n), n, n, n).map((x, at) => x + (at % (n + 1) === 0 ? 0.5 : 0));
  };
  const statistics = (seed: number): LatentStatistics => ({ mean: uniform(n, seed), covariance: spd(seed + 1) });
  const content = statistics(1);
  const styles = [statistics(3), statistics(5)];
  const weights = [0.3, 0.6];
  const alphaContent = 0.2;
  const [dMatrix, dMean] = [uniform(n * n, 7), uniform(n, 8)];

  /** ⟨M̄, M⟩ + ⟨m̄, m⟩, with m = b + M μc. */
  function loss(c: LatentStatistics, s: readonly LatentStatistics[]): number {
    const map = affineMap(
      c,
      s.map((of, k) => ({ statistics: of, weight: weights[k] })),
      n,
      { alphaContent },
    );
    const mean = matmul64(map.matrix, c.mean, n, n, 1).map((x, i) => x + map.offset[i]);
    return dot(map.matrix, dMatrix) + dot(mean, dMean);
  }

  const map = affineMap(
    content,
    styles.map((of, k) => ({ statistics: of, weight: weights[k] })),
    n,
    { alphaContent },
  );
  const gradient = affineMapGradient(map, n, dMatrix, dMean, weights, alphaContent);

  /** Central difference of the loss along a direction of one statistic. */
  function slope(change: (step: number) => number): number {
    const h = 1e-5;
    return (change(h) - change(-h)) / (2 * h);
  }
  const moved = (x: Float64Array, direction: Float64Array, h: number) => x.map((v, i) => v + h * direction[i]);
  const symmetric = uniform(n * n, 9).map((x, at, all) => x + all[(at % n) * n + Math.floor(at / n)]);
  const vector = uniform(n, 10);

  it('matches differences in the covariance of the content', () => {
    const measured = slope((h) => loss({ ...content, covariance: moved(content.covariance, symmetric, h) }, styles));
    expect(dot(gradient.contentCovariance, symmetric)).toBeCloseTo(measured, 7);
  });

  it('matches differences in the mean of the content', () => {
    const measured = slope((h) => loss({ ...content, mean: moved(content.mean, vector, h) }, styles));
    expect(dot(gradient.contentMean, vector)).toBeCloseTo(measured, 7);
  });

  it.each([0, 1])('matches differences in the statistics of style %i', (k) => {
    const replaced = (style: LatentStatistics) => styles.map((old, i) => (i === k ? style : old));
    const covariance = slope((h) =>
      loss(content, replaced({ ...styles[k], covariance: moved(styles[k].covariance, symmetric, h) })),
    );
    expect(dot(gradient.styles[k].covariance, symmetric)).toBeCloseTo(covariance, 7);
    const mean = slope((h) => loss(content, replaced({ ...styles[k], mean: moved(styles[k].mean, vector, h) })));
    expect(dot(gradient.styles[k].mean, vector)).toBeCloseTo(mean, 7);
  });

  it('ignores what reaches a factor above its diagonal', () => {
    const { l } = cholesky64(spd(21), n);
    const dl = uniform(n * n, 22);
    const poisoned = dl.map((x, at) => (at % n > Math.floor(at / n) ? 1e9 : x));
    expect(choleskyGradient64(l, poisoned, n)).toEqual(choleskyGradient64(l, dl, n));
  });
});

describe('planRegions', () => {
  /** Rows of 10 pixels: `rows` says how many rows each label has. */
  const bands = (rows: Record<number, number>) => {
    const labels = Object.entries(rows).flatMap(([label, count]) => new Array(count * 10).fill(Number(label)));
    return { labels: Int32Array.from(labels), width: 10, height: labels.length / 10 };
  };

  it('transfers labels that are valid at full size and survive the resizing', () => {
    const content = bands({ 1: 4, 2: 6, 3: 1, 4: 9 });
    const style = bands({ 1: 5, 3: 5, 4: 2, 5: 8 });
    const plan = planRegions(content, style, { width: 5, height: 10 }, { width: 5, height: 10 });
    expect(plan.matches.map(({ label, valid }) => [label, valid])).toEqual([
      [1, true],
      [2, false],
      [3, false],
      [4, true],
    ]);
    expect(plan.labels).toEqual([1, 4]);
    expect(plan.content.labels.length).toBe(50);
  });

  it('drops a valid label that vanishes on resizing', () => {
    const both = bands({ 0: 18, 7: 2 });
    const plan = planRegions(both, both, { width: 10, height: 2 }, { width: 10, height: 20 });
    expect(plan.matches.map(({ valid }) => valid)).toEqual([true, true]);
    expect(plan.labels).toEqual([0]);
  });

  it('measures a region by its own pixels and their count less one', () => {
    const latent = Float32Array.of(1, 100, 3, 100, 5, 7, 200, 8, 200, 9);
    const region = regionStatistics(latent, 2, Int32Array.of(4, 0, 4, 0, 4), 4);
    expect(region.mean).toEqual(Float64Array.of(3, 8));
    expect(region.covariance).toEqual(Float64Array.of(4, 2, 2, 1));
  });
});
