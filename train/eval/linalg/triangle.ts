/** The triangle R of A = Q R in float64, by Householder's reflections. */

import { transpose64 } from '../../../models/layers/linalg64.ts';
import { reflector } from './reflector.ts';

/** Columns that are reflected together. */
const PANEL = 4;

/**
 * The upper triangle R with Rᵀ R = Aᵀ A, without forming that product, whose rounding would hide small directions.
 *
 * @param a  [m, n] with m ≥ n
 * @returns  [n, n]
 */
export function triangleOf(a: Float64Array, m: number, n: number): Float64Array<ArrayBuffer> {
  const columns = transpose64(a, m, n); // a column is a row of memory
  const r = new Float64Array(n * n);
  for (let first = 0; first < n; first += PANEL) {
    const last = Math.min(n, first + PANEL);
    // left-looking: a column meets all earlier reflections at once, so that each is read once a panel
    for (let k = 0; k < first; k++) for (let j = first; j < last; j++) reflect(columns, m, k, j);
    for (let k = first; k < last; k++) {
      r[k * n + k] = reflector(columns.subarray(k * m, (k + 1) * m), k, m);
      for (let j = k + 1; j < last; j++) reflect(columns, m, k, j);
    }
    for (let j = first; j < last; j++) for (let k = 0; k < j; k++) r[k * n + j] = columns[j * m + k];
  }
  return r;
}

/** Column j ← (I − 2 v vᵀ) column j, v being what lies in column k from element k on. */
function reflect(columns: Float64Array, m: number, k: number, j: number): void {
  const [v, x] = [k * m, j * m];
  let along = 0;
  for (let i = k; i < m; i++) along += columns[v + i] * columns[x + i];
  along *= 2;
  for (let i = k; i < m; i++) columns[x + i] -= along * columns[v + i];
}
