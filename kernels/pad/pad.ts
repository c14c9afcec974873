import * as d from 'typegpu/data';
import {
  defineKernel,
  defineOp,
  type Op,
  read,
  type Sample,
  type Shape,
  ShapeError,
  sizeOf,
  type Tensor,
  write,
} from '../../engine/index.ts';
import { foldRef, padRef } from './reference.ts';

export type PadMode = 'zeros' | 'reflect' | 'replicate';

/** How much is added on each side of the last two axes; what is negative is cut off. */
export interface Padding {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

interface PadAttrs extends Padding {
  mode: PadMode;
}

/** The order is that of the cases in pad.wgsl. */
const MODES: readonly PadMode[] = ['zeros', 'reflect', 'replicate'];
/** rows a thread of the kernels owns */
const STRIP = 4;
const WG = 256;

const Params = d
  .struct({
    ...{ planes: d.u32, xHeight: d.u32, xWidth: d.u32, yHeight: d.u32, yWidth: d.u32 },
    ...{ top: d.i32, left: d.i32, mode: d.u32 },
  })
  .$name('Params');

const padKernel = defineKernel({
  name: 'pad.forward',
  wgsl: new URL('./pad.wgsl', import.meta.url),
  params: Params,
  bindings: { x: read('T'), y: write('T') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.planes * Math.ceil(p.yHeight / STRIP) * p.yWidth) / WG),
  cost: (p, bytes) => ({ flops: 0, bytes: p.planes * (p.xHeight * p.xWidth + p.yHeight * p.yWidth) * bytes }),
});

const foldKernel = defineKernel({
  name: 'pad.fold',
  wgsl: new URL('./fold.wgsl', import.meta.url),
  params: Params,
  bindings: { y: read('T'), x: write('T') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.planes * Math.ceil(p.xHeight / STRIP) * p.xWidth) / WG),
  cost: (p, bytes) => ({
    flops: p.planes * p.yHeight * p.yWidth,
    bytes: p.planes * (p.xHeight * p.xWidth + p.yHeight * p.yWidth) * bytes,
  }),
});

function paramsOf(x: Shape, y: Shape, { top, left, mode }: PadAttrs) {
  const [xHeight, xWidth] = x.slice(-2);
  const [yHeight, yWidth] = y.slice(-2);
  return { planes: sizeOf(x.slice(0, -2)), xHeight, xWidth, yHeight, yWidth, top, left, mode: MODES.indexOf(mode) };
}

function grown(shape: Shape, { top, bottom, left, right }: Padding, sign: 1 | -1): number[] {
  const [h, w] = shape.slice(-2);
  return [...shape.slice(0, -2), h + sign * (top + bottom), w + sign * (left + right)];
}

/** Checks the borders against the unpadded shape x. */
function check(x: Shape, padding: PadAttrs): void {
  const { top, bottom, left, right, mode } = padding;
  const [h, w] = x.slice(-2);
  const given = `top ${top}, bottom ${bottom}, left ${left}, right ${right} for [${x}]`;
  if (x.length < 2 || ![top, bottom, left, right].every(Number.isInteger)) {
    throw new ShapeError(`pad2d: expected whole numbers and x of at least two axes, got ${given}. Reshape x first.`);
  }
  if (Math.max(-top, -bottom) >= h || Math.max(-left, -right) >= w || h + top + bottom < 1 || w + left + right < 1) {
    throw new ShapeError(`pad2d: expected something of x to be left, got ${given}. Cut off less.`);
  }
  if (mode === 'reflect' && (Math.max(top, bottom) >= h || Math.max(left, right) >= w)) {
    throw new ShapeError(
      `pad2d: reflection needs borders smaller than the extents (the edge is not repeated), got ${given}. ` +
        "Pad less, or use mode 'replicate'.",
    );
  }
}

/** Most elements of y that come from one of x. */
function copies({ top, bottom, left, right, mode }: PadAttrs): number {
  if (mode === 'zeros') return 1;
  if (mode === 'reflect') return 9;
  return (1 + Math.max(top, 0) + Math.max(bottom, 0)) * (1 + Math.max(left, 0) + Math.max(right, 0));
}

const borders = (top: number, bottom: number, left: number, right: number) => ({ top, bottom, left, right });

