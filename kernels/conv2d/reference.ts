import type { Ref, Shape } from '../../engine/index.ts';
import type { Geometry } from './geometry.ts';

/** Reads position p of an axis of n values under a padding mode: its index, or −1 for a zero. */
function source(p: number, n: number, mode: Geometry['mode']): number {
  if (p >= 0 && p < n) return p;
  if (mode === 'zeros') return -1;
  if (mode === 'replicate') return p < 0 ? 0 : n - 1;
  return p < 0 ? -p : 2 * (n - 1) - p;
}

/** Visits every product of the sum: offsets in x, in the weight and in y. */
function eachTerm(g: Geometry, visit: (x: number, weight: number, y: number) => void): void {
  const outputs = g.groups * g.k;
  for (let n = 0; n < g.n; n++) {
    for (let o = 0; o < outputs; o++) {
      for (let oy = 0; oy < g.oH; oy++) {
        for (let ox = 0; ox < g.oW; ox++) {
          const y = ((n * outputs + o) * g.oH + oy) * g.oW + ox;
          for (let c = 0; c < g.c; c++) {
            const plane = (n * g.groups + Math.floor(o / g.k)) * g.c + c;
            for (let ky = 0; ky < g.kH; ky++) {
              const iy = source(oy * g.strideY + ky * g.dilationY - g.top, g.h, g.mode);
              if (iy < 0) continue;
              for (let kx = 0; kx < g.kW; kx++) {
                const ix = source(ox * g.strideX + kx * g.dilationX - g.left, g.w, g.mode);
                if (ix >= 0) visit((plane * g.h + iy) * g.w + ix, ((o * g.c + c) * g.kH + ky) * g.kW + kx, y);
              }
            }
          }
        }
      }
    }
  }
}

const zeros = (shape: Shape): Ref => ({ shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)) });

/** y = Σ w · x */
export function convRef(x: Ref, weight: Ref, g: Geometry): Ref {
  const y = zeros([g.n, g.groups * g.k, g.oH, g.oW]);
  eachTerm(g, (i, j, o) => {
    y.data[o] += weight.data[j] * x.data[i];
  });
  return y;
}

/** The transpose in x: dx = Σ w · dy */
export function transposedRef(dy: Ref, weight: Ref, g: Geometry): Ref {
  const x = zeros([g.n, g.groups * g.c, g.h, g.w]);
  eachTerm(g, (i, j, o) => {
    x.data[i] += weight.data[j] * dy.data[o];
  });
  return x;
}

/** The transpose in w: dw = Σ x · dy */
export function weightGradRef(x: Ref, dy: Ref, g: Geometry): Ref {
  const weight = zeros([g.groups * g.k, g.c, g.kH, g.kW]);
  eachTerm(g, (i, j, o) => {
    weight.data[j] += x.data[i] * dy.data[o];
  });
  return weight;
}

/** f of every value and its channel, for [N, C, H, W]. */
export function perChannel(x: Ref, f: (value: number, channel: number, index: number) => number): Ref {
  const plane = x.shape[2] * x.shape[3];
  return { shape: x.shape, data: x.data.map((value, i) => f(value, Math.floor(i / plane) % x.shape[1], i)) };
}
