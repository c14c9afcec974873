import type { Ref } from '../../engine/index.ts';
import type { LapTable } from './table.ts';

/** L of one picture, [pixels, pixels] in float64, from the definition; uses the picture alone, not the factors. */
export function lapMatrixRef({ width, height, radius, eps, pixels }: LapTable): Ref {
  const count = width * height;
  const data = new Float64Array(count * count);
  for (let y = radius; y < height - radius; y++)
    for (let x = radius; x < width - radius; x++) {
      const window: number[] = [];
      for (let dy = -radius; dy <= radius; dy++)
        for (let dx = -radius; dx <= radius; dx++) window.push((y + dy) * width + x + dx);
      const n = window.length;
      const colours = window.map((i) => [0, 8, 16].map((shift) => ((pixels[i] >> shift) & 255) / 255));
      const mean = [0, 1, 2].map((c) => colours.reduce((s, colour) => s + colour[c], 0) / n);
      const offsets = colours.map((colour) => colour.map((value, c) => value - mean[c]));
      const delta = [0, 1, 2].map((c) =>
        [0, 1, 2].map((d) => offsets.reduce((s, o) => s + o[c] * o[d], 0) / n + (c === d ? eps / n : 0)),
      );
      const inverse = inverseOf(delta);
      window.forEach((i, p) => {
        window.forEach((j, q) => {
          let product = 0;
          for (let c = 0; c < 3; c++)
            for (let d = 0; d < 3; d++) product += offsets[p][c] * inverse[c][d] * offsets[q][d];
          data[i * count + j] += (i === j ? 1 : 0) - (1 + product) / n;
        });
      });
    }
  return { shape: [count, count], data };
}

/** By elimination: cofactors would cancel where all colours lie on a line. */
function inverseOf(m: number[][]): number[][] {
  const n = m.length;
  const rows = m.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let k = 0; k < n; k++) {
    const pivot = rows[k][k]; // positive definite: no need to exchange rows
    rows[k] = rows[k].map((value) => value / pivot);
    for (let i = 0; i < n; i++) {
      const factor = rows[i][k];
      if (i !== k) rows[i] = rows[i].map((value, j) => value - factor * rows[k][j]);
    }
  }
  return rows.map((row) => row.slice(n));
}

export function mattingLaplacianRef(v: Ref, tables: readonly LapTable[]): Ref {
  const data = new Float64Array(v.data.length);
  const [, channels, height, width] = v.shape;
  const count = height * width;
  tables.forEach((table, item) => {
    const { data: l } = lapMatrixRef(table);
    for (let c = 0; c < channels; c++) {
      const at = (item * channels + c) * count;
      for (let i = 0; i < count; i++) for (let j = 0; j < count; j++) data[at + i] += l[i * count + j] * v.data[at + j];
    }
  });
  return { shape: v.shape, data };
}
