import * as d from 'typegpu/data';
import {
  defineKernel,
  defineOp,
  type Op,
  read,
  type Sample,
  type Shape,
  ShapeError,
  type Tensor,
  write,
} from '../../engine/index.ts';
import { squeezeRef, unsqueezeRef } from './reference.ts';

const Params = d
  .struct({
    ...{ count: d.u32, factor: d.u32, channels: d.u32, height: d.u32, width: d.u32 },
    ...{ offsetStep: d.u32, channelStep: d.u32 },
  })
  .$name('Params');

const KEYS = { TO_COARSE: [0, 1], WG: [256] };

/** coarse rows a thread of squeeze.wgsl owns */
const STRIP = 4;

const anyFactor = defineKernel({
  name: 'squeeze.any',
  wgsl: new URL('./squeeze.wgsl', import.meta.url),
  params: Params,
  bindings: { a: read('T'), b: write('T') },
  keys: KEYS,
  grid: (p) => Math.ceil(p.count / 256),
  cost: (p, bytes) => ({ flops: 0, bytes: 2 * STRIP * p.factor ** 2 * p.count * bytes }),
});

const byTwo = defineKernel({
  name: 'squeeze.byTwo',
  wgsl: new URL('./squeeze-by-two.wgsl', import.meta.url),
  params: Params,
  bindings: { a: read('T4'), b: write('T4') },
  keys: { ...KEYS, SINGLE: [0, 1] },
  valid: ({ TO_COARSE, SINGLE }) => TO_COARSE === 0 || SINGLE === 0,
  grid: (p) => Math.ceil(p.count / 256),
  cost: (p, bytes, { SINGLE }) => ({ flops: 0, bytes: (SINGLE === 1 ? 8 : 16) * p.count * bytes }),
});

/** Moves every element of a to b; `fine` is the shape of the larger picture, whichever of them has it. */
function launch(a: Tensor, b: Tensor, fine: Shape, { factor, channelSlow }: SqueezeAttrs, toCoarse: boolean): void {
  const [, channels, height, width] = fine;
  const steps = channelSlow
    ? { offsetStep: 1, channelStep: factor * factor }
    : { offsetStep: channels, channelStep: 1 };
  const params = { factor, channels, height, width, ...steps };
  const key = { TO_COARSE: toCoarse ? 1 : 0, WG: 256 };
  if (factor === 2 && width % 8 === 0) {
    const isSingle = !toCoarse && !a.device.capabilities.software;
    const count = a.size / (isSingle ? 4 : 8);
    byTwo.launch({ a, b }, { ...params, count }, { ...key, SINGLE: isSingle ? 1 : 0 });
    return;
  }
  const count = (a.size / (factor * height)) * Math.ceil(height / factor / STRIP);
  anyFactor.launch({ a, b }, { ...params, count }, key);
}

interface SqueezeAttrs {
  factor: number;
  /** channel c becomes c·f² … (c+1)·f²−1, as in PyTorch's pixel shuffle, instead of c, C + c, 2C + c … */
  channelSlow: boolean;
}

type SqueezeOp = Op<'x', readonly ['y'], SqueezeAttrs>;
const DEFAULTS: SqueezeAttrs = { factor: 2, channelSlow: false };

function checkFactor(name: string, shape: Shape, factor: number): void {
  if (shape.length === 4 && Number.isInteger(factor) && factor >= 1) return;
  throw new ShapeError(
    `${name}: expected x of [N, C, H, W] and a factor that is a whole number of at least 1, got [${shape}] and ` +
      `${factor}. Reshape x to four axes.`,
  );
}

const squeezeSamples: Sample<'x', SqueezeAttrs>[] = [
  { inputs: { x: [2, 3, 4, 8] } },
  { inputs: { x: [1, 2, 6, 48] }, attrs: { channelSlow: true } },
  { inputs: { x: [2, 3, 4, 6] } },
  { inputs: { x: [1, 1, 2, 2] }, attrs: { channelSlow: true } },
  { inputs: { x: [2, 2, 6, 9] }, attrs: { factor: 3 } },
  { inputs: { x: [1, 5, 12, 4] }, attrs: { factor: 4, channelSlow: true } },
  { inputs: { x: [1, 2, 3, 5] }, attrs: { factor: 1 } },
  { inputs: { x: [2, 5, 18, 64] } },
  { inputs: { x: [1, 16, 512, 512] }, bench: '16 planes of 512²' },
  { inputs: { x: [1, 16, 510, 510] }, bench: '16 planes of 510²' },
];

