import * as d from 'typegpu/data';
import { defineKernel, LimitError, read, type Shape, ShapeError, type Tensor, write } from '../../engine/index.ts';
import { POINTWISE_WG } from './unary.ts';

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
] as const;
export type BinaryName = (typeof OPS)[number];

const u = d.u32;
const binaryKernel = defineKernel({
  name: 'pointwise.binary',
  wgsl: new URL('./binary.wgsl', import.meta.url),
  params: d
    .struct({
      ...{ count: u, size: u, slope: d.f32 },
      ...{ n0: u, n1: u, n2: u, n3: u, n4: u },
      ...{ a0: u, a1: u, a2: u, a3: u, a4: u },
      ...{ b0: u, b1: u, b2: u, b3: u, b4: u },
    })
    .$name('Params'),
  bindings: { a: read('T4'), b: read('T4'), y: write('T4') },
  keys: { OP: OPS.map((_, i) => i), MODE: [0, 1, 2, 3], WG: [POINTWISE_WG] },
  grid: (p) => Math.ceil(p.count / POINTWISE_WG),
  cost: (p, bytes, { MODE }) => ({ flops: 4 * p.count, bytes: (MODE === 0 ? 12 : 8) * p.count * bytes }),
});

/** y = f(a, b) with y's shape the broadcast of both. */
export function launchBinary(name: BinaryName, a: Tensor, b: Tensor, y: Tensor, slope = 0): void {
  const { mode, extents, aStrides, bStrides } = patternOf(name, a.shape, b.shape, y.shape);
  const [n0, n1, n2, n3, n4] = extents;
  const [a0, a1, a2, a3, a4] = aStrides;
  const [b0, b1, b2, b3, b4] = bStrides;
  const params = {
    ...{ count: Math.ceil(y.size / 4), size: y.size, slope, n0, n1, n2, n3, n4 },
    ...{ a0, a1, a2, a3, a4, b0, b1, b2, b3, b4 },
  };
  binaryKernel.launch({ a, b, y }, params, { OP: OPS.indexOf(name), MODE: mode, WG: POINTWISE_WG });
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

interface Pattern {
  mode: 0 | 1 | 2 | 3;
  extents: readonly number[];
  aStrides: readonly number[];
  bStrides: readonly number[];
}

interface Run {
  extent: number;
  inA: boolean;
  inB: boolean;
}

const MAX_RUNS = 5;
const ONES = [1, 1, 1, 1, 1];
const NO_STRIDES = { aStrides: [0, 0, 0, 0, 0], bStrides: [0, 0, 0, 0, 0] };

function patternOf(name: string, a: Shape, b: Shape, y: Shape): Pattern {
  const runs = mergeAxes(a, b, y);
  if (runs.every(({ inA }) => inA)) {
    if (runs.every(({ inB }) => inB)) return { mode: 0, extents: ONES, ...NO_STRIDES };
    if (runs.every(({ inB }) => !inB)) return { mode: 1, extents: ONES, ...NO_STRIDES };
    const [outer, middle, inner] = runs[0].inB ? [undefined, ...runs] : runs;
    const innerExtent = inner?.extent ?? 1;
    if (runs.length <= (outer ? 3 : 2) && middle && innerExtent % 4 === 0) {
      return { mode: 2, extents: [outer?.extent ?? 1, middle.extent, innerExtent, 1, 1], ...NO_STRIDES };
    }
  }
  if (runs.length > MAX_RUNS) {
    throw new LimitError(
      `${name}: the broadcast of [${a}] and [${b}] alternates over more than ${MAX_RUNS} groups of axes. ` +
        'Expand one input first with broadcastTo().',
    );
  }
  const filler: Run[] = Array.from({ length: MAX_RUNS - runs.length }, () => ({ extent: 1, inA: true, inB: true }));
  const padded = [...filler, ...runs];
  return {
    mode: 3,
    extents: padded.map(({ extent }) => extent),
    aStrides: stridesOf(padded.map(({ extent, inA }) => (inA ? extent : 0))),
    bStrides: stridesOf(padded.map(({ extent, inB }) => (inB ? extent : 0))),
  };
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
