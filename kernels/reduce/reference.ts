import type { Ref } from '../../engine/index.ts';

const product = (extents: readonly number[]) => extents.reduce((a, b) => a * b, 1);

/** scale · Σ over the axes start … end−1, which become 1. */
export function sumRef(x: Ref, start: number, end: number, scale: number): Ref {
  const shape = x.shape.map((n, axis) => (axis >= start && axis < end ? 1 : n));
  const length = product(x.shape.slice(start, end));
  const inner = product(x.shape.slice(end));
  const data = new Float64Array(product(shape));
  for (let o = 0; o < data.length; o++) {
    for (let r = 0; r < length; r++)
      data[o] += scale * x.data[(Math.floor(o / inner) * length + r) * inner + (o % inner)];
  }
  return { shape, data };
}

/** scale · x repeated along the axes start … end−1. */
export function broadcastRef(x: Ref, start: number, end: number, length: readonly number[], scale: number): Ref {
  const shape = x.shape.map((n, axis) => (axis >= start && axis < end ? length[axis - start] : n));
  const inner = product(x.shape.slice(end));
  const block = product(length) * inner;
  const data = Float64Array.from(
    { length: product(shape) },
    (_, i) => scale * x.data[Math.floor(i / block) * inner + (i % inner)],
  );
  return { shape, data };
}
