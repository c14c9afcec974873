import { defineOp, type Op, type Shape, ShapeError, type Tensor } from '../../engine/index.ts';
import { normalizeAxes } from '../reduce/axes.ts';
import { launchWalks } from './launch.ts';
import { flipRef, permuteRef } from './reference.ts';

function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

interface Axes {
  axes: readonly number[];
}

const permuteOp: Op<'x', readonly ['y'], Axes> = defineOp({
  name: 'permute',
  inputs: ['x'],
  outputs: ['y'],
  defaults: { axes: [] } as Axes,
  shape: ({ x }, { axes }) => ({ y: { shape: axes.map((axis) => x.shape[axis]), dtype: x.dtype } }),
  forward: ({ x }, { y }, { axes }) => {
    const strides = stridesOf(x.shape);
    launchWalks(
      'permute',
      x,
      y,
      axes.map((axis) => ({ extent: x.shape[axis], stride: strides[axis] })),
    );
  },
  backward: ({ dy }, { axes }) => ({ dx: permuteOp({ x: dy }, { axes: axes.map((_, k) => axes.indexOf(k)) }).y }),
  reference: ({ x }, { axes }) => ({ y: permuteRef(x, axes) }),
  samples: [
    { inputs: { x: [5, 7] }, attrs: { axes: [1, 0] } },
    { inputs: { x: [33, 65] }, attrs: { axes: [1, 0] } },
    { inputs: { x: [3, 32, 8] }, attrs: { axes: [0, 2, 1] } },
    { inputs: { x: [2, 36, 68] }, attrs: { axes: [0, 2, 1] } },
    { inputs: { x: [2, 34, 3] }, attrs: { axes: [0, 2, 1] } },
    { inputs: { x: [2, 3, 5, 7] }, attrs: { axes: [0, 2, 3, 1] } },
    { inputs: { x: [2, 5, 7, 3] }, attrs: { axes: [0, 3, 1, 2] } },
    { inputs: { x: [2, 3, 9, 33] }, attrs: { axes: [0, 2, 3, 1] } }, // few channels: woven
    { inputs: { x: [1, 16, 17, 8] }, attrs: { axes: [0, 3, 1, 2] } },
    { inputs: { x: [2, 3, 5, 8] }, attrs: { axes: [2, 0, 1, 3] } },
    { inputs: { x: [2, 3, 5, 4] }, attrs: { axes: [3, 2, 1, 0] } },
    { inputs: { x: [2, 3, 2, 3, 2, 3] }, attrs: { axes: [5, 3, 1, 4, 2, 0] } },
    { inputs: { x: [1, 4, 1, 6] }, attrs: { axes: [3, 2, 1, 0] } },
    { inputs: { x: [1] }, attrs: { axes: [0] } },
    { inputs: { x: { shape: [3, 4, 5], kind: 'label', below: 4e9 } }, attrs: { axes: [2, 0, 1] }, dtypes: ['f32'] },
    { inputs: { x: { shape: [3, 2, 4], kind: 'label', below: 4e9 } }, attrs: { axes: [1, 0, 2] }, dtypes: ['f32'] },
    { inputs: { x: [2048, 2048] }, attrs: { axes: [1, 0] }, bench: '2048² transposed' },
    { inputs: { x: [1, 3, 1024, 1024] }, attrs: { axes: [0, 2, 3, 1] }, bench: 'a picture of 1024², channels last' },
    { inputs: { x: [2047, 2047] }, attrs: { axes: [1, 0] }, bench: '2047² transposed' },
    { inputs: { x: [4, 64, 128, 128] }, attrs: { axes: [0, 2, 3, 1] }, bench: 'channels last, 4 × 64 × 128²' },
    { inputs: { x: [4, 64, 128, 128] }, attrs: { axes: [1, 0, 2, 3] }, bench: 'channels first, 4 × 64 × 128²' },
    { inputs: { x: [16, 64, 64, 64] }, attrs: { axes: [3, 1, 2, 0] }, bench: 'first and last swapped, 16 × 64³' },
  ],
});

/**
 * The axes of x in another order: axis k of the result is axis `axes[k]` of x.
 *
 * @param x     any storage type; at most six groups of axes that move apart
 * @param axes  every axis once, negative from the end
 * @returns     x itself where the order stays
 * @throws ShapeError when `axes` is not a permutation of x's axes
 */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  const order = axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis));
  if (normalizeAxes('permute', x.shape, axes).length !== x.shape.length) {
    throw new ShapeError(
      `permute: expected each of the ${x.shape.length} axes of [${x.shape}] once, got [${axes}]. Name them all.`,
    );
  }
  return order.every((axis, k) => axis === k) ? x : permuteOp({ x }, { axes: order }).y;
}

/** The last two axes swapped. */
export function transpose(x: Tensor): Tensor {
  const rank = x.shape.length;
  if (rank < 2) {
    throw new ShapeError(`transpose: expected at least two axes, got [${x.shape}]. Reshape x first.`);
  }
  return permute(x, [...x.shape.keys()].slice(0, -2).concat(rank - 1, rank - 2));
}

const flipOp: Op<'x', readonly ['y'], Axes> = defineOp({
  name: 'flip',
  inputs: ['x'],
  outputs: ['y'],
  defaults: { axes: [] } as Axes,
  shape: ({ x }) => ({ y: { shape: x.shape, dtype: x.dtype } }),
  forward: ({ x }, { y }, { axes }) => {
    const strides = stridesOf(x.shape);
    launchWalks(
      'flip',
      x,
      y,
      x.shape.map((extent, axis) => ({ extent, stride: axes.includes(axis) ? -strides[axis] : strides[axis] })),
    );
  },
  backward: ({ dy }, attrs) => ({ dx: flipOp({ x: dy }, attrs).y }),
  reference: ({ x }, { axes }) => ({ y: flipRef(x, axes) }),
  samples: [
    { inputs: { x: [7] }, attrs: { axes: [0] } },
    { inputs: { x: [2, 3, 5, 8] }, attrs: { axes: [3] } },
    { inputs: { x: [2, 3, 5, 8] }, attrs: { axes: [2] } },
    { inputs: { x: [2, 3, 5] }, attrs: { axes: [0, 2] } },
    { inputs: { x: [4, 6] }, attrs: { axes: [0, 1] } },
    { inputs: { x: { shape: [5, 4], kind: 'label', below: 4e9 } }, attrs: { axes: [0] }, dtypes: ['f32'] },
    { inputs: { x: [16, 512, 512] }, attrs: { axes: [2] }, bench: 'left and right, 16 of 512²' },
  ],
});

/**
 * x with some axes running backwards.
 *
 * @param x     any storage type
 * @param axes  negative from the end
 * @throws ShapeError when an axis is out of range or given twice
 */
export function flip(x: Tensor, axes: readonly number[]): Tensor {
  const sorted = normalizeAxes('flip', x.shape, axes);
  return sorted.length === 0 ? x : flipOp({ x }, { axes: sorted }).y;
}
