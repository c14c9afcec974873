import * as d from 'typegpu/data';
import {
  type DType,
  defineKernel,
  defineOp,
  type Op,
  read,
  ShapeError,
  sizeOf,
  type Tensor,
  write,
} from '../../engine/index.ts';
import { oneHotRef } from './reference.ts';
import { checkIndex } from './select.ts';

const STRIP = 8;
const WG = 256;

const oneHotKernel = defineKernel({
  name: 'gather.oneHot',
  wgsl: new URL('./one-hot.wgsl', import.meta.url),
  params: d.struct({ outer: d.u32, classes: d.u32, inner: d.u32 }).$name('Params'),
  bindings: { labels: read('u32'), y: write('T') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.outer * Math.ceil(p.classes / STRIP) * p.inner) / WG),
  cost: (p, bytes) => ({ flops: 0, bytes: p.outer * p.inner * (4 + p.classes * bytes) }),
});

interface OneHotAttrs {
  /** where the axis of classes is put */
  axis: number;
  classes: number;
  dtype: DType;
}

const oneHotOp: Op<'labels', readonly ['y'], OneHotAttrs> = defineOp({
  name: 'oneHot',
  inputs: ['labels'],
  outputs: ['y'],
  defaults: { axis: 0, classes: 1, dtype: 'f32' } as OneHotAttrs,
  shape: ({ labels }, { axis, classes, dtype }) => {
    checkIndex('oneHot', 'labels', labels);
    const rank = labels.shape.length;
    if (!Number.isInteger(axis) || axis < 0 || axis > rank || !Number.isInteger(classes) || classes < 1) {
      throw new ShapeError(
        `oneHot: expected at least one class and an axis from ${-rank - 1} to ${rank} for labels [${labels.shape}], ` +
          `got ${classes} classes and axis ${axis}. Check both.`,
      );
    }
    return { y: { shape: [...labels.shape.slice(0, axis), classes, ...labels.shape.slice(axis)], dtype } };
  },
  forward: ({ labels }, { y }, { axis, classes }) => {
    const outer = sizeOf(labels.shape.slice(0, axis));
    oneHotKernel.launch({ labels, y }, { outer, classes, inner: labels.size / outer }, { WG });
  },
  reference: ({ labels }, { axis, classes }) => ({ y: oneHotRef(labels, axis, classes) }),
  samples: (['f32', 'f16', 'u32'] as const).flatMap((dtype) => [
    {
      inputs: { labels: { shape: [2, 5, 7], kind: 'label', below: 12 } },
      attrs: { axis: 1, classes: 11, dtype },
      dtypes: ['f32'],
    },
    {
      inputs: { labels: { shape: [300], kind: 'label', below: 5 } },
      attrs: { axis: 1, classes: 3, dtype },
      dtypes: ['f32'],
    },
    {
      inputs: { labels: { shape: [3, 4], kind: 'label', below: 2 } },
      attrs: { axis: 0, classes: 17, dtype },
      dtypes: ['f32'],
    },
    {
      inputs: { labels: { shape: [1], kind: 'label', below: 1 } },
      attrs: { axis: 0, classes: 1, dtype },
      dtypes: ['f32'],
    },
    {
      inputs: { labels: { shape: [1, 256, 256], kind: 'label', below: 184 } },
      attrs: { axis: 1, classes: 184, dtype },
      bench: `184 classes of 256², ${dtype}`,
      dtypes: ['f32'],
    },
  ]),
});

/**
 * Labels as a mask for each class: y[…, c, …] = 1 where the label is c. A label past the classes has no 1.
 *
 * @param labels   any shape, u32
 * @param classes  number of classes
 * @param axis     where the axis of classes comes to stand, negative from the end of the result; 1 turns [N, H, W] into [N, C, H, W]
 * @param dtype    f32 by default
 * @throws ShapeError when there is no such axis
 * @throws DTypeError when labels are not u32
 */
export function oneHot(labels: Tensor, classes: number, axis = 1, dtype: DType = 'f32'): Tensor {
  const front = axis < 0 ? axis + labels.shape.length + 1 : axis;
  return oneHotOp({ labels }, { axis: front, classes, dtype }).y;
}
