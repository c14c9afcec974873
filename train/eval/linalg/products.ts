/** Products of float64 matrices along rows, which is how they lie in memory. */

/** Rows of B that are read together: with rows of 2048 numbers they stay in a cache of 1 MiB. */
const BLOCK = 64;

/**
 * A · Bᵀ.
 *
 * @param a  [m, k]
 * @param b  [n, k]
 * @returns  [m, n]
 */
export function multiplyTransposed(
  a: Float64Array,
  b: Float64Array,
  m: number,
  n: number,
  k: number,
): Float64Array<ArrayBuffer> {
  const c = new Float64Array(m * n);
  for (let first = 0; first < n; first += BLOCK) {
    const last = Math.min(n, first + BLOCK);
    for (let i = 0; i < m; i++) dotsWithRow(a, i * k, b, first, last, k, c, i * n);
  }
  return c;
}

/**
 * A · Aᵀ, of which one half is computed.
 *
 * @param a  [m, k]
 * @returns  [m, m]
 */
export function gramOfRows(a: Float64Array, m: number, k: number): Float64Array<ArrayBuffer> {
  const c = new Float64Array(m * m);
  for (let first = 0; first < m; first += BLOCK) {
    for (let i = first; i < m; i++) dotsWithRow(a, i * k, a, first, Math.min(i + 1, first + BLOCK), k, c, i * m);
  }
  for (let i = 0; i < m; i++) for (let j = i + 1; j < m; j++) c[i * m + j] = c[j * m + i];
  return c;
}

/** c[at + j] = row of a · row j of b, for j from `first` below `last`; four rows at once. */
function dotsWithRow(
  a: Float64Array,
  row: number,
  b: Float64Array,
  first: number,
  last: number,
  k: number,
  c: Float64Array,
  at: number,
): void {
  let j = first;
  for (; j + 4 <= last; j += 4) {
    const [r0, r1, r2, r3] = [j * k, (j + 1) * k, (j + 2) * k, (j + 3) * k];
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let p = 0; p < k; p++) {
      const x = a[row + p];
      s0 += x * b[r0 + p];
      s1 += x * b[r1 + p];
      s2 += x * b[r2 + p];
      s3 += x * b[r3 + p];
    }
    c[at + j] = s0;
    c[at + j + 1] = s1;
    c[at + j + 2] = s2;
    c[at + j + 3] = s3;
  }
  for (; j < last; j++) {
    let s = 0;
    for (let p = 0; p < k; p++) s += a[row + p] * b[j * k + p];
    c[at + j] = s;
  }
}
