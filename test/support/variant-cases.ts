import type { DType, Sample } from '../../engine/index.ts';
import type { Kind } from '../../kernels/lib/variant.ts';

/** A shape that every variant of its kind of work must get right, or leave to another. */
export interface VariantCase {
  readonly kind: Kind;
  readonly op: string;
  readonly what: string;
  readonly sample: Sample<string, object>;
  /** f32 by default: a storage type is a compilation, so one case of a kind covers f16 */
  readonly dtype?: DType;
}

const product = (
  what: string,
  [m, k, n]: readonly [number, number, number],
  { transposeA = false, transposeB = false, batch = [] as readonly number[], dtype = 'f32' as DType } = {},
): VariantCase => ({
  ...{ kind: 'matmul', op: 'matmul', what, dtype },
  sample: {
    inputs: { a: [...batch, ...(transposeA ? [k, m] : [m, k])], b: transposeB ? [n, k] : [k, n] },
    attrs: { transposeA, transposeB },
  },
});

const convolution = (
  what: string,
  x: readonly number[],
  weight: readonly number[],
  attrs: object,
  dtype: DType = 'f32',
): VariantCase => ({
  ...{ kind: 'conv2d', op: 'conv2d', what, dtype },
  sample: { inputs: { x, weight }, attrs },
});

const transposed = (
  what: string,
  x: readonly number[],
  weight: readonly number[],
  attrs: object,
  dtype: DType = 'f32',
): VariantCase => ({
  ...{ kind: 'conv2d', op: 'convTranspose2d', what, dtype },
  sample: { inputs: { x, weight }, attrs },
});

const gradient = (
  what: string,
  x: readonly number[],
  g: readonly number[],
  attrs: object,
  dtype: DType = 'f32',
): VariantCase => ({
  ...{ kind: 'conv2dWeightGrad', op: 'conv2dWeightGrad', what, dtype },
  sample: { inputs: { x, g }, attrs },
});

/**
 * Where kernels for matrices go wrong: one row or column, one more or less than a tile, sums of one term and of no whole
 * step, and those that are long enough to be cut. Whatever shares a pipeline costs next to nothing; f16 and cut sums are
 * pipelines of their own.
 */
export const variantCases: readonly VariantCase[] = [
  product('one row', [1, 37, 5]),
  product('one column, transposed', [70, 9, 1], { transposeA: true }),
  product('sums of one term', [33, 1, 65]),
  product('one more than tiles of 32 and 64', [65, 33, 33], { transposeB: true }),
  product('one less than tiles of 128 and 32', [127, 7, 31], { transposeA: true, transposeB: true }),
  product('one more than a tile of 128, in a batch', [3, 18, 129], { batch: [2] }),
  product('vectors, sums to cut', [36, 1036, 68], { dtype: 'f16' }),
  product('vectors along the sum, to cut', [36, 1036, 68], { transposeB: true, dtype: 'f16' }),
  product('vectors across the sum, to cut', [36, 1036, 68], { transposeA: true, dtype: 'f16' }),
  product('both transposed, vectors, sums to cut', [36, 1036, 132], {
    ...{ transposeA: true, transposeB: true, dtype: 'f16' },
  }),

  convolution('zeros', [2, 5, 6, 9], [33, 5, 3, 3], { padding: 1 }),
  convolution('reflect', [1, 3, 7, 5], [9, 3, 3, 3], { padding: 2, paddingMode: 'reflect' }),
  convolution('replicate, sides that differ', [1, 2, 5, 11], [8, 2, 3, 5], {
    ...{ padding: [1, 0, 3, 2], paddingMode: 'replicate' },
  }),
  convolution('strides and dilation', [1, 4, 12, 13], [10, 4, 3, 2], { stride: [3, 2], dilation: [1, 2], padding: 1 }),
  convolution('groups', [1, 6, 8, 8], [66, 3, 1, 1], { groups: 2 }),
  convolution('inside the picture, more than a tile of pixels', [1, 1, 13, 15], [8, 1, 2, 2], {}),
  convolution('three wide, many channels', [2, 31, 5, 7], [20, 31, 3, 3], { padding: 1, paddingMode: 'reflect' }),
  convolution('single pixels of two pictures', [2, 6, 16, 17], [34, 6, 1, 1], {}),
  convolution('one pixel', [1, 70, 1, 1], [129, 70, 1, 1], {}),
  convolution('even channels, sums to cut', [1, 116, 6, 8], [16, 116, 3, 3], { padding: 1 }, 'f16'),
  convolution('one channel of many, few pixels', [1, 130, 5, 6], [1, 130, 4, 4], { padding: 2 }),
  convolution('three channels of some', [1, 18, 9, 10], [3, 18, 3, 3], { padding: 1, paddingMode: 'reflect' }),
  convolution('eight channels and more, few pixels', [1, 20, 9, 10], [13, 20, 3, 3], { padding: 1 }),
  transposed('single pixels', [1, 6, 5, 7], [6, 9, 1, 1], { size: [5, 7] }),
  transposed('stride 2', [1, 4, 5, 6], [4, 9, 4, 4], { stride: 2, padding: 1, size: [10, 12] }),
  transposed('stride 3, taps that no phase has', [2, 3, 3, 4], [3, 8, 2, 2], { stride: 3, size: [8, 11] }),
  transposed(
    'phases of 4, 2 and 1 taps, sums to cut',
    [1, 264, 3, 4],
    [264, 8, 3, 3],
    { stride: 2, padding: 1, size: [6, 7] },
    'f16',
  ),

  gradient('zeros, two pictures', [2, 7, 6, 9], [2, 33, 6, 9], { padding: 1, kernel: [3, 3] }),
  gradient('reflect, stride 2', [1, 8, 9, 8], [1, 8, 5, 4], {
    ...{ padding: 1, paddingMode: 'reflect', stride: 2, kernel: [3, 3] },
  }),
  gradient('replicate, groups, dilation', [1, 6, 8, 7], [1, 18, 8, 3], {
    ...{ padding: [1, 1, 0, 0], paddingMode: 'replicate', groups: 2, dilation: [2, 2], kernel: [2, 3] },
  }),
  gradient('three wide, many pixels', [2, 5, 16, 17], [2, 9, 16, 17], { padding: 1, kernel: [3, 3] }),
  gradient('few channels, reflect', [2, 3, 9, 10], [2, 4, 9, 10], {
    ...{ padding: 1, paddingMode: 'reflect', kernel: [3, 3] },
  }),
  gradient('one pixel', [1, 129, 1, 1], [1, 65, 1, 1], { kernel: [1, 1] }),
  gradient('one column, rows longer than a step', [1, 1, 3, 37], [1, 8, 3, 37], { kernel: [1, 1] }),
  gradient('half precision', [1, 8, 8, 8], [1, 16, 8, 8], { padding: 1, kernel: [3, 3] }, 'f16'),
];
