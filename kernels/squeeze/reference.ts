import type { Ref } from '../../engine/index.ts';

/** Calls `move(fine, coarse)` with the flat indices of every pair of elements that squeezing maps to each other. */
function pairs(
  [n, c, height, width]: readonly number[],
  f: number,
  channelSlow: boolean,
  move: (fine: number, coarse: number) => void,
): void {
  const h = height / f;
  const w = width / f;
  for (let b = 0; b < n; b++)
    for (let k = 0; k < c; k++)
      for (let i = 0; i < h; i++)
        for (let j = 0; j < w; j++)
          for (let r = 0; r < f; r++)
            for (let s = 0; s < f; s++) {
              const channel = channelSlow ? (k * f + r) * f + s : (r * f + s) * c + k;
              const fine = ((b * c + k) * height + f * i + r) * width + f * j + s;
              move(fine, ((b * c * f * f + channel) * h + i) * w + j);
            }
}

export function squeezeRef(x: Ref, f: number, channelSlow: boolean): Ref {
  const [n, c, h, w] = x.shape;
  const data = new Float64Array(x.data.length);
  pairs(x.shape, f, channelSlow, (fine, coarse) => {
    data[coarse] = x.data[fine];
  });
  return { shape: [n, c * f * f, h / f, w / f], data };
}

export function unsqueezeRef(x: Ref, f: number, channelSlow: boolean): Ref {
  const [n, c, h, w] = x.shape;
  const shape = [n, c / (f * f), h * f, w * f];
  const data = new Float64Array(x.data.length);
  pairs(shape, f, channelSlow, (fine, coarse) => {
    data[fine] = x.data[coarse];
  });
  return { shape, data };
}
