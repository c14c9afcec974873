import * as d from 'typegpu/data';
import { defineKernel, empty, optional, read, scope, type Tensor, write } from '../../engine/index.ts';
import { type Activation, activationCode, activationWgsl } from '../lib/activation.ts';
import { type BlockSize, cutRows } from '../lib/blocks.ts';
import { lanesFor, perLanes } from '../lib/lanes.ts';
import { type MatrixUnit, matrixUnitFor, packOf, perUnit, stepOf, unitKey } from '../lib/matrix-unit.ts';
import { type CutTerms, cutTerms, cutTiles, isTile, type TileKey, tileKey, tileKeys, tileWgsl } from '../lib/tile.ts';
import { type MatrixWork, type Variant, variantFor } from '../lib/variant.ts';
import type { Product } from './shapes.ts';

const Params = d
  .struct({
    batch: d.u32,
    m: d.u32,
    n: d.u32,
    k: d.u32,
    /** the rows that this dispatch computes */
    startRow: d.u32,
    endRow: d.u32,
    /** distances in elements between items of the batch, rows and columns */
    aBatch: d.u32,
    aRow: d.u32,
    aColumn: d.u32,
    bBatch: d.u32,
    bRow: d.u32,
    bColumn: d.u32,
    /** parts that k is cut into, and terms in each */
    slots: d.u32,
    slotTerms: d.u32,
    biasByRow: d.u32,
    curve: d.u32,
    slope: d.f32,
  })
  .$name('Params');
type ParamValues = { [K in keyof (typeof Params)['propTypes']]: number };

const bindings = { a: read('T'), b: read('T'), y: write('T'), bias: optional(read('T'), 'HAS_BIAS') } as const;
const lib = [new URL('./epilogue.wgsl', import.meta.url), activationWgsl];

function cost({ batch, startRow, endRow, n, k, aBatch, bBatch }: ParamValues, bytes: number) {
  const m = endRow - startRow;
  const values = (aBatch ? batch : 1) * m * k + (bBatch ? batch : 1) * k * n + batch * m * n;
  return { flops: 2 * batch * m * n * k, bytes: values * bytes };
}

function costOfParts(p: ParamValues, bytes: number) {
  const { flops, bytes: all } = cost(p, bytes);
  return { flops, bytes: all + p.batch * p.m * p.n * (4 * p.slots - bytes) };
}

