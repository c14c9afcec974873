/**
 * Mean and covariance of latents in float64 on the host: products and sums as exact as cWCT needs them where a
 * covariance is close to singular. About a second for N²·pixels = 2·10⁹.
 */
import type { Statistics } from '../../kernels/index.ts';

/** Pixels of a panel: N of its rows stay in cache. */
const PANEL = 128;

/**
 *     μ = Σ x / n      Σ = (X - μ)(X - μ)ᵀ / (n - 1)
 *
 * @param latent    [B, N, pixels]
 * @param channels  N
 * @returns         covariances of 0 where there are fewer than two pixels
 * @throws RangeError when the values do not make B·N rows
 */
export function latentStatistics(latent: Float32Array, items: number, channels: number): Statistics {
  const n = channels;
  const pixels = latent.length / (items * n);
  if (!Number.isInteger(pixels)) {
    throw new RangeError(
      `latentStatistics: expected [B, N, pixels], but ${latent.length} values came for B = ${items}, N = ${n}. ` +
        'Check the shape.',
    );
  }
  const mean = new Float64Array(items * n);
  const covariance = new Float64Array(items * n * n);
  for (let item = 0; item < items && pixels > 0; item++) {
    const x = latent.subarray(item * n * pixels, (item + 1) * n * pixels);
    const mu = mean.subarray(item * n, (item + 1) * n);
    for (let c = 0; c < n; c++) mu[c] = rowMean(x, c * pixels, pixels);
    sumProducts(x, mu, pixels, covariance.subarray(item * n * n, (item + 1) * n * n));
  }
  for (let i = 0; i < covariance.length; i++) covariance[i] /= Math.max(pixels - 1, 1);
  return { mean, covariance, count: new Float64Array(items).fill(pixels) };
}

function rowMean(x: Float32Array, start: number, pixels: number): number {
  let total = 0;
  for (let p = start; p < start + pixels; p++) total += x[p];
  return total / pixels;
}

/** covariance = (X - μ)(X - μ)ᵀ, a panel of pixels at a time, the upper triangle mirrored. */
function sumProducts(x: Float32Array, mean: Float64Array, pixels: number, covariance: Float64Array): void {
  const n = mean.length;
  const panel = new Float64Array(n * PANEL);
  for (let first = 0; first < pixels; first += PANEL) {
    const width = Math.min(PANEL, pixels - first);
    for (let c = 0; c < n; c++) {
      const row = c * pixels + first;
      for (let p = 0; p < width; p++) panel[c * PANEL + p] = x[row + p] - mean[c];
    }
    for (let i = 0; i < n; i += 2) for (let j = 0; j <= i; j += 2) addBlock(panel, width, covariance, n, i, j);
  }
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) covariance[j * n + i] = covariance[i * n + j];
}

/** Adds the panel's products of rows i, i + 1 with rows j, j + 1: two loads serve four sums. */
function addBlock(panel: Float64Array, width: number, covariance: Float64Array, n: number, i: number, j: number): void {
  const a = i * PANEL;
  const b = j * PANEL;
  // With odd N the last pair repeats its row; the repetition is not stored.
  const nextA = i + 1 < n ? PANEL : 0;
  const nextB = j + 1 < n ? PANEL : 0;
  let s00 = 0;
  let s01 = 0;
  let s10 = 0;
  let s11 = 0;
  for (let p = 0; p < width; p++) {
    const a0 = panel[a + p];
    const a1 = panel[a + nextA + p];
    const b0 = panel[b + p];
    const b1 = panel[b + nextB + p];
    s00 += a0 * b0;
    s01 += a0 * b1;
    s10 += a1 * b0;
    s11 += a1 * b1;
  }
  covariance[i * n + j] += s00;
  if (nextB && j < i) covariance[i * n + j + 1] += s01;
  if (nextA) covariance[(i + 1) * n + j] += s10;
  if (nextA && nextB) covariance[(i + 1) * n + j + 1] += s11;
}
