import type { Ref, Shape } from '../../engine/index.ts';
import type { Geometry } from '../conv2d/geometry.ts';
import type { Window as PoolWindow } from '../pool/geometry.ts';
import { averagePoolRef } from '../pool/reference.ts';

const zeros = (shape: Shape): Ref => ({ shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)) });

/** Visits every term of the sums: places in the weight [O, C, kH, kW] and in y [N, O, oH, oW]. */
function eachTerm(labels: Ref, g: Geometry, visit: (weight: number, y: number) => void): void {
  for (let n = 0; n < g.n; n++)
    for (let o = 0; o < g.k; o++)
      for (let i = 0; i < g.oH; i++)
        for (let j = 0; j < g.oW; j++)
          for (let a = 0; a < g.kH; a++)
            for (let b = 0; b < g.kW; b++) {
              const row = i * g.strideY + a - g.top;
              const column = j * g.strideX + b - g.left;
              if (row < 0 || row >= g.h || column < 0 || column >= g.w) continue;
              const label = labels.data[(n * g.h + row) * g.w + column];
              if (label >= g.c) continue;
              visit(((o * g.c + label) * g.kH + a) * g.kW + b, ((n * g.k + o) * g.oH + i) * g.oW + j);
            }
}

/** The sum over taps of the columns that the labels name. */
export function labelConvRef(labels: Ref, weight: Ref, g: Geometry): Ref {
  const y = zeros([g.n, g.k, g.oH, g.oW]);
  eachTerm(labels, g, (from, to) => {
    y.data[to] += weight.data[from];
  });
  return y;
}

/** Its transpose in the weight. */
export function labelWeightGradRef(labels: Ref, dy: Ref, g: Geometry): Ref {
  const weight = zeros([g.k, g.c, g.kH, g.kW]);
  eachTerm(labels, g, (to, from) => {
    weight.data[to] += dy.data[from];
  });
  return weight;
}

/** The label at ⌊i · H / h⌋, ⌊j · W / w⌋; the products are rounded to f32, as PyTorch has them. */
export function resizeLabelsRef(labels: Ref, [h, w]: readonly [number, number]): Ref {
  const [n, fromH, fromW] = labels.shape;
  const place = (i: number, from: number, to: number) => Math.floor(Math.fround(i * Math.fround(from / to)));
  const y = zeros([n, h, w]);
  for (let image = 0; image < n; image++)
    for (let i = 0; i < h; i++)
      for (let j = 0; j < w; j++) {
        const row = Math.min(place(i, fromH, h), fromH - 1);
        const column = Math.min(place(j, fromW, w), fromW - 1);
        y.data[(image * h + i) * w + j] = labels.data[(image * fromH + row) * fromW + column];
      }
  return y;
}

/** The mean of each class's mask over windows, from the masks. */
export function pooledOneHotRef(labels: Ref, classes: number, window: PoolWindow, countPadding: boolean): Ref {
  const [n, h, w] = labels.shape;
  const masks = zeros([n, classes, h, w]);
  labels.data.forEach((label, i) => {
    const image = Math.floor(i / (h * w));
    if (label < classes) masks.data[(image * classes + label) * h * w + (i % (h * w))] = 1;
  });
  return averagePoolRef(masks, window, countPadding);
}
