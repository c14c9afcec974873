/**
 * Eigenvalues and eigenvectors of a symmetric matrix in float64: Householder reduction to tridiagonal form, then the
 * implicit QL algorithm.
 *
 * @see Bowdler, Martin, Reinsch, Wilkinson 1968, Numerische Mathematik 11 (the EISPACK pair tred2 and tql2)
 */

export interface SymmetricEigen {
  /** ascending, [n] */
  readonly values: Float64Array;
  /** [n, n], row i the unit eigenvector of values[i] */
  readonly vectors: Float64Array;
}

const MAX_SWEEPS = 60;

/**
 * A = Σ_i values[i] · vᵢ vᵢᵀ.
 *
 * @param a  [n, n], row-major; only the lower triangle is read
 * @throws RangeError when `a` holds NaN or infinity, or does not have n·n values
 */
export function symmetricEigen(a: Float64Array, n: number): SymmetricEigen {
  if (a.length !== n * n || a.some((x) => !Number.isFinite(x))) {
    throw new RangeError(
      `symmetricEigen: expected ${n} x ${n} finite values, but ${a.length} came, ` +
        `${a.filter((x) => !Number.isFinite(x)).length} of them not finite. Check the statistics it was made of.`,
    );
  }
  const { diagonal, offDiagonal, basis } = tridiagonalise(a, n);
  iterateQl(diagonal, offDiagonal, basis, n);
  const order = Array.from(diagonal.keys()).sort((i, j) => diagonal[i] - diagonal[j]);
  const values = Float64Array.from(order, (i) => diagonal[i]);
  const vectors = new Float64Array(n * n);
  order.forEach((source, row) => {
    vectors.set(basis.subarray(source * n, (source + 1) * n), row * n);
  });
  return { values, vectors };
}

/** A = Qᵀ T Q with orthogonal Q (its rows are kept, so later rotations act on whole rows) and tridiagonal T. */
function tridiagonalise(a: Float64Array, n: number) {
  const work = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) work[i * n + j] = i >= j ? a[i * n + j] : a[j * n + i];
  const basis = new Float64Array(n * n);
  for (let i = 0; i < n; i++) basis[i * n + i] = 1;
  const offDiagonal = new Float64Array(n);
  const v = new Float64Array(n);
  const p = new Float64Array(n);
  for (let k = 0; k < n - 1; k++) {
    const alpha = reflector(work, n, k, v);
    offDiagonal[k] = alpha;
    if (v[k + 1] === 0) continue;
    // A ← H A H with H = I - 2 v vᵀ: subtract v wᵀ + w vᵀ, w = 2(A v - (vᵀ A v) v).
    for (let i = k + 1; i < n; i++) {
      let total = 0;
      for (let j = k + 1; j < n; j++) total += work[i * n + j] * v[j];
      p[i] = total;
    }
    let projection = 0;
    for (let i = k + 1; i < n; i++) projection += p[i] * v[i];
    for (let i = k + 1; i < n; i++) p[i] = 2 * (p[i] - projection * v[i]);
    for (let i = k + 1; i < n; i++) {
      for (let j = k + 1; j < n; j++) work[i * n + j] -= v[i] * p[j] + p[i] * v[j];
    }
    reflectRows(basis, n, k + 1, v, p);
  }
  const diagonal = Float64Array.from({ length: n }, (_, i) => work[i * n + i]);
  return { diagonal, offDiagonal, basis };
}

/** The unit vector v (zero up to k) whose reflection maps column k below the diagonal to alpha·e; returns alpha. */
function reflector(work: Float64Array, n: number, k: number, v: Float64Array): number {
  let scale = 0;
  for (let i = k + 1; i < n; i++) scale = Math.max(scale, Math.abs(work[i * n + k]));
  v.fill(0);
  if (scale === 0) return 0;
  let squares = 0;
  for (let i = k + 1; i < n; i++) {
    v[i] = work[i * n + k] / scale;
    squares += v[i] * v[i];
  }
  const alpha = v[k + 1] > 0 ? -Math.sqrt(squares) : Math.sqrt(squares);
  v[k + 1] -= alpha;
  const length = Math.sqrt(2 * (squares + Math.abs(alpha) * Math.abs(v[k + 1] + alpha)));
  for (let i = k + 1; i < n; i++) v[i] /= length;
  return alpha * scale;
}

/** Q ← H Q on the rows from `first` on, H = I - 2 v vᵀ. */
function reflectRows(q: Float64Array, n: number, first: number, v: Float64Array, scratch: Float64Array): void {
  scratch.fill(0);
  for (let i = first; i < n; i++) for (let j = 0; j < n; j++) scratch[j] += v[i] * q[i * n + j];
  for (let i = first; i < n; i++) for (let j = 0; j < n; j++) q[i * n + j] -= 2 * v[i] * scratch[j];
}

/** Diagonalises the tridiagonal matrix in place; its rotations are applied to the rows of `basis`. */
function iterateQl(d: Float64Array, e: Float64Array, basis: Float64Array, n: number): void {
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; ; sweep++) {
      let m = l;
      while (m < n - 1 && Math.abs(e[m]) > Number.EPSILON * (Math.abs(d[m]) + Math.abs(d[m + 1]))) m++;
      if (m === l) break;
      if (sweep === MAX_SWEEPS) {
        throw new RangeError(`symmetricEigen: eigenvalue ${l} of ${n} did not converge in ${MAX_SWEEPS} sweeps.`);
      }
      qlSweep(d, e, basis, n, l, m);
    }
  }
}

/** One implicit QL step with Wilkinson's shift on the block l … m. */
function qlSweep(d: Float64Array, e: Float64Array, basis: Float64Array, n: number, l: number, m: number): void {
  let g = (d[l + 1] - d[l]) / (2 * e[l]);
  let r = Math.hypot(g, 1);
  g = d[m] - d[l] + e[l] / (g + (g < 0 ? -r : r));
  let sine = 1;
  let cosine = 1;
  let shift = 0;
  for (let i = m - 1; i >= l; i--) {
    const f = sine * e[i];
    const b = cosine * e[i];
    r = Math.hypot(f, g);
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
    rotateRows(basis, n, i, cosine, sine);
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
