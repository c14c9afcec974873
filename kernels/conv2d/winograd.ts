import * as d from 'typegpu/data';
import { type Device, defineKernel, empty, optional, read, scope, write } from '../../engine/index.ts';
import { activationCode, activationWgsl } from '../lib/activation.ts';
import { type BlockSize, cutRows } from '../lib/blocks.ts';
import { variantFor } from '../lib/variant.ts';
import { launchMatmul } from '../matmul/launch.ts';
import type { Gather } from './gather.ts';
import type { Epilogue, GatherTensors } from './gather-kernels.ts';
import { PADDING_MODES } from './geometry.ts';

/** Results of a tile along one axis, and the points of its products in all. */
const TILE = 4;
const POINTS = 36;
const WG = 64;

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
    /** output channels, filled up to whole blocks, and those that this dispatch computes */
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
type ParamValues = { [K in keyof (typeof Params)['propTypes']]: number };

const transform = new URL('./winograd.transform.wgsl', import.meta.url);
const padding = new URL('./padding.wgsl', import.meta.url);

const weightsKernel = defineKernel({
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

const inputKernel = defineKernel({
  name: 'conv2d.winograd.input',
  wgsl: new URL('./winograd.input.wgsl', import.meta.url),
  lib: [transform, padding],
  params: Params,
  bindings: { x: read('T'), v: write('f32') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.inChannels * p.columns) / WG),
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
    POINTS * ((p.endRow - p.startRow) / TILE_K) * Math.ceil(p.columns / (8 * subgroupWidth)),
  cost: ({ inChannels, startRow, endRow, columns }) => ({
    flops: 2 * POINTS * inChannels * (endRow - startRow) * columns,
    bytes: 4 * POINTS * (inChannels * (endRow - startRow + columns) + (endRow - startRow) * columns),
  }),
});

const outputKernel = defineKernel({
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
  grid: (p) => Math.ceil((p.outChannels * p.columns) / WG),
  cost: ({ outChannels, columns }, bytes, { HAS_RESIDUAL }) => ({
    flops: 120 * outChannels * columns,
    bytes: outChannels * columns * (POINTS * 4 + (1 + HAS_RESIDUAL) * TILE * TILE * bytes),
  }),
});

/** Bytes of transformed pixels and sums that one part of the tiles may take. */
const PART_BYTES = 2 ** 24;

// Relative times of one block of channels, measured on lavapipe with 8 lanes.
const BLOCKS: readonly BlockSize[] = [
  { size: 16, time: 1 },
  { size: 8, time: 0.66 },
];

function paramsOf(g: Gather, epilogue: Epilogue): ParamValues {
  const { curve, slope } = activationCode(epilogue.activation, epilogue.slope);
  const { scale, grid } = epilogue;
  const { inChannels, outChannels, h, w, oH, oW, weightOut, weightIn } = g;
  const [tilesY, tilesX] = [Math.ceil(oH / TILE), Math.ceil(oW / TILE)];
  const tiles = g.n * tilesY * tilesX;
  const rows = Math.ceil(outChannels / 8) * 8;
  const fitting = Math.floor(PART_BYTES / (4 * POINTS * (inChannels + rows)) / WG) * WG;
  const parts = Math.ceil(tiles / Math.max(WG, fitting));
  return {
    ...{ inChannels, outChannels, h, w, oH, oW, tilesY, tilesX, tiles, startTile: 0 },
    columns: Math.ceil(tiles / parts / 4) * 4,
    ...{ rows, startRow: 0, endRow: rows },
    windowY: g.originY + Math.min(0, 2 * g.tapY),
    windowX: g.originX + Math.min(0, 2 * g.tapX),
    padMode: PADDING_MODES.indexOf(g.mode),
    ...{ weightOut, weightIn, flipY: g.tapY < 0 ? 1 : 0, flipX: g.tapX < 0 ? 1 : 0 },
    ...{ curve, slope, scale, grid, inverseGrid: grid === 0 ? 0 : 1 / grid },
  };
}

const floats = (device: Device, ...shape: number[]) => empty(device, { shape, dtype: 'f32' });

/**
 * Appends the dispatches of a 3×3 gather of steps 1 and one group: 36 products for 16 results of nine taps.
 *
 *     y = Aᵀ · [Σ_c (G · w[k, c] · Gᵀ) ⊙ (Bᵀ · x[c] · B)] · A      for every tile of 4 × 4 results
 *
 * @see Lavin and Gray 2016, arXiv:1509.09308
 */
export function launchWinograd(tensors: GatherTensors, gather: Gather, epilogue: Epilogue): void {
  const { x, weight, y, bias, residual } = tensors;
  const params = paramsOf(gather, epilogue);
  const { inChannels, rows, columns, tiles } = params;
  const { CURVED } = activationCode(epilogue.activation, epilogue.slope);
  const flags = { HAS_BIAS: bias ? 1 : 0, HAS_RESIDUAL: residual ? 1 : 0, CURVED };
  scope(() => {
    const { device } = x;
    const u = floats(device, POINTS, inChannels, rows);
    const v = floats(device, POINTS, inChannels, columns);
    const m = floats(device, POINTS, rows, columns);
    weightsKernel.launch({ weight, u }, params, { WG });
    for (let startTile = 0; startTile < tiles; startTile += columns) {
      const part = { ...params, startTile };
      inputKernel.launch({ x, v }, part, { WG });
      launchProducts({ u, v, m }, part);
      outputKernel.launch({ m, y, bias, residual }, part, { WG, ...flags });
    }
  });
}

function launchProducts(tensors: Record<'u' | 'v' | 'm', ReturnType<typeof floats>>, params: ParamValues): void {
  const { u, v, m } = tensors;
  const { inChannels, rows, columns } = params;
  const work = { kind: 'matmul', rows, columns, terms: inChannels, batch: POINTS, dtype: 'f32' } as const;
  if (variantFor(v.device, work).family === 'lanes') {
    for (const { size, start, end } of cutRows(rows, BLOCKS)) {
      productKernel.launch(tensors, { ...params, startRow: start, endRow: end }, { TILE_K: size });
    }
    return;
  }
  const product = { batch: POINTS, m: rows, n: columns, k: inChannels, leading: [POINTS] };
  launchMatmul(
    { a: u, b: v, y: m },
    { ...product, transposeA: true, transposeB: false, aShared: false, bShared: false },
    { biasByRow: false, activation: 'none', slope: 0 },
  );
}
