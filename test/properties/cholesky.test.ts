import { beforeAll, describe, expect, it } from 'vitest';
import { type Device, scope, type Tensor, tensor } from '../../engine/index.ts';
import { cholesky, choleskyWithRetry, type TriangularSolveOptions, triangularSolve } from '../../kernels/index.ts';
import { testDevice } from '../support/device.ts';
import { generator, normal } from '../support/samples.ts';

const UNIT = 2 ** -24;

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

describe('cholesky', () => {
  it.each([2, 3, 4, 7, 8, 16, 31, 32, 33, 63, 64, 65, 88, 89, 96, 127, 128, 200])(
    'has a product within n units of rounding of A, n = %i',
    async (n) => {
      const a = spd(n, 10, generator(n));
      const { l, info } = await factor(a, [n, n]);
      expect([...info]).toEqual([0]);
      expectLower(l, n);
      expect(residual(l, a, n)).toBeLessThanOrEqual(n * UNIT * norm(a));
    },
  );

  it('does so for n = 512', async () => {
    const n = 512;
    const a = spd(n, 1e3, generator(1));
    const { l, info } = await factor(a, [n, n]);
    expect([...info]).toEqual([0]);
    expect(residual(l, a, n)).toBeLessThanOrEqual(n * UNIT * norm(a));
  });

  it.each([
    [32, 1e2],
    [32, 1e4],
    [32, 1e6],
    [128, 1e2],
    [128, 1e4],
    [128, 1e6],
  ])('is as accurate for n = %i and a condition number of %f', async (n, condition) => {
    const a = spd(n, condition, generator(n + condition));
    const { l, info } = await factor(a, [n, n]);
    expect([...info]).toEqual([0]);
    expect(residual(l, a, n)).toBeLessThanOrEqual(n * UNIT * norm(a));
  });

  it.each([1e-30, 1e-12, 1e12, 1e30])('does not mind the scale of A: %f', async (scale) => {
    for (const n of [5, 90]) {
      const a = spd(n, 100, generator(4)).map((x) => Math.fround(x * scale));
      const { l, info } = await factor(a, [n, n]);
      expect([...info]).toEqual([0]);
      expect(residual(l, a, n)).toBeLessThanOrEqual(n * UNIT * norm(a));
    }
  });

  it('factors every matrix of a batch by itself', async () => {
    for (const n of [6, 91]) {
      const random = generator(n);
      const matrices = [spd(n, 10, random), spd(n, 1000, random), spd(n, 2, random)];
      const together = await factor(concatenate(matrices), [3, n, n]);
      for (const [i, a] of matrices.entries()) {
        const alone = await factor(a, [n, n]);
        expect(together.l.slice(i * n * n, (i + 1) * n * n)).toEqual(alone.l);
      }
    }
  });

  it('reads the lower triangle alone', async () => {
    for (const n of [9, 100]) {
      const a = spd(n, 10, generator(n));
      const half = a.map((x, e) => (e % n > Math.floor(e / n) ? Number.NaN : x));
      expect((await factor(half, [n, n])).l).toEqual((await factor(a, [n, n])).l);
    }
  });

  it.each([
    [4, 0],
    [4, 3],
    [33, 17],
    [88, 87],
    [100, 0],
    [100, 31],
    [100, 32],
    [130, 97],
  ])('of n = %i says that pivot %i fails, keeps the block before it and holds no NaN', async (n, pivot) => {
    const a = spd(n, 10, generator(n + pivot));
    const good = await factor(a, [n, n]);
    for (const bad of [-1, 0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const broken = a.slice();
      broken[pivot * n + pivot] = bad;
      const { l, info } = await factor(concatenate([broken, a]), [2, n, n]);
      expect([...info]).toEqual([pivot + 1, 0]);
      expectLower(l.subarray(0, n * n), n);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j <= i; j++) {
          // an infinite diagonal has no scale to compare by
          if (i < pivot && !Number.isFinite(bad)) continue;
          const want = i < pivot ? good.l[i * n + j] : i === j ? 1 : 0;
          expect(Math.abs(l[i * n + j] - want)).toBeLessThanOrEqual(n * UNIT);
        }
      }
      expect(l.every(Number.isFinite)).toBe(true);
      expect(l.slice(n * n), 'a failure leaves the rest of the batch alone').toEqual(good.l);
    }
  });

  it('says so when a value off the diagonal is not finite', async () => {
    for (const n of [12, 120]) {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const a = spd(n, 10, generator(n));
        a[(n - 2) * n + 1] = bad;
        const { l, info } = await factor(a, [n, n]);
        expect([...info]).toEqual([n - 1]);
        expect(l.every(Number.isFinite)).toBe(true);
      }
    }
  });

  it('finds the pivot at which an indefinite matrix fails', async () => {
    for (const n of [20, 110]) {
      // eigenvalue -1 in the last quarter of a rotated space: the leading blocks stay definite for a while
      const a = symmetric(n, (i) => (i < (3 * n) / 4 ? 1 : -1), generator(n));
      const { l, info } = await factor(a, [n, n]);
      expect(info[0]).toBe(firstBadPivot(a, n));
      expect(l.every(Number.isFinite)).toBe(true);
    }
  });

  it('fails at a channel of zero variance, and takes it with jitter', async () => {
    for (const n of [8, 96]) {
      const a = spd(n, 10, generator(n));
      const dead = 5;
      for (let k = 0; k < n; k++) a[dead * n + k] = a[k * n + dead] = 0;
      expect([...(await factor(a, [n, n])).info]).toEqual([dead + 1]);
      const { l, info } = await factor(a, [n, n], 1e-4);
      expect([...info]).toEqual([0]);
      expect(Math.abs(l[dead * n + dead] - 1e-2)).toBeLessThan(1e-8);
    }
  });

  it('of a constant diagonal, such as one channel, is its root', async () => {
    expect([...(await factor([4], [1, 1])).l]).toEqual([2]);
    expect([...(await factor([9, 0, 0, 0.25], [2, 2])).l]).toEqual([3, 0, 0, 0.5]);
  });

  it('refuses what is not square or not f32', () => {
    const wide = tensor(device, [1, 2], [1, 2]);
    const labels = tensor(device, [1], [1, 1], 'u32');
    expect(() => cholesky(wide)).toThrow('square');
    expect(() => cholesky(labels)).toThrow('f32');
    for (const t of [wide, labels]) t.dispose();
  });
});

