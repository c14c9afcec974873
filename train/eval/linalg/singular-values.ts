/** Singular values in float64: Golub and Kahan's bidiagonal form, then the eigenvalues of a tridiagonal matrix. */

import { transpose64 } from '../../../models/layers/linalg64.ts';
import { reflector } from './reflector.ts';
import { diagonalise } from './tridiagonal.ts';

/**
 * The singular values of a matrix, descending, min(m, n) of them. Each is as exact as 2^-52 of the largest one, small ones
 * too, since nothing is squared.
 *
 * @param a  [m, n]
 * @throws RangeError when `a` holds NaN or infinity, or does not have m·n values
 * @see Golub, Kahan 1965, SIAM J. Numer. Anal. B 2(2)
 */
export function singularValues(a: Float64Array, m: number, n: number): Float64Array {
  if (a.length !== m * n || a.some((x) => !Number.isFinite(x))) {
    throw new RangeError(
      `singularValues: expected ${m} x ${n} finite values, but ${a.length} came, ` +
        `${a.filter((x) => !Number.isFinite(x)).length} of them not finite. Check the features that it was made of.`,
    );
  }
  const [rows, columns] = m <= n ? [m, n] : [n, m];
  const { diagonal, below } = bidiagonalise(m <= n ? a.slice() : transpose64(a, m, n), rows, columns);
  // [0 B; Bᵀ 0] has the eigenvalues ±σ; rows and columns of B taken in turns make it tridiagonal, zeros on the diagonal
  const beside = new Float64Array(2 * rows);
  for (let i = 0; i < rows; i++) {
    beside[2 * i] = diagonal[i];
    beside[2 * i + 1] = below[i];
  }
  const eigenvalues = new Float64Array(2 * rows);
  diagonalise(eigenvalues, beside);
  return eigenvalues
    .sort()
    .reverse()
    .slice(0, rows)
    .map((x) => Math.max(x, 0));
}

/**
 * Reflections from the right and from the left in turns leave a diagonal and what is below it. One pass over the rows
 * does a reflection from the left, the next one from the right, and sums what the next one from the left needs.
 *
 * @param a  [m, n] with m ≤ n; overwritten
 */
function bidiagonalise(a: Float64Array, m: number, n: number) {
  const [diagonal, below] = [new Float64Array(m), new Float64Array(m)];
  const left = new Float64Array(m); // w of the reflection from the left that rows still miss
  const z = new Float64Array(n); // 2 wᵀ A
  const sums = new Float64Array(n);
  for (let i = 0; i < m; i++) {
    const u = a.subarray(i * n, (i + 1) * n);
    for (let j = i; j < n; j++) u[j] -= left[i] * z[j];
    diagonal[i] = reflector(u, i, n);
    sums.fill(0, i);
    for (let r = i + 1; r < m; r++) updateRow(a.subarray(r * n, (r + 1) * n), left[r], z, u, sums, i);
    if (i + 1 === m) break;
    // w from the column that is left; Σ wᵣ rowᵣ = (Σ xᵣ rowᵣ − alpha · first row) / length
    for (let r = i + 1; r < m; r++) left[r] = a[r * n + i];
    const head = left[i + 1];
    below[i] = reflector(left, i + 1, m);
    const length = scaleOf(head, left[i + 1], below[i]);
    const first = a.subarray((i + 1) * n, (i + 2) * n);
    for (let j = i + 1; j < n; j++) z[j] = length === 0 ? 0 : (2 * (sums[j] - below[i] * first[j])) / length;
  }
  return { diagonal, below };
}

/** What the reflector divided x − alpha e₁ by, from its first element. */
const scaleOf = (head: number, unit: number, alpha: number) => (unit === 0 ? 0 : (head - alpha) / unit);

/** row −= w z, row ← row (I − 2 u uᵀ), sums += x row, x being what that leaves in column `first`. */
function updateRow(
  row: Float64Array,
  w: number,
  z: Float64Array,
  u: Float64Array,
  sums: Float64Array,
  first: number,
): void {
  const n = row.length;
  let along = 0;
  for (let j = first; j < n; j++) {
    const x = row[j] - w * z[j];
    row[j] = x;
    along += x * u[j];
  }
  along *= 2;
  const x = row[first] - along * u[first];
  row[first] = x;
  for (let j = first + 1; j < n; j++) {
    const y = row[j] - along * u[j];
    row[j] = y;
    sums[j] += x * y;
  }
}
