import type { Ref } from '../../engine/index.ts';
import type { Run } from '../reduce/axes.ts';

/** f over each column of [outer, length, inner]: its values in, its values out. */
function overColumns(like: Ref, { outer, length, inner }: Run, f: (at: number[]) => number[]): Ref {
  const data = new Float64Array(like.data.length);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const at = Array.from({ length }, (_, r) => (o * length + r) * inner + i);
      f(at).forEach((value, r) => {
        data[at[r]] = value;
      });
    }
  }
  return { shape: like.shape, data };
}

export function softmaxRef(x: Ref, run: Run, log: boolean): Ref {
  return overColumns(x, run, (at) => {
    const top = Math.max(...at.map((i) => x.data[i]));
    const total = at.reduce((sum, i) => sum + Math.exp(x.data[i] - top), 0);
    return at.map((i) => (log ? x.data[i] - top - Math.log(total) : Math.exp(x.data[i] - top) / total));
  });
}

/** The Jacobian's transpose times dy, entry by entry: ∂y_j/∂x_i = y_j (δ_ij − y_i), or δ_ij − e^(y_i) of the logarithm. */
export function softmaxGradRef(dy: Ref, y: Ref, run: Run, log: boolean): Ref {
  return overColumns(y, run, (at) =>
    at.map((i) =>
      at.reduce((sum, j) => {
        const delta = i === j ? 1 : 0;
        const slope = log ? delta - Math.exp(y.data[i]) : y.data[j] * (delta - y.data[i]);
        return sum + dy.data[j] * slope;
      }, 0),
    ),
  );
}

interface NllRefOptions {
  ignoreIndex: number;
  weight: Ref | undefined;
}

/** −w[label] · x[n, label, i] and w[label] for each label; 0 where the label is ignored. */
export function nllRef(x: Ref, labels: Ref, { ignoreIndex, weight }: NllRefOptions): { y: Ref; weights: Ref } {
  const classes = x.shape[1];
  const inner = x.shape.slice(2).reduce((a, b) => a * b, 1);
  const weights = labels.data.map((label) => (label === ignoreIndex ? 0 : (weight?.data[label] ?? 1)));
  const y = weights.map((w, at) => {
    if (w === 0) return 0;
    const n = Math.floor(at / inner);
    return -w * x.data[(n * classes + labels.data[at]) * inner + (at % inner)];
  });
  return { y: { shape: labels.shape, data: y }, weights: { shape: labels.shape, data: weights } };
}
