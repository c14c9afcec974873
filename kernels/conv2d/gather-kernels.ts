import { defineKernel } from '../../engine/index.ts';
import { activationCode } from '../lib/activation.ts';
import { type BlockSize, cutRows } from '../lib/blocks.ts';
import { matrixUnitFor } from '../lib/matrix-unit.ts';
import { variantFor } from '../lib/variant.ts';
import { launchMatmul } from '../matmul/launch.ts';
import { type Gather, productOfPixels, workOf } from './gather.ts';
import { launchMatrix } from './gather-matrix.ts';
import {
  bindings,
  blocks,
  cost,
  type Epilogue,
  flags,
  type GatherTensors,
  lib,
  notBoth,
  Params,
  type ParamValues,
  paramsOf,
  phases,
  phaseTapsWgsl,
} from './gather-params.ts';
import { launchTiled } from './gather-tiled.ts';
import { launchWinograd } from './winograd.ts';

const rowsKernel = defineKernel({
  name: 'conv2d.rows',
  wgsl: new URL('./gather.rows.wgsl', import.meta.url),
  lib,
  params: Params,
  bindings,
  subgroups: true,
  keys: { TILE_K: [4, 8, 16], STRIDE: [1, 2], ...flags },
  valid: (key) => notBoth(key),
  grid: (p, { TILE_K }, { subgroupWidth }) =>
    blocks(p, TILE_K) * Math.ceil(p.segments / (2 * subgroupWidth)) * p.groups,
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
    blocks(p, TILE_K) * Math.ceil(p.segments / (2 * subgroupWidth)) * phases(p) * p.groups,
  cost,
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

const stripsKernel = defineKernel({
  name: 'conv2d.strips',
  wgsl: new URL('./gather.strips.wgsl', import.meta.url),
  lib: [...lib, phaseTapsWgsl],
  params: Params,
  bindings,
  keys: { CHANNELS: [4, 8], SPLIT: [1, 4, 8, 64], ROW: [0, 1], ...flags },
  valid: (key) => STRIPS[key.CHANNELS as 4 | 8].includes(key.SPLIT) && notBoth(key),
  grid: (p, { CHANNELS, SPLIT }) =>
    blocks(p, CHANNELS) * Math.ceil(p.segments / stripsOf(CHANNELS, SPLIT)) * phases(p) * p.groups,
  cost,
});

/** Output channels of a thread, and how many threads may share its sums. */
const STRIPS: { readonly [channels in 4 | 8]: readonly number[] } = { 4: [1, 8, 64], 8: [1, 4] };
/** Strips of four pixels that a workgroup owns. */
const stripsOf = (channels: number, split: number) => (split === 1 ? 64 : (channels === 8 ? 128 : 256) / split);

/** Threads that fill a large GPU, where each has loads enough in flight. */
const FILLING_STRIPS = 1 << 15;

/** The fewest threads to a sum that fill the device, as long as each has two input channels or more. */
function stripsKey(p: ParamValues): { CHANNELS: 4 | 8; SPLIT: number } {
  const CHANNELS = p.outChannels > 4 ? 8 : 4;
  const strips = p.segments * blocks(p, CHANNELS) * phases(p) * p.groups;
  const able = STRIPS[CHANNELS].filter((split) => split === 1 || 2 * split <= p.inChannels);
  const SPLIT = able.find((split) => strips * split >= FILLING_STRIPS) ?? able[able.length - 1];
  return { CHANNELS, SPLIT };
}

/** Appends the dispatches of a gather, with the kernel and tiles that suit its shape and the device. */
export function launchGather(tensors: GatherTensors, gather: Gather, epilogue: Epilogue): void {
  const params = paramsOf(gather, epilogue);
  const { CURVED } = activationCode(epilogue.activation, epilogue.slope);
  const flags = { HAS_BIAS: tensors.bias ? 1 : 0, HAS_RESIDUAL: tensors.residual ? 1 : 0, CURVED };
  const { x, weight, y, bias } = tensors;
  const dtype = x.dtype === weight.dtype ? x.dtype : undefined;
  const work = workOf(gather, dtype);
  const variant = variantFor(x.device, work);
  const { family, tile } = variant;
  const unit = family === 'matrix' ? matrixUnitFor(x.device.capabilities, dtype) : undefined;
  const product = isPlain(tensors, epilogue) && gainsAsProduct(family, gather) ? productOfPixels(gather) : undefined;
  if (unit) launchMatrix(tensors, params, { unit, work, tile }, flags);
  else if (product) launchMatmul({ a: weight, b: x, y, bias }, product, { biasByRow: true, ...epilogue }, variant);
  else if (family === 'tiled') launchTiled(tensors, params, { work, tile }, flags);
  else if (family === 'direct') directKernel.launch(tensors, params, { WG: 64, ...flags });
  else if (family === 'strips') {
    const ROW = isRow(gather) ? 1 : 0;
    stripsKernel.launch(tensors, params, { ...stripsKey(params), ROW, ...flags });
  } else if (family === 'winograd') launchWinograd(tensors, gather, epilogue);
  else if (fitsRows(gather)) {
    for (const { size, start, end } of cutRows(gather.outChannels, ROWS_TILES)) {
      const key = { TILE_K: size, STRIDE: gather.inStepX, ...flags };
      rowsKernel.launch(tensors, { ...params, startChannel: start, endChannel: end }, key);
    }
  } else {
    for (const { size, start, end } of cutRows(gather.outChannels, TAPS_TILES)) {
      tapsKernel.launch(tensors, { ...params, startChannel: start, endChannel: end }, { TILE_K: size, ...flags });
    }
  }
}

/** Whether a matrix product can store the result: one dtype, and nothing beside bias and activation. */
const isPlain = ({ x, weight, residual }: GatherTensors, { scale, grid }: Epilogue) =>
  x.dtype === weight.dtype && !residual && scale === 1 && grid === 0;

/** Products load in vectors of four; on lanes they take rows by eight at least. */
const gainsAsProduct = (family: string, { outChannels }: Gather) =>
  family === 'tiled' || (family === 'lanes' && outChannels >= 8);

const fitsRows = (g: Gather) =>
  g.kW === 3 &&
  Math.abs(g.tapX) === 1 &&
  g.outStepY === 1 &&
  g.outStepX === 1 &&
  g.inStepY === g.inStepX &&
  g.inStepX <= 2;

/** Three taps of neighbouring pixels, and neighbouring results. */
const isRow = (g: Gather) => g.kW === 3 && Math.abs(g.tapX) === 1 && g.outStepX === 1 && g.inStepX === 1;

// Relative times of one block of channels, measured on lavapipe with 8 lanes.
const ROWS_TILES: readonly BlockSize[] = [
  { size: 16, time: 1 },
  { size: 8, time: 0.71 },
  { size: 4, time: 0.56 },
];
const TAPS_TILES: readonly BlockSize[] = [
  { size: 32, time: 1.07 },
  { size: 8, time: 0.55 },
  { size: 4, time: 0.46 },
];
