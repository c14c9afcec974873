import type { Ref } from '../../engine/index.ts';

const product = (extents: readonly number[]) => extents.reduce((a, b) => a * b, 1);

/** x with `extent` places along one axis: `visit` is called with every [outer, axis, inner] of the result. */
function build(
  shape: readonly number[],
  axis: number,
  extent: number,
  visit: (data: Float64Array, flat: number, o: number, a: number, i: number, inner: number) => void,
): Ref {
  const out = shape.map((n, k) => (k === axis ? extent : n));
  const inner = product(shape.slice(axis + 1));
  const data = new Float64Array(product(out));
  for (let flat = 0; flat < data.length; flat++) {
    const i = flat % inner;
    const a = Math.floor(flat / inner) % extent;
    visit(data, flat, Math.floor(flat / inner / extent), a, i, inner);
  }
  return { shape: out, data };
}

export function selectRef(x: Ref, index: Ref, axis: number): Ref {
  const n = x.shape[axis];
  return build(x.shape, axis, index.data.length, (data, flat, o, k, i, inner) => {
    const row = index.data[k];
    if (row < n) data[flat] = x.data[(o * n + row) * inner + i];
  });
}

export function selectTransposeRef(y: Ref, index: Ref, axis: number, extent: number): Ref {
  const count = index.data.length;
  return build(y.shape, axis, extent, (data, flat, o, row, i, inner) => {
    for (let k = 0; k < count; k++) if (index.data[k] === row) data[flat] += y.data[(o * count + k) * inner + i];
  });
}

export function gatherRef(x: Ref, index: Ref, axis: number): Ref {
  const n = x.shape[axis];
  return build(index.shape, axis, index.shape[axis], (data, flat, o, _, i, inner) => {
    const row = index.data[flat];
    if (row < n) data[flat] = x.data[(o * n + row) * inner + i];
  });
}

export function scatterRef(y: Ref, index: Ref, axis: number, extent: number): Ref {
  const count = y.shape[axis];
  return build(y.shape, axis, extent, (data, flat, o, row, i, inner) => {
    for (let k = 0; k < count; k++) {
      const from = (o * count + k) * inner + i;
      if (index.data[from] === row) data[flat] += y.data[from];
    }
  });
}

export function oneHotRef(labels: Ref, axis: number, classes: number): Ref {
  const shape = [...labels.shape.slice(0, axis), classes, ...labels.shape.slice(axis)];
  const inner = product(labels.shape.slice(axis));
  const data = new Float64Array(product(shape));
  labels.data.forEach((label, flat) => {
    if (label < classes) data[(Math.floor(flat / inner) * classes + label) * inner + (flat % inner)] = 1;
  });
  return { shape, data };
}