describe('choleskyWithRetry', () => {
  const eps = Math.fround(2e-5);

  it('adds nothing where nothing fails', async () => {
    const a = spd(5, 10, generator(1));
    const found = await retry(a, [5, 5]);
    expect({ retries: found.retries, jitter: found.jitter }).toEqual({ retries: 0, jitter: 0 });
    expect(found.l).toEqual((await factor(a, [5, 5])).l);
  });

  it.each([
    [-1e-5, 1],
    [-5e-5, 2],
    [-1e-4, 3],
    [-1.9e-4, 4],
  ])('raises the diagonal by eps, 2 eps more, 3 eps more: smallest eigenvalue %f, %i retries', async (low, want) => {
    for (const n of [4, 97]) {
      const a = new Float32Array(n * n);
      for (let i = 0; i < n; i++) a[i * n + i] = i === 2 ? low : 1;
      const found = await retry(a, [n, n]);
      expect(found.retries).toBe(want);
      expect(found.jitter).toBe((eps * want * (want + 1)) / 2);
      expect([...found.info]).toEqual([0]);
      expect(Math.abs(found.l[2 * n + 2] ** 2 - (low + found.jitter))).toBeLessThan(1e-9);
    }
  });

  it('raises all of a batch when one fails', async () => {
    const a = Float32Array.of(1, 0, 0, 1, 1, 0, 0, 0);
    const found = await retry(a, [2, 2, 2]);
    expect(found.retries).toBe(1);
    expect([...found.l].map((x) => x ** 2)).toEqual(
      [1, 0, 0, 1, 1, 0, 0, 0].map((x, e) => (e % 4 === 0 || e % 4 === 3 ? expect.closeTo(x + eps, 7) : 0)),
    );
  });

  it('gives up after the retries it is allowed, and says so', async () => {
    const found = await retry(Float32Array.of(-1), [1, 1], 3);
    expect([...found.info]).toEqual([1]);
    expect(found.retries).toBe(3);
  });
});

