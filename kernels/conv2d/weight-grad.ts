import * as d from 'typegpu/data';
import {
  type Device,
  type DType,
  defineKernel,
  type ElementType,
  read,
  type Tensor,
  write,
} from '../../engine/index.ts';
import { type BlockSize, cutRows } from '../lib/blocks.ts';
import { lanesFor, perLanes } from '../lib/lanes.ts';
import { type MatrixUnit, matrixUnitFor, packOf, perUnit, unitKey } from '../lib/matrix-unit.ts';
import { fillingTiles, isTile, tileKey, tileKeys, tileWgsl } from '../lib/tile.ts';
import { type MatrixWork, type Variant, variantFor } from '../lib/variant.ts';
import { type Geometry, PADDING_MODES } from './geometry.ts';
import { sumSlots } from './slot-sums.ts';
import { launchWinogradWeightGrad } from './winograd-grad.ts';

const Params = d
  .struct({
    n: d.u32,
    groups: d.u32,
    c: d.u32,
    k: d.u32,
    /** the output channels of each group that this dispatch computes */
    startChannel: d.u32,
    endChannel: d.u32,
    h: d.u32,
    w: d.u32,
    oH: d.u32,
    oW: d.u32,
    kH: d.u32,
    kW: d.u32,
    strideY: d.u32,
    strideX: d.u32,
    dilationY: d.u32,
    dilationX: d.u32,
    top: d.i32,
    left: d.i32,
    padMode: d.u32,
    /** parts that the rows of all images are cut into, and rows in each */
    slots: d.u32,
    slotRows: d.u32,
  })
  .$name('Params');
type ParamValues = { [K in keyof (typeof Params)['propTypes']]: number };

const bindings = { x: read('T'), dy: read('T'), partial: write('f32') } as const;
const lib = [new URL('./padding.wgsl', import.meta.url)];

function cost(p: ParamValues, bytes: number) {
  const channels = p.endChannel - p.startChannel;
  const weights = p.groups * channels * p.c * p.kH * p.kW;
  const pictures = p.n * p.groups * (p.c * p.h * p.w + channels * p.oH * p.oW);
  return { flops: 2 * weights * p.n * p.oH * p.oW, bytes: pictures * bytes + p.slots * weights * 4 };
}

/** Columns of a lane. */
const rowsColumns = (stride: number) => 2 / stride;

