/**
 * Float64 linear algebra on the host for matrices of at most a few hundred rows, where WebGPU has no double precision.
 * Matrices are row-major Float64Arrays; inner loops run along rows.
 */

/** A lower triangular factor, or where the factorisation broke down. */
export interface CholeskyFactor {
  /** L with A = L Lᵀ, zeros above the diagonal; unspecified from the failing row on when `info` > 0 */
  readonly l: Float64Array;
  /** 0, or 1 + the index of the first pivot that is not a positive finite number, as LAPACK's dpotrf */
  readonly info: number;
}

/**
 * Cholesky factorisation A = L Lᵀ. Only the lower triangle of A is read.
 *
 *     L_ij = (A_ij - Σ_{k<j} L_ik L_jk) / L_jj        L_ii = sqrt(A_ii - Σ_{k<i} L_ik²)
 *
 * @param a  [n, n], symmetric
 */
export function cholesky64(a: Float64Array, n: number): CholeskyFactor {
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = i * n;
    for (let j = 0; j < i; j++) {
      l[row + j] = (a[row + j] - dot(l, row, l, j * n, j)) / l[j * n + j];
    }
    const pivot = a[row + i] - dot(l, row, l, row, i);
    if (!(pivot > 0) || pivot === Number.POSITIVE_INFINITY) return { l, info: i + 1 };
    l[row + i] = Math.sqrt(pivot);
  }
  return { l, info: 0 };
}

/** Σ_{k<count} x[x0 + k]·y[y0 + k], in four interleaved sums. */
function dot(x: Float64Array, x0: number, y: Float64Array, y0: number, count: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let k = 0;
  for (; k + 3 < count; k += 4) {
    s0 += x[x0 + k] * y[y0 + k];
    s1 += x[x0 + k + 1] * y[y0 + k + 1];
    s2 += x[x0 + k + 2] * y[y0 + k + 2];
    s3 += x[x0 + k + 3] * y[y0 + k + 3];
  }
  for (; k < count; k++) s0 += x[x0 + k] * y[y0 + k];
  return s0 + s1 + (s2 + s3);
}

/** Adds `factor` times row `from` of x (of `width`) to row `to` of y. */
function addRow(y: Float64Array, to: number, x: Float64Array, from: number, width: number, factor: number): void {
  for (let k = 0; k < width; k++) y[to + k] += factor * x[from + k];
}

/**
 * Solves L X = B, or Lᵀ X = B with `transposed`, by substitution.
 *
 * @param l  [n, n], lower triangular, no zero on the diagonal; what is above the diagonal is not read
 * @param b  [n, m]
 * @returns  X, [n, m]
 */
export function solveLower64(
  l: Float64Array,
  b: Float64Array,
  n: number,
  m: number,
  { transposed = false }: { transposed?: boolean } = {},
): Float64Array {
  const x = b.slice();
  for (let step = 0; step < n; step++) {
    const i = transposed ? n - 1 - step : step;
    const first = transposed ? i + 1 : 0;
    const last = transposed ? n : i;
    for (let k = first; k < last; k++) {
      addRow(x, i * m, x, k * m, m, -(transposed ? l[k * n + i] : l[i * n + k]));
    }
    for (let j = 0; j < m; j++) x[i * m + j] /= l[i * n + i];
  }
  return x;
}

/**
 * Solves X L = B for X, by substitution from the right.
 *
 * @param l  [n, n], lower triangular, no zero on the diagonal
 * @param b  [m, n]
 * @returns  X, [m, n]; lower triangular when B is
 */
export function solveLowerRight64(l: Float64Array, b: Float64Array, n: number, m: number): Float64Array {
  const x = b.slice();
  for (let i = 0; i < m; i++) {
    for (let j = n - 1; j >= 0; j--) {
      const solved = x[i * n + j] / l[j * n + j];
      x[i * n + j] = solved;
      addRow(x, i * n, l, j * n, j, -solved);
    }
  }
  return x;
}

/** L⁻¹ of a lower triangular [n, n] matrix. */
export function invertLower64(l: Float64Array, n: number): Float64Array {
  return solveLowerRight64(l, identity64(n), n, n);
}

/** The identity, [n, n]. */
export function identity64(n: number): Float64Array {
  const identity = new Float64Array(n * n);
  for (let i = 0; i < n; i++) identity[i * n + i] = 1;
  return identity;
}

/**
 * A · B.
 *
 * @param a  [m, k]
 * @param b  [k, n]
 * @returns  [m, n]
 */
export function matmul64(a: Float64Array, b: Float64Array, m: number, k: number, n: number): Float64Array {
  const c = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let p = 0; p < k; p++) {
      const factor = a[i * k + p];
      if (factor !== 0) addRow(c, i * n, b, p * n, n, factor);
    }
  }
  return c;
}

/** The transpose of [m, n]. */
export function transpose64(a: Float64Array, m: number, n: number): Float64Array {
  const t = new Float64Array(m * n);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) t[j * m + i] = a[i * n + j];
  return t;
}
