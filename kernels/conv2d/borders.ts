import * as d from 'typegpu/data';
import { type Device, defineKernel, read, readWrite, type Tensor } from '../../engine/index.ts';
import { type Geometry, PADDING_MODES } from './geometry.ts';

const WG = 256;
/** As PARTS of the kernel: threads that share a pixel. */
const PARTS = 8;

const Params = d
  .struct({
    ...{ n: d.u32, groups: d.u32, c: d.u32, k: d.u32, h: d.u32, w: d.u32, oH: d.u32, oW: d.u32, kH: d.u32, kW: d.u32 },
    ...{ strideY: d.u32, strideX: d.u32, dilationY: d.u32, dilationX: d.u32 },
    ...{ top: d.u32, bottom: d.u32, left: d.u32, right: d.u32, padMode: d.u32 },
    /** rows that padding is copied from: two runs that do not meet; columns likewise */
    ...{ topStart: d.u32, topRows: d.u32, bottomStart: d.u32, bottomRows: d.u32 },
    ...{ leftStart: d.u32, leftColumns: d.u32, rightStart: d.u32, rightColumns: d.u32 },
  })
  .$name('Params');
type ParamValues = { [K in keyof (typeof Params)['propTypes']]: number };

/** Pixels of a plane that padding is copied from, and a few in their rows. */
const nearBorders = (p: ParamValues) =>
  (p.topRows + p.bottomRows) * p.w + (p.h - p.topRows - p.bottomRows) * (p.leftColumns + p.rightColumns);

const bordersKernel = defineKernel({
  name: 'conv2d.borders',
  wgsl: new URL('./borders.wgsl', import.meta.url),
  lib: [new URL('./padding.wgsl', import.meta.url)],
  params: Params,
  bindings: { x: read('T'), weight: read('U'), y: readWrite('T') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil((p.n * nearBorders(p)) / (WG / PARTS)) * Math.ceil(p.c / 4) * p.groups,
  // of each pixel about one row or column of taps, where the kernel reaches no further than the padding
  cost: (p, bytes) => {
    const results = p.n * p.groups * p.c * nearBorders(p);
    const weights = p.groups * p.k * p.c * p.kH * p.kW;
    return { flops: 2 * results * p.k * Math.max(p.kH, p.kW), bytes: (3 * results + weights) * bytes };
  },
});

let everywhere = false;
/** Lets software drivers, too, add the borders instead of folding padded pictures: for tests of what GPUs run. */
export function addBordersEverywhere(on: boolean): void {
  everywhere = on;
}

/** Whether a transposed convolution computes the picture itself and then its borders, rather than a padded picture. */
export const addsBorders = ({ capabilities }: Device): boolean => everywhere || !capabilities.software;

/** Two runs of an axis of `extent` that padding of that width is copied from; one, of all, where they would meet. */
function runsOf(extent: number, before: number, after: number, mode: Geometry['mode']) {
  const edge = mode === 'reflect' ? 1 : 0;
  const first = { start: edge, count: edge ? before : Math.min(before, 1) };
  const count = edge ? after : Math.min(after, 1);
  const last = { start: extent - edge - count, count };
  if (first.start + first.count > last.start)
    return { first: { start: 0, count: extent }, last: { start: extent, count: 0 } };
  return { first, last };
}

/** Adds to y, the transposed convolution of x with zeros for padding, what its own padding brings. */
export function launchBorders(tensors: { x: Tensor; weight: Tensor; y: Tensor }, g: Geometry): void {
  const rows = runsOf(g.h, g.top, g.bottom, g.mode);
  const columns = runsOf(g.w, g.left, g.right, g.mode);
  const params: ParamValues = {
    n: g.n,
    groups: g.groups,
    c: g.c,
    k: g.k,
    h: g.h,
    w: g.w,
    oH: g.oH,
    oW: g.oW,
    kH: g.kH,
    kW: g.kW,
    strideY: g.strideY,
    strideX: g.strideX,
    dilationY: g.dilationY,
    dilationX: g.dilationX,
    top: g.top,
    bottom: g.bottom,
    left: g.left,
    right: g.right,
    padMode: PADDING_MODES.indexOf(g.mode),
    topStart: rows.first.start,
    topRows: rows.first.count,
    bottomStart: rows.last.start,
    bottomRows: rows.last.count,
    leftStart: columns.first.start,
    leftColumns: columns.first.count,
    rightStart: columns.last.start,
    rightColumns: columns.last.count,
  };
  if (nearBorders(params) > 0) bordersKernel.launch(tensors, params, { WG });
}