const samples: readonly (Sample<'x', PadAttrs> & { inputs: { x: Shape } })[] = [
  ...MODES.flatMap((mode) => [
    { inputs: { x: [2, 3, 5, 7] }, attrs: { mode, ...borders(1, 1, 1, 1) } },
    { inputs: { x: [1, 2, 4, 6] }, attrs: { mode, ...borders(3, 0, 2, 5) } },
    { inputs: { x: [3, 2, 2] }, attrs: { mode, ...borders(1, 1, 0, 1) } },
    { inputs: { x: [1, 9, 33] }, attrs: { mode, ...borders(-2, 3, 4, -5) } },
  ]),
  { inputs: { x: [1, 1, 1, 1] }, attrs: { mode: 'replicate', ...borders(2, 3, 1, 0) } },
  { inputs: { x: [2, 1, 3] }, attrs: { mode: 'zeros', ...borders(4, 5, 6, 7) } },
  { inputs: { x: [1, 1, 20, 300] }, attrs: { mode: 'reflect', ...borders(19, 0, 0, 299) } },
  { inputs: { x: [1, 7, 9] }, attrs: { mode: 'zeros', ...borders(-2, -1, -3, -2) } },
  {
    inputs: { x: [1, 64, 256, 256] },
    attrs: { mode: 'reflect', ...borders(1, 1, 1, 1) },
    bench: 'reflect 1, 64 of 256²',
  },
  { inputs: { x: [1, 64, 256, 256] }, attrs: { mode: 'zeros', ...borders(1, 1, 1, 1) }, bench: 'zeros 1, 64 of 256²' },
  {
    inputs: { x: [1, 3, 1200, 1200] },
    attrs: { mode: 'replicate', ...borders(3, 3, 3, 3) },
    bench: 'replicate 3, 1200²',
  },
];

const DEFAULTS: PadAttrs = { ...borders(0, 0, 0, 0), mode: 'zeros' };

const padOp: Op<'x', readonly ['y'], PadAttrs> = defineOp({
  name: 'pad2d',
  inputs: ['x'],
  outputs: ['y'],
  defaults: DEFAULTS,
  shape: ({ x }, attrs) => {
    check(x.shape, attrs);
    return { y: { shape: grown(x.shape, attrs, 1), dtype: x.dtype } };
  },
  forward: ({ x }, { y }, attrs) => padKernel.launch({ x, y }, paramsOf(x.shape, y.shape, attrs), { WG }),
  backward: ({ dy }, attrs) => ({ dx: foldOp({ y: dy }, attrs).x }),
  reference: ({ x }, attrs) => ({ y: padRef(x, attrs, attrs.mode) }),
  reduction: (_, attrs) => copies(attrs),
  samples: [
    ...samples,
    {
      inputs: { x: { shape: [2, 3, 5], kind: 'label', below: 4e9 } },
      attrs: { mode: 'reflect', ...borders(1, 2, 0, 1) },
      dtypes: ['f32'],
    },
  ],
});

/** The transpose of `pad2d`: every border is added to the elements it was filled from. */
const foldOp: Op<'y', readonly ['x'], PadAttrs> = defineOp({
  name: 'fold2d',
  inputs: ['y'],
  outputs: ['x'],
  defaults: DEFAULTS,
  shape: ({ y }, attrs) => {
    const shape = grown(y.shape, attrs, -1);
    check(shape, attrs);
    return { x: { shape, dtype: y.dtype } };
  },
  forward: ({ y }, { x }, attrs) => foldKernel.launch({ y, x }, paramsOf(x.shape, y.shape, attrs), { WG }),
  backward: ({ dx }, attrs) => ({ dy: padOp({ x: dx }, attrs).y }),
  reference: ({ y }, attrs) => ({ x: foldRef(y, attrs, attrs.mode) }),
  reduction: (_, attrs) => copies(attrs),
  samples: samples.map(({ inputs, ...sample }) => ({
    ...sample,
    inputs: { y: grown(inputs.x, { ...DEFAULTS, ...sample.attrs }, 1) },
  })),
});

/**
 * Pads the last two axes.
 *
 * @param x        rank 2 or more, any storage type
 * @param padding  elements added on each side, or one number for all four; negative ones are cut off
 * @param mode     zeros; reflect: about the edge element, which is not repeated; replicate: the edge element
 * @returns        x itself where nothing is added
 * @throws ShapeError when nothing is left, or a reflected border is as large as its axis
 * @see torch.nn.functional.pad
 */
export function pad2d(x: Tensor, padding: number | Partial<Padding>, mode: PadMode = 'zeros'): Tensor {
  const sides = typeof padding === 'number' ? borders(padding, padding, padding, padding) : padding;
  const attrs = { ...DEFAULTS, ...sides, mode };
  if (attrs.top === 0 && attrs.bottom === 0 && attrs.left === 0 && attrs.right === 0) return x;
  return padOp({ x }, attrs).y;
}

/**
 * A rectangle of the last two axes.
 *
 * @param x  rank 2 or more, any storage type
 * @throws ShapeError when the rectangle is empty or not inside x
 */
export function crop(
  x: Tensor,
  { top, left, height, width }: { top: number; left: number; height: number; width: number },
): Tensor {
  const [h, w] = x.shape.slice(-2);
  if (top < 0 || left < 0 || height < 1 || width < 1 || top + height > h || left + width > w) {
    throw new ShapeError(
      `crop: expected a rectangle inside ${h} × ${w}, got ${height} × ${width} from row ${top}, column ${left} of ` +
        `[${x.shape}]. Check the rectangle, or use pad2d() to go past the edge.`,
    );
  }
  return pad2d(x, borders(-top, top + height - h, -left, left + width - w));
}
