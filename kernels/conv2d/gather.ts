import * as d from 'typegpu/data';
import { defineKernel, optional, read, type Tensor, write } from '../../engine/index.ts';
import { ACTIVATIONS, type Activation, activationWgsl } from '../lib/activation.ts';
import { familyFor } from '../lib/family.ts';
import { type Geometry, PADDING_MODES, type PaddingMode } from './geometry.ts';

/**
 * A convolution or a transposed one, as its kernels see it: pixel q·outStep + phase of the result sums, over channels
 * and taps, pixel q·inStep + (phase + origin + tap·tapStep) / outStep of the source.
 */
export interface Gather {
  n: number;
  groups: number;
  /** channels per group of the source and of the result */
  inChannels: number;
  outChannels: number;
  /** extents of the source and of the result */
  h: number;
  w: number;
  oH: number;
  oW: number;
  kH: number;
  kW: number;
  inStepY: number;
  inStepX: number;
  outStepY: number;
  outStepX: number;
  originY: number;
  originX: number;
  tapY: number;
  tapX: number;
  mode: PaddingMode;
  /** distances in the weight between output channels, input channels and groups, in elements */
  weightOut: number;
  weightIn: number;
  weightGroup: number;
}

/** What is stored for a finished sum: residual + scale · activation(sum + bias). */
export interface Epilogue {
  activation: Activation;
  slope: number;
  scale: number;
}
export const NO_EPILOGUE: Epilogue = { activation: 'none', slope: 0, scale: 1 };

export interface GatherTensors {
  x: Tensor;
  weight: Tensor;
  y: Tensor;
  bias?: Tensor | undefined;
  residual?: Tensor | undefined;
}

/** The convolution itself. */
export function forwardGather(g: Geometry): Gather {
  const taps = g.kH * g.kW;
  return {
    ...{ n: g.n, groups: g.groups, inChannels: g.c, outChannels: g.k, mode: g.mode },
    ...{ h: g.h, w: g.w, oH: g.oH, oW: g.oW, kH: g.kH, kW: g.kW },
    ...{ inStepY: g.strideY, inStepX: g.strideX, outStepY: 1, outStepX: 1 },
    ...{ originY: -g.top, originX: -g.left, tapY: g.dilationY, tapX: g.dilationX },
    ...{ weightOut: g.c * taps, weightIn: taps, weightGroup: g.k * g.c * taps },
  };
}

/** Its transpose with zero padding: from [N, G·K, oH, oW] back to [N, G·C, H, W]. */
export function transposedGather(g: Geometry): Gather {
  const taps = g.kH * g.kW;
  return {
    ...{ n: g.n, groups: g.groups, inChannels: g.k, outChannels: g.c, mode: 'zeros' },
    ...{ h: g.oH, w: g.oW, oH: g.h, oW: g.w, kH: g.kH, kW: g.kW },
    ...{ inStepY: 1, inStepX: 1, outStepY: g.strideY, outStepX: g.strideX },
    ...{ originY: g.top, originX: g.left, tapY: -g.dilationY, tapX: -g.dilationX },
    ...{ weightOut: taps, weightIn: g.c * taps, weightGroup: g.k * g.c * taps },
  };
}

const Params = d
  .struct({
    groups: d.u32,
    inChannels: d.u32,
    outChannels: d.u32,
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
    activation: d.u32,
    slope: d.f32,
    scale: d.f32,
  })
  .$name('Params');
type ParamValues = { [K in keyof (typeof Params)['propTypes']]: number };

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

function paramsOf(g: Gather, { activation, slope, scale }: Epilogue): ParamValues {
  const { groups, inChannels, outChannels, h, w, oH, oW, kH, kW, inStepY, inStepX, outStepY, outStepX } = g;
  const { originY, originX, tapY, tapX, weightOut, weightIn, weightGroup } = g;
  const rows = Math.ceil(oH / outStepY);
  const rowSegments = Math.ceil(Math.ceil(oW / outStepX) / 4);
  return {
    ...{ groups, inChannels, outChannels, h, w, oH, oW, kH, kW, inStepY, inStepX, outStepY, outStepX },
    ...{ originY, originX, tapY, tapX, weightOut, weightIn, weightGroup },
    ...{ rows, rowSegments, segments: g.n * rows * rowSegments },
    gridTapY: outStepY / gcd(outStepY, Math.abs(tapY)),
    gridTapX: outStepX / gcd(outStepX, Math.abs(tapX)),
    windowX: originX + Math.min(0, tapX * (kW - 1)),
    padMode: PADDING_MODES.indexOf(g.mode),
    ...{ activation: ACTIVATIONS.indexOf(activation), slope, scale },
  };
}

