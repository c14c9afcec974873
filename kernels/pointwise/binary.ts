import * as d from 'typegpu/data';
import {
  bytesPerElement,
  defineKernel,
  LimitError,
  read,
  type Shape,
  ShapeError,
  type Tensor,
  write,
} from '../../engine/index.ts';
import { ROW_WGS, shareRows } from '../lib/rows.ts';
import { POINTWISE_WG, unitGrid, unitsOf } from './unary.ts';

/** The order is that of the cases in binary.wgsl. */
const OPS = [
  'add',
  'sub',
  'mul',
  'div',
  'maximum',
  'minimum',
  'leakyReluGrad',
  'tanhGrad',
  'sigmoidGrad',
  'greater',
  'equal',
  'power',
] as const;
export type BinaryName = (typeof OPS)[number];

const u = d.u32;
const functions = new URL('./binary-functions.wgsl', import.meta.url);
const OP_KEYS = OPS.map((_, i) => i);

const binaryKernel = defineKernel({
  name: 'pointwise.binary',
  wgsl: new URL('./binary.wgsl', import.meta.url),
  lib: [functions],
  params: d.struct({ count: u, span: u, slope: d.f32, swap: u }).$name('Params'),
  bindings: { a: read('T16'), b: read('T16'), y: write('T16') },
  keys: { OP: OP_KEYS, MODE: [0, 1], WG: [POINTWISE_WG] },
  grid: unitGrid,
  cost: (p, bytes, { MODE }) => ({ flops: (16 / bytes) * p.count, bytes: (MODE === 0 ? 48 : 32) * p.count }),
});

const stridedKernel = defineKernel({
  name: 'pointwise.binaryStrided',
  wgsl: new URL('./binary-strided.wgsl', import.meta.url),
  lib: [functions],
  params: d
    .struct({
      ...{ count: u, size: u, slope: d.f32 },
      ...{ n0: u, n1: u, n2: u, n3: u, n4: u },
      ...{ a0: u, a1: u, a2: u, a3: u, a4: u },
      ...{ b0: u, b1: u, b2: u, b3: u, b4: u },
    })
    .$name('Params'),
  bindings: { a: read('T'), b: read('T'), y: write('T4') },
  keys: { OP: OP_KEYS, WG: [POINTWISE_WG] },
  grid: (p) => Math.ceil(p.count / POINTWISE_WG),
  cost: (p, bytes) => ({ flops: 4 * p.count, bytes: 8 * p.count * bytes }),
});

const expandKernel = defineKernel({
  name: 'pointwise.binaryExpand',
  wgsl: new URL('./binary-expand.wgsl', import.meta.url),
  lib: [functions],
  params: d.struct({ count: u, size: u, slope: d.f32, swap: u, n1: u, n2: u, b0: u, b1: u, b2: u }).$name('Params'),
  bindings: { a: read('T4'), b: read('T'), y: write('T4') },
  keys: { OP: OP_KEYS, MODE: [0, 1, 2], WG: [POINTWISE_WG] },
  grid: (p) => Math.ceil(p.count / POINTWISE_WG),
  cost: (p, bytes) => ({ flops: 4 * p.count, bytes: 8 * p.count * bytes }),
});

const RowParams = d.struct({ rows: u, n1: u, n2: u, span: u, slope: d.f32, swap: u, b0: u, b1: u }).$name('Params');
const rowKernel = <const T extends 'T' | 'T4'>(name: string, wgsl: URL, type: T) =>
  defineKernel({
    name: `pointwise.${name}`,
    wgsl,
    lib: [functions],
    params: RowParams,
    bindings: { a: read('T4'), b: read(type), y: write('T4') },
    keys: { OP: OP_KEYS, WG: ROW_WGS },
    grid: (p, { WG }) => [Math.ceil(p.n2 / (WG * p.span)), p.n1, p.rows / p.n1],
    cost: (p, bytes) => ({ flops: 4 * p.rows * p.n2, bytes: 8 * p.rows * p.n2 * bytes }),
  });
const perRowKernel = rowKernel('binaryPerRow', new URL('./binary-per-row.wgsl', import.meta.url), 'T');
const rowsKernel = rowKernel('binaryRows', new URL('./binary-rows.wgsl', import.meta.url), 'T4');

