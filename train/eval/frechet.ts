/**
 * The Fréchet distance of two normal distributions with the means and covariances of features: FID, where the features are
 * those of its Inception.
 *
 *     d = ‖μ₁ − μ₂‖² + Tr Σ₁ + Tr Σ₂ − 2 Tr (Σ₁ Σ₂)^½
 *
 * @see Dowson, Landau 1982, J. Multivariate Anal. 12; Heusel et al. 2017, arXiv:1706.08500
 */
import { ShapeError } from '../../engine/index.ts';
import type { FeatureStatistics } from './feature-statistics.ts';
import { multiplyTransposed } from './linalg/products.ts';
import { singularValues } from './linalg/singular-values.ts';
import { symmetricEigen, symmetricEigenvalues } from './linalg/symmetric-eigen.ts';
import { triangleOf } from './linalg/triangle.ts';

export interface FrechetDistance {
  /** not clamped: equal sets may give a small negative number, which is rounding */
  readonly distance: number;
  /** ‖μ₁ − μ₂‖² */
  readonly meanTerm: number;
  /** Tr Σ₁ and Tr Σ₂ */
  readonly traces: readonly [number, number];
  /** Tr (Σ₁ Σ₂)^½ */
  readonly rootTrace: number;
}

/** @throws ShapeError when the features differ in number; RangeError when the statistics are not finite */
export function frechetDistance(a: FeatureStatistics, b: FeatureStatistics): FrechetDistance {
  if (a.dims !== b.dims) {
    throw new ShapeError(
      `frechetDistance: expected features of one kind, got ${a.dims} and ${b.dims} of them. ` +
        'Compute both statistics with the same network and stage.',
    );
  }
  let meanTerm = 0;
  for (let j = 0; j < a.dims; j++) meanTerm += (a.mean[j] - b.mean[j]) ** 2;
  const rootTrace = traceOfRoot(a, b);
  const distance = meanTerm + a.trace + b.trace - 2 * rootTrace;
  return { distance, meanTerm, traces: [a.trace, b.trace], rootTrace };
}

/**
 * Tr (Σ₁ Σ₂)^½ without the root of a matrix. With Σ = FᵀF on both sides it is the sum of the singular values of F₁ F₂ᵀ,
 * exact to rounding whatever the ranks; with a factor of one side alone, Σ √λ of F₁ Σ₂ F₁ᵀ, where directions that are
 * absent come out as rounding of about 1e-8 of the largest.
 */
function traceOfRoot(a: FeatureStatistics, b: FeatureStatistics): number {
  const [p, q] = [factorOf(a), factorOf(b)];
  if (p && q) {
    const product = multiplyTransposed(p.rows, q.rows, p.count, q.count, a.dims);
    return sum(singularValues(product, p.count, q.count));
  }
  const known = p ?? q ?? rootOf(a);
  const other = p || !q ? b : a;
  const half = multiplyTransposed(known.rows, other.covariance(), known.count, a.dims, a.dims);
  const whole = multiplyTransposed(half, known.rows, known.count, known.count, a.dims);
  return sum(symmetricEigenvalues(whole, known.count).map((x) => Math.sqrt(Math.max(x, 0))));
}

interface Factor {
  /** [count, dims] with rowsᵀ · rows = Σ */
  readonly rows: Float64Array;
  readonly count: number;
}

/** The features themselves, or their triangle where there are more pictures than features. */
function factorOf({ rows, count, dims }: FeatureStatistics): Factor | undefined {
  if (!rows || count === undefined) return undefined;
  return count <= dims ? { rows, count } : { rows: triangleOf(rows, count, dims), count: dims };
}

/** √λ v of each eigenvector; what is not positive is left out. */
function rootOf({ covariance, dims }: FeatureStatistics): Factor {
  const { values, vectors } = symmetricEigen(covariance(), dims);
  const first = values.findIndex((x) => x > 0);
  const from = first === -1 ? dims : first;
  const rows = vectors.slice(from * dims);
  for (let i = from; i < dims; i++) {
    const root = Math.sqrt(values[i]);
    for (let j = 0; j < dims; j++) rows[(i - from) * dims + j] *= root;
  }
  return { rows, count: dims - from };
}

const sum = (values: Float64Array) => values.reduce((total, x) => total + x, 0);
