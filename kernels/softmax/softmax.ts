import { defineOp, type Op, type Sample, type Tensor } from '../../engine/index.ts';
import { normalizeAxes, runOf } from '../reduce/axes.ts';
import { launchSoftmax, launchSoftmaxGrad } from './launch.ts';
import { softmaxGradRef, softmaxRef } from './reference.ts';

interface SoftmaxAttrs {
  /** counted from the front */
  axis: number;
  /** the logarithm of the softmax */
  log: boolean;
}

const DEFAULTS: SoftmaxAttrs = { axis: 0, log: false };
const run = (x: { shape: readonly number[] }, axis: number) => runOf(x.shape, axis, axis + 1);

const gradOp: Op<'dy' | 'y', readonly ['dx'], SoftmaxAttrs> = defineOp({
  name: 'softmaxGrad',
  inputs: ['dy', 'y'],
  outputs: ['dx'],
  defaults: DEFAULTS,
  shape: ({ dy }) => ({ dx: { shape: dy.shape, dtype: dy.dtype } }),
  forward: ({ dy, y }, { dx }, { axis, log }) => launchSoftmaxGrad(dy, y, dx, run(y, axis), log),
  reference: ({ dy, y }, { axis, log }) => ({ dx: softmaxGradRef(dy, y, run(y, axis), log) }),
  reduction: ({ y }, { axis }) => y.shape[axis],
  samples: [
    { inputs: { dy: [3, 5, 4], y: { shape: [3, 5, 4], kind: 'unit' } }, attrs: { axis: 1 } },
    { inputs: { dy: [2, 130], y: { shape: [2, 130], scale: 0.5, offset: -3 } }, attrs: { axis: 1, log: true } },
    { inputs: { dy: [2, 128], y: { shape: [2, 128], kind: 'unit' } }, attrs: { axis: 1 }, dtypes: ['f32'] },
    { inputs: { dy: [2, 9, 3], y: [2, 9, 3] }, attrs: { axis: 1, log: true }, dtypes: ['f32'] },
    { inputs: { dy: [4096, 1024], y: [4096, 1024] }, attrs: { axis: 1 }, bench: '4096 rows of 1024' },
  ],
  // e^y, whose error on WGSL's table grows with |y|
  roundings: 16,
});

const shapes: Sample<'x', SoftmaxAttrs>[] = [
  { inputs: { x: [6, 10] }, attrs: { axis: 1 } },
  { inputs: { x: [2, 7, 3, 5] }, attrs: { axis: 1 } },
  { inputs: { x: { shape: [3, 200], scale: 3, offset: 80 } }, attrs: { axis: 1 } }, // e^80 overflows a half
  { inputs: { x: { shape: [100, 3], scale: 20 } }, attrs: { axis: 0 }, dtypes: ['f32'] },
  { inputs: { x: [5, 1] }, attrs: { axis: 1 } },
  { inputs: { x: [2, 5, 8] }, attrs: { axis: 1 }, dtypes: ['f32'] },
  { inputs: { x: [2, 67] }, attrs: { axis: 1 }, dtypes: ['f32'] },
];
const bench: Sample<'x', SoftmaxAttrs>[] = [
  { inputs: { x: [4096, 1024] }, attrs: { axis: 1 }, bench: '4096 rows of 1024' },
  { inputs: { x: [1, 64, 256, 256] }, attrs: { axis: 1 }, bench: '64 classes of 256²' },
];

const softmaxOp: Op<'x', readonly ['y'], SoftmaxAttrs> = defineOp({
  name: 'softmax',
  inputs: ['x'],
  outputs: ['y'],
  defaults: DEFAULTS,
  shape: ({ x }) => ({ y: { shape: x.shape, dtype: x.dtype } }),
  forward: ({ x }, { y }, { axis, log }) => launchSoftmax(x, y, run(x, axis), log),
  saves: ['y'],
  backward: ({ dy, y }, attrs) => ({ dx: gradOp({ dy, y }, attrs).dx }),
  reference: ({ x }, { axis, log }) => ({ y: softmaxRef(x, run(x, axis), log) }),
  reduction: ({ x }, { axis }) => x.shape[axis],
  samples: [
    ...shapes,
    ...shapes.map((sample) => ({ ...sample, attrs: { ...sample.attrs, log: true } })),
    ...bench,
    { ...bench[1], attrs: { axis: 1, log: true }, bench: 'log, 64 classes of 256²' },
  ],
  // e^v of v to −60: |v| roundings of its argument, on values that are small beside the largest
  roundings: 16,
});

/**
 * e^x over its sum along one axis, without overflow.
 *
 * @param x             any rank, f32 or f16
 * @param options.axis  the last by default
 * @returns             shape and type of x
 * @throws ShapeError when the axis is out of range
 */
export function softmax(x: Tensor, { axis = -1 }: { axis?: number } = {}): Tensor {
  return softmaxOp({ x }, { axis: normalizeAxes('softmax', x.shape, [axis])[0] }).y;
}

/** log(softmax(x)) without the underflow of small probabilities; see `softmax`. */
export function logSoftmax(x: Tensor, { axis = -1 }: { axis?: number } = {}): Tensor {
  return softmaxOp({ x }, { axis: normalizeAxes('logSoftmax', x.shape, [axis])[0], log: true }).y;
}
