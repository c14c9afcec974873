/** The convolution and its transposes in either argument: each is made of the others when it is differentiated. */
import { type DType, defineOp, empty, type Op, scope, type Tensor } from '../../engine/index.ts';
import { type Activation, activationGrad, activationRef, checkActivation } from '../lib/activation.ts';
import { affine, checkGrid } from '../pointwise/ops.ts';
import { roundToRef } from '../pointwise/reference.ts';
import { biasGrad } from './bias-grad.ts';
import { addsBorders, launchBorders } from './borders.ts';
import { launchFold, paddedGeometry } from './fold.ts';
import { forwardGather, transposedGather } from './gather.ts';
import { launchGather } from './gather-kernels.ts';
import { NO_EPILOGUE } from './gather-params.ts';
import { checkRank, checkShape, type Geometry, geometryOf, PLAIN_WINDOW, type Window } from './geometry.ts';
import { convRef, perChannel, transposedRef, weightGradRef } from './reference.ts';
import { activatedSamples, convSamples, transposedSamples, weightGradSamples } from './samples.ts';
import { launchWeightGrad } from './weight-grad.ts';

const outShape = (g: Geometry) => [g.n, g.groups * g.k, g.oH, g.oW];
const inShape = (g: Geometry) => [g.n, g.groups * g.c, g.h, g.w];
/** Terms of the sums behind an output, an input gradient and a weight gradient. */
const terms = (g: Geometry) => g.c * g.kH * g.kW;
const transposedTerms = (g: Geometry) => g.k * g.kH * g.kW;
const pixels = (g: Geometry) => g.n * g.oH * g.oW;

interface ConvAttrs extends Window {
  /** factor of the convolution and its bias, before the residual is added */
  scale: number;
  /** what is added to the residual is rounded to a multiple of this, a power of two; 0: not rounded */
  grid: number;
  /** what gradients take for the factor; the factor by default */
  gradScale?: number | undefined;
}

export const convOp: Op<'x' | 'weight' | 'bias' | 'residual', readonly ['y'], ConvAttrs> = defineOp({
  name: 'conv2d',
  inputs: ['x', 'weight', 'bias', 'residual'],
  optional: ['bias', 'residual'],
  outputs: ['y'],
  defaults: { ...PLAIN_WINDOW, scale: 1, grid: 0 } as ConvAttrs,
  shape: ({ x, weight, bias, residual }, attrs) => {
    const g = geometryOf('conv2d', x.shape, weight.shape, attrs);
    checkShape('conv2d', 'bias', bias, [weight.shape[0]]);
    checkShape('conv2d', 'residual', residual, outShape(g));
    checkGrid('conv2d', attrs.grid);
    return { y: { shape: outShape(g), dtype: x.dtype } };
  },
  forward: ({ x, weight, bias, residual }, { y }, attrs) => {
    const g = geometryOf('conv2d', x.shape, weight.shape, attrs);
    launchGather({ x, weight, y, bias, residual }, forwardGather(g), {
      ...NO_EPILOGUE,
      scale: attrs.scale,
      grid: attrs.grid,
    });
  },
  saves: ['x', 'weight'],
  // y = residual + scale · (w ∗ x + bias); a gradient passes rounding to a grid as if nothing were rounded
  backward: ({ x, weight, dy }, attrs, { needs }) => {
    const { gradScale: scale = attrs.scale } = attrs;
    return {
      ...convGradients(x, weight, scale === 1 ? dy : affine(dy, { scale }), attrs, needs),
      dresidual: dy,
    };
  },
  reference: ({ x, weight, bias, residual }, { scale, grid, ...window }) => {
    const y = convRef(x, weight, geometryOf('conv2d', x.shape, weight.shape, window));
    const added = (value: number, channel: number) => roundToRef(scale * (value + (bias?.data[channel] ?? 0)), grid);
    return { y: perChannel(y, (value, channel, i) => (residual?.data[i] ?? 0) + added(value, channel)) };
  },
  reduction: ({ x, weight }, attrs) => longestSum(geometryOf('conv2d', x.shape, weight.shape, attrs)),
  samples: convSamples,
});

interface ActivatedAttrs extends Window {
  activation: Activation;
  /** of leakyRelu, at least 0 */
  slope: number;
}

