import * as d from 'typegpu/data';
import {
  composite,
  DTypeError,
  defineKernel,
  defineOp,
  type Op,
  optional,
  type Ref,
  read,
  type Shape,
  ShapeError,
  scope,
  sizeOf,
  stopGradient,
  type Tensor,
  write,
} from '../../engine/index.ts';
import { div } from '../pointwise/ops.ts';
import { runOf } from '../reduce/axes.ts';
import { sum } from '../reduce/sum.ts';
import { nllRef, softmaxRef } from './reference.ts';
import { logSoftmax } from './softmax.ts';

const u = d.u32;
const WG = 64;
const BINDINGS = { labels: read('u32'), weight: optional(read('U'), 'WEIGHTED') } as const;
const KEYS = { WEIGHTED: [0, 1], WG: [WG] } as const;

const nllKernel = defineKernel({
  name: 'crossEntropy.nll',
  wgsl: new URL('./nll.wgsl', import.meta.url),
  params: d.struct({ count: u, classes: u, inner: u, ignoreIndex: u, nan: d.f32 }).$name('Params'),
  bindings: { x: read('T'), ...BINDINGS, y: write('T'), weights: write('T') },
  keys: KEYS,
  grid: (p) => Math.ceil(p.count / WG),
  cost: (p, bytes) => ({ flops: 2 * p.count, bytes: p.count * (4 + 3 * bytes) }),
});

const nllGradKernel = defineKernel({
  name: 'crossEntropy.nllGrad',
  wgsl: new URL('./nll-grad.wgsl', import.meta.url),
  params: d.struct({ count: u, classes: u, inner: u, ignoreIndex: u }).$name('Params'),
  bindings: { dy: read('T'), ...BINDINGS, dx: write('T') },
  keys: KEYS,
  grid: (p) => Math.ceil(p.count / WG),
  cost: (p, bytes) => ({ flops: p.count, bytes: p.count * bytes }),
});

interface NllAttrs {
  /** as u32 */
  ignoreIndex: number;
}
/** PyTorch's −100 as u32 */
const IGNORED = -100 >>> 0;

const nllGradOp: Op<'dy' | 'labels' | 'weight', readonly ['dx'], NllAttrs & { classes: number }> = defineOp({
  name: 'nllGrad',
  inputs: ['dy', 'labels', 'weight'],
  optional: ['weight'],
  outputs: ['dx'],
  defaults: { ignoreIndex: IGNORED, classes: 1 },
  shape: ({ dy }, { classes }) => {
    const [n, ...rest] = dy.shape;
    return { dx: { shape: [n, classes, ...rest], dtype: dy.dtype } };
  },
  forward: ({ dy, labels, weight }, { dx }, { ignoreIndex, classes }) => {
    const params = { count: dx.size, classes, inner: sizeOf(dx.shape.slice(2)), ignoreIndex };
    nllGradKernel.launch({ dy, labels, weight, dx }, params, { WEIGHTED: weight ? 1 : 0, WG });
  },
  reference: ({ dy, labels, weight }, { ignoreIndex, classes }) => {
    const [n, ...rest] = dy.shape;
    const shape = [n, classes, ...rest];
    const data = new Float64Array(sizeOf(shape));
    const inner = sizeOf(rest);
    labels.data.forEach((label, at) => {
      if (label === ignoreIndex) return;
      data[(Math.floor(at / inner) * classes + label) * inner + (at % inner)] =
        -dy.data[at] * (weight?.data[label] ?? 1);
    });
    return { dx: { shape, data } };
  },
  samples: [
    { inputs: { dy: [2, 3, 5], labels: { shape: [2, 3, 5], kind: 'label', below: 4 } }, attrs: { classes: 4 } },
    {
      inputs: { dy: [9], labels: { shape: [9], kind: 'label', below: 4 }, weight: [4] },
      attrs: { classes: 4, ignoreIndex: 2 },
    },
  ],
});

