import { describe, expect, it } from 'vitest';
import {
  cholesky64,
  identity64,
  invertLower64,
  matmul64,
  solveLower64,
  solveLowerRight64,
  transpose64,
} from '../../models/layers/linalg64.ts';
import { gramOfRows, multiplyTransposed } from '../../train/eval/linalg/products.ts';
import { singularValues } from '../../train/eval/linalg/singular-values.ts';
import { symmetricEigen, symmetricEigenvalues } from '../../train/eval/linalg/symmetric-eigen.ts';
import { triangleOf } from '../../train/eval/linalg/triangle.ts';

/** Uniform in [-1, 1), repeatable. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

function randomMatrix(rows: number, columns: number, seed: number): Float64Array {
  return Float64Array.from({ length: rows * columns }, random(seed));
}

/** G Gᵀ / n + floor·I. */
function positiveDefinite(n: number, seed: number, floor = 0.1): Float64Array {
  const g = randomMatrix(n, n, seed);
  const a = matmul64(g, transpose64(g, n, n), n, n, n).map((x) => x / n);
  for (let i = 0; i < n; i++) a[i * n + i] += floor;
  return a;
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((worst, x, i) => Math.max(worst, Math.abs(x - b[i])), 0);
}

const SIZES = [1, 2, 3, 7, 32, 128];

describe('cholesky64', () => {
  it.each(SIZES)('L Lᵀ = A for n = %i', (n) => {
    const a = positiveDefinite(n, n);
    const { l, info } = cholesky64(a, n);
    expect(info).toBe(0);
    expect(largestDifference(matmul64(l, transpose64(l, n, n), n, n, n), a)).toBeLessThan(n * 2 ** -52);
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) expect(l[i * n + j]).toBe(0);
  });

  it('reads the lower triangle alone', () => {
    const lower = Float64Array.of(4, 99, 2, 5);
    expect(cholesky64(lower, 2)).toEqual({ l: Float64Array.of(2, 0, 1, 2), info: 0 });
  });

  it('reports one more than the index of the failing pivot', () => {
    const a = identity64(5);
    a[3 * 5 + 3] = 0;
    expect(cholesky64(a, 5).info).toBe(4);
    a[0] = Number.NaN;
    expect(cholesky64(a, 5).info).toBe(1);
  });
});

describe('triangular solves', () => {
  const n = 33;
  const m = 5;
  const { l } = cholesky64(positiveDefinite(n, 4), n);
  const lt = transpose64(l, n, n);

  it('solve∘multiply = identity, from the left', () => {
    const x = randomMatrix(n, m, 8);
    expect(largestDifference(solveLower64(l, matmul64(l, x, n, n, m), n, m), x)).toBeLessThan(1e-13);
  });

  it('solves with the transpose', () => {
    const x = randomMatrix(n, m, 9);
    const b = matmul64(lt, x, n, n, m);
    expect(largestDifference(solveLower64(l, b, n, m, { transposed: true }), x)).toBeLessThan(1e-13);
  });

  it('solves from the right', () => {
    const x = randomMatrix(m, n, 10);
    expect(largestDifference(solveLowerRight64(l, matmul64(x, l, m, n, n), n, m), x)).toBeLessThan(1e-13);
  });

  it('never reads above the diagonal', () => {
    const poisoned = l.map((x, at) => (at % n > Math.floor(at / n) ? Number.NaN : x));
    const b = randomMatrix(n, m, 11);
    expect(solveLower64(poisoned, b, n, m)).toEqual(solveLower64(l, b, n, m));
    const options = { transposed: true };
    expect(solveLower64(poisoned, b, n, m, options)).toEqual(solveLower64(l, b, n, m, options));
    expect(invertLower64(poisoned, n)).toEqual(invertLower64(l, n));
  });

  it('inverts', () => {
    expect(largestDifference(matmul64(invertLower64(l, n), l, n, n, n), identity64(n))).toBeLessThan(1e-13);
  });
});

