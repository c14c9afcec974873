/** Whether two sets of times differ by more than their own scatter: the rank test of Mann and Whitney (1947). */

/** A difference this unlikely between equal things is marked: among a hundred rows that did not change, one is. */
export const LEVEL = 0.01;
/** The exact distribution up to here; beyond, and with ties, the normal one with both corrections. */
const EXACT = 30;

/**
 * The probability that two samples of one distribution differ in rank at least as much as these do, two-sided. It asks
 * nothing about the shape of the distribution, and an outlier weighs no more than any other value.
 *
 * @returns NaN where a sample is so small that no difference could reach `LEVEL`
 */
export function rankTest(a: readonly number[], b: readonly number[]): number {
  if (2 / choose(a.length + b.length, a.length) > LEVEL) return Number.NaN;
  const { u, ties } = rank(a, b);
  const small = Math.min(u, a.length * b.length - u);
  if (ties === 0 && a.length <= EXACT && b.length <= EXACT)
    return Math.min(1, 2 * exactTail(small, a.length, b.length));
  return normalTail(small, a.length, b.length, ties);
}

/** Pairs in which a's value is the larger one, equal ones counting half; and Σ t³ − t over groups of t equal values. */
function rank(a: readonly number[], b: readonly number[]): { u: number; ties: number } {
  let u = 0;
  for (const x of a) for (const y of b) u += x > y ? 1 : x === y ? 0.5 : 0;
  const counts = new Map<number, number>();
  for (const value of [...a, ...b]) counts.set(value, (counts.get(value) ?? 0) + 1);
  let ties = 0;
  for (const t of counts.values()) ties += t ** 3 - t;
  return { u, ties };
}

/** P(U ≤ u) where all orders are alike: how many of them give each u, counted by the sample that holds the largest value. */
function exactTail(u: number, n: number, m: number): number {
  // ways[j][k]: orders of i of a's values and j of b's with U = k; the largest value is a's and beats j, or is b's
  const width = n * m + 1;
  let ways = Array.from({ length: m + 1 }, () => unit(width));
  for (let i = 1; i <= n; i++) {
    const next = [unit(width)];
    for (let j = 1; j <= m; j++) {
      const row = new Float64Array(width);
      for (let k = 0; k < width; k++) row[k] = next[j - 1][k] + (k >= j ? ways[j][k - j] : 0);
      next.push(row);
    }
    ways = next;
  }
  let tail = 0;
  for (let k = 0; k <= u; k++) tail += ways[m][k];
  return tail / choose(n + m, n);
}

function unit(width: number): Float64Array {
  const row = new Float64Array(width);
  row[0] = 1;
  return row;
}

function choose(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i++) result *= (n - k + i) / i;
  return result;
}

function normalTail(u: number, n: number, m: number, ties: number): number {
  const all = n + m;
  const variance = ((n * m) / 12) * (all + 1 - ties / (all * (all - 1)));
  if (variance <= 0) return 1;
  const z = Math.max(0, (n * m) / 2 - u - 0.5) / Math.sqrt(variance);
  return Math.min(1, erfc(z / Math.SQRT2));
}

/** Complementary error function, relative error below 1.2e-7. @see Press et al., Numerical Recipes in C, 6.2 */
function erfc(x: number): number {
  const t = 1 / (1 + x / 2);
  const c = [-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587];
  const series = [...c, -0.82215223, 0.17087277].reduceRight((sum, value) => value + t * sum, 0);
  return t * Math.exp(-x * x + series);
}
