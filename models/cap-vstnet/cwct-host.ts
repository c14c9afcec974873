/**
 * cWCT on the host, in float64: from the means and covariances of two latents to the affine map y = M x + b that gives
 * the content latent the style's mean and covariance (Cholesky whitening and colouring).
 *
 *     Σc = Lc Lcᵀ      Σs = Ls Lsᵀ      M = Ls Lc⁻¹      b = μs - M μc
 *
 * The covariances are summed on the GPU; the N×N work here (N ≤ 128) takes a few milliseconds and needs the precision.
 *
 * @see Wen, Gao, Zou 2023, arXiv:2303.17867, section 3.3
 */
import { cholesky64, matmul64, solveLowerRight64 } from '../layers/linalg64.ts';

/** What the diagonal rises by after the first failed factorisation. */
export const JITTER_EPS = 2e-5;

/** Tries before the jitter loop gives up; the diagonal has then risen by eps·500500, about 10. */
const MAX_TRIES = 1000;

/** Latent statistics that no affine map can be made of. */
export class StatisticsError extends Error {
  override name = 'StatisticsError';
}

/** Mean and covariance of a batch of latents. */
export interface LatentStatistics {
  /** [B, N] */
  readonly mean: Float64Array;
  /** [B, N, N], divided by the number of pixels less one */
  readonly covariance: Float64Array;
}

/** Cholesky factors of a batch, and what it took to get them. */
export interface JitteredFactor {
  /** [B, N, N], lower triangular */
  readonly l: Float64Array;
  /** how often a multiple of eps was added; 0 when the covariances factorise as they are */
  readonly retries: number;
  /** what the diagonals rose by in all: eps·k(k+1)/2 after k retries */
  readonly jitter: number;
}

/** y = matrix · x + offset for each item of a batch. */
export interface AffineMap {
  /** [B, N, N] */
  readonly matrix: Float64Array;
  /** [B, N] */
  readonly offset: Float64Array;
  readonly content: JitteredFactor;
  readonly styles: readonly JitteredFactor[];
}

export interface Style {
  readonly statistics: LatentStatistics;
  /** share of this style; the weights of all styles should sum to 1, and are not normalised */
  readonly weight: number;
}

/**
 * Cholesky factors of a batch of covariances. While one of them does not factorise, **all** diagonals rise: by eps,
 * then by 2 eps more, then 3 eps more. eps is rounded to float32 first, as the original adds a float32 identity. What
 * factorises does so with a higher diagonal, too, so the fewest retries are found by doubling them and then halving
 * what is left between: a degenerate latent of 128 channels would else keep the GPU waiting for seconds.
 *
 * @param covariance  [B, N, N]
 * @throws StatisticsError when a covariance holds NaN or infinity, or the tries run out
 */
export function factorise(covariance: Float64Array, n: number, eps = JITTER_EPS): JitteredFactor {
  checkFinite('covariance', covariance);
  const step = Math.fround(eps);
  const after = (retries: number): JitteredFactor | undefined => {
    const l = factoriseBatch(raised(covariance, n, step, retries), n);
    return l && { l, retries, jitter: riseOf(0, step, retries) };
  };
  let failed = -1;
  let retries = 0;
  let found = after(retries);
  while (!found && retries < MAX_TRIES) {
    failed = retries;
    retries = Math.min(Math.max(1, 2 * retries), MAX_TRIES);
    found = after(retries);
  }
  if (!found) {
    throw new StatisticsError(
      `cWCT: expected a covariance that is positive definite, at least with a small multiple of the identity added, ` +
        `but it still was not after ${MAX_TRIES} tries and ${riseOf(0, step, MAX_TRIES).toPrecision(3)} on the diagonal.\n` +
        `The latent is degenerate or far out of scale: check the weights and their mode (photo or art).`,
    );
  }
  while (found.retries - failed > 1) {
    const middle = Math.floor((found.retries + failed) / 2);
    const better = after(middle);
    if (better) found = better;
    else failed = middle;
  }
  return found;
}

