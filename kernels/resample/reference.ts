import type { Ref } from '../../engine/index.ts';

export interface AxisRule {
  readonly mode: 'nearest' | 'nearest-exact' | 'linear' | 'cubic' | 'area';
  readonly alignCorners: boolean;
  /** outputs an input, where it is not m / n */
  readonly factor?: number | undefined;
}

function keys(distance: number): number {
  const x = Math.abs(distance);
  const a = -0.75;
  if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
  return x < 2 ? a * (x ** 3 - 5 * x ** 2 + 8 * x - 4) : 0;
}

/** The dense matrix [m][n] of one axis. */
export function matrix(n: number, m: number, { mode, alignCorners, factor }: AxisRule): number[][] {
  const scale = factor === undefined ? n / m : 1 / factor;
  return Array.from({ length: m }, (_, o) => {
    const row = new Array<number>(n).fill(0);
    const add = (i: number, weight: number) => {
      row[Math.min(Math.max(i, 0), n - 1)] += weight;
    };
    const centred = scale * (o + 0.5) - 0.5;
    const position = alignCorners ? (m > 1 ? (o * (n - 1)) / (m - 1) : 0) : centred;
    if (mode === 'nearest') add(Math.floor(Math.fround(o * Math.fround(scale))), 1);
    else if (mode === 'nearest-exact') add(Math.floor(Math.fround((o + 0.5) * Math.fround(scale))), 1);
    else if (mode === 'linear') {
      const p = Math.max(position, 0);
      add(Math.floor(p), 1 - (p - Math.floor(p)));
      add(Math.floor(p) + 1, p - Math.floor(p));
    } else if (mode === 'cubic') {
      for (let k = -1; k <= 2; k++) add(Math.floor(position) + k, keys(position - Math.floor(position) - k));
    } else {
      const first = Math.floor((o * n) / m);
      const end = Math.ceil(((o + 1) * n) / m);
      for (let i = first; i < end; i++) add(i, 1 / (end - first));
    }
    return row;
  });
}

/** rows · x along one axis. */
export function applyMatrix(rows: readonly (readonly number[])[], x: Ref, axis: number): Ref {
  const product = (extents: readonly number[]) => extents.reduce((a, b) => a * b, 1);
  const outer = product(x.shape.slice(0, axis));
  const n = x.shape[axis];
  const inner = product(x.shape.slice(axis + 1));
  const data = new Float64Array(outer * rows.length * inner);
  for (let a = 0; a < outer; a++)
    for (let o = 0; o < rows.length; o++)
      for (let i = 0; i < inner; i++)
        for (let j = 0; j < n; j++) {
          const weight = rows[o][j];
          if (weight !== 0) data[(a * rows.length + o) * inner + i] += weight * x.data[(a * n + j) * inner + i];
        }
  return { shape: x.shape.map((extent, k) => (k === axis ? rows.length : extent)), data };
}

export const transposed = (rows: readonly (readonly number[])[]): number[][] =>
  rows[0].map((_, j) => rows.map((row) => row[j]));
