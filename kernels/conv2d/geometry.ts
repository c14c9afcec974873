import { type Shape, ShapeError, type TensorSpec } from '../../engine/index.ts';

/** What is read outside a picture. The order is the number that kernels know a mode by. */
export const PADDING_MODES = ['zeros', 'reflect', 'replicate'] as const;
export type PaddingMode = (typeof PADDING_MODES)[number];

/** One number for both axes, or [y, x]. */
export type Pair = number | readonly [number, number];
/** One number for all sides, [y, x], or [top, bottom, left, right]. */
export type Padding = Pair | readonly [number, number, number, number];

/** How a kernel moves over a picture. */
export interface Window {
  stride: Pair;
  padding: Padding;
  paddingMode: PaddingMode;
  dilation: Pair;
  groups: number;
}

export const PLAIN_WINDOW: Window = { stride: 1, padding: 0, paddingMode: 'zeros', dilation: 1, groups: 1 };

/** A convolution [N, G·C, H, W] → [N, G·K, oH, oW] in numbers. Its two gradients are described by the same numbers. */
export interface Geometry {
  readonly n: number;
  readonly groups: number;
  /** input channels per group */
  readonly c: number;
  /** output channels per group */
  readonly k: number;
  readonly h: number;
  readonly w: number;
  readonly oH: number;
  readonly oW: number;
  readonly kH: number;
  readonly kW: number;
  readonly strideY: number;
  readonly strideX: number;
  readonly dilationY: number;
  readonly dilationX: number;
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
  readonly mode: PaddingMode;
}

const pair = (value: Pair): readonly [number, number] => (typeof value === 'number' ? [value, value] : value);

function sides(padding: Padding): readonly [number, number, number, number] {
  if (typeof padding === 'number') return [padding, padding, padding, padding];
  return padding.length === 4 ? padding : [padding[0], padding[0], padding[1], padding[1]];
}

/** Extent of the output along one axis. */
const outExtent = (n: number, before: number, after: number, dilation: number, taps: number, stride: number) =>
  Math.floor((n + before + after - dilation * (taps - 1) - 1) / stride) + 1;

function checkWhole(op: string, name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new ShapeError(`${op}: expected ${name} to be an integer of at least ${least}, got ${value}.`);
}

/**
 * The geometry of a convolution of `x` [N, C, H, W] with a weight [O, C / groups, kH, kW].
 *
 * @throws ShapeError when they do not fit together
 */
export function geometryOf(op: string, x: Shape, weight: Shape, window: Window): Geometry {
  checkRank(op, 'x', '[N, C, H, W]', x);
  checkRank(op, 'weight', '[O, I, kH, kW]', weight);
  const { groups, paddingMode: mode } = window;
  const [n, channels, h, w] = x;
  const [out, c, kH, kW] = weight;
  const [strideY, strideX] = pair(window.stride);
  const [dilationY, dilationX] = pair(window.dilation);
  const [top, bottom, left, right] = sides(window.padding);
  checkWhole(op, 'stride', strideY, 1);
  checkWhole(op, 'stride', strideX, 1);
  checkWhole(op, 'dilation', dilationY, 1);
  checkWhole(op, 'dilation', dilationX, 1);
  checkWhole(op, 'groups', groups, 1);
  checkWhole(op, 'padding', Math.min(top, bottom, left, right), 0);
  checkWhole(op, 'padding', top + bottom + left + right, 0);
  if (channels !== c * groups) {
    throw new ShapeError(
      `${op}: weight has ${c} input channels per group, but x has ${channels} channels in ${groups} group(s).\n` +
        `  x      [N, C, H, W]   = [${x}]\n  weight [O, I, kH, kW] = [${weight}]\n` +
        `Expected I = C / groups = ${channels / groups}. Check groups, or transpose the weight (convTranspose2d takes [I, O, kH, kW]).`,
    );
  }
  if (out % groups !== 0) {
    throw new ShapeError(
      `${op}: expected the weight's output channels to divide into ${groups} groups, got ${out}. Check groups.`,
    );
  }
  if (mode === 'reflect' && (Math.max(top, bottom) >= h || Math.max(left, right) >= w)) {
    throw new ShapeError(
      `${op}: reflect padding [${top}, ${bottom}, ${left}, ${right}] must be smaller than the picture, which is ${h} x ${w}. ` +
        'Use a larger picture, or paddingMode replicate.',
    );
  }
  const oH = outExtent(h, top, bottom, dilationY, kH, strideY);
  const oW = outExtent(w, left, right, dilationX, kW, strideX);
  if (!(oH >= 1 && oW >= 1 && h >= 1 && w >= 1)) {
    throw new ShapeError(
      `${op}: a ${kH} x ${kW} kernel with dilation ${dilationY} x ${dilationX} does not fit a ${h} x ${w} picture with padding ` +
        `[${top}, ${bottom}, ${left}, ${right}]: the output would be ${oH} x ${oW}. Add padding or use a larger picture.`,
    );
  }
  return {
    n,
    groups,
    c,
    k: out / groups,
    h,
    w,
    oH,
    oW,
    kH,
    kW,
    strideY,
    strideX,
    dilationY,
    dilationX,
    top,
    bottom,
    left,
    right,
    mode,
  };
}

/**
 * Extents of a transposed convolution's output, as PyTorch has them.
 *
 * @throws ShapeError when the output padding is not less than the stride
 */
export function transposedSize(x: Shape, weight: Shape, window: Window, outputPadding: Pair): [number, number] {
  const [strideY, strideX] = pair(window.stride);
  const [dilationY, dilationX] = pair(window.dilation);
  const [top, bottom, left, right] = sides(window.padding);
  const [extraY, extraX] = pair(outputPadding);
  if (extraY >= strideY || extraX >= strideX || Math.min(extraY, extraX) < 0) {
    throw new ShapeError(
      `convTranspose2d: expected outputPadding to be at least 0 and less than the stride ${strideY} x ${strideX}, ` +
        `got ${extraY} x ${extraX}. Pad the result instead.`,
    );
  }
  return [
    (x[2] - 1) * strideY - top - bottom + dilationY * (weight[2] - 1) + extraY + 1,
    (x[3] - 1) * strideX - left - right + dilationX * (weight[3] - 1) + extraX + 1,
  ];
}

export function checkRank(op: string, name: string, axes: string, shape: Shape): void {
  if (shape.length !== 4) {
    throw new ShapeError(`${op}: expected ${name} to have four axes ${axes}, got [${shape}]. Add the missing axes.`);
  }
}

/** @throws ShapeError when an optional input has another shape than it must */
export function checkShape(op: string, name: string, spec: TensorSpec | undefined, expected: Shape): void {
  if (!spec) return;
  if (spec.shape.length !== expected.length || spec.shape.some((extent, axis) => extent !== expected[axis])) {
    throw new ShapeError(`${op}: expected ${name} to have shape [${expected}], got [${spec.shape}].`);
  }
}
