import type { Ref } from '../../engine/index.ts';

interface Weights {
  diagonal: number;
  below: number;
  above: number;
  across: number;
}

/** Each element of square matrices times a factor by where it lies, plus its mirror image times `across`. */
export function weightedRef(x: Ref, { diagonal, below, above, across }: Weights): Ref {
  const n = x.shape[x.shape.length - 1];
  const data = x.data.map((value, e) => {
    const i = Math.floor(e / n) % n;
    const j = e % n;
    if (i === j) return diagonal * value;
    const mirror = x.data[e + (j - i) * n + (i - j)];
    return (j < i ? below : above) * value + across * mirror;
  });
  return { shape: x.shape, data };
}

/** X with op(T) X = B by substitution, T the lower or upper triangle of L and op the identity or the transpose. */
export function solveRef(
  l: Ref,
  b: Ref,
  { upper, transposed, unit }: { upper: boolean; transposed: boolean; unit: boolean },
): Ref {
  const [n, m] = b.shape.slice(-2);
  const data = b.data.slice();
  for (let item = 0; item < data.length / (n * m); item++) {
    const entry = (i: number, j: number) => {
      const [row, column] = transposed ? [j, i] : [i, j];
      if (row === column && unit) return 1;
      return (upper ? column >= row : column <= row) ? l.data[(item * n + row) * n + column] : 0;
    };
    const order = Array.from({ length: n }, (_, i) => (upper === transposed ? i : n - 1 - i));
    for (let column = 0; column < m; column++) {
      const at = (i: number) => (item * n + i) * m + column;
      order.forEach((i, place) => {
        for (const k of order.slice(0, place)) data[at(i)] -= entry(i, k) * data[at(k)];
        data[at(i)] /= entry(i, i);
      });
    }
  }
  return { shape: b.shape, data };
}
