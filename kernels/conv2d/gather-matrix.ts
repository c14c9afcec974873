import * as d from 'typegpu/data';
import { type DType, defineKernel, empty, read, scope, write } from '../../engine/index.ts';
import { type MatrixUnit, perUnit, stepOf, unitKey } from '../lib/matrix-unit.ts';
import { cutTerms } from '../lib/tile.ts';
import type { MatrixWork } from '../lib/variant.ts';
import {
  bindings,
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
  phaseTapsWgsl,
  tileGrid,
} from './gather-params.ts';
import { sumInSlots } from './gather-slots.ts';

const packWeightsKernel = defineKernel({
  name: 'conv2d.packWeights',
  wgsl: new URL('./pack-weights.wgsl', import.meta.url),
  params: d
    .struct({
      groups: d.u32,
      taps: d.u32,
      outChannels: d.u32,
      inChannels: d.u32,
      /** values a line */
      terms: d.u32,
      weightOut: d.u32,
      weightIn: d.u32,
      weightGroup: d.u32,
    })
    .$name('Params'),
  bindings: { weight: read('U'), packed: write('T') },
  keys: { WG: [64] },
  grid: (p) => Math.ceil((p.groups * p.outChannels * p.terms) / 64),
  cost: (p, bytes) => ({ flops: 0, bytes: 2 * p.groups * p.taps * p.outChannels * p.terms * bytes }),
});

/** On matrix units, of packed weights; for all terms, and for one slot of them. */
const matrixKernels = perUnit(({ operands, suffix, keys, ...unit }) => {
  const packed = read(operands === 'f16' ? 'T4' : 'vec4f');
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
      lib: [...unit.lib, ...lib, phaseTapsWgsl, new URL('./tiled-whole.wgsl', import.meta.url)],
      bindings: { x: bindings.x, packed, y: bindings.y, bias: bindings.bias, residual: bindings.residual },
      keys: { ...keys, ...flags },
      valid: (key) => unit.valid(key) && notBoth(key),
      widths: (width, key) => unit.widths(width, key),
      grid: (p, { TILE }) => tileGrid(p, { TILE_M: TILE, TILE_N: TILE }),
      cost,
    }),
    parts: defineKernel({
      ...common,
      name: `conv2d.matrix${suffix}.parts`,
      lib: [...unit.lib, paddingWgsl, phaseTapsWgsl, new URL('./tiled-parts.wgsl', import.meta.url)],
      bindings: { x: bindings.x, packed, partial: write('f32') },
      keys,
      valid: (key) => unit.valid(key),
      widths: (width, key) => unit.widths(width, key),
      grid: (p, { TILE }) => tileGrid(p, { TILE_M: TILE, TILE_N: TILE }),
      cost: costOfParts,
    }),
  };
});

/** Packs the weights and multiplies on matrix units; in slots where `cutTerms` finds that better. */
export function launchMatrix(
  tensors: GatherTensors,
  params: ParamValues,
  { unit, work, tile }: { unit: MatrixUnit; work: MatrixWork; tile: readonly number[] },
  flags: Flags,
): void {
  const { x, weight, y, bias, residual } = tensors;
  const { groups, inChannels, outChannels, kH, kW, weightOut, weightIn, weightGroup } = params;
  const step = stepOf(unit, tile[0]);
  // values a tap, of all channels
  const terms = Math.ceil(inChannels / step) * step;
  const taps = kH * kW;
  const lines = { groups, taps, outChannels, inChannels, terms, weightOut, weightIn, weightGroup };
  const { slots, slotTerms } = cutTerms(x.device, { ...work, terms: terms * mostTaps(params) }, tile, { step });
  const cut = { ...params, slots, slotTerms };
  const { whole, parts } = matrixKernels(unit);
  const key = unitKey(unit, tile[0]);
  scope(() => {
    const packed = empty(x.device, { shape: [groups, taps, outChannels, terms], dtype: unit.operands });
    packWeightsKernel.launch({ weight, packed }, lines, { WG: 64 });
    if (slots === 1) whole.launch({ x, packed, y, bias, residual }, cut, { ...key, ...flags });
    else sumInSlots(tensors, cut, flags, (partial) => parts.launch({ x, packed, partial }, cut, key));
  });
}