const rowsKernel = defineKernel({
  name: 'conv2d.weightGrad.rows',
  wgsl: new URL('./weight-grad.rows.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  subgroups: true,
  keys: { TILE_K: [4, 16], STRIDE: [1, 2] },
  grid: (p, { TILE_K, STRIDE }, { subgroupWidth }) =>
    slotGroups(p, TILE_K, p.c * p.kH, rowsColumns(STRIDE) * subgroupWidth) * p.slots,
  cost,
});

const tapsKernel = defineKernel({
  name: 'conv2d.weightGrad.taps',
  wgsl: new URL('./weight-grad.taps.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  subgroups: true,
  keys: { TILE_K: [4, 16, 32], COLUMNS: [1, 4] },
  valid: ({ TILE_K, COLUMNS }) => TILE_K * COLUMNS <= 64,
  grid: (p, { TILE_K, COLUMNS }, { subgroupWidth }) =>
    slotGroups(p, TILE_K, p.c * p.kH * p.kW, COLUMNS * subgroupWidth) * p.slots,
  cost,
});

/** Columns of tiles: the channels of every tap, in whole quads. */
const tiledColumns = ({ c, kH, kW }: { c: number; kH: number; kW: number }) => Math.ceil(c / 4) * 4 * kH * kW;

const tiledKernel = defineKernel({
  name: 'conv2d.weightGrad.tiled',
  wgsl: new URL('./weight-grad.tiled.wgsl', import.meta.url),
  lib: [...lib, tileWgsl, new URL('./walk.wgsl', import.meta.url)],
  params: Params,
  bindings,
  keys: tileKeys,
  valid: (key) => isTile(key),
  grid: (p, { TILE_M, TILE_N }) => slotGroups(p, TILE_M, tiledColumns(p), TILE_N) * p.slots,
  cost,
});

/**
 * On matrix units: reading dy by single values or 16 bytes, and x likewise where its rows are as dy's; storing one or four.
 */
const matrixKernels = perUnit(({ operands, suffix, keys, ...unit }) => {
  const [vector, half] = operands === 'f16' ? (['T16', true] as const) : (['T4', false] as const);
  const dy1 = new URL('./matrix-dy1.wgsl', import.meta.url);
  const dy16 = new URL('./matrix-dy16.wgsl', import.meta.url);
  const pixels = new URL('./matrix-x-pixels.wgsl', import.meta.url);
  const rows = [new URL('./matrix-shift.wgsl', import.meta.url), new URL('./matrix-x-rows.wgsl', import.meta.url)];
  const weights1 = new URL('./matrix-weights1.wgsl', import.meta.url);
  const weights4 = new URL('./matrix-weights4.wgsl', import.meta.url);
  const reading = (name: string, x: ElementType, dy: ElementType, loads: readonly URL[]) =>
    perLanes(({ lanes }) =>
      defineKernel({
        name: `conv2d.weightGrad.matrix${name}${lanes === 4 ? 'To4' : ''}${suffix}`,
        wgsl: new URL('./weight-grad.matrix.wgsl', import.meta.url),
        lib: [
          ...[...unit.lib, ...lib, new URL('./walk.wgsl', import.meta.url), ...loads],
          lanes === 4 ? weights4 : weights1,
        ],
        params: Params,
        bindings: { x: read(x), dy: read(dy), partial: write(lanes === 4 ? 'vec4f' : 'f32') },
        keys,
        valid: (key) => unit.valid(key),
        storage: unit.storage,
        widths: (width, key) => unit.widths(width, key),
        needs: (capabilities, key) => unit.needs(capabilities, key),
        subgroups: true,
        subgroupMatrix: unit.subgroupMatrix,
        grid: (p, { TILE }) => slotGroups(p, TILE, p.c * p.kH * p.kW, TILE) * p.slots,
        cost,
      }),
    );
  const vectors = reading('16', 'T', vector, [dy16, pixels]);
  return {
    values: reading('', 'T', 'T', [dy1, pixels]),
    vectors,
    rows: half ? reading('Rows', 'T16', 'T16', [dy16, ...rows]) : vectors,
  };
});

/** How the kernel on matrix units can read: both pictures in aligned vectors where taps move their rows by a pixel at most. */
function readingOf(unit: MatrixUnit, { w, oW, kW, strideX, dilationX, left }: Geometry): 'values' | 'vectors' | 'rows' {
  if (oW % packOf(unit) !== 0) return 'values';
  return oW === w && strideX === 1 && left <= 1 && (kW - 1) * dilationX - left <= 1 ? 'rows' : 'vectors';
}

const directKernel = defineKernel({
  name: 'conv2d.weightGrad.direct',
  wgsl: new URL('./weight-grad.direct.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  keys: { WG: [64] },
  grid: (p) => p.groups * p.k * p.c * p.kH * p.kW * p.slots,
  cost,
});

const stripsKernel = defineKernel({
  name: 'conv2d.weightGrad.strips',
  wgsl: new URL('./weight-grad.strips.wgsl', import.meta.url),
  lib: [...lib, new URL('./walk.wgsl', import.meta.url)],
  params: Params,
  bindings,
  keys: { WG: [64] },
  grid: (p) => slotGroups(p, STRIPS_CHANNELS, p.c, 1) * p.slots,
  cost,
});
/** Output channels of a workgroup. */
const STRIPS_CHANNELS = 4;

/** Workgroups of one slot. */
function slotGroups(p: ParamValues, tileK: number, columns: number, lanes: number): number {
  return Math.ceil((p.endChannel - p.startChannel) / tileK) * Math.ceil(columns / lanes) * p.groups;
}

/** The weight gradient as a product of matrices: output channels by (c, ky, kx), summed over pixels. */
function workOf(g: Geometry, dtype: DType): MatrixWork {
  return {
    kind: 'conv2dWeightGrad',
    rows: g.k,
    columns: g.c * g.kH * g.kW,
    dtype,
    terms: g.n * g.oH * g.oW,
    batch: g.groups,
    window: {
      kernel: [g.kH, g.kW],
      stride: [g.strideY, g.strideX],
      outStride: [1, 1],
      dilation: [g.dilationY, g.dilationX],
    },
  };
}

/** Output channels and columns that a workgroup owns. */
function tileOf({ family, tile }: Variant, lanesColumns: number): readonly number[] {
  if (family === 'lanes') return [16, lanesColumns];
  if (family === 'strips') return [STRIPS_CHANNELS, 9];
  return family === 'tiled' || family === 'matrix' ? tile : [1, 1];
}

/** dw[O, C / groups, kH, kW] of a convolution of x with the gradient dy of its output. */
export function launchWeightGrad(tensors: { x: Tensor; dy: Tensor; dw: Tensor }, g: Geometry): void {
  const { x, dy, dw } = tensors;
  const { capabilities } = x.device;
  const variant = variantFor(x.device, workOf(g, x.dtype));
  const { family } = variant;
  if (family === 'winograd') {
    launchWinogradWeightGrad(tensors, g);
    return;
  }
  const unit = family === 'matrix' ? matrixUnitFor(capabilities, x.dtype) : undefined;
  const rows = family === 'lanes' && fitsRows(g);
  const columns = rows ? g.c * g.kH : family === 'tiled' ? tiledColumns(g) : g.c * g.kH * g.kW;
  // columns of a lane: those of one channel are neighbours in memory; planes may all fall on the same lines of a cache
  const COLUMNS = rows || g.kH * g.kW === 1 || columns <= 2 * capabilities.subgroupWidth ? 1 : 4;
  const [tileK, lanes] = tileOf(variant, (rows ? rowsColumns(g.strideX) : COLUMNS) * capabilities.subgroupWidth);
  const groupsPerSlot = Math.ceil(g.k / tileK) * Math.ceil(columns / lanes) * g.groups;
  const params = paramsOf(g, slotCount(g, groupsPerSlot, dw.size, x.device, family));
  sumSlots(
    dw,
    params.slots,
    (partial) => {
      const bound = { x, dy, partial };
      if (unit) {
        const kernel = matrixKernels(unit)[readingOf(unit, g)][lanesFor(g.c * g.kH * g.kW)];
        kernel.launch(bound, params, unitKey(unit, tileK, capabilities));
      } else if (family === 'tiled') tiledKernel.launch(bound, params, tileKey(capabilities, [tileK, lanes]));
      else if (family === 'strips') stripsKernel.launch(bound, params, { WG: 64 });
      else if (family === 'direct') directKernel.launch(bound, params, { WG: 64 });
      else {
        for (const { size, start, end } of cutRows(g.k, rows ? ROWS_TILES : TAPS_TILES[COLUMNS])) {
          const part = { ...params, startChannel: start, endChannel: end };
          if (rows) rowsKernel.launch(bound, part, { TILE_K: size, STRIDE: g.strideX });
          else tapsKernel.launch(bound, part, { TILE_K: size, COLUMNS });
        }
      }
    },
    family === 'strips' || !capabilities.software,
  );
}

// Relative times of one block of channels, measured on lavapipe with 8 lanes.
const ROWS_TILES: readonly BlockSize[] = [
  { size: 16, time: 1 },
  { size: 4, time: 0.54 },
];
const TAPS_TILES: { readonly [columns in 1 | 4]: readonly BlockSize[] } = {
  1: [
    { size: 32, time: 1.6 },
    { size: 16, time: 1 },
    { size: 4, time: 0.54 },
  ],
  4: [
    { size: 16, time: 1 },
    { size: 4, time: 0.54 },
  ],
};

const fitsRows = (g: Geometry) => g.kW === 3 && g.dilationX === 1 && g.strideY === g.strideX && g.strideX <= 2;

/** Longest sum of pixels in one slot: partial sums stay short, so that rounding grows with the slots, not the pixels. */
const SLOT_PIXELS = 1 << 14;
const PARTIAL_VALUES = 1 << 24;

/** Workgroups of strips that fill the device: each has two subgroups, which wait for memory. */
const STRIPS_GROUPS = 1024;

/** On GPUs a slot of fewer pixels costs more to store than to compute. */
const LEAST_PIXELS = 128;

/** Enough slots to fill the device and to keep sums short, as far as there are rows and the partial sums stay small. */
function slotCount(g: Geometry, groupsPerSlot: number, weights: number, device: Device, family: string): number {
  const { software } = device.capabilities;
  const pixels = g.n * g.oH * g.oW;
  const filling = family === 'strips' ? STRIPS_GROUPS : software ? 64 : 4 * fillingTiles(device);
  const wanted = Math.max(filling / groupsPerSlot, pixels / SLOT_PIXELS);
  const most = Math.min(g.n * g.oH, PARTIAL_VALUES / weights, software ? pixels : pixels / LEAST_PIXELS);
  return Math.max(1, Math.floor(Math.min(Math.ceil(wanted), most)));
}

function paramsOf(g: Geometry, slots: number): ParamValues {
  const { n, groups, c, k, h, w, oH, oW, kH, kW, strideY, strideX, dilationY, dilationX, top, left } = g;
  const slotRows = Math.ceil((n * oH) / slots);
  return {
    n,
    groups,
    c,
    k,
    startChannel: 0,
    endChannel: k,
    h,
    w,
    oH,
    oW,
    kH,
    kW,
    strideY,
    strideX,
    dilationY,
    dilationX,
    top,
    left,
    padMode: PADDING_MODES.indexOf(g.mode),
    slotRows,
    slots: Math.ceil((n * oH) / slotRows),
  };
}
