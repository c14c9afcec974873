import type { DType } from '../../engine/index.ts';
import type { MatrixWork } from '../lib/variant.ts';
import type { Product } from '../matmul/shapes.ts';
import type { Geometry, PaddingMode } from './geometry.ts';

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

/** The convolution itself. */
export function forwardGather(g: Geometry): Gather {
  const taps = g.kH * g.kW;
  return {
    n: g.n,
    groups: g.groups,
    inChannels: g.c,
    outChannels: g.k,
    mode: g.mode,
    h: g.h,
    w: g.w,
    oH: g.oH,
    oW: g.oW,
    kH: g.kH,
    kW: g.kW,
    inStepY: g.strideY,
    inStepX: g.strideX,
    outStepY: 1,
    outStepX: 1,
    originY: -g.top,
    originX: -g.left,
    tapY: g.dilationY,
    tapX: g.dilationX,
    weightOut: g.c * taps,
    weightIn: taps,
    weightGroup: g.k * g.c * taps,
  };
}

/** Its transpose with zero padding: from [N, G·K, oH, oW] back to [N, G·C, H, W]. */
export function transposedGather(g: Geometry): Gather {
  const taps = g.kH * g.kW;
  return {
    n: g.n,
    groups: g.groups,
    inChannels: g.k,
    outChannels: g.c,
    mode: 'zeros',
    h: g.oH,
    w: g.oW,
    oH: g.h,
    oW: g.w,
    kH: g.kH,
    kW: g.kW,
    inStepY: 1,
    inStepX: 1,
    outStepY: g.strideY,
    outStepX: g.strideX,
    originY: g.top,
    originX: g.left,
    tapY: -g.dilationY,
    tapX: -g.dilationX,
    weightOut: taps,
    weightIn: g.c * taps,
    weightGroup: g.k * g.c * taps,
  };
}

/** A gather as a product of matrices: phases are products of their own, each with its share of the taps. */
export function workOf(g: Gather, dtype: DType | undefined): MatrixWork {
  const phases = g.outStepY * g.outStepX;
  const columns = g.n * Math.ceil(g.oH / g.outStepY) * Math.ceil(g.oW / g.outStepX);
  return {
    kind: 'conv2d',
    rows: g.outChannels,
    columns,
    dtype,
    terms: Math.ceil((g.inChannels * g.kH * g.kW) / phases),
    batch: g.groups * phases,
    window: {
      kernel: [g.kH, g.kW],
      stride: [g.inStepY, g.inStepX],
      outStride: [g.outStepY, g.outStepX],
      dilation: [g.tapY, g.tapX],
    },
  };
}

/**
 * The product of the weight by every picture that a convolution of single pixels is: one tap, one group, no steps, no
 * padding. Undefined for others, and for small pictures, whose rows of pixels would leave tiles half empty.
 */
export function productOfPixels(g: Gather): Product | undefined {
  const pixels = g.h * g.w;
  const single =
    g.kH * g.kW === 1 && g.groups === 1 && g.oH === g.h && g.oW === g.w && g.originY === 0 && g.originX === 0;
  if (!single || (g.n > 1 && pixels < 256)) return undefined;
  return {
    batch: g.n,
    m: g.outChannels,
    n: pixels,
    k: g.inChannels,
    leading: [g.n],
    transposeA: g.weightIn !== 1,
    transposeB: false,
    aShared: true,
    bShared: false,
  };
}