const squeezeOp: SqueezeOp = defineOp({
  name: 'squeeze',
  inputs: ['x'],
  outputs: ['y'],
  defaults: DEFAULTS,
  shape: ({ x }, { factor }) => {
    checkFactor('squeeze', x.shape, factor);
    const [n, c, h, w] = x.shape;
    if (h % factor !== 0 || w % factor !== 0) {
      throw new ShapeError(
        `squeeze: expected a height and width that ${factor} divides, got [${x.shape}]. Pad x first.`,
      );
    }
    return { y: { shape: [n, c * factor * factor, h / factor, w / factor], dtype: x.dtype } };
  },
  forward: ({ x }, { y }, attrs) => launch(x, y, x.shape, attrs, true),
  backward: ({ dy }, attrs) => ({ dx: unsqueezeOp({ x: dy }, attrs).y }),
  reference: ({ x }, { factor, channelSlow }) => ({ y: squeezeRef(x, factor, channelSlow) }),
  samples: squeezeSamples,
});

const unsqueezeOp: SqueezeOp = defineOp({
  name: 'unsqueeze',
  inputs: ['x'],
  outputs: ['y'],
  defaults: DEFAULTS,
  shape: ({ x }, { factor }) => {
    checkFactor('unsqueeze', x.shape, factor);
    const [n, c, h, w] = x.shape;
    if (c % (factor * factor) !== 0) {
      throw new ShapeError(
        `unsqueeze: expected a number of channels that ${factor}² = ${factor * factor} divides, got ${c} in ` +
          `[${x.shape}]. Pad the channels first, or check the factor.`,
      );
    }
    return { y: { shape: [n, c / (factor * factor), h * factor, w * factor], dtype: x.dtype } };
  },
  forward: ({ x }, { y }, attrs) => launch(x, y, y.shape, attrs, false),
  backward: ({ dy }, attrs) => ({ dx: squeezeOp({ x: dy }, attrs).y }),
  reference: ({ x }, { factor, channelSlow }) => ({ y: unsqueezeRef(x, factor, channelSlow) }),
  samples: squeezeSamples.map(({ inputs, ...sample }) => {
    const [n, c, h, w] = inputs.x as Shape;
    const factor = sample.attrs?.factor ?? 2;
    return { ...sample, inputs: { x: [n, c * factor * factor, h / factor, w / factor] } };
  }),
});

/**
 * Space to depth in CAP-VSTNet's order: the offset is the slow index, the channel the fast one.
 *
 *     y[n, (r·f + s)·C + c, i, j] = x[n, c, f·i + r, f·j + s]
 *
 * @param x       [N, C, H, W], any storage type
 * @param factor  f; divides H and W
 * @returns       [N, C·f², H/f, W/f]
 * @throws ShapeError when x is not rank 4 or f does not divide H and W
 * @see Wen et al. 2023, arXiv:2303.17867
 */
export const squeeze = (x: Tensor, factor = 2): Tensor => squeezeOp({ x }, { factor }).y;

/**
 * The inverse of `squeeze`: [N, C·f², h, w] → [N, C, f·h, f·w].
 *
 * @throws ShapeError when x is not rank 4 or f² does not divide the channels
 */
export const unsqueeze = (x: Tensor, factor = 2): Tensor => unsqueezeOp({ x }, { factor }).y;

/**
 * Space to depth in PyTorch's order: the channel is the slow index, y[n, c·f² + r·f + s, i, j] = x[n, c, f·i + r, f·j + s].
 *
 * @param x       [N, C, H, W], any storage type
 * @param factor  f; divides H and W
 * @returns       [N, C·f², H/f, W/f]
 * @throws ShapeError when x is not rank 4 or f does not divide H and W
 */
export const pixelUnshuffle = (x: Tensor, factor: number): Tensor => squeezeOp({ x }, { factor, channelSlow: true }).y;

/**
 * The inverse of `pixelUnshuffle`: [N, C·f², h, w] → [N, C, f·h, f·w].
 *
 * @throws ShapeError when x is not rank 4 or f² does not divide the channels
 * @see Shi et al. 2016, arXiv:1609.05158
 */
export const pixelShuffle = (x: Tensor, factor: number): Tensor => unsqueezeOp({ x }, { factor, channelSlow: true }).y;
