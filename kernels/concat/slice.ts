import { defineOp, type Op, type Shape, ShapeError, sizeOf, type Tensor } from '../../engine/index.ts';
import { launchCopy, launchPadAxis } from './launch.ts';
import { padAxisRef, sliceRef } from './reference.ts';

interface SliceAttrs {
  axis: number;
  /** first position */
  start: number;
  /** one past the last position that may be taken */
  end: number;
  step: number;
}

const outerOf = (shape: Shape, axis: number) => sizeOf(shape.slice(0, axis));
const innerOf = (shape: Shape, axis: number) => sizeOf(shape.slice(axis + 1));
const withExtent = (shape: Shape, axis: number, extent: number) => shape.map((n, k) => (k === axis ? extent : n));

/**
 * An axis counted from the front.
 *
 * @throws ShapeError when the shape has no such axis
 */
export function frontAxis(name: string, shape: Shape, axis: number): number {
  const rank = shape.length;
  if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw new ShapeError(
    `${name}: expected an axis from ${-rank} to ${rank - 1} for shape [${shape}], got ${axis}. Check the axis.`,
  );
}

const sliceOp: Op<'x', readonly ['y'], SliceAttrs> = defineOp({
  name: 'slice',
  inputs: ['x'],
  outputs: ['y'],
  defaults: { axis: 0, start: 0, end: 0, step: 1 } as SliceAttrs,
  shape: ({ x }, { axis, start, end, step }) => {
    const n = x.shape[axis];
    const whole = [start, end, step].every(Number.isInteger);
    if (!whole || start < 0 || end > n || start >= end || step < 1) {
      throw new ShapeError(
        `slice: expected 0 <= start < end <= ${n} and a step of at least 1 along axis ${axis} of [${x.shape}], got ` +
          `start ${start}, end ${end}, step ${step}. Slices hold at least one element and do not run past the end.`,
      );
    }
    return { y: { shape: withExtent(x.shape, axis, Math.ceil((end - start) / step)), dtype: x.dtype } };
  },
  forward: ({ x }, { y }, { axis, start, step }) => {
    const length = y.shape[axis];
    launchCopy(
      { tensor: x, extent: x.shape[axis], start, step },
      { tensor: y, extent: length, start: 0, step: 1 },
      outerOf(x.shape, axis),
      length,
      innerOf(x.shape, axis),
    );
  },
  // dx holds dy where x was read, zeros elsewhere
  backward: ({ dy }, { axis, start, step }, { inputs }) => {
    const last = start + (dy.shape[axis] - 1) * step;
    return { dx: padAxisOp({ x: dy }, { axis, before: start, after: inputs.x.shape[axis] - 1 - last, step }).y };
  },
  reference: ({ x }, { axis, start, end, step }) => ({ y: sliceRef(x, axis, start, end, step) }),
  samples: [
    { inputs: { x: [3, 5, 7] }, attrs: { axis: 1, start: 1, end: 4 } },
    { inputs: { x: [2, 8, 3, 4] }, attrs: { axis: 1, start: 4, end: 8 } },
    { inputs: { x: [1, 32, 5, 3] }, attrs: { axis: 1, start: 16, end: 32 } },
    { inputs: { x: [6, 11] }, attrs: { axis: 1, start: 3, end: 11 } },
    { inputs: { x: [9, 16] }, attrs: { axis: 1, start: 4, end: 12 } },
    { inputs: { x: [7, 4] }, attrs: { axis: 0, start: 1, end: 7, step: 3 } },
    { inputs: { x: [2, 3, 17] }, attrs: { axis: 2, start: 2, end: 16, step: 5 } },
    { inputs: { x: [5, 9, 2, 4] }, attrs: { axis: 1, start: 0, end: 9, step: 2 } },
    { inputs: { x: [1] }, attrs: { axis: 0, start: 0, end: 1 } },
    { inputs: { x: [3, 5, 67] }, attrs: { axis: 1, start: 1, end: 3 } }, // workgroups along rows
    { inputs: { x: [2, 4, 300] }, attrs: { axis: 1, start: 2, end: 4 } },
    { inputs: { x: [300, 3] }, attrs: { axis: 0, start: 299, end: 300, step: 7 } },
    {
      inputs: { x: { shape: [2, 5, 6], kind: 'label', below: 4e9 } },
      attrs: { axis: 2, start: 1, end: 6, step: 2 },
      dtypes: ['f32'],
    },
    {
      inputs: { x: [1, 32, 512, 512] },
      attrs: { axis: 1, start: 16, end: 32 },
      bench: 'second half of 32 planes of 512²',
    },
    {
      inputs: { x: [1, 32, 509, 509] },
      attrs: { axis: 1, start: 16, end: 32 },
      bench: 'second half of 32 planes of 509²',
    },
    { inputs: { x: [64, 256, 256] }, attrs: { axis: 2, start: 1, end: 255 }, bench: 'columns 1 to 254 of 64 × 256²' },
  ],
});

