import * as d from 'typegpu/data';
import { optional, read, type Tensor, write } from '../../engine/index.ts';
import { type Activation, activationCode, activationWgsl } from '../lib/activation.ts';
import type { TileKey } from '../lib/tile.ts';
import type { Gather } from './gather.ts';
import { PADDING_MODES } from './geometry.ts';

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

export const Params = d
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
    /** pixels in a row of one phase, and in all images of one channel */
    rowPixels: d.u32,
    pixels: d.u32,
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
    /** terms of a tap, where they are (tap, channel): input channels, and zeros up to a whole step */
    tapTerms: d.u32,
    curve: d.u32,
    slope: d.f32,
    scale: d.f32,
    grid: d.f32,
    inverseGrid: d.f32,
  })
  .$name('Params');
export type ParamValues = { [K in keyof (typeof Params)['propTypes']]: number };

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

export function paramsOf(g: Gather, epilogue: Epilogue): ParamValues {
  const { curve, slope } = activationCode(epilogue.activation, epilogue.slope);
  const { scale, grid } = epilogue;
  const { groups, inChannels, outChannels, h, w, oH, oW, kH, kW, inStepY, inStepX, outStepY, outStepX } = g;
  const { originY, originX, tapY, tapX, weightOut, weightIn, weightGroup } = g;
  const rows = Math.ceil(oH / outStepY);
  const rowPixels = Math.ceil(oW / outStepX);
  const rowSegments = Math.ceil(rowPixels / 4);
  return {
    groups,
    inChannels,
    outChannels,
    startChannel: 0,
    endChannel: outChannels,
    h,
    w,
    oH,
    oW,
    kH,
    kW,
    inStepY,
    inStepX,
    outStepY,
    outStepX,
    originY,
    originX,
    tapY,
    tapX,
    weightOut,
    weightIn,
    weightGroup,
    rows,
    rowSegments,
    segments: g.n * rows * rowSegments,
    rowPixels,
    pixels: g.n * rows * rowPixels,
    gridTapY: outStepY / gcd(outStepY, Math.abs(tapY)),
    gridTapX: outStepX / gcd(outStepX, Math.abs(tapX)),
    windowX: originX + Math.min(0, tapX * (kW - 1)),
    padMode: PADDING_MODES.indexOf(g.mode),
    slots: 1,
    slotTerms: inChannels * kH * kW,
    results: g.n * groups * outChannels * oH * oW,
    tapTerms: inChannels,
    curve,
    slope,
    scale,
    grid,
    inverseGrid: grid === 0 ? 0 : 1 / grid,
  };
}

/** U: parameters may be f32 where pictures are f16. */
export const bindings = {
  x: read('T'),
  weight: read('U'),
  y: write('T'),
  bias: optional(read('U'), 'HAS_BIAS'),
  residual: optional(read('T'), 'HAS_RESIDUAL'),
} as const;
export const flags = { HAS_BIAS: [0, 1], HAS_RESIDUAL: [0, 1], CURVED: [0, 1] } as const;
export type Flags = { HAS_BIAS: number; HAS_RESIDUAL: number; CURVED: number };
/** A convolution with a residual has no activation. */
export const notBoth = ({ HAS_RESIDUAL, CURVED }: Omit<Flags, 'HAS_BIAS'>) => !(HAS_RESIDUAL && CURVED);
export const paddingWgsl = new URL('./padding.wgsl', import.meta.url);
export const phaseTapsWgsl = new URL('./phase-taps.wgsl', import.meta.url);
/** What is done with a finished sum. */
export const epilogueLib = [new URL('./epilogue.wgsl', import.meta.url), activationWgsl];
export const lib = [paddingWgsl, ...epilogueLib];

export const phases = (p: ParamValues) => p.outStepY * p.outStepX;
export const blocks = (p: ParamValues, tile: number) => Math.ceil((p.endChannel - p.startChannel) / tile);

/** Multiply-adds count 2; every tensor is counted once. */
export function cost(p: ParamValues, bytes: number) {
  const images = p.segments / (p.rows * p.rowSegments);
  const channels = p.groups * (p.endChannel - p.startChannel);
  const results = images * channels * p.oH * p.oW;
  const terms = (p.inChannels * p.kH * p.kW) / phases(p);
  const sources = images * p.groups * p.inChannels * p.h * p.w;
  const weights = channels * p.inChannels * p.kH * p.kW;
  return { flops: 2 * results * terms, bytes: (sources + results + weights) * bytes };
}

export function costOfParts(p: ParamValues, bytes: number) {
  const { flops, bytes: all } = cost(p, bytes);
  return { flops, bytes: all + p.results * (4 * p.slots - bytes) };
}

export const tileGrid = (p: ParamValues, { TILE_M, TILE_N }: Omit<TileKey, 'UNROLL'>) =>
  blocks(p, TILE_M) * Math.ceil((p.segments * 4) / TILE_N) * phases(p) * p.groups * p.slots;

/** Phases differ in their share of the taps: the largest. */
export const mostTaps = ({ kH, kW, gridTapY, gridTapX }: ParamValues) =>
  Math.ceil(kH / gridTapY) * Math.ceil(kW / gridTapX);