describe('triangularSolve', () => {
  const modes: TriangularSolveOptions[] = [false, true].flatMap((upper) =>
    [false, true].flatMap((transposed) => [false, true].map((unit) => ({ upper, transposed, unit }))),
  );

  it.each(modes)('undoes the product with a full matrix whose other triangle is not read: %o', async (mode) => {
    for (const [n, m] of [
      [1, 1],
      [7, 3],
      [8, 4],
      [37, 66],
      [100, 5],
    ]) {
      const random = generator(n + m);
      const l = triangular(n, random, mode);
      const x = Float32Array.from({ length: n * m }, () => normal(random));
      const garbage = l.map((value, e) => {
        const [i, j] = [Math.floor(e / n), e % n];
        if (i === j) return mode.unit ? Number.NaN : value;
        return i > j === !mode.upper ? value : Number.NaN;
      });
      const b = multiply(l, x, n, m, mode);
      const got = await solve(garbage, b.map(Math.fround), n, m, mode);
      expect(backwardError(l, got, b.map(Math.fround), n, m, mode)).toBeLessThanOrEqual((n + 1) * UNIT);
    }
  });

  it.each([10, 1e3, 1e6])('is backward stable for a condition number of %f', async (condition) => {
    for (const n of [32, 200]) {
      const random = generator(n);
      const l = conditioned(n, condition, random);
      const b = Float64Array.from({ length: n * 8 }, () => Math.fround(normal(random)));
      for (const transposed of [false, true]) {
        const got = await solve(l, b, n, 8, { transposed });
        expect(backwardError(l, got, b, n, 8, { transposed })).toBeLessThanOrEqual((n + 1) * UNIT);
      }
    }
  });

  it('solves for 10^5 right-hand sides, each by itself', async () => {
    const [n, m] = [16, 100_000];
    const random = generator(3);
    const l = triangular(n, random, {});
    const b = Float64Array.from({ length: n * m }, () => Math.fround(normal(random)));
    const got = await solve(l, b, n, m, {});
    expect(backwardError(l, got, b, n, m, {})).toBeLessThanOrEqual((n + 1) * UNIT);
  });

  it('solves for n = 512', async () => {
    const [n, m] = [512, 4];
    const random = generator(6);
    const l = triangular(n, random, {});
    const b = Float64Array.from({ length: n * m }, () => Math.fround(normal(random)));
    for (const transposed of [false, true]) {
      const got = await solve(l, b, n, m, { transposed });
      expect(backwardError(l, got, b, n, m, { transposed })).toBeLessThanOrEqual((n + 1) * UNIT);
    }
  });

  it('whitens: L⁻¹ A L⁻ᵀ is the identity', async () => {
    const n = 40;
    const a = spd(n, 100, generator(2));
    const x = tensor(device, a, [n, n]);
    const white = scope(() => {
      const { l } = cholesky(x);
      return triangularSolve(l, x);
    });
    const { l } = await factor(a, [n, n]);
    const half = await white.data();
    // (L⁻¹ A)ᵀ = A L⁻ᵀ, so one more solve of its transpose
    const transposed = Float64Array.from({ length: n * n }, (_, e) => half[(e % n) * n + Math.floor(e / n)]);
    const got = await solve(l, transposed, n, n, {});
    for (let e = 0; e < n * n; e++) {
      // the error of the two solves grows with the condition of A
      expect(Math.abs(got[e] - (e % (n + 1) === 0 ? 1 : 0))).toBeLessThanOrEqual(100 * n * UNIT);
    }
    for (const t of [x, white]) t.dispose();
  });

  it('refuses right-hand sides of another size or type', () => {
    const l = tensor(device, [1, 0, 0, 1], [2, 2]);
    const b = tensor(device, [1, 2, 3], [3, 1]);
    const labels = tensor(device, [1, 2], [2, 1], 'u32');
    expect(() => triangularSolve(l, b)).toThrow('[..., n, m]');
    expect(() => triangularSolve(l, labels)).toThrow('f32');
    for (const t of [l, b, labels]) t.dispose();
  });
});

async function factor(
  a: ArrayLike<number>,
  shape: readonly number[],
  jitter = 0,
): Promise<{ l: Float32Array; info: Uint32Array }> {
  const x = tensor(device, a, shape);
  const { l, info } = cholesky(x, { jitter });
  return readAll(x, l, info);
}

async function retry(a: ArrayLike<number>, shape: readonly number[], maxRetries?: number) {
  const x = tensor(device, a, shape);
  const { l, info, retries, jitter } = await choleskyWithRetry(x, maxRetries === undefined ? {} : { maxRetries });
  return { ...(await readAll(x, l, info)), retries, jitter };
}

async function readAll(x: Tensor, l: Tensor, info: Tensor): Promise<{ l: Float32Array; info: Uint32Array }> {
  const values = { l: (await l.data()) as Float32Array, info: (await info.data()) as Uint32Array };
  for (const t of [x, l, info]) t.dispose();
  return values;
}

async function solve(
  l: ArrayLike<number>,
  b: ArrayLike<number>,
  n: number,
  m: number,
  options: TriangularSolveOptions,
): Promise<Float32Array> {
  const [left, right] = [tensor(device, l, [n, n]), tensor(device, b, [n, m])];
  const x = triangularSolve(left, right, options);
  const values = (await x.data()) as Float32Array;
  for (const t of [left, right, x]) t.dispose();
  return values;
}

function concatenate(matrices: readonly Float32Array[]): Float32Array {
  return Float32Array.from(matrices.flatMap((matrix) => [...matrix]));
}

