import { type Shape, ShapeError, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Layout } from '../normalize/layout.ts';
import { defineNorm, type NormAttrs, type NormOptions, runNorm } from '../normalize/op.ts';
import { normalizeAxes } from '../reduce/axes.ts';

function layoutOf(shape: Shape, { normalized }: NormAttrs): Layout {
  const split = shape.length - normalized;
  return { outer: 1, groups: sizeOf(shape.slice(0, split)), length: sizeOf(shape.slice(split)) };
}

const ops = defineNorm({
  name: 'layerNorm',
  layout: layoutOf,
  affine: 'value',
  weightShape: (shape, { normalized }) => shape.slice(shape.length - normalized),
  samples: [
    { inputs: { x: [6, 10] } },
    { inputs: { x: [3, 4, 16] }, attrs: { normalized: 2 } },
    { inputs: { x: { shape: [2, 300], offset: 1e4 } }, dtypes: ['f32'] },
    { inputs: { x: { shape: [2, 3, 70, 60], offset: 1e3 } }, attrs: { normalized: 3, eps: 1e-3 }, dtypes: ['f32'] },
    { inputs: { x: [4096, 1024] }, bench: '4096 rows of 1024' },
    { inputs: { x: [1, 256, 128, 128] }, attrs: { normalized: 3 }, bench: 'one picture of 256·128²' },
  ],
  affineSamples: [
    { inputs: { x: [6, 10], weight: [10], bias: [10] } },
    { inputs: { x: [5, 3, 8], weight: [3, 8], bias: [3, 8] }, attrs: { normalized: 2, slope: 0.2 } },
    { inputs: { x: [2, 20000], weight: [20000], bias: [20000] }, dtypes: ['f32'] }, // rows split over workgroups
    { inputs: { x: [4096, 1024], weight: [1024], bias: [1024] }, bench: '4096 rows of 1024' },
  ],
});

export interface LayerNormOptions extends NormOptions {
  /** the axes normalised together, which must be the last ones; the last alone by default */
  axes?: readonly number[] | undefined;
}

/**
 * Layer normalisation over trailing axes.
 *
 *     y = f((x − mean) / sqrt(var + eps) · weight + bias)        mean, var over `axes` (biased)
 *
 * @param x                   any rank, f32 or f16
 * @param options.weight,bias the extents of `axes`; f32 or the type of x, the same for both
 * @returns                   shape and type of x
 * @throws ShapeError when the axes are not the last ones or weights do not fit
 * @see Ba, Kiros and Hinton 2016, arXiv:1607.06450
 */
export function layerNorm(x: Tensor, options: LayerNormOptions = {}): Tensor {
  const rank = x.shape.length;
  const axes = normalizeAxes('layerNorm', x.shape, options.axes ?? [-1]);
  if (axes.length === 0 || axes[0] !== rank - axes.length) {
    throw new ShapeError(
      `layerNorm: expected the last axes of x [${x.shape}], got axes [${options.axes}]. Permute x so that they come last.`,
    );
  }
  return runNorm('layerNorm', ops, x, options, axes.length).y;
}