const lanesKernel = defineKernel({
  name: 'matmul.lanes',
  wgsl: new URL('./matmul.lanes.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  subgroups: true,
  keys: { TILE_M: [8, 32], HAS_BIAS: [0, 1], CURVED: [0, 1] },
  grid: (p, { TILE_M }, { subgroupWidth }) =>
    Math.ceil((p.endRow - p.startRow) / TILE_M) * Math.ceil(p.n / (4 * subgroupWidth)) * p.batch,
  cost,
});

const lanes4Kernel = defineKernel({
  name: 'matmul.lanes4',
  wgsl: new URL('./matmul.lanes4.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings: { ...bindings, b: read('T4'), y: write('T4') },
  subgroups: true,
  keys: { TILE_M: [8, 16], HAS_BIAS: [0, 1], CURVED: [0, 1] },
  grid: (p, { TILE_M }, { subgroupWidth }) =>
    Math.ceil((p.endRow - p.startRow) / TILE_M) * Math.ceil(p.n / (8 * subgroupWidth)) * p.batch,
  cost,
});

const tileGrid = (p: ParamValues, { TILE_M, TILE_N }: Omit<TileKey, 'UNROLL'>) =>
  Math.ceil(p.m / TILE_M) * Math.ceil(p.n / TILE_N) * p.batch * p.slots;

const ROWS_WGSL = {
  1: new URL('./tiled-rows1.wgsl', import.meta.url),
  4: new URL('./tiled-rows4.wgsl', import.meta.url),
};
const COLUMNS_WGSL = {
  1: new URL('./tiled-columns1.wgsl', import.meta.url),
  4: new URL('./tiled-columns4.wgsl', import.meta.url),
};
const FOUR_WGSL = new URL('./tiled-four.wgsl', import.meta.url);
const WHOLE_WGSL = {
  1: [new URL('./tiled-whole.wgsl', import.meta.url), FOUR_WGSL],
  4: [new URL('./tiled-whole4.wgsl', import.meta.url)],
};
const PARTS_WGSL = {
  1: [new URL('./tiled-parts.wgsl', import.meta.url), FOUR_WGSL],
  4: [new URL('./tiled-parts4.wgsl', import.meta.url)],
};

/**
 * The same text for all of k, and for one slot of it; by how four rows of A at one term are read, and four columns of B, and how
 * four neighbours of y are stored: one at a time, or as a vector. Where columns are vectors, so is what is stored.
 */
const tiledKernels = perLanes((rows) =>
  perLanes((columns) =>
    perLanes((stored) => {
      const name = `${rows.lanes}${columns.lanes}${stored.lanes}`;
      const wgsl = new URL('./matmul.tiled.wgsl', import.meta.url);
      const shared = [tileWgsl, ROWS_WGSL[rows.lanes], COLUMNS_WGSL[columns.lanes]];
      const occurs = (key: TileKey) => isTile(key) && columns.lanes <= stored.lanes;
      return {
        whole: defineKernel({
          name: `matmul.tiled${name}`,
          wgsl,
          lib: [...shared, ...lib, ...WHOLE_WGSL[stored.lanes]],
          params: Params,
          bindings: { ...bindings, a: read(rows.T), b: read(columns.T), y: write(stored.T) },
          keys: { ...tileKeys, HAS_BIAS: [0, 1], CURVED: [0, 1] },
          valid: (key) => occurs(key),
          grid: (p, key) => tileGrid(p, key),
          cost,
        }),
        parts: defineKernel({
          name: `matmul.tiledParts${name}`,
          wgsl,
          lib: [...shared, ...PARTS_WGSL[stored.lanes]],
          params: Params,
          bindings: { a: read(rows.T), b: read(columns.T), partial: write(stored.lanes === 4 ? 'vec4f' : 'f32') },
          keys: tileKeys,
          valid: (key) => occurs(key),
          grid: (p, key) => tileGrid(p, key),
          cost: costOfParts,
        }),
      };
    }),
  ),
);

const sumPartsKernel = defineKernel({
  name: 'matmul.sumParts',
  wgsl: new URL('./sum-parts.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings: { partial: read('f32'), y: write('T'), bias: optional(read('T'), 'HAS_BIAS') },
  keys: { WG: [64], HAS_BIAS: [0, 1], CURVED: [0, 1] },
  grid: (p) => Math.ceil((p.batch * p.m * p.n) / 64),
  cost: (p, bytes) => {
    const count = p.batch * p.m * p.n;
    return { flops: count * p.slots, bytes: count * (4 * p.slots + bytes) };
  },
});

const directKernel = defineKernel({
  name: 'matmul.direct',
  wgsl: new URL('./matmul.direct.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  keys: { WG: [64], HAS_BIAS: [0, 1], CURVED: [0, 1] },
  grid: (p) => Math.ceil((p.batch * p.m * p.n) / 64),
  cost,
});

/** On matrix units: reading 16 bytes of A and B at once or single values, storing four or one; for all of k, and for one slot. */
const matrixKernels = perUnit(({ suffix, keys, ...unit }) => {
  const layout = { LEFT_ALONG_K: [0, 1], RIGHT_ALONG_K: [0, 1] } as const;
  const common = {
    wgsl: new URL('./matmul.matrix.wgsl', import.meta.url),
    params: Params,
    storage: unit.storage,
    subgroups: true,
    subgroupMatrix: unit.subgroupMatrix,
  };
  const grid = (p: ParamValues, { TILE }: { TILE: number }) => tileGrid(p, { TILE_M: TILE, TILE_N: TILE });
  const reading = (packs: boolean) => {
    const T = packs ? (unit.operands === 'f16' ? 'T16' : 'T4') : 'T';
    const loads = packs ? new URL('./packs16.wgsl', import.meta.url) : new URL('./packs1.wgsl', import.meta.url);
    const whole = new URL('./matrix-whole.wgsl', import.meta.url);
    const whole4 = new URL('./matrix-whole4.wgsl', import.meta.url);
    const parts = new URL('./matrix-parts.wgsl', import.meta.url);
    const parts4 = new URL('./matrix-parts4.wgsl', import.meta.url);
    return perLanes(({ lanes, T: stored }) => {
      const name = `matmul.matrix${packs ? '16' : ''}${lanes === 4 ? 'To4' : ''}${suffix}`;
      return {
        whole: defineKernel({
          ...common,
          name,
          lib: [...unit.lib, ...lib, loads, lanes === 4 ? whole4 : whole],
          bindings: { ...bindings, a: read(T), b: read(T), y: write(stored) },
          keys: { ...keys, ...layout, HAS_BIAS: [0, 1], CURVED: [0, 1] },
          valid: (key) => unit.valid(key),
          widths: (width, key) => unit.widths(width, key),
          needs: (capabilities, key) => unit.needs(capabilities, key),
          grid: (p, key) => grid(p, key),
          cost,
        }),
        parts: defineKernel({
          ...common,
          name: `${name}.parts`,
          lib: [...unit.lib, loads, lanes === 4 ? parts4 : parts],
          bindings: { a: read(T), b: read(T), partial: write(lanes === 4 ? 'vec4f' : 'f32') },
          keys: { ...keys, ...layout },
          valid: (key) => unit.valid(key),
          widths: (width, key) => unit.widths(width, key),
          needs: (capabilities, key) => unit.needs(capabilities, key),
          grid: (p, key) => grid(p, key),
          cost: costOfParts,
        }),
      };
    });
  };
  return { packs: reading(true), values: reading(false) };
});

export interface MatmulTensors {
  a: Tensor;
  b: Tensor;
  y: Tensor;
  bias?: Tensor | undefined;
}

/**
 * Appends the dispatch of y = activation(A · B + bias), with the kernel and tile that suit its shape and the device, or with
 * the variant that was chosen for the work that this product is.
 *
 * @param longest  terms of a sum, from SLOT_TERMS on, beyond which tiles sum in slots, for the sake of rounding
 */
export function launchMatmul(
  tensors: MatmulTensors,
  product: Product,
  epilogue: { biasByRow: boolean; activation: Activation; slope: number },
  chosen?: Variant,
  longest = Number.POSITIVE_INFINITY,
): void {
  const { batch, m, n, k } = product;
  const { CURVED, curve, slope } = activationCode(epilogue.activation, epilogue.slope);
  const params: ParamValues = {
    batch,
    m,
    n,
    k,
    startRow: 0,
    endRow: m,
    aBatch: product.aShared ? 0 : m * k,
    bBatch: product.bShared ? 0 : k * n,
    ...(product.transposeA ? { aRow: 1, aColumn: m } : { aRow: k, aColumn: 1 }),
    ...(product.transposeB ? { bRow: 1, bColumn: k } : { bRow: n, bColumn: 1 }),
    slots: 1,
    slotTerms: k,
    biasByRow: epilogue.biasByRow ? 1 : 0,
    curve,
    slope,
  };
  const flags = { HAS_BIAS: tensors.bias ? 1 : 0, CURVED };
  const { device, dtype } = tensors.a;
  const work: MatrixWork = { kind: 'matmul', rows: m, columns: n, terms: k, batch, dtype };
  const { family, tile } = chosen ?? variantFor(device, work);
  const unit = family === 'matrix' ? matrixUnitFor(device.capabilities, dtype) : undefined;
  if (unit) {
    const cut = cutTerms(device, work, tile, { step: stepOf(unit, tile[0], device.capabilities), longest });
    launchMatrix(tensors, product, params, { unit, ...cut }, flags);
  } else if (family === 'tiled')
    launchTiled(tensors, product, params, cutTiles(device, work, tile, { longest }), flags);
  else if (family === 'direct') directKernel.launch(tensors, params, { WG: 64, ...flags });
  else if (!product.transposeB && lanesFor(n) === 4 && n >= 8 * device.capabilities.subgroupWidth) {
    for (const { size, start, end } of cutRows(m, TILES4)) {
      lanes4Kernel.launch(tensors, { ...params, startRow: start, endRow: end }, { TILE_M: size, ...flags });
    }
  } else {
    for (const { size, start, end } of cutRows(m, TILES)) {
      lanesKernel.launch(tensors, { ...params, startRow: start, endRow: end }, { TILE_M: size, ...flags });
    }
  }
}

/** Tiles on matrix units; with k in slots where `cutTerms` finds that better. */
function launchMatrix(
  tensors: MatmulTensors,
  product: Product,
  params: ParamValues,
  { unit, tile, slots, slotTerms }: CutTerms & { unit: MatrixUnit },
  flags: { HAS_BIAS: number; CURVED: number },
): void {
  const { m, n, k, transposeA, transposeB } = product;
  const packs = [transposeA ? m : k, transposeB ? k : n].every((extent) => extent % packOf(unit) === 0);
  const { whole, parts } = matrixKernels(unit)[packs ? 'packs' : 'values'][lanesFor(n)];
  const layout = { LEFT_ALONG_K: transposeA ? 0 : 1, RIGHT_ALONG_K: transposeB ? 1 : 0 };
  const key = { ...unitKey(unit, tile[0], tensors.a.device.capabilities), ...layout };
  if (slots === 1) whole.launch(tensors, params, { ...key, ...flags });
  else {
    sumInSlots(tensors, { ...params, slots, slotTerms }, flags, (bound, cut) => parts.launch(bound, cut, key));
  }
}

/** Launches what computes partial sums of every slot of k, and what adds them. */
function sumInSlots(
  { a, b, y, bias }: MatmulTensors,
  cut: ParamValues,
  flags: { HAS_BIAS: number; CURVED: number },
  launch: (bound: { a: Tensor; b: Tensor; partial: Tensor }, cut: ParamValues) => void,
): void {
  scope(() => {
    const partial = empty(a.device, { shape: [cut.slots, y.size], dtype: 'f32' });
    launch({ a, b, partial }, cut);
    sumPartsKernel.launch({ partial, y, bias }, cut, { WG: 64, ...flags });
  });
}

/** Tiles; with k in slots, which a second pass adds, where `cutTiles` finds that better. */
function launchTiled(
  tensors: MatmulTensors,
  product: Product,
  params: ParamValues,
  { tile, slots, slotTerms }: CutTerms,
  flags: { HAS_BIAS: number; CURVED: number },
): void {
  const { m, n, transposeA, transposeB } = product;
  const { whole, parts } = tiledKernels[transposeA ? lanesFor(m) : 1][transposeB ? 1 : lanesFor(n)][lanesFor(n)];
  const key = tileKey(tensors.a.device.capabilities, tile);
  if (slots === 1) {
    whole.launch(tensors, params, { ...key, ...flags });
    return;
  }
  sumInSlots(tensors, { ...params, slots, slotTerms }, flags, (bound, cut) => parts.launch(bound, cut, key));
}

// Relative times of one block of rows, measured on lavapipe with 8 lanes.
const TILES: readonly BlockSize[] = [
  { size: 32, time: 2.2 },
  { size: 8, time: 1 },
];
const TILES4: readonly BlockSize[] = [
  { size: 16, time: 1 },
  { size: 8, time: 0.66 },
];
