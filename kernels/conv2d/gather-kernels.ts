import * as d from 'typegpu/data';
import { type DType, defineKernel, empty, optional, read, scope, type Tensor, write } from '../../engine/index.ts';
import { type Activation, activationCode, activationWgsl } from '../lib/activation.ts';
import { type BlockSize, cutRows } from '../lib/blocks.ts';
import { type MatrixUnit, matrixUnitFor, perUnit, stepOf, unitKey } from '../lib/matrix-unit.ts';
import { type CutTerms, cutTerms, isTile, type TileKey, tileKey, tileKeys, tileWgsl } from '../lib/tile.ts';
import { type MatrixWork, variantFor } from '../lib/variant.ts';
import { type Gather, workOf } from './gather.ts';
import { PADDING_MODES } from './geometry.ts';
import { launchWinograd } from './winograd.ts';

/** What is stored for a finished sum: residual + scale · activation(sum + bias), all but the residual rounded to a grid. */
export interface Epilogue {
  activation: Activation;
  slope: number;
  scale: number;
  /** a power of two; 0: not rounded */
  grid: number;
}
export const NO_EPILOGUE: Epilogue = { activation: 'none', slope: 0, scale: 1, grid: 0 };

export interface GatherTensors {
  x: Tensor;
  weight: Tensor;
  y: Tensor;
  bias?: Tensor | undefined;
  residual?: Tensor | undefined;
}

const Params = d
  .struct({
    groups: d.u32,
    inChannels: d.u32,
    outChannels: d.u32,
    /** the channels of each group that this dispatch computes */
    startChannel: d.u32,
    endChannel: d.u32,
    h: d.u32,
    w: d.u32,
    oH: d.u32,
    oW: d.u32,
    kH: d.u32,
    kW: d.u32,
    /** rows of one phase of the result, vectors of four in such a row, and vectors in all images of one channel */
    rows: d.u32,
    rowSegments: d.u32,
    segments: d.u32,
    inStepY: d.i32,
    inStepX: d.i32,
    outStepY: d.i32,
    outStepX: d.i32,
    originY: d.i32,
    originX: d.i32,
    tapY: d.i32,
    tapX: d.i32,
    /** distance of the taps that fall on the grid of one phase */
    gridTapY: d.i32,
    gridTapX: d.i32,
    /** leftmost column of pixel 0's window */
    windowX: d.i32,
    padMode: d.u32,
    weightOut: d.u32,
    weightIn: d.u32,
    weightGroup: d.u32,
    /** parts that the terms of a sum are cut into, terms in each, and all results */
    slots: d.u32,
    slotTerms: d.u32,
    results: d.u32,
    curve: d.u32,
    slope: d.f32,
    scale: d.f32,
    grid: d.f32,
    inverseGrid: d.f32,
  })
  .$name('Params');
type ParamValues = { [K in keyof (typeof Params)['propTypes']]: number };

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

function paramsOf(g: Gather, epilogue: Epilogue): ParamValues {
  const { curve, slope } = activationCode(epilogue.activation, epilogue.slope);
  const { scale, grid } = epilogue;
  const { groups, inChannels, outChannels, h, w, oH, oW, kH, kW, inStepY, inStepX, outStepY, outStepX } = g;
  const { originY, originX, tapY, tapX, weightOut, weightIn, weightGroup } = g;
  const rows = Math.ceil(oH / outStepY);
  const rowSegments = Math.ceil(Math.ceil(oW / outStepX) / 4);
  return {
    ...{ groups, inChannels, outChannels, startChannel: 0, endChannel: outChannels },
    ...{ h, w, oH, oW, kH, kW, inStepY, inStepX, outStepY, outStepX },
    ...{ originY, originX, tapY, tapX, weightOut, weightIn, weightGroup },
    ...{ rows, rowSegments, segments: g.n * rows * rowSegments },
    gridTapY: outStepY / gcd(outStepY, Math.abs(tapY)),
    gridTapX: outStepX / gcd(outStepX, Math.abs(tapX)),
    windowX: originX + Math.min(0, tapX * (kW - 1)),
    padMode: PADDING_MODES.indexOf(g.mode),
    ...{ slots: 1, slotTerms: inChannels * kH * kW, results: g.n * groups * outChannels * oH * oW },
    ...{ curve, slope, scale, grid, inverseGrid: grid === 0 ? 0 : 1 / grid },
  };
}

