import { type Shape, ShapeError, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Layout } from '../normalize/layout.ts';
import { defineNorm, type NormOptions, runNorm } from '../normalize/op.ts';

function layoutOf(shape: Shape): Layout {
  if (shape.length < 3) {
    throw new ShapeError(`instanceNorm: expected x of shape [N, C, ...], got [${shape}]. Add the spatial axes.`);
  }
  return { outer: 1, groups: shape[0] * shape[1], length: sizeOf(shape.slice(2)) };
}

const ops = defineNorm({
  name: 'instanceNorm',
  layout: layoutOf,
  affine: 'group',
  weightShape: (shape) => [shape[1]],
  samples: [
    { inputs: { x: [2, 3, 5, 7] } },
    { inputs: { x: [1, 2, 16, 16] } },
    { inputs: { x: { shape: [1, 2, 33, 31], offset: 1e4 } }, dtypes: ['f32'] },
    { inputs: { x: { shape: [1, 3, 12, 11], offset: 50 } } },
    { inputs: { x: { shape: [1, 1, 128, 160], offset: 1e4 } }, dtypes: ['f32'] }, // a plane split over workgroups
    { inputs: { x: [1, 2, 101, 97] }, dtypes: ['f32'] }, // split, single values
    { inputs: { x: [3, 2, 2] }, attrs: { eps: 1e-3 } },
    { inputs: { x: [1, 64, 256, 256] }, bench: '64 planes of 256²' },
    { inputs: { x: [1, 64, 255, 255] }, bench: '64 planes of 255²' },
    { inputs: { x: [1, 3, 1280, 1280] }, bench: '3 planes of 1280²' },
    { inputs: { x: [1, 1024, 64, 64] }, bench: '1024 planes of 64²' },
  ],
  affineSamples: [
    { inputs: { x: [2, 3, 5, 7], weight: [3], bias: [3] } },
    { inputs: { x: { shape: [2, 5, 4, 6], offset: 20 }, weight: [5], bias: [5] }, attrs: { slope: 0.2 } },
    { inputs: { x: [1, 2, 128, 160], weight: [2], bias: [2] }, attrs: { slope: 0.5 }, dtypes: ['f32'] },
    { inputs: { x: [2, 3, 6, 6] }, attrs: { slope: 0.2 } },
    { inputs: { x: [1, 64, 256, 256], weight: [64], bias: [64] }, attrs: { slope: 0 }, bench: '64 planes of 256²' },
  ],
});

/**
 * Instance normalisation over the spatial axes, optionally with weights and an activation in the same kernel.
 *
 *     y = f((x − mean) / sqrt(var + eps) · weight + bias)        mean, var over H, W (biased)
 *
 * Exact at any offset: with a mean of 1e4 standard deviations the result is as good as with none.
 *
 * @param x                   [N, C, ...], f32 or f16
 * @param options.weight,bias [C]; f32 or the type of x, the same for both
 * @returns                   shape and type of x
 * @throws ShapeError when x has fewer than three axes or weights do not fit
 * @see Ulyanov et al. 2016, arXiv:1607.08022, eq. 3
 */
export const instanceNorm = (x: Tensor, options: NormOptions = {}): Tensor =>
  runNorm('instanceNorm', ops, x, options).y;
