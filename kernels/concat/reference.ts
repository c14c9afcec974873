import type { Ref } from '../../engine/index.ts';

const product = (extents: readonly number[]) => extents.reduce((a, b) => a * b, 1);

/** Writes y element by element: `source(o, a, i)` over [outer, axis, inner]. */
function along(
  shape: readonly number[],
  axis: number,
  extent: number,
  source: (o: number, a: number, i: number, inner: number) => number,
): Ref {
  const out = shape.map((n, k) => (k === axis ? extent : n));
  const outer = product(shape.slice(0, axis));
  const inner = product(shape.slice(axis + 1));
  const data = new Float64Array(product(out));
  for (let o = 0; o < outer; o++)
    for (let a = 0; a < extent; a++)
      for (let i = 0; i < inner; i++) data[(o * extent + a) * inner + i] = source(o, a, i, inner);
  return { shape: out, data };
}

export function concatRef(parts: readonly Ref[], axis: number): Ref {
  const extents = parts.map(({ shape }) => shape[axis]);
  const total = extents.reduce((a, b) => a + b, 0);
  return along(parts[0].shape, axis, total, (o, a, i, inner) => {
    let part = 0;
    let position = a;
    while (position >= extents[part]) position -= extents[part++];
    return parts[part].data[(o * extents[part] + position) * inner + i];
  });
}

export function sliceRef(x: Ref, axis: number, start: number, end: number, step: number): Ref {
  const n = x.shape[axis];
  let extent = 0;
  for (let a = start; a < end; a += step) extent++;
  return along(x.shape, axis, extent, (o, a, i, inner) => x.data[(o * n + start + a * step) * inner + i]);
}

export function padAxisRef(x: Ref, axis: number, before: number, after: number, step: number, value: number): Ref {
  const n = x.shape[axis];
  const extent = before + (n - 1) * step + 1 + after;
  const y = along(x.shape, axis, extent, () => value);
  const inner = product(x.shape.slice(axis + 1));
  for (let e = 0; e < x.data.length; e++) {
    const o = Math.floor(e / (n * inner));
    const a = Math.floor(e / inner) % n;
    y.data[(o * extent + before + a * step) * inner + (e % inner)] = x.data[e];
  }
  return y;
}
