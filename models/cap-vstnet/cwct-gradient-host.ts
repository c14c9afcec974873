/**
 * The gradient of cWCT's affine map on the host, in float64: from what reaches M and the mixed mean to what reaches the
 * covariances and means of content and styles.
 *
 * @see Murray 2016, arXiv:1602.07527 (reverse mode of the Cholesky factorisation)
 */
import { matmul64, solveLower64, solveLowerRight64, transpose64 } from '../layers/linalg64.ts';
import type { AffineMap } from './cwct-host.ts';

export interface AffineMapGradient {
  /** [B, N, N], symmetric: dL/dΣc, through both uses of Lc */
  readonly contentCovariance: Float64Array;
  /** [B, N], through the mixed mean alone; the centring x - μc is the caller's */
  readonly contentMean: Float64Array;
  readonly styles: readonly { readonly covariance: Float64Array; readonly mean: Float64Array }[];
}

/**
 * Reverse of `affineMap` for y = M (x - μc) + m:
 *
 *     L̄ = tril(M̄ Lc⁻ᵀ)      L̄c = -tril(Mᵀ M̄ Lc⁻ᵀ)
 *
 * shared among content and styles as they were mixed, then through each Cholesky factorisation.
 *
 * @param map           what `affineMap` returned
 * @param n             N, channels
 * @param dMatrix       M̄ = Σ ȳ (x - μc)ᵀ, [B, N, N]
 * @param dMean         m̄ = Σ ȳ, [B, N]
 * @param weights       the styles' weights, as given to `affineMap`
 * @param alphaContent  as given to `affineMap`
 */
export function affineMapGradient(
  map: AffineMap,
  n: number,
  dMatrix: Float64Array,
  dMean: Float64Array,
  weights: readonly number[],
  alphaContent = 0,
): AffineMapGradient {
  const shares = weights.map((weight) => (1 - alphaContent) * weight);
  const contentCovariance = new Float64Array(dMatrix.length);
  const styleCovariances = weights.map(() => new Float64Array(dMatrix.length));
  for (let at = 0; at < dMatrix.length; at += n * n) {
    const item = (all: Float64Array) => all.subarray(at, at + n * n);
    const lc = item(map.content.l);
    // M̄ Lc⁻ᵀ = (Lc⁻¹ M̄ᵀ)ᵀ
    const dFactor = transpose64(solveLower64(lc, transpose64(item(dMatrix), n, n), n, n), n, n);
    const through = matmul64(transpose64(item(map.matrix), n, n), dFactor, n, n, n);
    const dContentFactor = through.map((x, i) => alphaContent * dFactor[i] - x);
    item(contentCovariance).set(choleskyGradient64(lc, dContentFactor, n));
    shares.forEach((share, k) => {
      const scaled = dFactor.map((x) => share * x);
      item(styleCovariances[k]).set(choleskyGradient64(item(map.styles[k].l), scaled, n));
    });
  }
  return {
    contentCovariance,
    contentMean: dMean.map((x) => alphaContent * x),
    styles: shares.map((share, k) => ({ covariance: styleCovariances[k], mean: dMean.map((x) => share * x) })),
  };
}

/**
 * Gradient of a Cholesky factorisation, symmetrised:
 *
 *     S = Φ(Lᵀ L̄)      K = L⁻ᵀ S L⁻¹      Ā = (K + Kᵀ) / 2
 *
 * where Φ takes the lower triangle with the diagonal halved.
 *
 * @param l   [n, n], the factor
 * @param dl  [n, n], what reaches it; above the diagonal it does not count
 */
export function choleskyGradient64(l: Float64Array, dl: Float64Array, n: number): Float64Array {
  const lower = dl.map((x, at) => (at % n > Math.floor(at / n) ? 0 : x));
  const s = matmul64(transpose64(l, n, n), lower, n, n, n);
  for (let i = 0; i < n; i++) {
    s[i * n + i] /= 2;
    s.fill(0, i * n + i + 1, (i + 1) * n);
  }
  const k = solveLowerRight64(l, solveLower64(l, s, n, n, { transposed: true }), n, n);
  return k.map((x, at) => (x + k[(at % n) * n + Math.floor(at / n)]) / 2);
}