/** y = f(a, b) with y's shape the broadcast of both. */
export function launchBinary(name: BinaryName, a: Tensor, b: Tensor, y: Tensor, slope = 0): void {
  const runs = mergeAxes(a.shape, b.shape, y.shape);
  const key = { OP: OPS.indexOf(name), WG: POINTWISE_WG };
  const params = { count: Math.ceil(y.size / 4), size: y.size, slope };
  const wholeA = runs.every(({ inA }) => inA);
  const wholeB = runs.every(({ inB }) => inB);
  if (!wholeA && !wholeB) {
    stridedKernel.launch({ a, b, y }, { ...params, ...strideParams(name, a.shape, b.shape, runs) }, key);
    return;
  }
  // `whole` has y's shape; `small` may lack axes
  const [whole, small, swap] = wholeA ? [a, b, 0] : [b, a, 1];
  const has = runs.map(({ inA, inB }) => (wholeA ? inB : inA));
  const same = has.every((there) => there);
  if (same || has.every((there) => !there)) {
    const all = { ...unitsOf(y.size * bytesPerElement(y.dtype), y.device.capabilities), slope, swap };
    binaryKernel.launch({ a: whole, b: small, y }, all, { ...key, MODE: same ? 0 : 1 });
  } else if (runs.length <= 3) {
    const [n0, n1, n2] = lastOf(runs, 3).map(({ extent }) => extent);
    const [b0, b1, b2] = stridesOf(lastOf(runs, 3).map(({ extent, inA, inB }) => ((wholeA ? inB : inA) ? extent : 0)));
    const shares = n2 % 4 === 0 && shareRows([n0, n1, n2 / 4], y.device.capabilities);
    if (shares) {
      const all = { rows: n0 * n1, n1, n2: n2 / 4, span: shares.span, slope, swap };
      const tensors = { a: whole, b: small, y };
      const rowKey = { OP: key.OP, WG: shares.workgroup };
      if (b2 === 0) perRowKernel.launch(tensors, { ...all, b0, b1 }, rowKey);
      else rowsKernel.launch(tensors, { ...all, b0: b0 / 4, b1: b1 / 4 }, rowKey);
      return;
    }
    const mode = n2 % 4 !== 0 ? 2 : b2;
    expandKernel.launch({ a: whole, b: small, y }, { ...params, swap, n1, n2, b0, b1, b2 }, { ...key, MODE: mode });
  } else {
    stridedKernel.launch({ a, b, y }, { ...params, ...strideParams(name, a.shape, b.shape, runs) }, key);
  }
}

/**
 * The shape that `a` and `b` broadcast to, by NumPy's rule.
 *
 * @throws ShapeError when an axis has two extents and neither is 1
 */
export function broadcastShape(name: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const p = a[axis - rank + a.length] ?? 1;
    const q = b[axis - rank + b.length] ?? 1;
    if (p !== q && p !== 1 && q !== 1) {
      throw new ShapeError(
        `${name}: shapes [${a}] and [${b}] do not broadcast: axis ${axis} of the result has extents ${p} and ${q}. ` +
          'Expected equal extents, or 1 in one of them; reshape or permute an input.',
      );
    }
    return Math.max(p, q);
  });
}

interface Run {
  extent: number;
  inA: boolean;
  inB: boolean;
}

const MAX_RUNS = 5;

/** Runs with extents of 1 put before them, up to `count`. */
function lastOf(runs: readonly Run[], count: number): Run[] {
  const filler = Array.from({ length: count - runs.length }, () => ({ extent: 1, inA: true, inB: true }));
  return [...filler, ...runs];
}

/** @throws LimitError where the axes present in a and b alternate too often */
function strideParams(name: string, a: Shape, b: Shape, runs: readonly Run[]) {
  if (runs.length > MAX_RUNS) {
    throw new LimitError(
      `${name}: the broadcast of [${a}] and [${b}] alternates over more than ${MAX_RUNS} groups of axes. ` +
        'Expand one input first with broadcastTo().',
    );
  }
  const padded = lastOf(runs, MAX_RUNS);
  const [n0, n1, n2, n3, n4] = padded.map(({ extent }) => extent);
  const [a0, a1, a2, a3, a4] = stridesOf(padded.map(({ extent, inA }) => (inA ? extent : 0)));
  const [b0, b1, b2, b3, b4] = stridesOf(padded.map(({ extent, inB }) => (inB ? extent : 0)));
  return { n0, n1, n2, n3, n4, a0, a1, a2, a3, a4, b0, b1, b2, b3, b4 };
}

/** Neighbouring axes that are present or broadcast alike, as one; axes of extent 1 vanish. */
function mergeAxes(a: Shape, b: Shape, y: Shape): Run[] {
  const runs: Run[] = [];
  y.forEach((extent, axis) => {
    if (extent === 1) return;
    const inA = (a[axis - y.length + a.length] ?? 1) === extent;
    const inB = (b[axis - y.length + b.length] ?? 1) === extent;
    const last = runs.at(-1);
    if (last && last.inA === inA && last.inB === inB) last.extent *= extent;
    else runs.push({ extent, inA, inB });
  });
  return runs.length > 0 ? runs : [{ extent: 1, inA: true, inB: true }];
}

/** Row-major strides over the axes that are present (extent > 0); broadcast axes get 0. */
function stridesOf(extents: readonly number[]): number[] {
  const strides = new Array<number>(extents.length).fill(0);
  let stride = 1;
  for (let axis = extents.length - 1; axis >= 0; axis--) {
    if (extents[axis] === 0) continue;
    strides[axis] = stride;
    stride *= extents[axis];
  }
  return strides;
}
