import type { Ref } from '../../engine/index.ts';

/** M[o][k] of a weight: rows are output channels, columns everything else in the weight's order. */
function matrixRef({ shape, data }: Ref, transposed: boolean): { rows: number; columns: number; at: number[][] } {
  const rows = shape[transposed ? 1 : 0];
  const columns = data.length / rows;
  const taps = shape.slice(2).reduce((a, b) => a * b, 1);
  // at[o][k]: where M[o, k] lies
  const at = Array.from({ length: rows }, (_, o) =>
    Array.from({ length: columns }, (_, k) =>
      transposed ? (Math.floor(k / taps) * rows + o) * taps + (k % taps) : o * columns + k,
    ),
  );
  return { rows, columns, at };
}

const unit = (x: Float64Array) => {
  const norm = Math.max(Math.sqrt(x.reduce((sum, value) => sum + value * value, 0)), 1e-12);
  return x.map((value) => value / norm);
};

export function spectralNormRef(
  weight: Ref,
  u0: Ref,
  v0: Ref,
  { iterations, transposed }: { iterations: number; transposed: boolean },
): { y: Ref; u: Ref; v: Ref; sigma: Ref } {
  const { rows, columns, at } = matrixRef(weight, transposed);
  const m = (o: number, k: number) => weight.data[at[o][k]];
  const times = (v: Float64Array) =>
    Float64Array.from({ length: rows }, (_, o) => v.reduce((sum, value, k) => sum + m(o, k) * value, 0));
  let u = u0.data;
  let v = v0.data;
  for (let i = 0; i < iterations; i++) {
    const before = u;
    v = unit(
      Float64Array.from({ length: columns }, (_, k) => before.reduce((sum, value, o) => sum + m(o, k) * value, 0)),
    );
    u = unit(times(v));
  }
  const image = times(v);
  const sigma = u.reduce((sum, value, o) => sum + value * image[o], 0);
  return {
    y: { shape: weight.shape, data: weight.data.map((value) => value / sigma) },
    u: { shape: [rows], data: u },
    v: { shape: [columns], data: v },
    sigma: { shape: [1], data: Float64Array.of(sigma) },
  };
}

export function spectralNormGradRef(dy: Ref, y: Ref, u: Ref, v: Ref, sigma: Ref, transposed: boolean): Ref {
  const { rows, columns, at } = matrixRef(dy, transposed);
  const product = dy.data.reduce((sum, value, i) => sum + value * y.data[i], 0);
  const data = new Float64Array(dy.data.length);
  for (let o = 0; o < rows; o++) {
    for (let k = 0; k < columns; k++) {
      const i = at[o][k];
      data[i] = (dy.data[i] - product * u.data[o] * v.data[k]) / sigma.data[0];
    }
  }
  return { shape: dy.shape, data };
}