/** A convolution with a fused activation. Apart from conv2d because its gradient needs the output too. */
export const activatedOp: Op<'x' | 'weight' | 'bias', readonly ['y'], ActivatedAttrs> = defineOp({
  name: 'conv2dActivated',
  inputs: ['x', 'weight', 'bias'],
  optional: ['bias'],
  outputs: ['y'],
  defaults: { ...PLAIN_WINDOW, activation: 'none', slope: 0.01 } as ActivatedAttrs,
  shape: ({ x, weight, bias }, attrs) => {
    const g = geometryOf('conv2d', x.shape, weight.shape, attrs);
    checkShape('conv2d', 'bias', bias, [weight.shape[0]]);
    checkActivation('conv2d', attrs.activation, attrs.slope);
    return { y: { shape: outShape(g), dtype: x.dtype } };
  },
  forward: ({ x, weight, bias }, { y }, attrs) => {
    const { activation, slope } = attrs;
    const g = geometryOf('conv2d', x.shape, weight.shape, attrs);
    launchGather({ x, weight, y, bias }, forwardGather(g), { ...NO_EPILOGUE, activation, slope });
  },
  saves: ['x', 'weight', 'y'],
  backward: ({ x, weight, y, dy }, attrs, { needs }) =>
    convGradients(x, weight, activationGrad(attrs.activation, dy, y, attrs.slope), attrs, needs),
  reference: ({ x, weight, bias }, attrs) => {
    const y = convRef(x, weight, geometryOf('conv2d', x.shape, weight.shape, attrs));
    const { activation, slope } = attrs;
    return {
      y: perChannel(y, (value, channel) => activationRef(activation, value + (bias?.data[channel] ?? 0), slope)),
    };
  },
  reduction: ({ x, weight }, attrs) => longestSum(geometryOf('conv2d', x.shape, weight.shape, attrs)),
  roundings: 16,
  samples: activatedSamples,
});

/** Gradients are tested with the tolerance of the op, so the longest of the three sums counts. */
const longestSum = (g: Geometry) => Math.max(terms(g), transposedTerms(g), pixels(g));

function convGradients(
  x: Tensor,
  weight: Tensor,
  dy: Tensor,
  { stride, padding, paddingMode, dilation, groups }: Window,
  needs: { readonly x: boolean; readonly weight: boolean; readonly bias: boolean },
) {
  const window = { stride, padding, paddingMode, dilation, groups };
  const { dtype } = weight;
  return {
    dx: needs.x ? transposedOp({ x: dy, weight }, { ...window, size: [x.shape[2], x.shape[3]] }).y : undefined,
    dweight: needs.weight
      ? weightGradOp({ x, g: dy }, { ...window, kernel: [weight.shape[2], weight.shape[3]], dtype }).w
      : undefined,
    dbias: needs.bias ? biasGrad(dy, dtype) : undefined,
  };
}

interface TransposedAttrs extends Window {
  /** extents [H, W] of the result: a stride rounds, so the input alone does not say them */
  size: readonly [number, number];
}