/** U: parameters may be f32 where pictures are f16. */
const bindings = {
  x: read('T'),
  weight: read('U'),
  y: write('T'),
  bias: optional(read('U'), 'HAS_BIAS'),
  residual: optional(read('T'), 'HAS_RESIDUAL'),
} as const;
const flags = { HAS_BIAS: [0, 1], HAS_RESIDUAL: [0, 1], CURVED: [0, 1] } as const;
type Flags = { HAS_BIAS: number; HAS_RESIDUAL: number; CURVED: number };
/** A convolution with a residual has no activation. */
const notBoth = ({ HAS_RESIDUAL, CURVED }: Omit<Flags, 'HAS_BIAS'>) => !(HAS_RESIDUAL && CURVED);
const lib = [new URL('./padding.wgsl', import.meta.url), new URL('./epilogue.wgsl', import.meta.url), activationWgsl];

const phases = (p: ParamValues) => p.outStepY * p.outStepX;
const blocks = (p: ParamValues, tile: number) => Math.ceil((p.endChannel - p.startChannel) / tile);

/** Multiply-adds count 2; every tensor is counted once. */
function cost(p: ParamValues, bytes: number) {
  const images = p.segments / (p.rows * p.rowSegments);
  const channels = p.groups * (p.endChannel - p.startChannel);
  const results = images * channels * p.oH * p.oW;
  const terms = (p.inChannels * p.kH * p.kW) / phases(p);
  const sources = images * p.groups * p.inChannels * p.h * p.w;
  const weights = channels * p.inChannels * p.kH * p.kW;
  return { flops: 2 * results * terms, bytes: (sources + results + weights) * bytes };
}

function costOfParts(p: ParamValues, bytes: number) {
  const { flops, bytes: all } = cost(p, bytes);
  return { flops, bytes: all + p.results * (4 * p.slots - bytes) };
}

