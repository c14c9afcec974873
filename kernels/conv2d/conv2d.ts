import type { Tensor } from '../../engine/index.ts';
import type { Activation } from '../lib/activation.ts';
import { add, affine, roundTo } from '../pointwise/ops.ts';
import { checkRank, type Pair, PLAIN_WINDOW, transposedSize, type Window } from './geometry.ts';
import { activatedOp, convOp, transposedOp } from './ops.ts';

/** Weights of a convolution, as checkpoints hold them. */
export interface ConvWeights {
  /** [O, I / groups, kH, kW]; [I, O / groups, kH, kW] for a transposed convolution */
  readonly weight: Tensor;
  /** [O] */
  readonly bias?: Tensor | undefined;
}

export interface Conv2dOptions extends Partial<Window> {
  /** applied to the sum, in the same kernel */
  activation?: Activation;
  /** of leakyRelu, at least 0; 0.01 by default */
  slope?: number;
  /** added to the result, in the same kernel where there is no activation */
  residual?: Tensor | undefined;
  /** factor of everything but the residual; 1 by default */
  scale?: number;
  /**
   * What the gradients of x, weight and bias take for `scale`, without an activation: a sweep that takes a function away
   * again may want the gradients of adding it. `scale` by default.
   */
  gradScale?: number | undefined;
  /**
   * Everything but the residual is rounded to a multiple of this power of two, ties to even: sums with a residual on the
   * same grid are then exact below 2²⁴ grid. The gradient passes as if nothing were rounded. 0, not rounded, by default.
   */
  grid?: number;
}

/**
 * Two-dimensional convolution (cross-correlation, as PyTorch means it) with zero, reflect or replicate padding.
 *
 *     y[n, o, i, j] = residual + scale · f(bias[o] + Σ_{c, a, b} w[o, c, a, b] · x[n, c, i·stride + a·dilation − padding, …])
 *
 * @param x        [N, C, H, W], f32 or f16; sums are f32
 * @param weights  weight [O, C / groups, kH, kW] and bias [O] of one dtype: that of x, or f32 where x is f16; their
 *                 gradients have it, too
 * @param options  stride 1, padding 0, paddingMode zeros, dilation 1, groups 1, no activation
 * @returns        [N, O, oH, oW], oH = ⌊(H + padding − dilation · (kH − 1) − 1) / stride⌋ + 1; dtype of x
 * @throws ShapeError when the shapes or options do not fit together
 * @see Dumoulin and Visin 2016, arXiv:1603.07285
 */
export function conv2d(x: Tensor, weights: ConvWeights, options: Conv2dOptions = {}): Tensor {
  const { activation = 'none', slope = 0.01, residual, scale = 1, gradScale, grid = 0, ...window } = options;
  const { weight, bias } = weights;
  if (activation === 'none') return convOp({ x, weight, bias, residual }, { ...window, scale, gradScale, grid }).y;
  const { y } = activatedOp({ x, weight, bias }, { ...window, activation, slope });
  const scaled = scale === 1 ? y : affine(y, { scale });
  const added = grid === 0 ? scaled : roundTo(scaled, grid);
  return residual ? add(residual, added) : added;
}

export interface ConvTranspose2dOptions extends Partial<Omit<Window, 'paddingMode'>> {
  /** rows and columns more than the smallest output, less than the stride */
  outputPadding?: Pair;
}

/**
 * Transposed convolution: the gradient of conv2d in its input, used to enlarge pictures.
 *
 * @param x        [N, I, H, W], f32 or f16; sums are f32
 * @param weights  weight [I, O / groups, kH, kW] and bias [O] of one dtype, as for conv2d
 * @returns        [N, O, oH, oW], oH = (H − 1) · stride − 2 · padding + dilation · (kH − 1) + outputPadding + 1
 * @throws ShapeError when the shapes or options do not fit together
 * @see Dumoulin and Visin 2016, arXiv:1603.07285, chapter 4
 */
export function convTranspose2d(x: Tensor, weights: ConvWeights, options: ConvTranspose2dOptions = {}): Tensor {
  const { outputPadding = 0, ...given } = options;
  const { weight, bias } = weights;
  checkRank('convTranspose2d', 'x', '[N, I, H, W]', x.shape);
  checkRank('convTranspose2d', 'weight', '[I, O, kH, kW]', weight.shape);
  const window = { ...PLAIN_WINDOW, ...given };
  return transposedOp(
    { x, weight, bias },
    { ...window, size: transposedSize(x.shape, weight.shape, window, outputPadding) },
  ).y;
}
