import type { Ref } from '../../engine/index.ts';

export interface Borders {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** The position of an axis of extent n that stands at `position`, walking back and forth; undefined for zeros. */
function sourceOf(position: number, n: number, mode: string): number | undefined {
  if (mode === 'zeros') return position >= 0 && position < n ? position : undefined;
  if (mode === 'replicate') return Math.min(Math.max(position, 0), n - 1);
  let p = position;
  while (p < 0 || p >= n) p = p < 0 ? -p : 2 * (n - 1) - p;
  return p;
}

/** Calls `visit(y index, x index)` for every element of the padded array that comes from one of x. */
function pairs(shape: readonly number[], borders: Borders, mode: string, visit: (y: number, x: number) => void) {
  const [h, w] = shape.slice(-2);
  const planes = shape.slice(0, -2).reduce((a, b) => a * b, 1);
  const height = h + borders.top + borders.bottom;
  const width = w + borders.left + borders.right;
  for (let p = 0; p < planes; p++)
    for (let i = 0; i < height; i++)
      for (let j = 0; j < width; j++) {
        const row = sourceOf(i - borders.top, h, mode);
        const column = sourceOf(j - borders.left, w, mode);
        if (row === undefined || column === undefined) continue;
        visit((p * height + i) * width + j, (p * h + row) * w + column);
      }
}

const padded = (shape: readonly number[], { top, bottom, left, right }: Borders) =>
  shape.map((n, axis) =>
    axis === shape.length - 2 ? n + top + bottom : axis === shape.length - 1 ? n + left + right : n,
  );

const zeros = (shape: readonly number[]): Ref => ({
  shape,
  data: new Float64Array(shape.reduce((a, b) => a * b, 1)),
});

export function padRef(x: Ref, borders: Borders, mode: string): Ref {
  const y = zeros(padded(x.shape, borders));
  pairs(x.shape, borders, mode, (to, from) => {
    y.data[to] = x.data[from];
  });
  return y;
}

/** The transpose of `padRef`. */
export function foldRef(y: Ref, { top, bottom, left, right }: Borders, mode: string): Ref {
  const x = zeros(padded(y.shape, { top: -top, bottom: -bottom, left: -left, right: -right }));
  pairs(x.shape, { top, bottom, left, right }, mode, (from, to) => {
    x.data[to] += y.data[from];
  });
  return x;
}