/** What a diagonal element has become after so many retries: one addition after the other, as they would be made. */
function riseOf(element: number, step: number, retries: number): number {
  let value = element;
  for (let k = 1; k <= retries; k++) value += step * k;
  return value;
}

function raised(covariance: Float64Array, n: number, step: number, retries: number): Float64Array {
  if (retries === 0) return covariance;
  const result = covariance.slice();
  for (let i = 0; i < result.length; i++) {
    if (Math.floor((i % (n * n)) / n) === i % n) result[i] = riseOf(result[i], step, retries);
  }
  return result;
}

/** The factors of all items, or undefined when one fails. */
function factoriseBatch(covariance: Float64Array, n: number): Float64Array | undefined {
  const factors = new Float64Array(covariance.length);
  const items = covariance.length / (n * n);
  for (let item = 0; item < items; item++) {
    const { l, info } = cholesky64(covariance.subarray(item * n * n, (item + 1) * n * n), n);
    if (info !== 0) return undefined;
    factors.set(l, item * n * n);
  }
  return factors;
}

/**
 * The affine map from the content's statistics to a mixture of styles. Cholesky **factors** are mixed, not covariances:
 *
 *     L = (1 - αc) Σk wk Lsk + αc Lc      m = (1 - αc) Σk wk μsk + αc μc      M = L Lc⁻¹      b = m - M μc
 *
 * @param content       statistics of the content latents
 * @param styles        at least one, each of the content's batch and N
 * @param alphaContent  αc: 0 is the style alone, 1 gives the content back
 * @param n             N, channels of the latent
 * @throws StatisticsError when the statistics are not finite or do not factorise
 */
export function affineMap(
  content: LatentStatistics,
  styles: readonly Style[],
  n: number,
  { alphaContent = 0, eps = JITTER_EPS }: { alphaContent?: number; eps?: number } = {},
): AffineMap {
  const items = content.mean.length / n;
  const contentFactor = factorise(content.covariance, n, eps);
  const styleFactors = styles.map(({ statistics }) => factorise(statistics.covariance, n, eps));
  for (const { mean } of [content, ...styles.map((style) => style.statistics)]) checkFinite('mean', mean);
  const mixedFactor = new Float64Array(content.covariance.length);
  const mixedMean = new Float64Array(content.mean.length);
  styles.forEach(({ statistics, weight }, k) => {
    addScaled(mixedFactor, styleFactors[k].l, (1 - alphaContent) * weight);
    addScaled(mixedMean, statistics.mean, (1 - alphaContent) * weight);
  });
  addScaled(mixedFactor, contentFactor.l, alphaContent);
  addScaled(mixedMean, content.mean, alphaContent);
  const matrix = new Float64Array(mixedFactor.length);
  const offset = mixedMean;
  for (let item = 0; item < items; item++) {
    const square = (all: Float64Array) => all.subarray(item * n * n, (item + 1) * n * n);
    const m = solveLowerRight64(square(contentFactor.l), square(mixedFactor), n, n);
    matrix.set(m, item * n * n);
    const moved = matmul64(m, content.mean.subarray(item * n, (item + 1) * n), n, n, 1);
    addScaled(offset.subarray(item * n, (item + 1) * n), moved, -1);
  }
  return { matrix, offset, content: contentFactor, styles: styleFactors };
}

/** target += factor · source; a factor of 0 adds nothing, whatever the source holds. */
function addScaled(target: Float64Array, source: Float64Array, factor: number): void {
  if (factor === 0) return;
  for (let i = 0; i < target.length; i++) target[i] += factor * source[i];
}

function checkFinite(what: string, values: Float64Array): void {
  const bad = values.findIndex((x) => !Number.isFinite(x));
  if (bad < 0) return;
  throw new StatisticsError(
    `cWCT: expected finite latent statistics, but ${what} ${bad} is ${values[bad]}.\n` +
      'The network diverged: check the weights and their mode (photo or art), and that the picture has two pixels or more.',
  );
}
