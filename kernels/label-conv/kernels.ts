import * as d from 'typegpu/data';
import {
  type Capabilities,
  defineKernel,
  empty,
  optional,
  read,
  readWrite,
  scope,
  type Tensor,
  write,
} from '../../engine/index.ts';
import type { Geometry } from '../conv2d/geometry.ts';
import { type Activation, activationCode, activationWgsl } from '../lib/activation.ts';
import { lanesFor, perLanes } from '../lib/lanes.ts';

const WG = 64;
/** Vectors of four output channels that a thread of the convolution takes. */
const BLOCK = 8;
/** Threads of the weight gradient's workgroups, each of which takes four channels. */
const GRAD_WG = 32;

const windowParams = {
  ...{ n: d.u32, channels: d.u32, classes: d.u32, h: d.u32, w: d.u32, oH: d.u32, oW: d.u32, kH: d.u32, kW: d.u32 },
  ...{ strideY: d.u32, strideX: d.u32, top: d.i32, left: d.i32 },
};

const tableKernel = defineKernel({
  name: 'labelConv.table',
  wgsl: new URL('./table.wgsl', import.meta.url),
  params: d.struct({ channels: d.u32, classes: d.u32, taps: d.u32, vectors: d.u32 }).$name('Params'),
  bindings: { weight: read('T'), bias: optional(read('T'), 'HAS_BIAS'), table: write('vec4f') },
  keys: { HAS_BIAS: [0, 1], WG: [WG] },
  grid: (p) => Math.ceil((p.vectors * tableRows(p)) / WG),
  cost: (p, bytes) => ({ flops: 0, bytes: 4 * p.vectors * tableRows(p) * (bytes + 4) }),
});

const classWgsl = new URL('./class-at.wgsl', import.meta.url);

const ConvParams = d.struct({ ...windowParams, vectors: d.u32, curve: d.u32, slope: d.f32 }).$name('Params');
type ConvParamValues = { [K in keyof (typeof ConvParams)['propTypes']]: number };
const convBindings = {
  labels: read('u32'),
  table: read('vec4f'),
  residual: optional(read('T'), 'HAS_RESIDUAL'),
  y: write('T'),
} as const;

/** Labels and rows of the table are met again and again, and counted once. */
function convCost(p: ConvParamValues, bytes: number, { HAS_RESIDUAL }: { HAS_RESIDUAL: number }) {
  const outputs = p.n * p.channels * p.oH * p.oW;
  return {
    flops: outputs * p.kH * p.kW,
    bytes: outputs * bytes * (1 + HAS_RESIDUAL) + 4 * p.n * p.h * p.w + 4 * p.channels * p.classes * p.kH * p.kW,
  };
}

const convKernel = defineKernel({
  name: 'labelConv.forward',
  wgsl: new URL('./label-conv.wgsl', import.meta.url),
  lib: [activationWgsl, classWgsl],
  params: ConvParams,
  bindings: convBindings,
  keys: { HAS_RESIDUAL: [0, 1], CURVED: [0], BLOCK: [BLOCK], WG: [WG] },
  grid: (p) => Math.ceil((p.n * p.oH * p.oW * p.vectors) / BLOCK / WG),
  cost: (p, bytes, key) => convCost(p, bytes, key),
});

/** Vectors of four output channels, pixels and threads of a workgroup that shares rows of the table. */
const SHARED = { BLOCK: 16, PIXELS: 32, WG: 256 };

const sharedConvKernel = defineKernel({
  name: 'labelConv.sharedRows',
  wgsl: new URL('./shared-rows.wgsl', import.meta.url),
  lib: [activationWgsl, classWgsl],
  params: ConvParams,
  bindings: convBindings,
  keys: { HAS_RESIDUAL: [0, 1], CURVED: [0], BLOCK: [SHARED.BLOCK], WG: [SHARED.WG] },
  grid: (p) => Math.ceil((p.n * p.oH * p.oW) / SHARED.PIXELS) * (p.vectors / SHARED.BLOCK),
  cost: (p, bytes, key) => convCost(p, bytes, key),
});

const GradParams = d.struct({ ...windowParams, slots: d.u32, slotRows: d.u32 }).$name('Params');

const gradKernels = perLanes(({ suffix, T, lib }) =>
  defineKernel({
    name: `labelConv.weightGrad${suffix}`,
    wgsl: new URL('./weight-grad.wgsl', import.meta.url),
    lib: [lib],
    params: GradParams,
    bindings: { labels: read('u32'), dy: read(T), partial: readWrite('vec4f') },
    keys: { WG: [GRAD_WG] },
    grid: (p) => gradBlocks(p.channels) * p.kH * p.kW * p.slots,
    // every tap reads dy again
    cost: (p, bytes) => {
      const terms = p.kH * p.kW * p.n * p.channels * p.oH * p.oW;
      return { flops: 3 * terms, bytes: terms * bytes + 8 * p.slots * p.kH * p.kW * p.classes * p.channels };
    },
  }),
);

/** Taps of a workgroup, which share what it reads of the gradient. */
const GRAD_TAPS = [4, 8] as const;
/** And its output channels. */
const TILE_CHANNELS = 32;

