import * as d from 'typegpu/data';
import { defineKernel, empty, read, scope, write } from '../../engine/index.ts';
import { cutTiles, isTile, type TileKey, tileKey, tileKeys, tileWgsl } from '../lib/tile.ts';
import type { MatrixWork } from '../lib/variant.ts';
import {
  bindings,
  blocks,
  cost,
  costOfParts,
  type Flags,
  flags,
  type GatherTensors,
  lib,
  mostTaps,
  notBoth,
  Params,
  type ParamValues,
  paddingWgsl,
  phases,
  phaseTapsWgsl,
} from './gather-params.ts';
import { sumInSlots } from './gather-slots.ts';

const PackParams = d
  .struct({
    groups: d.u32,
    taps: d.u32,
    outChannels: d.u32,
    inChannels: d.u32,
    /** lines a tap, and vectors in each */
    terms: d.u32,
    quads: d.u32,
    weightOut: d.u32,
    weightIn: d.u32,
    weightGroup: d.u32,
  })
  .$name('Params');
type PackValues = { [K in keyof (typeof PackParams)['propTypes']]: number };
const costOfPacking = (p: PackValues, bytes: number) => ({
  flops: 0,
  bytes: 2 * p.groups * p.taps * p.terms * p.quads * 4 * bytes,
});

const packKernel = defineKernel({
  name: 'conv2d.packTiles',
  wgsl: new URL('./pack-tiles.wgsl', import.meta.url),
  params: PackParams,
  bindings: { weight: read('T'), packed: write('T') },
  keys: { WG: [64] },
  grid: (p) => Math.ceil((p.groups * p.terms * p.quads * 4) / 64),
  cost: costOfPacking,
});

const packAcrossKernel = defineKernel({
  name: 'conv2d.packTiles.across',
  wgsl: new URL('./pack-tiles-across.wgsl', import.meta.url),
  params: PackParams,
  bindings: { weight: read('T'), packed: write('T') },
  keys: { WG: [256] },
  grid: (p) => p.groups * Math.ceil((p.quads * 4) / 32) * Math.ceil((p.terms * p.taps) / 32),
  cost: costOfPacking,
});

const tiledWgsl = new URL('./gather.tiled.wgsl', import.meta.url);
const packed = read('U4');
/** FEW: a step has terms of several taps. */
const keys = { ...tileKeys, FEW: [0, 1] } as const;
const tiledGrid = (p: ParamValues, { TILE_M, TILE_N }: TileKey) =>
  blocks(p, TILE_M) * Math.ceil(p.pixels / TILE_N) * phases(p) * p.groups * p.slots;

/** On packed weights, for all terms. */
const tiledKernel = defineKernel({
  name: 'conv2d.tiled',
  wgsl: tiledWgsl,
  lib: [...lib, tileWgsl, phaseTapsWgsl, new URL('./tiled-whole.wgsl', import.meta.url)],
  params: Params,
  bindings: { x: bindings.x, packed, y: bindings.y, bias: bindings.bias, residual: bindings.residual },
  keys: { ...keys, ...flags },
  valid: (key) => isTile(key) && notBoth(key),
  grid: (p, key) => tiledGrid(p, key),
  cost,
});

/** And for one slot of them. */
const tiledPartsKernel = defineKernel({
  name: 'conv2d.tiledParts',
  wgsl: tiledWgsl,
  lib: [paddingWgsl, tileWgsl, phaseTapsWgsl, new URL('./tiled-parts.wgsl', import.meta.url)],
  params: Params,
  bindings: { x: bindings.x, packed, partial: write('f32') },
  keys,
  valid: (key) => isTile(key),
  grid: (p, key) => tiledGrid(p, key),
  cost: costOfParts,
});

const STEP = 16;
/** Terms that may be zeros, of those of a tap's channels: beyond that a step takes channels of several taps. */
const MOST_ZEROS = 0.25;

/** Packs the weights and multiplies in tiles; in slots, which a second pass adds, where `cutTiles` finds that better. */
export function launchTiled(
  tensors: GatherTensors,
  params: ParamValues,
  { work, tile }: { work: MatrixWork; tile: readonly number[] },
  flags: Flags,
): void {
  const { x, weight, y, bias, residual } = tensors;
  const { groups, inChannels, outChannels, kH, kW, weightOut, weightIn, weightGroup } = params;
  const whole = Math.ceil(inChannels / STEP) * STEP;
  const FEW = whole - inChannels > MOST_ZEROS * inChannels ? 1 : 0;
  const tapTerms = FEW ? inChannels : whole;
  const taps = kH * kW;
  const quads = Math.ceil(outChannels / 4);
  const lines = { groups, taps, outChannels, inChannels, terms: tapTerms, quads, weightOut, weightIn, weightGroup };
  const { slots, slotTerms } = cutTiles(x.device, { ...work, terms: tapTerms * mostTaps(params) }, tile);
  const cut = { ...params, tapTerms, slots, slotTerms };
  const key = { ...tileKey(x.device.capabilities, tile), FEW };
  scope(() => {
    const packed = empty(x.device, { shape: [groups, taps, tapTerms, quads * 4], dtype: weight.dtype });
    if (weightIn === taps) packAcrossKernel.launch({ weight, packed }, lines, { WG: 256 });
    else packKernel.launch({ weight, packed }, lines, { WG: 64 });
    if (slots === 1) tiledKernel.launch({ x, packed, y, bias, residual }, cut, { ...key, ...flags });
    else sumInSlots(tensors, cut, flags, (partial) => tiledPartsKernel.launch({ x, packed, partial }, cut, key));
  });
}
