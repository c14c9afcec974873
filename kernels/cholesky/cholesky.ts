import { defineOp, type Op, type Tensor } from '../../engine/index.ts';
import { matmul } from '../matmul/matmul.ts';
import { squareExtents, symmetrize, transposeSquare, triangle } from '../triangular-solve/square.ts';
import { triangularSolve } from '../triangular-solve/triangular-solve.ts';
import { launchCholesky } from './kernels.ts';
import { choleskyRef } from './reference.ts';

const choleskyOp: Op<'a', readonly ['l', 'info'], { jitter: number }> = defineOp({
  name: 'cholesky',
  inputs: ['a'],
  outputs: ['l', 'info'],
  defaults: { jitter: 0 },
  shape: ({ a }) => {
    squareExtents('cholesky', 'a', a);
    const batch = a.shape.slice(0, -2);
    return {
      l: { shape: a.shape, dtype: 'f32' },
      info: { shape: batch.length > 0 ? batch : [1], dtype: 'u32' },
    };
  },
  forward: ({ a }, { l, info }, { jitter }) => launchCholesky(a, l, info, jitter),
  saves: ['l'],
  // Φ(X): the lower triangle of X with its diagonal halved. S = Φ(Lᵀ dL), K = L⁻ᵀ S L⁻¹, dA = (K + Kᵀ) / 2.
  // Kᵀ = L⁻ᵀ (L⁻ᵀ S)ᵀ. What lies above dL's diagonal belongs to zeros that never change.
  // Murray 2016, arXiv:1602.07527, eq. 10
  backward: ({ l, dl }) => {
    const s = triangle(matmul(l, triangle(dl), { transposeA: true }), { diagonal: 0.5 });
    const left = triangularSolve(l, s, { transposed: true });
    const both = triangularSolve(l, transposeSquare(left), { transposed: true });
    return { da: symmetrize(both) };
  },
  reference: ({ a }, { jitter }) => ({ l: choleskyRef(a, jitter) }),
  // every element takes part in up to n products one after the other, and in two substitutions of the gradient
  reduction: ({ a }) => a.shape[a.shape.length - 1],
  samples: [
    { inputs: { a: { shape: [1, 1], kind: 'spd' } }, dtypes: ['f32'] },
    { inputs: { a: { shape: [3, 2, 2], kind: 'spd' } }, attrs: { jitter: 0.25 }, dtypes: ['f32'] },
    { inputs: { a: { shape: [2, 2, 5, 5], kind: 'spd' } }, dtypes: ['f32'] },
    { inputs: { a: { shape: [33, 33], kind: 'spd' } }, dtypes: ['f32'] },
    { inputs: { a: { shape: [2, 65, 65], kind: 'spd' } }, attrs: { jitter: 0.1 }, dtypes: ['f32'], gradient: false },
    { inputs: { a: { shape: [89, 89], kind: 'spd' } }, attrs: { jitter: 0.1 }, dtypes: ['f32'] }, // one over the small kernel
    { inputs: { a: { shape: [64, 32, 32], kind: 'spd' } }, bench: '32, batch 64', dtypes: ['f32'] },
    { inputs: { a: { shape: [4, 128, 128], kind: 'spd' } }, bench: '128, batch 4', dtypes: ['f32'] },
    { inputs: { a: { shape: [1, 512, 512], kind: 'spd' } }, bench: '512', dtypes: ['f32'] },
  ],
});

export interface CholeskyFactors {
  /** [..., n, n], zeros above the diagonal */
  readonly l: Tensor;
  /** [...] (one number without batch), u32: 0, or 1 + the index of the first pivot that is not positive */
  readonly info: Tensor;
}

/**
 * Cholesky factors L Lᵀ = A + jitter·I of symmetric positive definite matrices.
 *
 * Only the lower triangle of A is read; the gradient is the symmetric one. A matrix that is not positive definite in
 * f32, or not finite, gets `info` > 0 as from LAPACK; its L is then the factor of the leading block, with the identity
 * behind it: never NaN, and not the factor of A. ‖L Lᵀ - A‖ is about n·2^-24·‖A‖ at most.
 *
 * @param a       [..., n, n], f32
 * @param jitter  added to the diagonal
 * @throws ShapeError, DTypeError
 */
export const cholesky = (a: Tensor, { jitter = 0 }: { jitter?: number } = {}): CholeskyFactors =>
  choleskyOp({ a }, { jitter });

export interface RetryOptions {
  /** what the diagonals first rise by; rounded to f32 */
  eps?: number;
  /** rises of the diagonal before giving up */
  maxRetries?: number;
}

/** Factors, and what it took to get them. */
export interface RetriedFactors extends CholeskyFactors {
  /** how often a multiple of eps was added */
  readonly retries: number;
  /** what the diagonals rose by in all: eps·k(k+1)/2 after k retries */
  readonly jitter: number;
}

/**
 * Cholesky factors of a batch. While one of its matrices does not factorise, **all** diagonals rise: by eps, then by
 * 2 eps more, then 3 eps more. Reads `info` back after each try.
 *
 * @returns  factors; `info` is not all zero where the retries ran out
 * @throws RangeError when eps or maxRetries is negative or no number
 * @see Wen, Gao, Zou 2023, arXiv:2303.17867: the jitter of CAP-VSTNet's transfer
 */
export async function choleskyWithRetry(
  a: Tensor,
  { eps = 2e-5, maxRetries = 100 }: RetryOptions = {},
): Promise<RetriedFactors> {
  if (!(eps >= 0 && Number.isFinite(eps) && maxRetries >= 0)) {
    throw new RangeError(
      `choleskyWithRetry: expected eps and maxRetries of at least 0, got ${eps} and ${maxRetries}. The default eps is 2e-5.`,
    );
  }
  const step = Math.fround(eps);
  for (let retries = 0; ; retries++) {
    const jitter = (step * retries * (retries + 1)) / 2;
    const factors = cholesky(a, { jitter });
    const info = await factors.info.data();
    if (retries >= maxRetries || info.every((value) => value === 0)) return { ...factors, retries, jitter };
    factors.l.dispose();
    factors.info.dispose();
  }
}
