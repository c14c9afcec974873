/**
 * Eigenvalues of a symmetric tridiagonal matrix by the implicit QL algorithm.
 *
 * @see Bowdler, Martin, Reinsch, Wilkinson 1968, Numerische Mathematik 11 (EISPACK's tql1 and tql2)
 */

const MAX_SWEEPS = 60;

/**
 * Diagonalises in place: `diagonal` becomes the eigenvalues, in no order.
 *
 * Off-diagonal elements below 2^-52 of the largest row are taken for zero, so an eigenvalue's error is that of the
 * largest one.
 *
 * @param diagonal     [n]
 * @param offDiagonal  [n], element i beside the diagonal's i and i + 1; the last is not read
 * @param basis        [n, n]; the rotations are applied to its rows
 * @throws RangeError when it does not converge, as with values that are not finite
 */
export function diagonalise(diagonal: Float64Array, offDiagonal: Float64Array, basis?: Float64Array): void {
  const n = diagonal.length;
  const scale = powerOfTwo(diagonal, offDiagonal);
  if (scale === 0) return;
  // exact, and keeps squares from overflowing
  for (let i = 0; i < n; i++) {
    diagonal[i] /= scale;
    offDiagonal[i] /= scale;
  }
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; ; sweep++) {
      let m = l;
      while (m < n - 1 && Math.abs(offDiagonal[m]) > Number.EPSILON) m++;
      if (m === l) break;
      if (sweep === MAX_SWEEPS) {
        throw new RangeError(`symmetricEigen: eigenvalue ${l} of ${n} did not converge in ${MAX_SWEEPS} sweeps.`);
      }
      qlSweep(diagonal, offDiagonal, basis, n, l, m);
    }
  }
  for (let i = 0; i < n; i++) diagonal[i] *= scale;
}

/** The power of two at or below the largest element; 0 for the zero matrix. */
function powerOfTwo(diagonal: Float64Array, offDiagonal: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < diagonal.length; i++) {
    largest = Math.max(largest, Math.abs(diagonal[i]), i + 1 < diagonal.length ? Math.abs(offDiagonal[i]) : 0);
  }
  return largest > 0 ? 2 ** Math.floor(Math.log2(largest)) : largest;
}

/** One implicit QL step with Wilkinson's shift on the block l … m. */
function qlSweep(
  d: Float64Array,
  e: Float64Array,
  basis: Float64Array | undefined,
  n: number,
  l: number,
  m: number,
): void {
  let g = (d[l + 1] - d[l]) / (2 * e[l]);
  let r = Math.sqrt(g * g + 1);
  g = d[m] - d[l] + e[l] / (g + (g < 0 ? -r : r));
  let sine = 1;
  let cosine = 1;
  let shift = 0;
  for (let i = m - 1; i >= l; i--) {
    const f = sine * e[i];
    const b = cosine * e[i];
    r = Math.sqrt(f * f + g * g);
    e[i + 1] = r;
    if (r === 0) {
      // The block splits here: undo the shift and let the caller look for it again.
      d[i + 1] -= shift;
      e[m] = 0;
      return;
    }
    sine = f / r;
    cosine = g / r;
    g = d[i + 1] - shift;
    r = (d[i] - g) * sine + 2 * cosine * b;
    shift = sine * r;
    d[i + 1] = g + shift;
    g = cosine * r - b;
    if (basis) rotateRows(basis, n, i, cosine, sine);
  }
  d[l] -= shift;
  e[l] = g;
  e[m] = 0;
}

function rotateRows(q: Float64Array, n: number, i: number, cosine: number, sine: number): void {
  const a = i * n;
  const b = (i + 1) * n;
  for (let k = 0; k < n; k++) {
    const upper = q[b + k];
    const lower = q[a + k];
    q[b + k] = sine * lower + cosine * upper;
    q[a + k] = cosine * lower - sine * upper;
  }
}
