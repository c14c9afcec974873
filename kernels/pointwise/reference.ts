import type { Ref } from '../../engine/index.ts';

/** f over every element, in float64. */
export function mapRef(x: Ref, f: (value: number) => number): Ref {
  return { shape: x.shape, data: x.data.map(f) };
}

/** The multiple of `grid` that is nearest to a value, ties to the even one; the value itself where the grid is 0. */
export function roundToRef(value: number, grid: number): number {
  if (grid === 0) return value;
  const below = Math.floor(value / grid);
  const part = value / grid - below;
  const up = part > 0.5 || (part === 0.5 && below % 2 !== 0);
  return (below + (up ? 1 : 0)) * grid;
}

/** f over two arrays broadcast against each other, by explicit coordinates. */
export function zipRef(a: Ref, b: Ref, f: (a: number, b: number) => number): Ref {
  const rank = Math.max(a.shape.length, b.shape.length);
  const extent = (ref: Ref, axis: number) => ref.shape[axis - rank + ref.shape.length] ?? 1;
  const shape = Array.from({ length: rank }, (_, axis) => Math.max(extent(a, axis), extent(b, axis)));
  const at = (ref: Ref, index: readonly number[]) => {
    let flat = 0;
    for (let axis = 0; axis < rank; axis++) {
      const size = extent(ref, axis);
      flat = flat * size + (size === 1 ? 0 : index[axis]);
    }
    return ref.data[flat];
  };
  const data = new Float64Array(shape.reduce((product, n) => product * n, 1));
  const index = new Array<number>(rank).fill(0);
  for (let i = 0; i < data.length; i++) {
    data[i] = f(at(a, index), at(b, index));
    for (let axis = rank - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
  return { shape, data };
}
