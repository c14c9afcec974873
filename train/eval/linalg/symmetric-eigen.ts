/**
 * Eigenvalues and eigenvectors of a symmetric matrix in float64: Householder reduction to tridiagonal form, then the
 * implicit QL algorithm. Matrices of 2048² and more are gone through once a column, along rows.
 *
 * @see Martin, Reinsch, Wilkinson 1968, Numerische Mathematik 11 (EISPACK's tred1 and tred2)
 */
import { reflector } from './reflector.ts';
import { diagonalise } from './tridiagonal.ts';

export interface SymmetricEigen {
  /** ascending, [n] */
  readonly values: Float64Array;
  /** [n, n], row i the unit eigenvector of values[i] */
  readonly vectors: Float64Array;
}

/**
 * A = Σ_i values[i] · vᵢ vᵢᵀ.
 *
 * @param a  [n, n], row-major; only the lower triangle is read
 * @throws RangeError when `a` holds NaN or infinity, or does not have n·n values
 */
export function symmetricEigen(a: Float64Array, n: number): SymmetricEigen {
  const { diagonal, offDiagonal, work } = tridiagonalise(a, n);
  const basis = basisOf(work, n);
  diagonalise(diagonal, offDiagonal, basis);
  const order = Array.from(diagonal.keys()).sort((i, j) => diagonal[i] - diagonal[j]);
  const values = Float64Array.from(order, (i) => diagonal[i]);
  const vectors = new Float64Array(n * n);
  order.forEach((source, row) => {
    vectors.set(basis.subarray(source * n, (source + 1) * n), row * n);
  });
  return { values, vectors };
}

/** The eigenvalues alone, ascending, in a quarter of the time. Arguments and errors as for `symmetricEigen`. */
export function symmetricEigenvalues(a: Float64Array, n: number): Float64Array {
  const { diagonal, offDiagonal } = tridiagonalise(a, n);
  diagonalise(diagonal, offDiagonal);
  return diagonal.sort();
}

/**
 * A = Qᵀ T Q with tridiagonal T and Q = H_{n−3} … H_0, H_k = I − 2 v vᵀ.
 *
 * Each pass over the lower triangle takes A ← H_k A H_k = A − v qᵀ − q vᵀ and sums A v' for the next reflection.
 *
 * @returns `work` holds v_k in row k, right of the diagonal
 */
function tridiagonalise(a: Float64Array, n: number) {
  if (a.length !== n * n || a.some((x) => !Number.isFinite(x))) {
    throw new RangeError(
      `symmetricEigen: expected ${n} x ${n} finite values, but ${a.length} came, ` +
        `${a.filter((x) => !Number.isFinite(x)).length} of them not finite. Check the statistics it was made of.`,
    );
  }
  const work = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) work[i * n + j] = a[i * n + j];
  const diagonal = new Float64Array(n);
  const offDiagonal = new Float64Array(n);
  const [v, q, next, p] = Array.from({ length: 4 }, () => new Float64Array(n));
  for (let k = 0; k < n; k++) {
    // column k as the last reflection left it, v and q still being that one's
    diagonal[k] = work[k * n + k] - 2 * v[k] * q[k];
    for (let i = k + 1; i < n; i++) next[i] = work[i * n + k] - v[i] * q[k] - q[i] * v[k];
    offDiagonal[k] = k + 2 < n ? reflector(next, k + 1, n) : (next[k + 1] ?? 0);
    if (k + 2 >= n) next.fill(0);
    work.set(next.subarray(k + 1, n), k * n + k + 1);
    p.fill(0, k + 1);
    for (let i = k + 1; i < n; i++) p[i] += updateRow(work, i * n, k + 1, i, { v, q, next, p });
    let projection = 0;
    for (let i = k + 1; i < n; i++) projection += p[i] * next[i];
    for (let i = k + 1; i < n; i++) {
      v[i] = next[i];
      q[i] = 2 * (p[i] - projection * next[i]);
    }
  }
  return { diagonal, offDiagonal, work };
}

interface Vectors {
  readonly v: Float64Array;
  readonly q: Float64Array;
  readonly next: Float64Array;
  readonly p: Float64Array;
}

/** row −= v_i q + q_i v from `first` to i; p += row_j · next_i for j < i; returns row · next. */
function updateRow(work: Float64Array, row: number, first: number, i: number, { v, q, next, p }: Vectors): number {
  const [vi, qi, ni] = [v[i], q[i], next[i]];
  let total = 0;
  for (let j = first; j < i; j++) {
    const x = work[row + j] - vi * q[j] - qi * v[j];
    work[row + j] = x;
    total += x * next[j];
    p[j] += x * ni;
  }
  const x = work[row + i] - 2 * vi * qi;
  work[row + i] = x;
  return total + x * ni;
}

/** Q, from the last reflection back to the first, so that each touches only the rows and columns that are no longer I. */
function basisOf(work: Float64Array, n: number): Float64Array {
  const basis = new Float64Array(n * n);
  for (let i = 0; i < n; i++) basis[i * n + i] = 1;
  for (let k = n - 3; k >= 0; k--) {
    const v = work.subarray(k * n, (k + 1) * n);
    for (let i = k + 1; i < n; i++) {
      const row = i * n;
      let total = 0;
      for (let j = k + 1; j < n; j++) total += basis[row + j] * v[j];
      total *= 2;
      for (let j = k + 1; j < n; j++) basis[row + j] -= total * v[j];
    }
  }
  return basis;
}
