import type { Ref, Shape } from '../../engine/index.ts';

const product = (extents: readonly number[]) => extents.reduce((a, b) => a * b, 1);

/** For each element: the output that it belongs to, and its index among the reduced axes. */
function* elements(shape: Shape, axes: readonly number[]): Generator<{ i: number; output: number; index: number }> {
  const at = shape.map(() => 0);
  for (let i = 0; i < product(shape); i++) {
    let output = 0;
    let index = 0;
    shape.forEach((n, axis) => {
      if (axes.includes(axis)) index = index * n + at[axis];
      else output = output * n + at[axis];
    });
    yield { i, output, index };
    for (let axis = shape.length - 1; axis >= 0 && ++at[axis] === shape[axis]; axis--) at[axis] = 0;
  }
}

const kept = (shape: Shape, axes: readonly number[]) => shape.map((n, axis) => (axes.includes(axis) ? 1 : n));

export function maxRef(x: Ref, axes: readonly number[]): { y: Ref; index: Float64Array } {
  const shape = kept(x.shape, axes);
  const data = new Float64Array(product(shape)).fill(Number.NEGATIVE_INFINITY);
  const index = new Float64Array(data.length);
  for (const element of elements(x.shape, axes)) {
    const value = x.data[element.i];
    const best = data[element.output];
    if (value > best || (value === best && element.index < index[element.output])) {
      data[element.output] = value;
      index[element.output] = element.index;
    }
  }
  return { y: { shape, data }, index };
}

export function argmaxRef(x: Ref, axes: readonly number[]): Ref {
  const { y, index } = maxRef(x, axes);
  return { shape: y.shape, data: index };
}

export function scatterRef(dy: Ref, places: Ref, shape: Shape): Ref {
  const data = new Float64Array(product(shape));
  dy.data.forEach((value, o) => {
    data[places.data[o]] = value;
  });
  return { shape, data };
}

/** Σ (x − mean)² / (n − correction) over `axes`, in two passes. */
export function varianceRef(x: Ref, axes: readonly number[], correction: number): Ref {
  const shape = kept(x.shape, axes);
  const n = x.data.length / product(shape);
  const mean = new Float64Array(product(shape));
  for (const { i, output } of elements(x.shape, axes)) mean[output] += x.data[i] / n;
  const data = new Float64Array(mean.length);
  for (const { i, output } of elements(x.shape, axes))
    data[output] += (x.data[i] - mean[output]) ** 2 / (n - correction);
  return { shape, data };
}