const rowsKernel = defineKernel({
  name: 'conv2d.rows',
  wgsl: new URL('./gather.rows.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  subgroups: true,
  keys: { TILE_K: [4, 8, 16], TILE_V: [1, 2], STRIDE: [1, 2], ...flags },
  valid: (key) => (key.TILE_K === 4) === (key.TILE_V === 2) && notBoth(key),
  grid: (p, { TILE_K, TILE_V }, { subgroupWidth }) =>
    blocks(p, TILE_K) * Math.ceil(p.segments / (subgroupWidth * TILE_V)) * p.groups,
  cost,
});

const tapsKernel = defineKernel({
  name: 'conv2d.taps',
  wgsl: new URL('./gather.taps.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  subgroups: true,
  keys: { TILE_K: [4, 8, 32], ...flags },
  valid: (key) => notBoth(key),
  grid: (p, { TILE_K }, { subgroupWidth }) =>
    blocks(p, TILE_K) * Math.ceil(p.segments / subgroupWidth) * phases(p) * p.groups,
  cost,
});

const tiledWgsl = new URL('./gather.tiled.wgsl', import.meta.url);
const tiledLib = [tileWgsl, new URL('./walk.wgsl', import.meta.url)];
const tileGrid = (p: ParamValues, { TILE_M, TILE_N }: Omit<TileKey, 'UNROLL'>) =>
  blocks(p, TILE_M) * Math.ceil((p.segments * 4) / TILE_N) * phases(p) * p.groups * p.slots;

const tiledKernel = defineKernel({
  name: 'conv2d.tiled',
  wgsl: tiledWgsl,
  lib: [...lib, ...tiledLib, new URL('./tiled-whole.wgsl', import.meta.url)],
  params: Params,
  bindings,
  keys: { ...tileKeys, ...flags },
  valid: (key) => isTile(key) && notBoth(key),
  grid: (p, key) => tileGrid(p, key),
  cost,
});

const tiledPartsKernel = defineKernel({
  name: 'conv2d.tiledParts',
  wgsl: tiledWgsl,
  lib: [lib[0], ...tiledLib, new URL('./tiled-parts.wgsl', import.meta.url)],
  params: Params,
  bindings: { x: bindings.x, weight: bindings.weight, partial: write('f32') },
  keys: tileKeys,
  valid: (key) => isTile(key),
  grid: (p, key) => tileGrid(p, key),
  cost: costOfParts,
});

const sumPartsKernel = defineKernel({
  name: 'conv2d.sumParts',
  wgsl: new URL('./sum-parts.wgsl', import.meta.url),
  lib: lib.slice(1),
  params: Params,
  bindings: { partial: read('f32'), y: bindings.y, bias: bindings.bias, residual: bindings.residual },
  keys: { WG: [64], ...flags },
  valid: (key) => notBoth(key),
  grid: (p) => Math.ceil(p.results / 64),
  cost: (p, bytes) => ({ flops: p.results * p.slots, bytes: p.results * (4 * p.slots + bytes) }),
});

const directKernel = defineKernel({
  name: 'conv2d.direct',
  wgsl: new URL('./gather.direct.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  keys: { WG: [64], ...flags },
  valid: (key) => notBoth(key),
  grid: (p) => Math.ceil((p.segments * phases(p) * p.groups * p.outChannels) / 64),
  cost,
});

const packWeightsKernel = defineKernel({
  name: 'conv2d.packWeights',
  wgsl: new URL('./pack-weights.wgsl', import.meta.url),
  params: d
    .struct({
      count: d.u32,
      taps: d.u32,
      outChannels: d.u32,
      inChannels: d.u32,
      /** values a line, and values a channel in it */
      terms: d.u32,
      parts: d.u32,
      weightOut: d.u32,
      weightIn: d.u32,
      weightGroup: d.u32,
    })
    .$name('Params'),
  bindings: { weight: read('U'), packed: write('T') },
  keys: { WG: [64] },
  grid: (p) => Math.ceil(p.count / 64),
  cost: (p, bytes) => ({ flops: 0, bytes: 2 * p.count * bytes }),
});

/** On matrix units, of packed weights; for all terms, and for one slot of them. */
const matrixKernels = perUnit(({ operands, suffix, keys, ...unit }) => {
  const packed = read(operands === 'f16' ? 'T4' : 'vec4f');
  const PARTS = operands === 'f16' ? [1, 2] : [1];
  const common = {
    wgsl: new URL('./gather.matrix.wgsl', import.meta.url),
    params: Params,
    storage: ({ T }: { T: DType }) => operands === 'f32' || T === 'f16',
    subgroups: true,
    subgroupMatrix: unit.subgroupMatrix,
  };
  return {
    whole: defineKernel({
      ...common,
      name: `conv2d.matrix${suffix}`,
      lib: [...unit.lib, ...lib, new URL('./tiled-whole.wgsl', import.meta.url)],
      bindings: { x: bindings.x, packed, y: bindings.y, bias: bindings.bias, residual: bindings.residual },
      keys: { ...keys, PARTS, ...flags },
      valid: (key) => unit.valid(key) && notBoth(key),
      widths: (width, key) => unit.widths(width, key),
      grid: (p, { TILE }) => tileGrid(p, { TILE_M: TILE, TILE_N: TILE }),
      cost,
    }),
    parts: defineKernel({
      ...common,
      name: `conv2d.matrix${suffix}.parts`,
      lib: [...unit.lib, lib[0], new URL('./tiled-parts.wgsl', import.meta.url)],
      bindings: { x: bindings.x, packed, partial: write('f32') },
      keys: { ...keys, PARTS },
      valid: (key) => unit.valid(key),
      widths: (width, key) => unit.widths(width, key),
      grid: (p, { TILE }) => tileGrid(p, { TILE_M: TILE, TILE_N: TILE }),
      cost: costOfParts,
    }),
  };
});

/** Packs the weights and multiplies on matrix units; in slots where `cutTerms` finds that better. */
function launchMatrix(
  tensors: GatherTensors,
  params: ParamValues,
  { unit, work, tile }: { unit: MatrixUnit; work: MatrixWork; tile: readonly number[] },
  flags: Flags,
): void {
  const { x, weight, y, bias, residual } = tensors;
  const { groups, inChannels, outChannels, kH, kW, weightOut, weightIn, weightGroup } = params;
  const { parts, operands } = unit;
  const step = stepOf(unit, tile[0]);
  // values a tap, of all channels
  const terms = Math.ceil((inChannels * parts) / step) * step;
  const taps = kH * kW;
  const count = groups * taps * outChannels * terms;
  const lines = { count, taps, outChannels, inChannels, terms, parts, weightOut, weightIn, weightGroup };
  const { slots, slotTerms } = cutTerms({ ...work, terms: terms * mostTaps(params) }, tile, step);
  const cut = { ...params, slots, slotTerms };
  const { whole, parts: ofSlot } = matrixKernels(unit);
  const key = { ...unitKey(unit, tile[0]), PARTS: parts };
  scope(() => {
    const packed = empty(x.device, { shape: [count], dtype: operands });
    packWeightsKernel.launch({ weight, packed }, lines, { WG: 64 });
    if (slots === 1) whole.launch({ x, packed, y, bias, residual }, cut, { ...key, ...flags });
    else sumInSlots(tensors, cut, flags, (partial) => ofSlot.launch({ x, packed, partial }, cut, key));
  });
}

/** Phases differ in their share of the taps: the largest. */
const mostTaps = ({ kH, kW, gridTapY, gridTapX }: ParamValues) => Math.ceil(kH / gridTapY) * Math.ceil(kW / gridTapX);

/** Launches what computes partial sums of every slot of terms, and what adds them. */
function sumInSlots(
  { y, bias, residual }: GatherTensors,
  cut: ParamValues,
  flags: Flags,
  launch: (partial: Tensor) => void,
): void {
  scope(() => {
    const partial = empty(y.device, { shape: [cut.slots, y.size], dtype: 'f32' });
    launch(partial);
    sumPartsKernel.launch({ partial, y, bias, residual }, cut, { WG: 64, ...flags });
  });
}

/** Appends the dispatches of a gather, with the kernel and tiles that suit its shape and the device. */
export function launchGather(tensors: GatherTensors, gather: Gather, epilogue: Epilogue): void {
  const params = paramsOf(gather, epilogue);
  const { CURVED } = activationCode(epilogue.activation, epilogue.slope);
  const flags = { HAS_BIAS: tensors.bias ? 1 : 0, HAS_RESIDUAL: tensors.residual ? 1 : 0, CURVED };
  const { x, weight } = tensors;
  const dtype = x.dtype === weight.dtype ? x.dtype : undefined;
  const work = workOf(gather, dtype);
  const { family, tile } = variantFor(x.device, work);
  const unit = family === 'matrix' ? matrixUnitFor(x.device.capabilities, dtype) : undefined;
  if (unit) launchMatrix(tensors, params, { unit, work, tile }, flags);
  else if (family === 'tiled') {
    const terms = gather.inChannels * mostTaps(params);
    launchTiled(tensors, params, cutTerms({ ...work, terms }, tile), flags);
  } else if (family === 'direct') directKernel.launch(tensors, params, { WG: 64, ...flags });
  else if (family === 'winograd') launchWinograd(tensors, gather, epilogue);
  else if (fitsRows(gather)) {
    for (const { size, start, end } of cutRows(gather.outChannels, ROWS_TILES)) {
      const key = { TILE_K: size, TILE_V: size === 4 ? 2 : 1, STRIDE: gather.inStepX, ...flags };
      rowsKernel.launch(tensors, { ...params, startChannel: start, endChannel: end }, key);
    }
  } else {
    for (const { size, start, end } of cutRows(gather.outChannels, TAPS_TILES)) {
      tapsKernel.launch(tensors, { ...params, startChannel: start, endChannel: end }, { TILE_K: size, ...flags });
    }
  }
}

/** Tiles; with their sums in slots, which a second pass adds, where `cutTerms` finds that better. */
function launchTiled(
  tensors: GatherTensors,
  params: ParamValues,
  { tile, slots, slotTerms }: CutTerms,
  flags: Flags,
): void {
  const key = tileKey(tensors.x.device.capabilities, tile);
  if (slots === 1) {
    tiledKernel.launch(tensors, params, { ...key, ...flags });
    return;
  }
  const { x, weight } = tensors;
  const cut = { ...params, slots, slotTerms };
  sumInSlots(tensors, cut, flags, (partial) => tiledPartsKernel.launch({ x, weight, partial }, cut, key));
}

const fitsRows = (g: Gather) =>
  g.kW === 3 &&
  Math.abs(g.tapX) === 1 &&
  g.outStepY === 1 &&
  g.outStepX === 1 &&
  g.inStepY === g.inStepX &&
  g.inStepX <= 2;

// Relative times of one block of channels, measured on lavapipe with 8 lanes.
const ROWS_TILES: readonly BlockSize[] = [
  { size: 16, time: 0.89 },
  { size: 8, time: 0.62 },
  { size: 4, time: 0.39 },
];
const TAPS_TILES: readonly BlockSize[] = [
  { size: 32, time: 1.07 },
  { size: 8, time: 0.44 },
  { size: 4, time: 0.34 },
];
