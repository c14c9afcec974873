/**
 * The squared maximum mean discrepancy of two sets of features under a polynomial kernel: KID, where the features are those
 * of FID's Inception. Unlike FID its expectation does not depend on the number of pictures.
 *
 *     k(x, y) = (gamma xᵀy + coef0)^degree
 *
 * @see Bińkowski, Sutherland, Arbel, Gretton 2018, arXiv:1801.01401; the variance: Sutherland et al. 2017,
 *      arXiv:1611.04488, equation 5
 */
import { ShapeError } from '../../engine/index.ts';
import { randomUniforms } from '../../engine/random.ts';
import type { Features } from './feature-statistics.ts';
import { gramOfRows, multiplyTransposed } from './linalg/products.ts';

export interface PolynomialKernel {
  /** 3 by default */
  readonly degree?: number;
  /** 1 / dims by default */
  readonly gamma?: number;
  /** 1 by default */
  readonly coef0?: number;
}

export interface KernelDistance {
  /** without the diagonals of the sets themselves: the estimate that KID means */
  readonly unbiased: number;
  readonly biased: number;
  /** without the pairs of equal index, too */
  readonly uStatistic: number;
  /** of the estimate, itself estimated without bias: below zero now and then with few pictures */
  readonly variance: number;
}

/**
 * @param x, y  as many pictures each, at least 3
 * @throws ShapeError when the sets differ in size or kind, or are too small
 */
export function kernelDistance(x: Features, y: Features, kernel: PolynomialKernel = {}): KernelDistance {
  const { degree = 3, gamma = 1 / x.dims, coef0 = 1 } = kernel;
  const m = x.count;
  if (m !== y.count || x.dims !== y.dims || m < 3) {
    throw new ShapeError(
      `kernelDistance: expected two sets of equal size, of at least 3 pictures, got ${m} of ${x.dims} features and ` +
        `${y.count} of ${y.dims}. Take subsets of one size.`,
    );
  }
  const kernelOf = (products: Float64Array) => products.map((v) => (gamma * v + coef0) ** degree);
  const [xx, yy] = [x, y].map(({ values, dims }) => withoutDiagonal(kernelOf(gramOfRows(values, m, dims)), m));
  const xy = summed(kernelOf(multiplyTransposed(x.values, y.values, m, m, x.dims)), m);
  const within = xx.total + yy.total;
  const pairs = m * (m - 1);
  return {
    unbiased: within / pairs - (2 * xy.total) / m ** 2,
    biased: (within + xx.diagonal + yy.diagonal - 2 * xy.total) / m ** 2,
    uStatistic: (within - 2 * (xy.total - xy.diagonal)) / pairs,
    variance: varianceOf(xx, yy, xy, m),
  };
}

interface Sums {
  readonly total: number;
  readonly diagonal: number;
  /** Σ of the squares */
  readonly squares: number;
  readonly rows: Float64Array;
  readonly columns: Float64Array;
}

function summed(k: Float64Array, m: number): Sums {
  const [rows, columns] = [new Float64Array(m), new Float64Array(m)];
  let [total, diagonal, squares] = [0, 0, 0];
  for (let i = 0; i < m; i++) {
    diagonal += k[i * m + i];
    for (let j = 0; j < m; j++) {
      const v = k[i * m + j];
      rows[i] += v;
      columns[j] += v;
      squares += v * v;
    }
    total += rows[i];
  }
  return { total, diagonal, squares, rows, columns };
}

/** Sums without the diagonal, whose own sum is kept apart. */
function withoutDiagonal(k: Float64Array, m: number): Sums {
  let diagonal = 0;
  for (let i = 0; i < m; i++) {
    diagonal += k[i * m + i];
    k[i * m + i] = 0;
  }
  return { ...summed(k, m), diagonal };
}

/**
 * 4 (m−2) / (m(m−1)) ζ₁ + 2 / (m(m−1)) ζ₂, with ζ₁ and ζ₂ the variances of the kernel of pairs, conditioned on one of them
 * and not, each moment estimated without bias.
 */
function varianceOf(xx: Sums, yy: Sums, xy: Sums, m: number): number {
  const [pairs, all] = [m * (m - 1), m * m];
  const within = xx.total + yy.total;
  // E[k(x,x')]², E[k(x,y)]² and their product
  const meanSquares = (xx.total ** 2 + yy.total ** 2) / pairs ** 2;
  const crossSquare = xy.total ** 2 / all ** 2;
  const mixed = (within * xy.total) / (pairs * all);
  // E[k(x,x') k(x,y)]
  const shared = (dot(xx.rows, xy.rows) + dot(yy.rows, xy.columns)) / (pairs * m);
  const ownSquares = xx.squares + yy.squares;
  const conditioned =
    (dot(xx.rows, xx.rows) + dot(yy.rows, yy.rows) - ownSquares) / (pairs * (m - 2)) -
    meanSquares +
    (dot(xy.rows, xy.rows) + dot(xy.columns, xy.columns) - 2 * xy.squares) / (pairs * m) -
    2 * crossSquare -
    2 * shared +
    2 * mixed;
  const unconditioned =
    ownSquares / pairs - meanSquares + (2 * xy.squares) / all - 2 * crossSquare - 4 * shared + 4 * mixed;
  return (4 * (m - 2) * conditioned + 2 * unconditioned) / pairs;
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

export interface SubsetOptions extends PolynomialKernel {
  /** 100 by default */
  readonly subsets?: number;
  /** pictures in each, 100 by default; fewer where a set has fewer */
  readonly size?: number;
  readonly seed?: number;
}

/** Mean and deviation (of the population) over random subsets. */
export interface SubsetDistance {
  readonly mean: number;
  readonly std: number;
  readonly subsets: number;
  readonly size: number;
}

/**
 * The unbiased estimate over random subsets, drawn without putting back.
 *
 * @throws ShapeError when a set has fewer than 3 pictures, or the features differ in kind
 */
export function kernelDistanceOfSubsets(x: Features, y: Features, options: SubsetOptions = {}): SubsetDistance {
  const { subsets = 100, size: wanted = 100, seed = 0, ...kernel } = options;
  const size = Math.min(wanted, x.count, y.count);
  const draws = x.count === size && y.count === size ? 1 : subsets; // every subset would be the whole
  const found = Float64Array.from({ length: draws }, (_, i) => {
    const [p, q] = [x, y].map((set, which) => subset(set, size, { seed, step: i, op: which }));
    return kernelDistance(p, q, kernel).unbiased;
  });
  const mean = found.reduce((s, v) => s + v, 0) / draws;
  const std = Math.sqrt(found.reduce((s, v) => s + (v - mean) ** 2, 0) / draws);
  return { mean, std, subsets: draws, size };
}

function subset({ values, count, dims }: Features, size: number, key: Parameters<typeof randomUniforms>[0]): Features {
  const uniforms = randomUniforms(key, size);
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const picked = new Float64Array(size * dims);
  for (let i = 0; i < size; i++) {
    const other = i + Math.floor(uniforms[i] * (count - i));
    [order[i], order[other]] = [order[other], order[i]];
    picked.set(values.subarray(order[i] * dims, (order[i] + 1) * dims), i * dims);
  }
  return { values: picked, count: size, dims };
}
