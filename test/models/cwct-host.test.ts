import { describe, expect, it } from 'vitest';
import {
  affineMap,
  factorise,
  JITTER_EPS,
  type LatentStatistics,
  StatisticsError,
} from '../../models/cap-vstnet/cwct-host.ts';
import { matmul64, transpose64 } from '../../models/layers/linalg64.ts';

const STEP = Math.fround(JITTER_EPS);

/** Mean and covariance of `pixels` columns drawn from a simple generator, [1, n, pixels]. */
function statisticsOf(n: number, pixels: number, seed: number): LatentStatistics & { x: Float64Array } {
  let state = seed;
  const x = Float64Array.from({ length: n * pixels }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  });
  for (let c = 1; c < n; c++) for (let p = 0; p < pixels; p++) x[c * pixels + p] += 0.5 * x[(c - 1) * pixels + p];
  return { ...measure(x, n, pixels), x };
}

function measure(x: Float64Array, n: number, pixels: number): LatentStatistics {
  const mean = Float64Array.from({ length: n }, (_, c) => {
    return x.subarray(c * pixels, (c + 1) * pixels).reduce((s, v) => s + v, 0) / pixels;
  });
  const z = x.map((v, at) => v - mean[Math.floor(at / pixels)]);
  const covariance = matmul64(z, transpose64(z, n, pixels), n, pixels, n).map((v) => v / (pixels - 1));
  return { mean, covariance };
}

function apply(map: { matrix: Float64Array; offset: Float64Array }, x: Float64Array, n: number, pixels: number) {
  return matmul64(map.matrix, x, n, n, pixels).map((v, at) => v + map.offset[Math.floor(at / pixels)]);
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  return a.reduce((worst, v, i) => Math.max(worst, Math.abs(v - b[i])), 0);
}

describe('affineMap', () => {
  const n = 9;
  const content = statisticsOf(n, 60, 1);
  const style = statisticsOf(n, 80, 2);

  it("gives the content the style's mean and covariance", () => {
    const map = affineMap(content, [{ statistics: style, weight: 1 }], n);
    const moved = measure(apply(map, content.x, n, 60), n, 60);
    expect(largestDifference(moved.mean, style.mean)).toBeLessThan(1e-12);
    expect(largestDifference(moved.covariance, style.covariance)).toBeLessThan(1e-12);
    expect(map.content.retries + map.styles[0].retries).toBe(0);
  });

  it('leaves the content as it is when it is its own style, or with alphaContent 1', () => {
    const self = affineMap(content, [{ statistics: content, weight: 1 }], n);
    expect(largestDifference(apply(self, content.x, n, 60), content.x)).toBeLessThan(1e-12);
    const kept = affineMap(content, [{ statistics: style, weight: 1 }], n, { alphaContent: 1 });
    expect(largestDifference(apply(kept, content.x, n, 60), content.x)).toBeLessThan(1e-12);
  });

  it('mixes Cholesky factors and means, not covariances', () => {
    const other = statisticsOf(n, 70, 3);
    const weights = [0.3, 0.7];
    const map = affineMap(
      content,
      [style, other].map((statistics, k) => ({ statistics, weight: weights[k] })),
      n,
      { alphaContent: 0.25 },
    );
    const [lc, l0, l1] = [content, style, other].map((s) => factorise(s.covariance, n).l);
    const mixed = lc.map((v, i) => 0.25 * v + 0.75 * (0.3 * l0[i] + 0.7 * l1[i]));
    expect(largestDifference(matmul64(map.matrix, lc, n, n, n), mixed)).toBeLessThan(1e-13);
    const mean = content.mean.map((v, i) => 0.25 * v + 0.75 * (0.3 * style.mean[i] + 0.7 * other.mean[i]));
    expect(largestDifference(apply(map, content.mean, n, 1), mean)).toBeLessThan(1e-13);
  });

  it('treats the items of a batch alone', () => {
    const join = (a: LatentStatistics, b: LatentStatistics) => ({
      mean: Float64Array.of(...a.mean, ...b.mean),
      covariance: Float64Array.of(...a.covariance, ...b.covariance),
    });
    const both = affineMap(join(content, style), [{ statistics: join(style, content), weight: 1 }], n);
    const first = affineMap(content, [{ statistics: style, weight: 1 }], n);
    expect(both.matrix.subarray(0, n * n)).toEqual(first.matrix);
    expect(both.offset.subarray(0, n)).toEqual(first.offset);
  });

  it('refuses statistics that are not finite', () => {
    const broken = { ...style, mean: style.mean.map(() => Number.NaN) };
    expect(() => affineMap(content, [{ statistics: broken, weight: 1 }], n)).toThrow(StatisticsError);
  });
});

describe('factorise', () => {
  it('adds nothing to a positive definite matrix', () => {
    expect(factorise(Float64Array.of(4, 2, 2, 5), 2)).toEqual({
      l: Float64Array.of(2, 0, 1, 2),
      retries: 0,
      jitter: 0,
    });
  });

  it('adds eps, then two more, then three more, eps being a float32', () => {
    for (const [deficit, retries] of [
      [0, 1],
      [2.5, 2],
      [3.5, 3],
      [6.5, 4],
      [(699 * 700) / 2 + 0.5, 700],
    ]) {
      const made = factorise(Float64Array.of(-deficit * STEP), 1);
      expect(made.retries).toBe(retries);
      const digits = retries < 10 ? 18 : 12;
      expect(made.jitter).toBeCloseTo((STEP * retries * (retries + 1)) / 2, digits);
      expect(made.l[0] ** 2).toBeCloseTo(made.jitter - deficit * STEP, digits);
    }
  });

  it('raises every item of a batch when one fails', () => {
    const { l, retries, jitter } = factorise(Float64Array.of(1, 0), 1);
    expect(retries).toBe(1);
    expect(jitter).toBe(STEP);
    expect(l).toEqual(Float64Array.of(Math.sqrt(1 + STEP), Math.sqrt(STEP)));
  });

  it('gives up with a message instead of running for ever', () => {
    expect(() => factorise(Float64Array.of(-1e6), 1)).toThrow(/after 1000 tries/);
    expect(() => factorise(Float64Array.of(1, 0, 0, Number.NaN), 2)).toThrow(/covariance 3 is NaN/);
  });

  it('takes no longer than some tries where hundreds are needed', () => {
    const { covariance } = statisticsOf(128, 400, 7);
    for (let i = 0; i < 128; i++) covariance[i * 129] -= 3;
    const start = performance.now();
    const { retries } = factorise(covariance, 128);
    expect(performance.now() - start).toBeLessThan(400);
    // one try fewer is one too few
    const fewer = covariance.slice();
    const once = (tries: number) => {
      for (let i = 0; i < 128; i++) fewer[i * 129] += STEP * tries;
      return factorise(fewer, 128).retries;
    };
    for (let tries = 1; tries < retries; tries++) for (let i = 0; i < 128; i++) fewer[i * 129] += STEP * tries;
    expect(retries).toBeGreaterThan(100);
    expect(factorise(fewer, 128).retries).toBeGreaterThan(0);
    expect(once(retries)).toBe(0);
  });

  it('takes milliseconds for the widest latent', () => {
    const { covariance } = statisticsOf(128, 400, 7);
    factorise(covariance, 128);
    const start = performance.now();
    for (let i = 0; i < 5; i++) factorise(covariance, 128);
    expect((performance.now() - start) / 5).toBeLessThan(50);
  });
});