const nllOp: Op<'x' | 'labels' | 'weight', readonly ['y', 'weights'], NllAttrs> = defineOp({
  name: 'nll',
  inputs: ['x', 'labels', 'weight'],
  optional: ['weight'],
  outputs: ['y', 'weights'],
  defaults: { ignoreIndex: IGNORED },
  shape: ({ x, labels, weight }) => {
    checkLabels(x.shape, labels.shape, weight?.shape);
    const spec = { shape: labels.shape, dtype: x.dtype };
    return { y: spec, weights: spec };
  },
  forward: ({ x, labels, weight }, { y, weights }, { ignoreIndex }) => {
    if (labels.dtype !== 'u32') {
      throw new DTypeError(`crossEntropy: expected labels as u32 class indices, got ${labels.dtype}.`);
    }
    const { length: classes, inner } = runOf(x.shape, 1, 2);
    const params = { count: y.size, classes, inner, ignoreIndex, nan: Number.NaN };
    nllKernel.launch({ x, labels, weight, y, weights }, params, { WEIGHTED: weight ? 1 : 0, WG });
  },
  saves: ['labels', 'weight'],
  // weights of classes are constants
  backward: ({ dy, labels, weight }, { ignoreIndex }, { inputs }) => ({
    dx: nllGradOp({ dy, labels, weight }, { ignoreIndex, classes: inputs.x.shape[1] }).dx,
  }),
  reference: ({ x, labels, weight }, { ignoreIndex }) => ({ y: nllRef(x, labels, { ignoreIndex, weight }).y }),
  samples: [
    { inputs: { x: [7, 4], labels: { shape: [7], kind: 'label', below: 4 } } },
    { inputs: { x: [2, 4, 3, 5], labels: { shape: [2, 3, 5], kind: 'label', below: 4 } }, attrs: { ignoreIndex: 1 } },
    {
      inputs: { x: [9, 3], labels: { shape: [9], kind: 'label', below: 3 }, weight: { shape: [3], kind: 'positive' } },
      gradient: false, // differences would also move the weights; crossEntropy's samples have them as constants
    },
  ],
});

function checkLabels(x: Shape, labels: Shape, weight: Shape | undefined): void {
  const want = [x[0], ...x.slice(2)];
  if (x.length < 2 || labels.join() !== want.join()) {
    throw new ShapeError(
      `crossEntropy: labels do not fit the logits.\n  logits [N, C, ...] = [${x}]\n  labels [N, ...]    = [${labels}]\n` +
        `Expected labels of shape [${want}]: class indices, not one-hot rows.`,
    );
  }
  if (weight && weight.join() !== `${x[1]}`) {
    throw new ShapeError(`crossEntropy: expected weight of shape [${x[1]}], one a class, got [${weight}].`);
  }
}

export interface CrossEntropyOptions {
  /** labels of this value count nothing; −100 by default, as u32 4294967196 */
  ignoreIndex?: number | undefined;
  /** mean over the labels that count (weighted by class), sum, or one loss a label; mean by default */
  reduction?: 'mean' | 'sum' | 'none' | undefined;
  /** [C], one factor a class; a constant */
  weight?: Tensor | undefined;
}

/**
 * Cross entropy of class indices.
 *
 *     loss = −w[label] · log softmax(logits)[label]        mean: Σ loss / Σ w[label]
 *
 * @param logits  [N, C, ...], f32 or f16
 * @param labels  [N, ...], u32 below C, or `ignoreIndex`; another label gives NaN
 * @returns       a number (shape []), or [N, ...] without reduction; type of logits. NaN where every label is ignored, as in PyTorch
 * @throws ShapeError when labels or weights do not fit, DTypeError when labels are not u32
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { ignoreIndex = -100, reduction = 'mean' } = options;
  const { weight } = options;
  checkLabels(logits.shape, labels.shape, weight?.shape);
  return scope(() => {
    const x = logSoftmax(logits, { axis: 1 });
    const { y, weights } = nllOp({ x, labels, weight }, { ignoreIndex: ignoreIndex >>> 0 });
    if (reduction === 'none') return y;
    if (reduction === 'sum') return sum(y);
    return div(sum(y), sum(stopGradient(weights)));
  });
}

interface CompositeAttrs {
  ignoreIndex: number;
  reduction: 'mean' | 'sum' | 'none';
}

composite<'logits' | 'labels', CompositeAttrs>({
  name: 'crossEntropy',
  inputs: ['logits', 'labels'],
  defaults: { ignoreIndex: -100, reduction: 'mean' },
  run: ({ logits, labels }, attrs) => crossEntropy(logits, labels, attrs),
  reference: ({ logits, labels }, { ignoreIndex, reduction }): Ref => {
    const x = softmaxRef(logits, runOf(logits.shape, 1, 2), true);
    const { y, weights } = nllRef(x, labels, { ignoreIndex, weight: undefined });
    if (reduction === 'none') return y;
    const total = (ref: Ref) => ref.data.reduce((a, b) => a + b, 0);
    return { shape: [], data: Float64Array.of(total(y) / (reduction === 'mean' ? total(weights) : 1)) };
  },
  reduction: ({ logits }) => sizeOf(logits.shape),
  samples: [
    { inputs: { logits: [8, 5], labels: { shape: [8], kind: 'label', below: 5 } } },
    {
      inputs: { logits: { shape: [2, 4, 3, 3], scale: 4 }, labels: { shape: [2, 3, 3], kind: 'label', below: 4 } },
      attrs: { ignoreIndex: 0 },
    },
    { inputs: { logits: [6, 3], labels: { shape: [6], kind: 'label', below: 3 } }, attrs: { reduction: 'sum' } },
    { inputs: { logits: [6, 100], labels: { shape: [6], kind: 'label', below: 100 } }, attrs: { reduction: 'none' } },
  ],
});