interface PadAttrs {
  axis: number;
  before: number;
  after: number;
  /** neighbouring positions of x come to lie this far apart */
  step: number;
  value: number;
}

const padAxisOp: Op<'x', readonly ['y'], PadAttrs> = defineOp({
  name: 'padAxis',
  inputs: ['x'],
  outputs: ['y'],
  defaults: { axis: 0, before: 0, after: 0, step: 1, value: 0 } as PadAttrs,
  shape: ({ x }, { axis, before, after, step }) => {
    if (![before, after, step].every(Number.isInteger) || before < 0 || after < 0 || step < 1) {
      throw new ShapeError(
        `padAxis: expected whole numbers before >= 0, after >= 0 and step >= 1, got before ${before}, after ${after}, ` +
          `step ${step} for [${x.shape}]. Use slice() to take elements away.`,
      );
    }
    const extent = before + (x.shape[axis] - 1) * step + 1 + after;
    return { y: { shape: withExtent(x.shape, axis, extent), dtype: x.dtype } };
  },
  forward: ({ x }, { y }, { axis, ...attrs }) => {
    const extents = { xExtent: x.shape[axis], yExtent: y.shape[axis] };
    launchPadAxis(x, y, { outer: outerOf(x.shape, axis), inner: innerOf(x.shape, axis), ...extents }, attrs);
  },
  backward: ({ dy }, { axis, before, after, step }) => ({
    dx: sliceOp({ x: dy }, { axis, start: before, end: dy.shape[axis] - after, step }).y,
  }),
  reference: ({ x }, { axis, before, after, step, value }) => ({
    y: padAxisRef(x, axis, before, after, step, value),
  }),
  samples: [
    { inputs: { x: [3, 5, 7] }, attrs: { axis: 1, before: 1, after: 2, value: -1.5 } },
    { inputs: { x: [1, 3, 4, 4] }, attrs: { axis: 1, after: 13 } },
    { inputs: { x: [2, 3, 3, 3] }, attrs: { axis: 1, before: 5 } },
    { inputs: { x: [6, 11] }, attrs: { axis: 1, before: 3, after: 1 } },
    { inputs: { x: [9, 8] }, attrs: { axis: 1, before: 4, after: 4, value: 2 } },
    { inputs: { x: [3, 4] }, attrs: { axis: 0, before: 1, after: 2, step: 3 } },
    { inputs: { x: [5, 3, 3] }, attrs: { axis: 2, before: 2, after: 0, step: 4, value: 0.5 } },
    { inputs: { x: [1] }, attrs: { axis: 0, before: 300, after: 2 } },
    { inputs: { x: [2, 3, 67] }, attrs: { axis: 1, before: 1, after: 2, value: 3 } },
    { inputs: { x: [3, 300] }, attrs: { axis: 1, before: 12, after: 8 } },
    {
      inputs: { x: { shape: [2, 5, 6], kind: 'label', below: 4e9 } },
      attrs: { axis: 2, before: 1, after: 1, value: 7 },
      dtypes: ['f32'],
    },
    { inputs: { x: [1, 3, 1024, 1024] }, attrs: { axis: 1, after: 13 }, bench: '3 to 16 planes of 1024²' },
    {
      inputs: { x: [64, 256, 254] },
      attrs: { axis: 2, before: 1, after: 1 },
      bench: 'one column each side of 64 × 256²',
    },
  ],
});

/**
 * Every `step`-th position of one axis from `start` to before `end`.
 *
 * @param x     any rank and storage type
 * @param axis  negative from the end
 * @param start first position, negative from the end; 0 by default
 * @param end   one past the last position, negative from the end; the extent by default
 * @param step  at least 1; 1 by default
 * @returns     x itself where all of it is taken
 * @throws ShapeError when nothing is taken, or something past the end is asked for
 */
export function slice(
  x: Tensor,
  { axis, start = 0, end, step = 1 }: { axis: number; start?: number; end?: number; step?: number },
): Tensor {
  const k = frontAxis('slice', x.shape, axis);
  const n = x.shape[k];
  const from = start < 0 ? start + n : start;
  const to = end === undefined ? n : end < 0 ? end + n : end;
  if (from === 0 && to === n && step === 1) return x;
  return sliceOp({ x }, { axis: k, start: from, end: to, step }).y;
}

/**
 * A constant before and after x along one axis: the injective pad of CAP-VSTNet along channels.
 *
 * @param x       any rank and storage type
 * @param axis    negative from the end
 * @param before  how many positions are put before, at least 0
 * @param after   how many after, at least 0
 * @param value   the constant; 0 by default
 * @returns       x itself where nothing is added
 * @throws ShapeError when a number is negative or the axis does not exist
 */
export function padAxis(x: Tensor, axis: number, before: number, after: number, value = 0): Tensor {
  if (before === 0 && after === 0) return x;
  return padAxisOp({ x }, { axis: frontAxis('padAxis', x.shape, axis), before, after, value }).y;
}
