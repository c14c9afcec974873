import * as d from 'typegpu/data';
import { type Capabilities, type DType, defineKernel, empty, read, scope, write } from '../../engine/index.ts';
import { lanesFor, perLanes } from '../lib/lanes.ts';
import { type MatrixUnit, perUnit, stepOf, type UnitKey, unitKey } from '../lib/matrix-unit.ts';
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
  bindings: { weight: read('U'), weights: write('T') },
  keys: { WG: [64] },
  grid: (p) => Math.ceil((p.groups * p.outChannels * p.terms) / 64),
  cost: (p, bytes) => ({ flops: 0, bytes: 2 * p.groups * p.taps * p.outChannels * p.terms * bytes }),
});

/**
 * On matrix units, of packed weights: finding pixels one by one or in aligned rows of halves, storing one or four; for all
 * terms, and for one slot of them.
 */
const matrixKernels = perUnit(({ operands, suffix, keys, ...unit }) => {
  const weights = read(operands === 'f16' ? 'T16' : 'vec4f');
  const common = {
    wgsl: new URL('./gather.matrix.wgsl', import.meta.url),
    params: Params,
    storage: ({ T }: { T: DType }) => operands === 'f32' || T === 'f16',
    subgroups: true,
    subgroupMatrix: unit.subgroupMatrix,
    valid: (key: UnitKey & Partial<Flags>) => unit.valid(key) && notBoth({ HAS_RESIDUAL: 0, CURVED: 0, ...key }),
    widths: (width: number, key: UnitKey) => unit.widths(width, key),
    needs: (capabilities: Capabilities, key: UnitKey) => unit.needs(capabilities, key),
    grid: (p: ParamValues, { TILE }: UnitKey) => tileGrid(p, { TILE_M: TILE, TILE_N: TILE }),
  };
  const finding = (rows: boolean) => {
    const x = read(rows ? 'T16' : 'T');
    const pixels = rows
      ? [new URL('./matrix-shift.wgsl', import.meta.url), new URL('./matrix-rows.wgsl', import.meta.url)]
      : [new URL('./matrix-pixels.wgsl', import.meta.url)];
    const whole = new URL('./matrix-whole.wgsl', import.meta.url);
    const whole4 = new URL('./matrix-whole4.wgsl', import.meta.url);
    const parts = new URL('./matrix-parts.wgsl', import.meta.url);
    const parts4 = new URL('./matrix-parts4.wgsl', import.meta.url);
    return perLanes(({ lanes, T }) => {
      const name = `conv2d.matrix${rows ? 'Rows' : ''}${lanes === 4 ? 'To4' : ''}${suffix}`;
      return {
        whole: defineKernel({
          ...common,
          name,
          lib: [...unit.lib, ...lib, phaseTapsWgsl, ...pixels, lanes === 4 ? whole4 : whole],
          bindings: { x, weights, y: write(T), bias: bindings.bias, residual: bindings.residual },
          keys: { ...keys, ...flags },
          cost,
        }),
        parts: defineKernel({
          ...common,
          name: `${name}.parts`,
          lib: [...unit.lib, paddingWgsl, phaseTapsWgsl, ...pixels, lanes === 4 ? parts4 : parts],
          bindings: { x, weights, partial: write(lanes === 4 ? 'vec4f' : 'f32') },
          keys,
          cost: costOfParts,
        }),
      };
    });
  };
  const pixels = finding(false);
  return { pixels, rows: operands === 'f16' ? finding(true) : pixels };
});

/** Whether matrix-rows.wgsl can find the pixels: eight neighbours of a result's row are in one aligned vector, or one beside. */
function inRows({ w, rowSegments, inStepX, outStepX, originX, tapX, kW }: ParamValues): boolean {
  if (inStepX !== 1 || w % 8 !== 0 || rowSegments * 4 !== w) return false;
  const [first, last] = [originX, originX + tapX * (kW - 1)];
  return Math.min(first, last) >= -outStepX && Math.max(first, last) + outStepX - 1 <= outStepX;
}

/** Packs the weights and multiplies on matrix units; in slots where `cutTerms` finds that better. */
export function launchMatrix(
  tensors: GatherTensors,
  params: ParamValues,
  { unit, work, tile }: { unit: MatrixUnit; work: MatrixWork; tile: readonly number[] },
  flags: Flags,
): void {
  const { x, weight, y, bias, residual } = tensors;
  const { capabilities } = x.device;
  const { groups, inChannels, outChannels, oW, outStepX, kH, kW, weightOut, weightIn, weightGroup } = params;
  const step = stepOf(unit, tile[0], capabilities);
  // values a tap, of all channels
  const terms = Math.ceil(inChannels / step) * step;
  const taps = kH * kW;
  const lines = { groups, taps, outChannels, inChannels, terms, weightOut, weightIn, weightGroup };
  const { slots, slotTerms } = cutTerms(x.device, { ...work, terms: terms * mostTaps(params) }, tile, { step });
  const cut = { ...params, slots, slotTerms };
  const kernels = matrixKernels(unit)[inRows(params) ? 'rows' : 'pixels'];
  const { whole, parts } = kernels[outStepX === 1 ? lanesFor(oW) : 1];
  const key = unitKey(unit, tile[0], capabilities);
  scope(() => {
    const weights = empty(x.device, { shape: [groups, taps, outChannels, terms], dtype: unit.operands });
    packWeightsKernel.launch({ weight, weights }, lines, { WG: 64 });
    if (slots === 1) whole.launch({ x, weights, y, bias, residual }, cut, { ...key, ...flags });
    else sumInSlots(tensors, cut, flags, (partial) => parts.launch({ x, weights, partial }, cut, key));
  });
}