/** The transpose of the convolution in x, and so its input gradient; with every padding mode. */
export const transposedOp: Op<'x' | 'weight' | 'bias', readonly ['y'], TransposedAttrs> = defineOp({
  name: 'convTranspose2d',
  inputs: ['x', 'weight', 'bias'],
  optional: ['bias'],
  outputs: ['y'],
  defaults: { ...PLAIN_WINDOW, size: [1, 1] } as TransposedAttrs,
  shape: ({ x, weight, bias }, attrs) => {
    const g = transposedGeometry(x.shape, weight.shape, attrs);
    checkShape('convTranspose2d', 'x', x, outShape(g));
    checkShape('convTranspose2d', 'bias', bias, [g.groups * g.c]);
    return { y: { shape: inShape(g), dtype: x.dtype } };
  },
  forward: ({ x, weight, bias }, { y }, attrs) => {
    const g = transposedGeometry(x.shape, weight.shape, attrs);
    if (g.mode === 'zeros') {
      launchGather({ x, weight, y, bias }, transposedGather(g), NO_EPILOGUE);
      return;
    }
    // what reached the padding is added to the pixels that it was copied from
    if (addsBorders(x.device)) {
      launchGather({ x, weight, y, bias }, transposedGather(g), NO_EPILOGUE);
      launchBorders({ x, weight, y }, g);
      return;
    }
    scope(() => {
      const wide = paddedGeometry(g);
      const padded = empty(x.device, { shape: inShape(wide), dtype: x.dtype });
      launchGather({ x, weight, y: padded, bias }, transposedGather(wide), NO_EPILOGUE);
      launchFold({ x: padded, y }, g);
    });
  },
  saves: ['x', 'weight'],
  backward: ({ x, weight, dy }, { stride, padding, paddingMode, dilation, groups }, { needs }) => {
    const window = { stride, padding, paddingMode, dilation, groups };
    const { dtype } = weight;
    return {
      dx: needs.x ? convOp({ x: dy, weight }, window).y : undefined,
      dweight: needs.weight
        ? weightGradOp({ x: dy, g: x }, { ...window, kernel: [weight.shape[2], weight.shape[3]], dtype }).w
        : undefined,
      dbias: needs.bias ? biasGrad(dy, dtype) : undefined,
    };
  },
  reference: ({ x, weight, bias }, attrs) => {
    const y = transposedRef(x, weight, transposedGeometry(x.shape, weight.shape, attrs));
    return { y: perChannel(y, (value, channel) => value + (bias?.data[channel] ?? 0)) };
  },
  reduction: ({ x, weight }, attrs) => longestSum(transposedGeometry(x.shape, weight.shape, attrs)),
  samples: transposedSamples,
});

function transposedGeometry(x: readonly number[], weight: readonly number[], attrs: TransposedAttrs): Geometry {
  const name = 'convTranspose2d';
  checkRank(name, 'x', '[N, I, H, W]', x);
  checkRank(name, 'weight', '[I, O, kH, kW]', weight);
  return geometryOf(name, [x[0], attrs.groups * weight[1], ...attrs.size], weight, attrs);
}

interface WeightGradAttrs extends Window {
  /** extents [kH, kW] of the weight */
  kernel: readonly [number, number];
  /** storage type of the gradient, that of the weight; the type of x by default */
  dtype?: DType;
}

/** The transpose of the convolution in its weight: w = Σ_pixels x · g. */
const weightGradOp: Op<'x' | 'g', readonly ['w'], WeightGradAttrs> = defineOp({
  name: 'conv2dWeightGrad',
  inputs: ['x', 'g'],
  outputs: ['w'],
  defaults: { ...PLAIN_WINDOW, kernel: [1, 1] } as WeightGradAttrs,
  shape: ({ x, g: gradient }, attrs) => {
    const g = weightGradGeometry(x.shape, gradient.shape, attrs);
    checkShape('conv2dWeightGrad', 'g', gradient, outShape(g));
    return { w: { shape: [g.groups * g.k, g.c, g.kH, g.kW], dtype: attrs.dtype ?? x.dtype } };
  },
  forward: ({ x, g: dy }, { w: dw }, attrs) => {
    launchWeightGrad({ x, dy, dw }, weightGradGeometry(x.shape, dy.shape, attrs));
  },
  saves: ['x', 'g'],
  backward: ({ x, g, dw }, { stride, padding, paddingMode, dilation, groups }, { needs }) => {
    const window = { stride, padding, paddingMode, dilation, groups };
    return {
      dx: needs.x ? transposedOp({ x: g, weight: dw }, { ...window, size: [x.shape[2], x.shape[3]] }).y : undefined,
      dg: needs.g ? convOp({ x, weight: dw }, window).y : undefined,
    };
  },
  reference: ({ x, g }, attrs) => ({ w: weightGradRef(x, g, weightGradGeometry(x.shape, g.shape, attrs)) }),
  reduction: ({ x, g }, attrs) => longestSum(weightGradGeometry(x.shape, g.shape, attrs)),
  samples: weightGradSamples,
});

function weightGradGeometry(x: readonly number[], g: readonly number[], attrs: WeightGradAttrs): Geometry {
  checkRank('conv2dWeightGrad', 'x', '[N, C, H, W]', x);
  checkRank('conv2dWeightGrad', 'g', '[N, O, oH, oW]', g);
  return geometryOf('conv2dWeightGrad', x, [g[1], x[1] / attrs.groups, ...attrs.kernel], attrs);
}
