import * as d from 'typegpu/data';
import { defineKernel, optional, read, write } from '../../engine/index.ts';
import { type Lanes, perLanes } from '../lib/lanes.ts';
import { epilogueLib, flags, notBoth, paddingWgsl } from './gather-params.ts';

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
    /** tiles of all images, the first of this part, and tiles in a part, filled up to whole vectors */
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

function costOfPixels({ inChannels, columns }: ParamValues, bytes: number) {
  const cells = inChannels * columns;
  return { flops: 216 * cells, bytes: cells * (TILE * TILE * bytes + POINTS * 4) };
}

function costOfResults({ rows, columns }: ParamValues, bytes: number, { HAS_RESIDUAL }: { HAS_RESIDUAL: number }) {
  const cells = rows * columns;
  return { flops: 120 * cells, bytes: cells * (POINTS * 4 + (1 + HAS_RESIDUAL) * TILE * TILE * bytes) };
}

function costOfGradients({ rows, columns }: ParamValues, bytes: number) {
  const cells = rows * columns;
  return { flops: 120 * cells, bytes: cells * (TILE * TILE * bytes + POINTS * 4) };
}

export const weightsKernel = defineKernel({
  name: 'conv2d.winograd.weights',
  wgsl: new URL('./winograd.weights.wgsl', import.meta.url),
  lib: [transform],
  params: Params,
  bindings: { weight: read('U'), u: write('f32') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil(p.rows / 16) * Math.ceil(p.inChannels / (WG / 16)),
  cost: ({ inChannels, rows }, bytes) => ({
    flops: 90 * inChannels * rows,
    bytes: inChannels * rows * (9 * bytes + POINTS * 4),
  }),
});

export const inputKernel = defineKernel({
  name: 'conv2d.winograd.input',
  wgsl: new URL('./winograd.input.wgsl', import.meta.url),
  lib: [transform, paddingWgsl],
  params: Params,
  bindings: { x: read('T'), v: write('f32') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil(((p.byTile ? p.columns : p.inChannels) * p.width) / WG),
  cost: costOfPixels,
});

/** For GPUs, with tiles as the inner axis. */
export const pixelsKernel = perLanes(({ lanes, suffix, T }) =>
  defineKernel({
    name: `conv2d.winograd.pixels${suffix}`,
    wgsl: new URL('./winograd.pixels.wgsl', import.meta.url),
    lib: [
      transform,
      paddingWgsl,
      lanes === 4 ? new URL('./pixels4.wgsl', import.meta.url) : new URL('./pixels1.wgsl', import.meta.url),
    ],
    params: Params,
    bindings: { x: read(T), v: write('f32') },
    keys: { WG: [WG] },
    grid: (p) => Math.ceil((p.inChannels * p.columns) / WG),
    cost: costOfPixels,
  }),
);

export const productKernel = defineKernel({
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

/** Vectors of four where each holds the middle of a tile's row: see pixels4.wgsl. */
export const lanesOfPixels = ({ w, oW, windowX }: ParamValues): Lanes =>
  w % 4 === 0 && windowX === -1 && oW <= w ? 4 : 1;

const outputBindings = {
  m: read('f32'),
  y: write('T'),
  bias: optional(read('U'), 'HAS_BIAS'),
  residual: optional(read('T'), 'HAS_RESIDUAL'),
} as const;
const outputLib = [transform, ...epilogueLib];

export const outputKernel = defineKernel({
  name: 'conv2d.winograd.output',
  wgsl: new URL('./winograd.output.wgsl', import.meta.url),
  lib: outputLib,
  params: Params,
  bindings: outputBindings,
  keys: { WG: [WG], ...flags },
  valid: (key) => notBoth(key),
  grid: (p) => Math.ceil((p.rows * p.columns) / WG),
  cost: (p, bytes, key) => costOfResults(p, bytes, key),
});

/** For GPUs. */
export const resultsKernel = perLanes(({ lanes, suffix, T }) =>
  defineKernel({
    name: `conv2d.winograd.results${suffix}`,
    wgsl: new URL('./winograd.results.wgsl', import.meta.url),
    lib: [
      ...outputLib,
      lanes === 4 ? new URL('./results4.wgsl', import.meta.url) : new URL('./results1.wgsl', import.meta.url),
    ],
    params: Params,
    bindings: { ...outputBindings, y: write(T) },
    keys: { WG: [WG], ...flags },
    valid: (key) => notBoth(key),
    grid: (p) => Math.ceil((p.rows * p.columns) / WG),
    cost: (p, bytes, key) => costOfResults(p, bytes, key),
  }),
);

export const gradientKernel = defineKernel({
  name: 'conv2d.winograd.gradient',
  wgsl: new URL('./winograd.gradient.wgsl', import.meta.url),
  lib: [transform],
  params: Params,
  bindings: { dy: read('T'), dm: write('f32') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.rows * p.columns) / WG),
  cost: costOfGradients,
});

/** For GPUs, with tiles as the inner axis. */
export const gradientsKernel = perLanes(({ lanes, suffix, T }) =>
  defineKernel({
    name: `conv2d.winograd.gradients${suffix}`,
    wgsl: new URL('./winograd.gradients.wgsl', import.meta.url),
    lib: [transform, lanes === 4 ? new URL('./dy4.wgsl', import.meta.url) : new URL('./dy1.wgsl', import.meta.url)],
    params: Params,
    bindings: { dy: read(T), dm: write('f32') },
    keys: { WG: [WG] },
    grid: (p) => Math.ceil((p.rows * p.columns) / WG),
    cost: costOfGradients,
  }),
);

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
