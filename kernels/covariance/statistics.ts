import { DTypeError, type Shape, ShapeError, scope, sizeOf, type Tensor } from '../../engine/index.ts';
import { batchExtents, type Extents, extentsOf, launchPartials } from './kernels.ts';

/** Mean and covariance of a batch of pictures with C channels, in float64. */
export interface Statistics {
  /** [N, C]; 0 where no pixel counted */
  readonly mean: Float64Array;
  /** [N, C, C], divided by count - 1; 0 where fewer than two pixels counted */
  readonly covariance: Float64Array;
  /** [N]: pixels that counted */
  readonly count: Float64Array;
}

export interface StatisticsOptions {
  /** u32 label of every pixel, [N, HW] or [N, H, W]: only pixels with `label` count */
  labels?: Tensor;
  label?: number;
}

/**
 * Mean and centred covariance of the pixels of each item of a batch, finished in float64.
 *
 *     μ = Σ x / n      Σ = Σ (x - μ)(x - μ)ᵀ / (n - 1)
 *
 * The GPU sums x - x₀ for one pixel x₀, then products of x - m with m the mean rounded to f32: subtraction of nearby
 * numbers is exact, so large offsets do no harm, and a constant channel has covariance 0. Sums of at most 128 terms
 * meet pairwise into at most 64 partial sums (more beyond 2 million pixels), which the host adds in float64:
 * Σ (x - μ)(x - μ)ᵀ = Σ (x - m)(x - m)ᵀ - n (μ - m)(μ - m)ᵀ.
 *
 * @param x  [N, C, HW] or [N, C, H, W], f32 or f16
 * @throws ShapeError when x has another rank or `labels` does not give one label a pixel
 * @throws DTypeError when `labels` is not u32
 */
export async function covarianceStatistics(x: Tensor, options: StatisticsOptions = {}): Promise<Statistics> {
  const extents = extentsOf(...batchExtents('covarianceStatistics', x.shape));
  const { labels, label = 0 } = options;
  checkLabels(labels, extents, x.shape);
  const partials = scope(() => launchPartials(x, extents, { labels, label }));
  try {
    const counts = Float64Array.from(await partials.count.data());
    const origin = await partials.origin.data();
    const shift = await partials.mean.data();
    const sums = await partials.sums.data();
    const partial = await partials.partial.data();
    const mean = finishMeans(sums, origin, counts, extents);
    return { mean, covariance: finishCovariances(partial, mean, shift, counts, extents), count: counts };
  } finally {
    for (const tensor of Object.values(partials)) tensor.dispose();
  }
}

/**
 * Statistics of disjoint sets of pixels (tiles of a picture) as those of their union, in the order given.
 *
 *     δ = μ_b - μ_a      μ = μ_a + δ n_b / n      M = M_a + M_b + δ δᵀ n_a n_b / n      M = Σ (n - 1)
 *
 * @throws ShapeError when the parts differ in items or channels, or there are none
 * @see Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances"
 */
export function mergeStatistics(parts: readonly Statistics[]): Statistics {
  const [first] = parts;
  const size = (s: Statistics | undefined) => (s ? [s.count.length, s.mean.length / s.count.length] : []);
  if (!first || parts.some((part) => `${size(part)}` !== `${size(first)}`)) {
    throw new ShapeError(
      `mergeStatistics: expected at least one part, all of the same items and channels, got ` +
        `${parts.map((part) => `[${size(part)}]`).join(', ') || 'none'}. Merge the statistics of one network's latents.`,
    );
  }
  const [items, channels] = size(first);
  const mean = first.mean.slice();
  const count = first.count.slice();
  const moments = momentsOf(first, channels);
  const delta = new Float64Array(channels);
  for (const part of parts.slice(1)) {
    const other = momentsOf(part, channels);
    for (let item = 0; item < items; item++) {
      const total = count[item] + part.count[item];
      if (total === 0) continue;
      const weight = part.count[item] / total;
      const mu = mean.subarray(item * channels, (item + 1) * channels);
      for (let c = 0; c < channels; c++) delta[c] = part.mean[item * channels + c] - mu[c];
      const square = item * channels * channels;
      for (let i = 0; i < channels; i++) {
        for (let j = 0; j < channels; j++) {
          const e = square + i * channels + j;
          moments[e] += other[e] + delta[i] * delta[j] * count[item] * weight;
        }
      }
      for (let c = 0; c < channels; c++) mu[c] += delta[c] * weight;
      count[item] = total;
    }
  }
  return { mean, count, covariance: divideByFreedom(moments, count, channels) };
}

function checkLabels(labels: Tensor | undefined, { items, pixels }: Extents, shape: Shape): void {
  if (!labels) return;
  if (labels.dtype !== 'u32') {
    throw new DTypeError(`covarianceStatistics: expected labels of u32, got ${labels.dtype}. Upload them as u32.`);
  }
  if (labels.shape[0] !== items || sizeOf(labels.shape) !== items * pixels) {
    throw new ShapeError(
      `covarianceStatistics: expected one label a pixel of x [${shape}], so ${items} times ${pixels} labels, ` +
        `got [${labels.shape}]. Resize the label map (nearest) to the size of x.`,
    );
  }
}

function finishMeans(
  sums: ArrayLike<number>,
  origin: ArrayLike<number>,
  counts: Float64Array,
  { items, channels, chunks }: Extents,
): Float64Array {
  return Float64Array.from({ length: items * channels }, (_, row) => {
    let total = 0;
    for (let chunk = 0; chunk < chunks; chunk++) total += sums[row * chunks + chunk];
    return origin[row] + total / Math.max(counts[Math.floor(row / channels)], 1);
  });
}

function finishCovariances(
  partial: ArrayLike<number>,
  mean: Float64Array,
  shift: ArrayLike<number>,
  counts: Float64Array,
  { items, channels, chunks }: Extents,
): Float64Array {
  const moments = new Float64Array(items * channels * channels);
  const packed = (channels * (channels + 1)) / 2;
  for (let item = 0; item < items; item++) {
    const total = new Float64Array(packed);
    for (let chunk = 0; chunk < chunks; chunk++) {
      const base = (item * chunks + chunk) * packed;
      for (let e = 0; e < packed; e++) total[e] += partial[base + e];
    }
    const rest = (c: number) => mean[item * channels + c] - shift[item * channels + c];
    for (let i = 0, e = 0; i < channels; i++) {
      for (let j = 0; j <= i; j++, e++) {
        const moment = total[e] - counts[item] * rest(i) * rest(j);
        moments[(item * channels + i) * channels + j] = moment;
        moments[(item * channels + j) * channels + i] = moment;
      }
    }
  }
  return divideByFreedom(moments, counts, channels);
}

function momentsOf({ covariance, count }: Statistics, channels: number): Float64Array {
  const square = channels * channels;
  return covariance.map((value, e) => value * Math.max(count[Math.floor(e / square)] - 1, 0));
}

function divideByFreedom(moments: Float64Array, count: Float64Array, channels: number): Float64Array {
  const square = channels * channels;
  return moments.map((value, e) => {
    const n = count[Math.floor(e / square)];
    return n > 1 ? value / (n - 1) : 0;
  });
}
