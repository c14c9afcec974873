import * as d from 'typegpu/data';
import { defineKernel, defineOp, type Op, read, ShapeError, type Tensor, write } from '../../engine/index.ts';
import { checkIndex } from '../gather/select.ts';
import { resizeLabelsRef } from './reference.ts';

const WG = 256;

const resizeKernel = defineKernel({
  name: 'labelConv.resizeLabels',
  wgsl: new URL('./resize-labels.wgsl', import.meta.url),
  params: d
    .struct({ n: d.u32, h: d.u32, w: d.u32, oH: d.u32, oW: d.u32, scaleY: d.f32, scaleX: d.f32 })
    .$name('Params'),
  bindings: { labels: read('u32'), y: write('u32') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.n * p.oH * p.oW) / WG),
  cost: (p) => ({ flops: 0, bytes: 8 * p.n * p.oH * p.oW }),
});

type Size = readonly [number, number];

const label = (...shape: number[]) => ({ shape, kind: 'label' as const, below: 4e9 });

const resizeOp: Op<'labels', readonly ['y'], { size: Size }> = defineOp({
  name: 'resizeLabels',
  inputs: ['labels'],
  outputs: ['y'],
  defaults: { size: [1, 1] as Size },
  shape: ({ labels }, { size }) => {
    checkIndex('resizeLabels', 'labels', labels);
    if (labels.shape.length !== 3 || !size.every((extent) => Number.isInteger(extent) && extent >= 1)) {
      throw new ShapeError(
        `resizeLabels: expected labels [N, H, W] and a height and width of at least 1, got [${labels.shape}] and ` +
          `[${size}]. Check both.`,
      );
    }
    return { y: { shape: [labels.shape[0], ...size], dtype: 'u32' } };
  },
  forward: ({ labels }, { y }) => {
    const [n, h, w] = labels.shape;
    const [, oH, oW] = y.shape;
    resizeKernel.launch({ labels, y }, { n, h, w, oH, oW, scaleY: h / oH, scaleX: w / oW }, { WG });
  },
  reference: ({ labels }, { size }) => ({ y: resizeLabelsRef(labels, size) }),
  samples: [
    { inputs: { labels: label(2, 8, 12) }, attrs: { size: [4, 3] }, dtypes: ['f32'] },
    { inputs: { labels: label(1, 7, 9) }, attrs: { size: [5, 20] }, dtypes: ['f32'] },
    { inputs: { labels: label(3, 1, 2) }, attrs: { size: [11, 40] }, dtypes: ['f32'] },
    { inputs: { labels: label(1, 512, 512) }, attrs: { size: [256, 256] }, dtypes: ['f32'], bench: '512² to 256²' },
  ],
});

/**
 * A label map at another size, by nearest neighbours: y[n, i, j] = labels[n, ⌊i · H / h⌋, ⌊j · W / w⌋], as PyTorch
 * resizes its one-hot tensor with mode nearest.
 *
 * @param labels  [N, H, W], u32
 * @param size    [h, w]
 * @returns       [N, h, w], u32; labels themselves where the size stays
 * @throws ShapeError when labels are not of rank 3, or the result would be empty
 * @throws DTypeError when labels are not u32
 */
export function resizeLabels(labels: Tensor, size: Size): Tensor {
  const same = labels.shape.length === 3 && labels.shape[1] === size[0] && labels.shape[2] === size[1];
  return same && labels.dtype === 'u32' ? labels : resizeOp({ labels }, { size }).y;
}
