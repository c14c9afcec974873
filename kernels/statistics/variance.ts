import * as d from 'typegpu/data';
import {
  composite,
  type DType,
  defineKernel,
  defineOp,
  empty,
  type Op,
  read,
  type Shape,
  ShapeError,
  scope,
  sizeOf,
  type Tensor,
  write,
} from '../../engine/index.ts';
import { launchStatistics } from '../normalize/launch.ts';
import type { Layout } from '../normalize/layout.ts';
import { affine, cast, mul, square, sub } from '../pointwise/ops.ts';
import { normalizeAxes, reducedShape, runsOf } from '../reduce/axes.ts';
import { mean, reshape, type SumOptions, sum } from '../reduce/sum.ts';
import { varianceRef } from './reference.ts';

interface VarianceAttrs {
  axes: readonly number[];
  correction: number;
  /** storage type of the result; that of x by default */
  dtype?: DType;
}

/** Groups shorter than this in a row are not worth a workgroup's stride. */
const SHORT_LENGTH = 32;

/** x seen as groups for the normalising kernels; undefined where the reduced axes do not end the shape. */
function layoutOf(shape: Shape, axes: readonly number[]): Layout | undefined {
  const [last, first, ...more] = runsOf(axes);
  if (!last || last[1] !== shape.length || more.length > 0 || (first && first[0] !== 0)) return undefined;
  const length = sizeOf(shape.slice(...last));
  const outer = first ? sizeOf(shape.slice(...first)) : 1;
  return length < SHORT_LENGTH ? undefined : { outer, groups: sizeOf(shape) / (outer * length), length };
}

const VARIANCE_WG = 64;
const varianceKernel = defineKernel({
  name: 'statistics.variance',
  wgsl: new URL('./variance.wgsl', import.meta.url),
  params: d.struct({ groups: d.u32, unbias: d.f32 }).$name('Params'),
  bindings: { stats: read('vec4f'), y: write('U') },
  keys: { WG: [VARIANCE_WG] },
  grid: (p) => Math.ceil(p.groups / VARIANCE_WG),
  cost: (p) => ({ flops: p.groups, bytes: 20 * p.groups }),
});

const varianceOp: Op<'x', readonly ['y'], VarianceAttrs> = defineOp({
  name: 'variance',
  inputs: ['x'],
  outputs: ['y'],
  defaults: { axes: [], correction: 1 } as VarianceAttrs,
  shape: ({ x }, { axes, dtype = x.dtype }) => ({ y: { shape: reducedShape(x.shape, axes, true), dtype } }),
  forward: ({ x }, { y }, { axes, correction }) => {
    const layout = layoutOf(x.shape, axes) ?? { outer: 1, groups: y.size, length: x.size / y.size };
    const count = layout.outer * layout.length;
    const stats = empty(x.device, { shape: [layout.groups, 4], dtype: 'f32' });
    launchStatistics(x, stats, layout, 0);
    const params = { groups: layout.groups, unbias: count / (count - correction) };
    varianceKernel.launch({ stats, y }, params, { WG: VARIANCE_WG });
    stats.dispose();
  },
  saves: ['x'],
  // dx = 2 / (n − correction) · (x − mean) · dy
  backward: ({ x, dy }, { axes, correction }) => {
    const scale = 2 / (x.size / dy.size - correction);
    return { dx: mul(centred(x, axes), cast(affine(dy, { scale }), x.dtype)) };
  },
  reference: ({ x }, { axes, correction }) => ({ y: varianceRef(x, axes, correction) }),
  reduction: ({ x }, { axes }) => sizeOf(axes.map((axis) => x.shape[axis])),
  samples: [
    { inputs: { x: [3, 5, 40] }, attrs: { axes: [2] } },
    { inputs: { x: [3, 4, 7, 9] }, attrs: { axes: [0, 2, 3], correction: 0 } },
    { inputs: { x: [2, 3, 7, 9] }, attrs: { axes: [2, 3], dtype: 'f32' } },
    { inputs: { x: { shape: [2, 1, 33, 31], offset: 1e3 } }, attrs: { axes: [2, 3] }, dtypes: ['f32'] },
    { inputs: { x: { shape: [20000], offset: 1e3 } }, attrs: { axes: [0], correction: 0 }, dtypes: ['f32'] },
    { inputs: { x: [64, 256, 256] }, attrs: { axes: [1, 2] }, bench: '64 planes of 256²' },
    { inputs: { x: [4194304] }, attrs: { axes: [0] }, bench: '4M' },
  ],
});

/** x − mean over `axes`; twice, since the first mean is rounded. */
function centred(x: Tensor, axes: readonly number[]): Tensor {
  const rough = sub(x, mean(x, { axes, keepdims: true }));
  return sub(rough, mean(rough, { axes, keepdims: true }));
}

export interface VarianceOptions extends SumOptions {
  /** taken off the count: 1 (unbiased) by default, 0 for the biased variance */
  correction?: number | undefined;
}

/**
 * Variance over any axes, Σ (x − mean)² / (n − correction); exact at any offset.
 *
 * @param x  any rank, f32 or f16
 * @returns  the shape of x without `axes`, or with them at 1
 * @throws ShapeError when an axis is out of range or given twice, or there are not more values than `correction`
 */
export function variance(x: Tensor, options: VarianceOptions = {}): Tensor {
  const { correction = 1, keepdims = false, dtype = x.dtype } = options;
  const axes = normalizeAxes('variance', x.shape, options.axes);
  const count = sizeOf(axes.map((axis) => x.shape[axis]));
  if (count <= correction) {
    throw new ShapeError(
      `variance: axes [${axes}] of [${x.shape}] hold ${count} value(s), and correction is ${correction}. ` +
        'Expected more values; use correction: 0 for the biased variance.',
    );
  }
  const found = layoutOf(x.shape, axes)
    ? varianceOp({ x }, { axes, correction, dtype }).y
    : columnVariance(x, axes, count - correction, dtype);
  return reshape(found, reducedShape(x.shape, axes, keepdims));
}

/** Leading and middle axes: the mean, then the squares about it, in sums of columns; in f32, whatever x is stored as. */
function columnVariance(x: Tensor, axes: readonly number[], divisor: number, dtype: DType): Tensor {
  return scope(() => {
    const squares = sum(square(centred(cast(x, 'f32'), axes)), { axes, keepdims: true });
    return cast(affine(squares, { scale: 1 / divisor }), dtype);
  });
}

composite({
  name: 'variance.columns',
  inputs: ['x'],
  defaults: { axes: [] as readonly number[], correction: 1 },
  run: ({ x }, { axes, correction }) => variance(x, { axes, correction, keepdims: true }),
  reference: ({ x }, { axes, correction }) => varianceRef(x, axes, correction),
  reduction: ({ x }, { axes }) => sizeOf(axes.map((axis) => x.shape[axis])),
  samples: [
    { inputs: { x: [9, 5] }, attrs: { axes: [0] } },
    { inputs: { x: { shape: [2, 30, 8], offset: 1e3 } }, attrs: { axes: [1], correction: 0 }, dtypes: ['f32'] },
    { inputs: { x: [2, 3, 4, 5] }, attrs: { axes: [1, 3] } },
  ],
});