/** H D H with eigenvalues D and H the reflection at a random vector, in float32. */
function symmetric(n: number, eigenvalue: (i: number) => number, random: () => number): Float32Array {
  const v = Float64Array.from({ length: n }, () => normal(random));
  const squares = v.reduce((sum, x) => sum + x * x, 0);
  const a = new Float32Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      // (I - c v vᵀ) D (I - c v vᵀ), c = 2 / |v|²
      const c = 2 / squares;
      const middle = v.reduce((sum, x, k) => sum + x * x * eigenvalue(k), 0);
      const value =
        (i === j ? eigenvalue(i) : 0) -
        c * v[i] * v[j] * (eigenvalue(i) + eigenvalue(j)) +
        c * c * v[i] * v[j] * middle;
      a[i * n + j] = a[j * n + i] = value;
    }
  }
  return a;
}

/** Symmetric positive definite with eigenvalues from 1 down to 1 / condition, evenly in the logarithm. */
function spd(n: number, condition: number, random: () => number): Float32Array {
  return symmetric(n, (i) => condition ** (-i / Math.max(n - 1, 1)), random);
}

/** A dense square matrix with a large enough diagonal that both its triangles are well conditioned. */
function triangular(n: number, random: () => number, { unit = false }: TriangularSolveOptions): Float32Array {
  return Float32Array.from({ length: n * n }, (_, e) => {
    if (e % (n + 1) === 0) return unit ? 1 : 1 + random();
    return normal(random) / Math.sqrt(n);
  });
}

/** A lower triangular matrix whose diagonal falls from 1 to 1 / condition. */
function conditioned(n: number, condition: number, random: () => number): Float32Array {
  return Float32Array.from({ length: n * n }, (_, e) => {
    const [i, j] = [Math.floor(e / n), e % n];
    const pivot = condition ** (-j / (n - 1));
    return i === j ? pivot : i > j ? (pivot * normal(random)) / Math.sqrt(n) : 0;
  });
}

/** Element (i, j) of the matrix that is solved with. */
function entry(l: ArrayLike<number>, n: number, i: number, j: number, options: TriangularSolveOptions): number {
  const [row, column] = options.transposed ? [j, i] : [i, j];
  if (row === column) return options.unit ? 1 : l[row * n + column];
  return row > column === !options.upper ? l[row * n + column] : 0;
}

function multiply(
  l: ArrayLike<number>,
  x: ArrayLike<number>,
  n: number,
  m: number,
  options: TriangularSolveOptions,
): Float64Array {
  const product = new Float64Array(n * m);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const factor = entry(l, n, i, k, options);
      if (factor !== 0) for (let j = 0; j < m; j++) product[i * m + j] += factor * x[k * m + j];
    }
  }
  return product;
}

/** The smallest relative change of the matrix, element by element, that makes x exact: max |E x - b| / (|E| |x|). */
function backwardError(
  l: ArrayLike<number>,
  x: ArrayLike<number>,
  b: ArrayLike<number>,
  n: number,
  m: number,
  options: TriangularSolveOptions,
): number {
  const product = multiply(l, x, n, m, options);
  const magnitude = multiply(Float64Array.from(l, Math.abs), Float64Array.from(x, Math.abs), n, m, options);
  let worst = 0;
  for (let e = 0; e < n * m; e++) {
    const error = Math.abs(product[e] - b[e]) / magnitude[e];
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

/** max |L Lᵀ - A| over the lower triangle. */
function residual(l: Float32Array, a: ArrayLike<number>, n: number): number {
  let worst = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let product = 0;
      for (let k = 0; k <= j; k++) product += l[i * n + k] * l[j * n + k];
      const error = Math.abs(product - a[i * n + j]);
      if (!(error <= worst)) worst = error;
    }
  }
  return worst;
}

/** Largest magnitude of an element: at most the spectral norm, so that bounds by it are the stricter ones. */
const norm = (a: Float32Array) => a.reduce((top, x) => Math.max(top, Math.abs(x)), 0);

function expectLower(l: Float32Array, n: number): void {
  expect(l.every((x, e) => e % n <= Math.floor(e / n) || x === 0)).toBe(true);
}

/** 1 + the first pivot that is not positive, in float64; 0 if there is none. */
function firstBadPivot(a: Float32Array, n: number): number {
  const w = Float64Array.from(a);
  for (let k = 0; k < n; k++) {
    if (!(w[k * n + k] > 0)) return k + 1;
    for (let i = k + 1; i < n; i++) {
      const factor = w[i * n + k] / w[k * n + k];
      for (let j = k + 1; j < n; j++) w[i * n + j] -= factor * w[k * n + j];
    }
  }
  return 0;
}
