import type { Ref } from '../../engine/index.ts';

/** y whose element at `index` is that of x at `source(index)`. */
function remap(x: Ref, shape: readonly number[], source: (index: readonly number[]) => readonly number[]): Ref {
  const index = new Array<number>(shape.length).fill(0);
  const data = new Float64Array(x.data.length);
  for (let i = 0; i < data.length; i++) {
    const from = source(index);
    data[i] = x.data[x.shape.reduce((flat, n, axis) => flat * n + from[axis], 0)];
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
  return { shape, data };
}

export function permuteRef(x: Ref, axes: readonly number[]): Ref {
  return remap(
    x,
    axes.map((axis) => x.shape[axis]),
    (index) => x.shape.map((_, axis) => index[axes.indexOf(axis)]),
  );
}

export function flipRef(x: Ref, axes: readonly number[]): Ref {
  return remap(x, x.shape, (index) => index.map((i, axis) => (axes.includes(axis) ? x.shape[axis] - 1 - i : i)));
}