describe('symmetricEigen', () => {
  it.each(SIZES)('rebuilds the matrix from n = %i unit vectors', (n) => {
    const g = randomMatrix(n, n, n + 50);
    const a = g.map((x, at) => x + g[(at % n) * n + Math.floor(at / n)]);
    const { values, vectors } = symmetricEigen(a, n);
    const scaled = vectors.map((x, at) => x * values[Math.floor(at / n)]);
    const vt = transpose64(vectors, n, n);
    expect(largestDifference(matmul64(vt, scaled, n, n, n), a)).toBeLessThan(n * 1e-14);
    expect(largestDifference(matmul64(vectors, vt, n, n, n), identity64(n))).toBeLessThan(n * 1e-14);
    expect(Array.from(values)).toEqual(Array.from(values).sort((x, y) => x - y));
  });

  it('knows the second difference matrix', () => {
    const n = 40;
    const a = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      a[i * n + i] = 2;
      if (i > 0) a[i * n + i - 1] = -1;
    }
    const known = Float64Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)));
    expect(largestDifference(symmetricEigen(a, n).values, known)).toBeLessThan(1e-13);
  });

  it('handles zero, repeated and graded eigenvalues', () => {
    expect(symmetricEigen(new Float64Array(9), 3).values).toEqual(new Float64Array(3));
    expect(symmetricEigen(identity64(6), 6).values).toEqual(new Float64Array(6).fill(1));
    const graded = Float64Array.of(1e12, 0, 0, 0, 1, 0, 0, 0, 1e-12);
    expect(symmetricEigen(graded, 3).values).toEqual(Float64Array.of(1e-12, 1, 1e12));
  });

  it('refuses what is not finite', () => {
    expect(() => symmetricEigen(Float64Array.of(Number.NaN), 1)).toThrow(/not finite/);
  });
});

describe('symmetricEigenvalues', () => {
  it.each(SIZES)('are those that come with vectors, n = %i', (n) => {
    const a = gramOfRows(randomMatrix(n, n, n + 60), n, n);
    expect(symmetricEigenvalues(a, n)).toEqual(symmetricEigen(a, n).values);
  });

  it('come to rest where most of them are zero', () => {
    const a = gramOfRows(randomMatrix(40, 3, 61), 40, 3);
    const values = symmetricEigenvalues(a, 40);
    expect(values.filter((x) => Math.abs(x) < 1e-13)).toHaveLength(37);
  });
});

describe('singularValues', () => {
  it.each([
    [1, 1],
    [2, 5],
    [9, 4],
    [17, 17],
    [33, 20],
  ])('of %i x %i are the roots of the eigenvalues of A Aᵀ', (m, n) => {
    const a = randomMatrix(m, n, m + n);
    const want = symmetricEigenvalues(gramOfRows(a, m, n), m).map((x) => Math.sqrt(Math.max(x, 0)));
    const found = singularValues(a, m, n);
    expect(found).toHaveLength(Math.min(m, n));
    expect(largestDifference(found, want.reverse().slice(0, found.length))).toBeLessThan(1e-13 * (m + n));
  });

  it('keep small ones that squares would lose', () => {
    const [c, s] = [Math.cos(1), Math.sin(1)];
    const a = Float64Array.of(c, -1e-11 * s, s, 1e-11 * c); // a rotation times diag(1, 1e-11)
    const [, small] = singularValues(a, 2, 2);
    expect(Math.abs(small - 1e-11)).toBeLessThan(1e-15);
  });

  it('are zero beyond the rank', () => {
    const a = multiplyTransposed(randomMatrix(30, 5, 71), randomMatrix(40, 5, 72), 30, 40, 5);
    const values = singularValues(a, 30, 40);
    expect(values[4]).toBeGreaterThan(0.1);
    expect(Math.max(...values.slice(5))).toBeLessThan(1e-13);
    expect(singularValues(new Float64Array(6), 2, 3)).toEqual(new Float64Array(2));
  });

  it('refuse what is not finite', () => {
    expect(() => singularValues(Float64Array.of(1, Number.NaN), 1, 2)).toThrow(/1 of them not finite/);
  });
});

describe('triangleOf', () => {
  it.each([
    [1, 1],
    [9, 3],
    [30, 11],
  ])('of %i x %i has the products of the columns, and nothing below the diagonal', (m, n) => {
    const a = randomMatrix(m, n, m);
    const r = triangleOf(a, m, n);
    const products = (x: Float64Array, rows: number) => gramOfRows(transpose64(x, rows, n), n, rows);
    expect(largestDifference(products(r, n), products(a, m))).toBeLessThan(1e-12);
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) expect(r[i * n + j]).toBe(0);
  });
});

describe('products along rows', () => {
  it('are those of matmul64, at sizes that fill no block', () => {
    const [a, b] = [randomMatrix(70, 9, 81), randomMatrix(67, 9, 82)];
    const want = matmul64(a, transpose64(b, 67, 9), 70, 9, 67);
    expect(largestDifference(multiplyTransposed(a, b, 70, 67, 9), want)).toBeLessThan(1e-14);
    expect(largestDifference(gramOfRows(a, 70, 9), multiplyTransposed(a, a, 70, 70, 9))).toBeLessThan(1e-14);
  });
});