const bindings = {
  x: read('T'),
  weight: read('T'),
  y: write('T'),
  bias: optional(read('T'), 'HAS_BIAS'),
  residual: optional(read('T'), 'HAS_RESIDUAL'),
} as const;
const flags = { HAS_BIAS: [0, 1], HAS_RESIDUAL: [0, 1] } as const;
const lib = [new URL('./padding.wgsl', import.meta.url), new URL('./epilogue.wgsl', import.meta.url), activationWgsl];

const phases = (p: ParamValues) => p.outStepY * p.outStepX;
const blocks = (p: ParamValues, tile: number) => Math.ceil(p.outChannels / tile);

/** Multiply-adds count 2; every tensor is counted once. */
function cost(p: ParamValues, bytes: number) {
  const images = p.segments / (p.rows * p.rowSegments);
  const results = images * p.groups * p.outChannels * p.oH * p.oW;
  const terms = (p.inChannels * p.kH * p.kW) / phases(p);
  const sources = images * p.groups * p.inChannels * p.h * p.w;
  const weights = p.groups * p.outChannels * p.inChannels * p.kH * p.kW;
  return { flops: 2 * results * terms, bytes: (sources + results + weights) * bytes };
}

const rowsKernel = defineKernel({
  name: 'conv2d.rows',
  wgsl: new URL('./gather.rows.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  subgroups: true,
  keys: { TILE_K: [4, 8, 16], TILE_V: [1, 2], STRIDE: [1, 2], ...flags },
  valid: ({ TILE_K, TILE_V }) => (TILE_K === 4) === (TILE_V === 2),
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
  keys: { TILE_K: [8, 32], ...flags },
  grid: (p, { TILE_K }, { subgroupWidth }) =>
    blocks(p, TILE_K) * Math.ceil(p.segments / subgroupWidth) * phases(p) * p.groups,
  cost,
});

const tiledKernel = defineKernel({
  name: 'conv2d.tiled',
  wgsl: new URL('./gather.tiled.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  keys: flags,
  grid: (p) => blocks(p, 64) * Math.ceil(p.segments / 16) * phases(p) * p.groups,
  cost,
});

const directKernel = defineKernel({
  name: 'conv2d.direct',
  wgsl: new URL('./gather.direct.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  keys: { WG: [64], ...flags },
  grid: (p) => Math.ceil((p.segments * phases(p) * p.groups * p.outChannels) / 64),
  cost,
});

/** Appends the dispatch of a gather, with the kernel and tile that suit its shape and the device. */
export function launchGather(tensors: GatherTensors, gather: Gather, epilogue: Epilogue): void {
  const params = paramsOf(gather, epilogue);
  const present = { HAS_BIAS: tensors.bias ? 1 : 0, HAS_RESIDUAL: tensors.residual ? 1 : 0 };
  switch (familyFor(tensors.x.device.capabilities, gather.outChannels)) {
    case 'lanes':
      if (fitsRows(gather)) rowsKernel.launch(tensors, params, { ...rowsTile(gather), ...present });
      else tapsKernel.launch(tensors, params, { TILE_K: tapsTile(gather), ...present });
      return;
    case 'tiled':
      tiledKernel.launch(tensors, params, present);
      return;
    case 'direct':
      directKernel.launch(tensors, params, { WG: 64, ...present });
      return;
  }
}

const fitsRows = (g: Gather) =>
  g.kW === 3 &&
  Math.abs(g.tapX) === 1 &&
  g.outStepY === 1 &&
  g.outStepX === 1 &&
  g.inStepY === g.inStepX &&
  g.inStepX <= 2;

/** Tiles by the time of one block, measured at 64 channels: 16 channels are the fastest, if the last block is not too empty. */
function rowsTile({ outChannels, inStepX }: Gather) {
  const TILE_K = outChannels <= 4 ? 4 : outChannels <= 8 ? 8 : 16;
  return { TILE_K, TILE_V: TILE_K === 4 ? 2 : 1, STRIDE: inStepX };
}

/** A block of 32 channels takes 2.4 times as long as one of 8. */
function tapsTile({ outChannels }: Gather): number {
  return Math.ceil(outChannels / 8) < 2.4 * Math.ceil(outChannels / 32) ? 8 : 32;
}
