import * as d from 'typegpu/data';
import {
  type DType,
  defineKernel,
  defineOp,
  type Op,
  read,
  ShapeError,
  type Tensor,
  write,
} from '../../engine/index.ts';
import { checkIndex } from '../gather/select.ts';
import {
  outputGrid,
  POOL_WG,
  type PoolOptions,
  PoolParams,
  pooledShape,
  poolParams,
  STRIP,
  type Window,
  windowFrom,
} from '../pool/geometry.ts';
import { pooledOneHotRef } from './reference.ts';

const pooledKernel = defineKernel({
  name: 'labelConv.pooledOneHot',
  wgsl: new URL('./pooled-one-hot.wgsl', import.meta.url),
  lib: [new URL('../pool/window.wgsl', import.meta.url), new URL('../pool/divisor.wgsl', import.meta.url)],
  params: d.struct({ ...PoolParams.propTypes, classes: d.u32 }).$name('Params'),
  bindings: { labels: read('u32'), y: write('T') },
  keys: { WG: [POOL_WG] },
  grid: outputGrid,
  // a window's labels are read again for every strip of classes
  cost: (p, bytes) => {
    const outputs = p.planes * p.oHeight * p.oWidth;
    const terms = outputs * p.kernelH * p.kernelW;
    return { flops: terms, bytes: outputs * bytes + (4 * terms) / STRIP };
  },
});

interface PooledAttrs extends Window {
  classes: number;
  countPadding: boolean;
  dtype: DType;
}

const HALVING: PoolOptions = { kernel: 3, stride: 2, padding: 1 };

const label = (below: number, ...shape: number[]) => ({ shape, kind: 'label' as const, below });

const pooledOp: Op<'labels', readonly ['y'], PooledAttrs> = defineOp({
  name: 'pooledOneHot',
  inputs: ['labels'],
  outputs: ['y'],
  defaults: { ...windowFrom(HALVING), classes: 1, countPadding: false, dtype: 'f32' } as PooledAttrs,
  shape: ({ labels }, { classes, countPadding: _, dtype, ...window }) => {
    checkIndex('pooledOneHot', 'labels', labels);
    if (labels.shape.length !== 3 || !Number.isInteger(classes) || classes < 1) {
      throw new ShapeError(
        `pooledOneHot: expected labels [N, H, W] and at least one class, got [${labels.shape}] and ${classes} classes. ` +
          'Check both.',
      );
    }
    const [n, h, w] = labels.shape;
    return { y: { shape: pooledShape('pooledOneHot', [n, classes, h, w], window), dtype } };
  },
  forward: ({ labels }, { y }, { classes, countPadding, dtype: _, ...window }) => {
    const [n, h, w] = labels.shape;
    const planes = STRIP * Math.ceil(classes / STRIP);
    const params = poolParams([n, planes, h, w], y.shape, window, countPadding);
    pooledKernel.launch({ labels, y }, { ...params, classes }, { WG: POOL_WG });
  },
  reference: ({ labels }, { classes, countPadding, dtype: _, ...window }) => ({
    y: pooledOneHotRef(labels, classes, window, countPadding),
  }),
  samples: [
    { inputs: { labels: label(6, 2, 7, 10) }, attrs: { classes: 5 }, dtypes: ['f32'] },
    { inputs: { labels: label(3, 3, 8, 5) }, attrs: { classes: 3, countPadding: true, dtype: 'f16' }, dtypes: ['f32'] },
    {
      inputs: { labels: label(200, 1, 9, 6) },
      attrs: { ...windowFrom({ kernel: [2, 3], stride: 3, padding: [1, 0], ceilMode: true }), classes: 190 },
      dtypes: ['f32'],
    },
    { inputs: { labels: label(182, 1, 256, 256) }, attrs: { classes: 182 }, dtypes: ['f32'], bench: '182 of 256²' },
  ],
});

export interface PooledOneHotOptions extends Partial<PoolOptions> {
  /** zeros of the padding count in the mean, as in Jittor; false by default */
  countIncludePad?: boolean;
  /** storage type of the result; f32 by default */
  dtype?: DType;
}

/**
 * averagePool2d of a label map's one-hot tensor, without that tensor: the share of each class in each window. By default
 * the window that halves pictures in a multiscale discriminator: 3 × 3, stride 2, padding 1.
 *
 * @param labels   [N, H, W], u32; labels past the classes count for none
 * @param classes  number of classes C
 * @returns        [N, C, oH, oW]
 * @throws ShapeError when labels are not of rank 3, or the window does not fit
 * @throws DTypeError when labels are not u32
 */
export function pooledOneHot(labels: Tensor, classes: number, options: PooledOneHotOptions = {}): Tensor {
  const { countIncludePad: countPadding = false, dtype = 'f32', ...window } = options;
  return pooledOp({ labels }, { ...windowFrom({ ...HALVING, ...window }), classes, countPadding, dtype }).y;
}
