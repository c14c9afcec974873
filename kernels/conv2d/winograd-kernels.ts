import * as d from 'typegpu/data';
import { type Device, defineKernel, empty, optional, read, type Tensor, write } from '../../engine/index.ts';
import { activationWgsl } from '../lib/activation.ts';
import { type BlockSize, cutRows } from '../lib/blocks.ts';
import { variantFor } from '../lib/variant.ts';
import { launchMatmul } from '../matmul/launch.ts';

/** Results of a tile along one axis, and the points of its products in all. */
export const TILE = 4;
export const POINTS = 36;
export const WG = 64;

const Params = d
  .struct({
    inChannels: d.u32,
    outChannels: d.u32,
    h: d.u32,
    w: d.u32,
    oH: d.u32,
    oW: d.u32,
    tilesY: d.u32,
    tilesX: d.u32,
    /** tiles of all images, the first of this part, and tiles in a part, filled up to vectors of four */
    tiles: d.u32,
    startTile: d.u32,
    columns: d.u32,
    /** whether tiles are the outer axis of pixels, and the extent of the inner one */
    byTile: d.u32,
    width: d.u32,
    /** length of the products' sums */
    terms: d.u32,
    /** output channels of a part: the first, how many, filled up to whole blocks, and those that this dispatch computes */
    firstChannel: d.u32,
    rows: d.u32,
    startRow: d.u32,
    endRow: d.u32,
    /** topmost row and leftmost column of pixel 0's window */
    windowY: d.i32,
    windowX: d.i32,
    padMode: d.u32,
    weightOut: d.u32,
    weightIn: d.u32,
    flipY: d.u32,
    flipX: d.u32,
    curve: d.u32,
    slope: d.f32,
    scale: d.f32,
    grid: d.f32,
    inverseGrid: d.f32,
  })
  .$name('Params');
export type ParamValues = { [K in keyof (typeof Params)['propTypes']]: number };

const transform = new URL('./winograd.transform.wgsl', import.meta.url);
const padding = new URL('./padding.wgsl', import.meta.url);

export const weightsKernel = defineKernel({
  name: 'conv2d.winograd.weights',
  wgsl: new URL('./winograd.weights.wgsl', import.meta.url),
  lib: [transform],
  params: Params,
  bindings: { weight: read('U'), u: write('f32') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.inChannels * p.rows) / WG),
  cost: ({ inChannels, rows }, bytes) => ({
    flops: 90 * inChannels * rows,
    bytes: inChannels * rows * (9 * bytes + POINTS * 4),
  }),
});

export const inputKernel = defineKernel({
  name: 'conv2d.winograd.input',
  wgsl: new URL('./winograd.input.wgsl', import.meta.url),
  lib: [transform, padding],
  params: Params,
  bindings: { x: read('T'), v: write('f32') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil(((p.byTile ? p.columns : p.inChannels) * p.width) / WG),
  cost: ({ inChannels, columns }, bytes) => ({
    flops: 216 * inChannels * columns,
    bytes: inChannels * columns * (TILE * TILE * bytes + POINTS * 4),
  }),
});

const productKernel = defineKernel({
  name: 'conv2d.winograd.product',
  wgsl: new URL('./winograd.product.wgsl', import.meta.url),
  params: Params,
  bindings: { u: read('f32'), v: read('vec4f'), m: write('vec4f') },
  subgroups: true,
  keys: { TILE_K: [8, 16] },
  grid: (p, { TILE_K }, { subgroupWidth }) =>
    POINTS * ((p.endRow - p.startRow) / TILE_K) * Math.ceil(p.width / (8 * subgroupWidth)),
  cost: ({ terms, startRow, endRow, width }) => ({
    flops: 2 * POINTS * terms * (endRow - startRow) * width,
    bytes: 4 * POINTS * (terms * (endRow - startRow + width) + (endRow - startRow) * width),
  }),
});

export const outputKernel = defineKernel({
  name: 'conv2d.winograd.output',
  wgsl: new URL('./winograd.output.wgsl', import.meta.url),
  lib: [transform, new URL('./epilogue.wgsl', import.meta.url), activationWgsl],
  params: Params,
  bindings: {
    m: read('f32'),
    y: write('T'),
    bias: optional(read('U'), 'HAS_BIAS'),
    residual: optional(read('T'), 'HAS_RESIDUAL'),
  },
  keys: { WG: [WG], HAS_BIAS: [0, 1], HAS_RESIDUAL: [0, 1], CURVED: [0, 1] },
  valid: ({ HAS_RESIDUAL, CURVED }) => !(HAS_RESIDUAL && CURVED),
  grid: (p) => Math.ceil((p.rows * p.columns) / WG),
  cost: ({ rows, columns }, bytes, { HAS_RESIDUAL }) => ({
    flops: 120 * rows * columns,
    bytes: rows * columns * (POINTS * 4 + (1 + HAS_RESIDUAL) * TILE * TILE * bytes),
  }),
});

export const gradientKernel = defineKernel({
  name: 'conv2d.winograd.gradient',
  wgsl: new URL('./winograd.gradient.wgsl', import.meta.url),
  lib: [transform],
  params: Params,
  bindings: { dy: read('T'), dm: write('f32') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.rows * p.columns) / WG),
  cost: ({ rows, columns }, bytes) => ({
    flops: 120 * rows * columns,
    bytes: rows * columns * (TILE * TILE * bytes + POINTS * 4),
  }),
});