const tiledGradKernel = defineKernel({
  name: 'labelConv.weightGrad.tiled',
  wgsl: new URL('./weight-grad.tiled.wgsl', import.meta.url),
  lib: [classWgsl],
  params: GradParams,
  bindings: { labels: read('u32'), dy: read('T'), partial: readWrite('f32') },
  keys: { TAPS: GRAD_TAPS },
  grid: (p, { TAPS }) => Math.ceil(p.channels / TILE_CHANNELS) * Math.ceil((p.kH * p.kW) / TAPS) * p.slots,
  cost: (p, bytes, { TAPS }) => {
    const [terms, taps] = [p.n * p.channels * p.oH * p.oW, p.kH * p.kW];
    const sums = 8 * p.slots * taps * p.classes * p.channels;
    return { flops: 3 * taps * terms, bytes: Math.ceil(taps / TAPS) * terms * bytes + sums };
  },
});

const sumSlotsKernel = defineKernel({
  name: 'labelConv.sumSlots',
  wgsl: new URL('./sum-slots.wgsl', import.meta.url),
  params: d.struct({ channels: d.u32, classes: d.u32, taps: d.u32, slots: d.u32 }).$name('Params'),
  bindings: { partial: read('f32'), weight: write('T') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.channels * p.classes * p.taps) / WG),
  cost: (p, bytes) => {
    const count = p.channels * p.classes * p.taps;
    return { flops: 2 * count * p.slots, bytes: count * (8 * p.slots + bytes) };
  },
});

const gradBlocks = (channels: number) => Math.ceil(channels / (4 * GRAD_WG));

/** A row for each tap, and one for whole windows, of each class and of none. */
const tableRows = ({ classes, taps }: { classes: number; taps: number }) => (taps + 1) * (classes + 1);

interface ConvTensors {
  labels: Tensor;
  weight: Tensor;
  bias?: Tensor | undefined;
  residual?: Tensor | undefined;
  y: Tensor;
}

let shared = false;
/** Lets threads share what they read on software drivers, too, where barriers cost more: for tests of what GPUs run. */
export function shareEverywhere(everywhere: boolean): void {
  shared = everywhere;
}
const shares = ({ software }: Capabilities) => shared || !software;

/** y = f(residual + bias + the weights' columns that the labels name). */
export function launchConv(tensors: ConvTensors, g: Geometry, activation: Activation, slope: number): void {
  const { labels, weight, bias, residual, y } = tensors;
  const sharing = shares(y.device.capabilities);
  const block = sharing ? SHARED.BLOCK : BLOCK;
  const sizes = { channels: g.k, classes: g.c, taps: g.kH * g.kW, vectors: block * Math.ceil(g.k / (4 * block)) };
  const { CURVED, ...code } = activationCode(activation, slope);
  scope(() => {
    const table = empty(y.device, { shape: [tableRows(sizes), 4 * sizes.vectors], dtype: 'f32' });
    tableKernel.launch({ weight, bias, table }, sizes, { HAS_BIAS: bias ? 1 : 0, WG });
    const key = { HAS_RESIDUAL: residual ? 1 : 0, CURVED, BLOCK: block, WG: sharing ? SHARED.WG : WG };
    const kernel = sharing ? sharedConvKernel : convKernel;
    kernel.launch({ labels, table, residual, y }, { ...windowOf(g), vectors: sizes.vectors, ...code }, key);
  });
}

/** dweight[O, C, kH, kW] from the gradient dy of the sum. */
export function launchWeightGrad(tensors: { labels: Tensor; dy: Tensor; dweight: Tensor }, g: Geometry): void {
  const { labels, dy, dweight } = tensors;
  const sizes = { channels: g.k, classes: g.c, taps: g.kH * g.kW };
  const slotRows = Math.ceil((g.n * g.oH) / slotCount(g, dy.device.capabilities));
  const slots = Math.ceil((g.n * g.oH) / slotRows);
  scope(() => {
    const partial = empty(dy.device, { shape: [2, slots, sizes.taps * g.c, 4 * Math.ceil(g.k / 4)], dtype: 'f32' });
    const params = { ...windowOf(g), slots, slotRows };
    if (shares(dy.device.capabilities)) {
      tiledGradKernel.launch({ labels, dy, partial }, params, { TAPS: sizes.taps % 8 === 0 ? 8 : 4 });
    } else gradKernels[lanesFor(g.oW)].launch({ labels, dy, partial }, params, { WG: GRAD_WG });
    sumSlotsKernel.launch({ partial, weight: dweight }, { ...sizes, slots }, { WG });
  });
}

/** Longest sum of pixels in one slot: partial sums stay short, so that rounding grows with the slots, not the pixels. */
const SLOT_PIXELS = 1 << 14;
const PARTIAL_VALUES = 1 << 23;

/**
 * Enough slots to fill the device and to keep sums short, as far as there are rows, the partial sums stay small, and
 * clearing those of a slot is less work than what is added to them.
 */
function slotCount({ n, oH, oW, k, c, kH, kW }: Geometry, { software }: Capabilities): number {
  const pixels = n * oH * oW;
  const wanted = Math.max((software ? 16 : 1024) / (gradBlocks(k) * kH * kW), pixels / SLOT_PIXELS);
  const most = Math.min(n * oH, Math.floor(PARTIAL_VALUES / (k * c * kH * kW)), Math.ceil(pixels / (2 * c)));
  return Math.max(1, Math.min(Math.ceil(wanted), most));
}

function windowOf({ n, k, c, h, w, oH, oW, kH, kW, strideY, strideX, top, left }: Geometry) {
  return { n, channels: k, classes: c, h, w, oH, oW, kH, kW, strideY, strideX, top, left };
}
