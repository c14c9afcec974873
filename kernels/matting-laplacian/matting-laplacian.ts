import * as d from 'typegpu/data';
import {
  defineKernel,
  defineOp,
  empty,
  type Op,
  read,
  type Sample,
  type Shape,
  ShapeError,
  scope,
  type Tensor,
  tensor,
  write,
} from '../../engine/index.ts';
import { mattingLaplacianRef } from './reference.ts';
import { type LapTable, lapTable } from './table.ts';

const WG = 64;

const Params = d
  .struct({ planes: d.u32, channels: d.u32, width: d.u32, height: d.u32, radius: d.u32, ridge: d.f32 })
  .$name('Params');

type Extents = { planes: number; width: number; height: number; radius: number };
const windowsOf = (p: Extents) => p.planes * (p.width - 2 * p.radius) * (p.height - 2 * p.radius);
const pixelsOf = (p: Extents) => p.planes * p.width * p.height;
const windowArea = (p: Extents) => (2 * p.radius + 1) ** 2;

const lib = [new URL('./pixel.wgsl', import.meta.url)];
const keys = { WG: [WG] };

const windowsKernel = defineKernel({
  name: 'mattingLaplacian.windows',
  wgsl: new URL('./windows.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings: { v: read('T'), pixels: read('u32'), factors: read('f32'), fit: write('vec4f') },
  keys,
  grid: (p) => Math.ceil(windowsOf(p) / WG),
  cost: (p, bytes) => ({
    flops: windowsOf(p) * (14 * windowArea(p) + 40),
    bytes: pixelsOf(p) * (bytes + 4) + windowsOf(p) * 40,
  }),
});

const pixelsKernel = defineKernel({
  name: 'mattingLaplacian.pixels',
  wgsl: new URL('./pixels.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings: { v: read('T'), pixels: read('u32'), fit: read('vec4f'), lv: write('T') },
  keys,
  grid: (p) => Math.ceil(pixelsOf(p) / WG),
  cost: (p, bytes) => ({
    flops: pixelsOf(p) * 12 * windowArea(p),
    bytes: pixelsOf(p) * (2 * bytes + 4) + windowsOf(p) * 16,
  }),
});

interface LapAttrs {
  /** one a picture of the batch */
  tables: readonly LapTable[];
}

const lapOp: Op<'v', readonly ['lv'], LapAttrs> = defineOp({
  name: 'mattingLaplacian',
  inputs: ['v'],
  outputs: ['lv'],
  defaults: { tables: [] } as LapAttrs,
  shape: ({ v }, { tables }) => {
    check(v.shape, tables);
    return { lv: { shape: v.shape, dtype: v.dtype } };
  },
  forward: ({ v }, { lv }, { tables }) => {
    scope(() => {
      const [items, channels, height, width] = v.shape;
      const { radius, eps } = tables[0];
      const ridge = (eps / (2 * radius + 1) ** 2) * 255 * 255;
      const params = { planes: items * channels, channels, width, height, radius, ridge };
      const pixels = tensor(v.device, joined(tables.map((table) => table.pixels)), [items * height * width], 'u32');
      const words = joined(tables.map((table) => table.factors));
      const factors = tensor(v.device, words, [words.length]);
      const fit = empty(v.device, { shape: [windowsOf(params), 4], dtype: 'f32' });
      windowsKernel.launch({ v, pixels, factors, fit }, params, { WG });
      pixelsKernel.launch({ v, pixels, fit, lv }, params, { WG });
    });
  },
  // L is symmetric
  backward: ({ dlv }, attrs) => ({ dv: lapOp({ v: dlv }, attrs).lv }),
  reference: ({ v }, { tables }) => ({ lv: mattingLaplacianRef(v, tables) }),
  // a window's mean for each of the windows that hold a pixel
  reduction: (_, { tables }) => (2 * tables[0].radius + 1) ** 4,
  samples: samples(),
});

function check(v: Shape, tables: readonly LapTable[]): void {
  const [items, , height, width] = v;
  const [first] = tables;
  const fits = tables.every(
    (t) => t.width === width && t.height === height && t.radius === first.radius && t.eps === first.eps,
  );
  if (v.length === 4 && items === tables.length && fits) return;
  const given = tables.map((t) => `${t.width} × ${t.height} of radius ${t.radius}, eps ${t.eps}`);
  throw new ShapeError(
    `mattingLaplacian: expected v [N, C, H, W] with N tables for W × H, of one radius and eps, got v [${v}] and tables for ` +
      `${given.join(', ') || 'no picture'}. Build the tables from pictures of the size of v.`,
  );
}

function joined<A extends Uint32Array | Float32Array>(parts: readonly A[]): A {
  if (parts.length === 1) return parts[0];
  const whole = new (parts[0].constructor as new (length: number) => A)(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part as never, at);
    at += part.length;
  }
  return whole;
}

/** Pictures with smooth areas, edges and flat areas. */
function samples(): Sample<'v', LapAttrs>[] {
  const picture = (width: number, height: number, radius: number, flat = 0): LapTable => {
    const rgb = Uint8Array.from({ length: 3 * width * height }, (_, at) => {
      const [c, x, y] = [at % 3, Math.floor(at / 3) % width, Math.floor(at / (3 * width))];
      if (x < flat) return 90 + 40 * c;
      return 128 + 60 * Math.sin(x * 0.7 + c * 2 + y * 0.2) + 30 * Math.cos(y * (1.1 + c)) + (x > width / 2 ? 30 : 0);
    });
    return named(lapTable(rgb, width, height, radius));
  };
  return [
    { inputs: { v: [1, 3, 9, 7] }, attrs: { tables: [picture(7, 9, 1)] } },
    { inputs: { v: [2, 3, 10, 13] }, attrs: { tables: [picture(13, 10, 1), picture(13, 10, 1, 6)] } },
    { inputs: { v: [1, 2, 8, 11] }, attrs: { tables: [picture(11, 8, 2, 11)] } },
    { inputs: { v: [1, 1, 3, 3] }, attrs: { tables: [picture(3, 3, 1)] } },
    { inputs: { v: { shape: [1, 1, 12, 15], offset: 3 } }, attrs: { tables: [picture(15, 12, 3)] } },
    {
      inputs: { v: [2, 3, 256, 256] },
      get attrs() {
        return { tables: [picture(256, 256, 1), picture(256, 256, 1, 100)] };
      },
      bench: '2 pictures of 256²',
    },
  ];
}

/** A table that prints as its extents. */
function named(table: LapTable): LapTable {
  return Object.assign(table, { toJSON: () => `${table.width} × ${table.height}, radius ${table.radius}` });
}

/**
 * The matting Laplacian of a picture applied to planes: how far v is from an affine function of the picture's colours in
 * every small window. Matrix-free; L is symmetric, and so is its own gradient.
 *
 *     (L v)_i = Σ_{k ∋ i} [ v_i − mean_k v − (I_i − μ_k)ᵀ Δ_k⁻¹ cov_k(I, v) ]      vᵀ L v ≥ 0
 *
 * @param tables  `lapTable` of each picture of the batch, or of the only one; all of one radius and eps
 * @param v       [N, C, H, W], f32 or f16
 * @returns       L v, of v's shape
 * @throws ShapeError when the tables are for other sizes
 * @see Levin, Lischinski, Weiss 2008, IEEE TPAMI 30(2), eq. 12
 */
export function mattingLaplacian(tables: LapTable | readonly LapTable[], v: Tensor): Tensor {
  return lapOp({ v }, { tables: 'pixels' in tables ? [tables] : tables }).lv;
}
