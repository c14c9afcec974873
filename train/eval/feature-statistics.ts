/** Mean and covariance of the features of many pictures, in float64. */

import { transpose64 } from '../../models/layers/linalg64.ts';
import { gramOfRows } from './linalg/products.ts';

/** Features of pictures, a row each. */
export interface Features {
  /** [count, dims] */
  readonly values: Float64Array;
  readonly count: number;
  readonly dims: number;
}

/** What a Fréchet distance is computed from: the pictures' own features, or what a file kept of them. */
export interface FeatureStatistics {
  readonly dims: number;
  /** [dims] */
  readonly mean: Float64Array;
  /** of the covariance */
  readonly trace: number;
  /** [dims, dims], divided by count − 1 */
  readonly covariance: () => Float64Array;
  /** number of pictures; unknown for a file's statistics */
  readonly count?: number;
  /** [count, dims], centred and divided by √(count − 1), so that the covariance is Xᵀ X; absent for a file's statistics */
  readonly rows?: Float64Array;
}

/** @throws RangeError for fewer than two pictures, or features that are not finite */
export function statisticsOf({ values, count, dims }: Features): FeatureStatistics {
  if (count < 2 || values.length !== count * dims) {
    throw new RangeError(
      `statisticsOf: expected the features of at least two pictures, got ${values.length} values for ${count} of ` +
        `${dims}. A covariance needs two.`,
    );
  }
  if (!values.every(Number.isFinite)) {
    throw new RangeError(
      'statisticsOf: expected finite features, but some are not. Check the weights and the pictures.',
    );
  }
  const mean = new Float64Array(dims);
  for (let i = 0; i < count; i++) for (let j = 0; j < dims; j++) mean[j] += values[i * dims + j];
  for (let j = 0; j < dims; j++) mean[j] /= count;
  const rows = new Float64Array(count * dims);
  const scale = 1 / Math.sqrt(count - 1);
  let trace = 0;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < dims; j++) {
      const x = (values[i * dims + j] - mean[j]) * scale;
      rows[i * dims + j] = x;
      trace += x * x;
    }
  }
  const covariance = once(() => gramOfRows(transpose64(rows, count, dims), dims, count));
  return { dims, mean, trace, covariance, count, rows };
}

/**
 * Statistics that were computed elsewhere.
 *
 * @param sigma  [dims, dims], divided by count − 1
 * @throws RangeError when the sizes do not fit
 */
export function statisticsFrom(mean: Float64Array, sigma: Float64Array): FeatureStatistics {
  const dims = mean.length;
  if (sigma.length !== dims * dims) {
    throw new RangeError(
      `statisticsFrom: expected a covariance of ${dims} x ${dims} for a mean of ${dims}, got ${sigma.length} values.`,
    );
  }
  let trace = 0;
  for (let j = 0; j < dims; j++) trace += sigma[j * dims + j];
  return { dims, mean, trace, covariance: () => sigma };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
