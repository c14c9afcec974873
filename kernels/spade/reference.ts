import type { Ref } from '../../engine/index.ts';
import { layoutOf, type SpadeNorm } from './layout.ts';

/** Every value of [N, C, H, W]: its place, its group, and the places of its gamma and beta in [N, 2C, H, W]. */
function* places(x: Ref, norm: SpadeNorm): Generator<{ i: number; g: number; gamma: number; beta: number }> {
  const [pictures, channels, height, width] = x.shape;
  const plane = height * width;
  for (let n = 0, i = 0; n < pictures; n++) {
    for (let c = 0; c < channels; c++) {
      for (let r = 0; r < plane; r++, i++) {
        const g = norm === 'batch' ? c : n * channels + c;
        yield { i, g, gamma: (n * 2 * channels + c) * plane + r, beta: (n * 2 * channels + channels + c) * plane + r };
      }
    }
  }
}

/** Mean and biased variance of every group, in two passes. */
function momentsOf(x: Ref, norm: SpadeNorm): { mean: Float64Array; variance: Float64Array } {
  const { groups, outer, length } = layoutOf(x.shape, norm);
  const mean = new Float64Array(groups);
  const variance = new Float64Array(groups);
  for (const { i, g } of places(x, norm)) mean[g] += x.data[i] / (outer * length);
  for (const { i, g } of places(x, norm)) variance[g] += (x.data[i] - mean[g]) ** 2 / (outer * length);
  return { mean, variance };
}

/** f(x̂ · (1 + gamma) + beta), with the statistics of x or with the given ones. */
export function spadeRef(
  x: Ref,
  gammaBeta: Ref,
  given: { mean: Ref; variance: Ref } | undefined,
  { norm, eps, slope }: { norm: SpadeNorm; eps: number; slope: number },
): Ref {
  const { mean, variance } = given ? { mean: given.mean.data, variance: given.variance.data } : momentsOf(x, norm);
  const data = new Float64Array(x.data.length);
  for (const { i, g, gamma, beta } of places(x, norm)) {
    const xhat = (x.data[i] - mean[g]) / Math.sqrt(variance[g] + eps);
    const v = xhat * (1 + gammaBeta.data[gamma]) + gammaBeta.data[beta];
    data[i] = v > 0 ? v : slope * v;
  }
  return { shape: x.shape, data };
}

export function spadeGradRef(
  dy: Ref,
  x: Ref,
  y: Ref | undefined,
  gammaBeta: Ref,
  stats: Ref,
  { norm, slope, fixedStatistics }: { norm: SpadeNorm; slope: number; fixedStatistics: boolean },
): { dx: Ref; dgammaBeta: Ref } {
  const { groups, outer, length } = layoutOf(x.shape, norm);
  const dgammaBeta = { shape: gammaBeta.shape, data: new Float64Array(gammaBeta.data.length) };
  const dx = { shape: x.shape, data: new Float64Array(x.data.length) };
  const xhat = (i: number, g: number) =>
    (x.data[i] - stats.data[4 * g] - stats.data[4 * g + 1]) * stats.data[4 * g + 2];
  const a = new Float64Array(groups);
  const b = new Float64Array(groups);
  for (const { i, g, gamma, beta } of places(x, norm)) {
    const d = dy.data[i] * (y && y.data[i] <= 0 ? slope : 1);
    dgammaBeta.data[gamma] = d * xhat(i, g);
    dgammaBeta.data[beta] = d;
    a[g] += d * (1 + gammaBeta.data[gamma]);
    b[g] += d * (1 + gammaBeta.data[gamma]) * xhat(i, g);
  }
  for (const { i, g, gamma, beta } of places(x, norm)) {
    const e = dgammaBeta.data[beta] * (1 + gammaBeta.data[gamma]);
    const through = fixedStatistics ? 0 : (a[g] + xhat(i, g) * b[g]) / (outer * length);
    dx.data[i] = stats.data[4 * g + 2] * (e - through);
  }
  return { dx, dgammaBeta };
}