export const foldKernel = defineKernel({
  name: 'conv2d.winograd.fold',
  wgsl: new URL('./winograd.fold.wgsl', import.meta.url),
  lib: [transform],
  params: Params,
  bindings: { du: read('f32'), dw: write('T') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.inChannels * p.rows) / WG),
  cost: ({ inChannels, rows }, bytes) => ({
    flops: 90 * inChannels * rows,
    bytes: inChannels * rows * (9 * bytes + POINTS * 4),
  }),
});

// Relative times of one block of channels, measured on lavapipe with 8 lanes.
const BLOCKS: readonly BlockSize[] = [
  { size: 16, time: 1 },
  { size: 8, time: 0.66 },
];

export const floats = (device: Device, ...shape: number[]): Tensor => empty(device, { shape, dtype: 'f32' });

/** Bytes that values of pairs of channels at the 36 points may take. */
const PAIR_BYTES = 2 ** 25;

/** Output channels in parts of at most so many rows, so that the workspace of pairs with `inChannels` stays bounded. */
export function channelParts(outChannels: number, inChannels: number): { firstChannel: number; rows: number }[] {
  const most = Math.max(16, Math.floor(PAIR_BYTES / (4 * POINTS * inChannels) / 16) * 16);
  const count = Math.ceil(outChannels / most);
  const each = Math.ceil(outChannels / count / 16) * 16;
  return Array.from({ length: Math.ceil(outChannels / each) }, (_, part) => {
    const firstChannel = part * each;
    return { firstChannel, rows: Math.ceil(Math.min(each, outChannels - firstChannel) / 8) * 8 };
  });
}

/** Appends the 36 products m = uᵀ · v: u [36, terms, rows], v [36, terms, width], m [36, rows, width]. */
export function launchProducts(tensors: Record<'u' | 'v' | 'm', Tensor>, params: ParamValues): void {
  const { u, v, m } = tensors;
  const { terms, rows, width } = params;
  const work = { kind: 'matmul', rows, columns: width, terms, batch: POINTS, dtype: 'f32' } as const;
  if (variantFor(v.device, work).family === 'lanes') {
    for (const { size, start, end } of cutRows(rows, BLOCKS)) {
      productKernel.launch(tensors, { ...params, startRow: start, endRow: end }, { TILE_K: size });
    }
    return;
  }
  const product = { batch: POINTS, m: rows, n: width, k: terms, leading: [POINTS] };
  launchMatmul(
    { a: u, b: v, y: m },
    { ...product, transposeA: true, transposeB: false, aShared: false, bShared: false },
    { biasByRow: false, activation: 'none', slope: 0 },
  );
}
