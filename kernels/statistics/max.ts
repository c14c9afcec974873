import * as d from 'typegpu/data';
import {
  defineKernel,
  defineOp,
  empty,
  LimitError,
  type Op,
  optional,
  read,
  type Shape,
  sizeOf,
  type Tensor,
  write,
} from '../../engine/index.ts';
import { launchFill } from '../pointwise/unary.ts';
import { normalizeAxes, type Run, reducedShape, runsOf } from '../reduce/axes.ts';
import { reshape, type SumOptions } from '../reduce/sum.ts';
import { argmaxRef, maxRef, scatterRef } from './reference.ts';

const u = d.u32;
const WG = 64;

const maxKernel = defineKernel({
  name: 'statistics.max',
  wgsl: new URL('./max.wgsl', import.meta.url),
  params: d.struct({ outer: u, length: u, inner: u, segments: u }).$name('Params'),
  bindings: { x: read('T'), places: optional(read('u32'), 'PAIRS'), y: write('U'), found: write('u32') },
  keys: { PAIRS: [0, 1], WG: [WG] },
  grid: (p) => Math.ceil((p.outer * p.segments * p.inner) / WG),
  cost: (p, bytes) => {
    const values = p.outer * p.length * p.inner;
    return { flops: values, bytes: values * bytes };
  },
});

/** The longest run that one thread looks through. */
const CHAIN = 64;

/**
 * Maxima of x over `axes` (sorted) and their places in x. Runs of axes are reduced one after the other, the last first,
 * long ones in several passes.
 */
function launchMax(x: Tensor, y: Tensor, places: Tensor, axes: readonly number[]): void {
  const { device } = x;
  const passes = passesOf(x.shape, axes, device.capabilities.software ? 1024 : 65536);
  let from: { values: Tensor; places: Tensor } | undefined;
  passes.forEach(({ run, segments }, i) => {
    const shape = [run.outer * segments * run.inner];
    const last = i === passes.length - 1;
    const to = last
      ? { values: y, places }
      : { values: empty(device, { shape, dtype: 'f32' }), places: empty(device, { shape, dtype: 'u32' }) };
    maxKernel.launch(
      { x: from?.values ?? x, places: from?.places, y: to.values, found: to.places },
      { ...run, segments },
      { PAIRS: from ? 1 : 0, WG },
    );
    from?.values.dispose();
    from?.places.dispose();
    from = to;
  });
}

function passesOf(shape: Shape, axes: readonly number[], wantedThreads: number): { run: Run; segments: number }[] {
  const passes: { run: Run; segments: number }[] = [];
  let current = shape;
  // without axes one pass copies, so that the places are written
  const runs = axes.length > 0 ? runsOf(axes) : [[shape.length, shape.length] as const];
  for (const [start, end] of runs) {
    const outer = sizeOf(current.slice(0, start));
    const inner = sizeOf(current.slice(end));
    for (let length = sizeOf(current.slice(start, end)), segments = 0; segments !== 1; length = segments) {
      const wanted = Math.min(Math.ceil(wantedThreads / (outer * inner)), Math.ceil(length / 8));
      segments = Math.max(wanted, Math.ceil(length / CHAIN));
      passes.push({ run: { outer, length, inner }, segments });
    }
    current = current.map((n, axis) => (axis >= start && axis < end ? 1 : n));
  }
  return passes;
}

const scatterKernel = defineKernel({
  name: 'statistics.scatter',
  wgsl: new URL('./scatter.wgsl', import.meta.url),
  params: d.struct({ count: u }).$name('Params'),
  bindings: { dy: read('T'), places: read('u32'), dx: write('T') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil(p.count / WG),
  cost: (p, bytes) => ({ flops: 0, bytes: p.count * (2 * bytes + 4) }),
});

const scatterOp: Op<'dy' | 'places', readonly ['dx'], { shape: Shape }> = defineOp({
  name: 'scatterPlaces',
  inputs: ['dy', 'places'],
  outputs: ['dx'],
  defaults: { shape: [] as Shape },
  shape: ({ dy }, { shape }) => ({ dx: { shape, dtype: dy.dtype } }),
  forward: ({ dy, places }, { dx }) => {
    launchFill(dx, 0);
    scatterKernel.launch({ dy, places, dx }, { count: dy.size }, { WG });
  },
  reference: ({ dy, places }, { shape }) => ({ dx: scatterRef(dy, places, shape) }),
  samples: [{ inputs: { dy: [1], places: { shape: [1], kind: 'label', below: 35 } }, attrs: { shape: [5, 7] } }],
});

const maxOp: Op<'x', readonly ['y', 'places'], { axes: readonly number[] }> = defineOp({
  name: 'max',
  inputs: ['x'],
  outputs: ['y', 'places'],
  defaults: { axes: [] as readonly number[] },
  shape: ({ x }, { axes }) => {
    const shape = reducedShape(x.shape, axes, true);
    return { y: { shape, dtype: x.dtype }, places: { shape, dtype: 'u32' } };
  },
  forward: ({ x }, { y, places }, { axes }) => launchMax(x, y, places, axes),
  saves: ['places'],
  // dy goes to the largest element, the first of equal ones
  backward: ({ dy, places }, _, { inputs }) => ({ dx: scatterOp({ dy, places }, { shape: inputs.x.shape }).dx }),
  reference: ({ x }, { axes }) => ({ y: maxRef(x, axes).y }),
  samples: [
    { inputs: { x: { shape: [3, 5, 7], kind: 'distinct' } }, attrs: { axes: [1] } },
    { inputs: { x: { shape: [3, 5, 7], kind: 'distinct' } }, attrs: { axes: [0, 2] } },
    { inputs: { x: { shape: [2, 3, 2, 3, 2], kind: 'distinct' } }, attrs: { axes: [0, 2, 4] } },
    { inputs: { x: { shape: [4000], kind: 'distinct' } }, attrs: { axes: [0] }, dtypes: ['f32'] }, // several passes
    { inputs: { x: { shape: [1], offset: -5 } }, attrs: { axes: [0] } },
    { inputs: { x: [4194304] }, attrs: { axes: [0] }, bench: '4M' },
    { inputs: { x: [16, 64, 4096] }, attrs: { axes: [1] }, bench: 'middle axis' },
  ],
});

const indexKernel = defineKernel({
  name: 'statistics.index',
  wgsl: new URL('./index.wgsl', import.meta.url),
  params: d
    .struct({ count: u, ...{ n0: u, n1: u, n2: u, n3: u, n4: u }, ...{ i0: u, i1: u, i2: u, i3: u, i4: u } })
    .$name('Params'),
  bindings: { places: read('u32'), y: write('u32') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil(p.count / WG),
  cost: (p) => ({ flops: 0, bytes: 8 * p.count }),
});

const argmaxOp: Op<'x', readonly ['y'], { axes: readonly number[] }> = defineOp({
  name: 'argmax',
  inputs: ['x'],
  outputs: ['y'],
  defaults: { axes: [] as readonly number[] },
  shape: ({ x }, { axes }) => {
    indexParams(x.shape, axes);
    return { y: { shape: reducedShape(x.shape, axes, true), dtype: 'u32' } };
  },
  forward: ({ x }, { y }, { axes }) => {
    const values = empty(x.device, { shape: y.shape, dtype: 'f32' });
    const places = empty(x.device, y);
    launchMax(x, values, places, axes);
    indexKernel.launch({ places, y }, { count: y.size, ...indexParams(x.shape, axes) }, { WG });
    for (const tensor of [values, places]) tensor.dispose();
  },
  reference: ({ x }, { axes }) => ({ y: argmaxRef(x, axes) }),
  samples: [
    { inputs: { x: { shape: [3, 5, 7], kind: 'distinct' } }, attrs: { axes: [1] } },
    { inputs: { x: { shape: [3, 5, 7], kind: 'distinct' } }, attrs: { axes: [0, 2] } },
    { inputs: { x: { shape: [300, 40], kind: 'label', below: 3 } }, attrs: { axes: [0, 1] } }, // ties
    { inputs: { x: { shape: [4, 9], kind: 'label', below: 2 } }, attrs: { axes: [1] } },
  ],
});

/** Neighbouring axes that are kept or reduced alike, as one; the strides of the index in the reduced ones. */
function indexParams(shape: Shape, axes: readonly number[]) {
  const merged: { extent: number; reduced: boolean }[] = [];
  shape.forEach((extent, axis) => {
    const reduced = axes.includes(axis);
    const last = merged.at(-1);
    if (last && last.reduced === reduced) last.extent *= extent;
    else merged.push({ extent, reduced });
  });
  if (merged.length > 5) {
    throw new LimitError(
      `argmax: axes [${axes}] of [${shape}] alternate with kept axes more than five times. Reshape or permute x first.`,
    );
  }
  while (merged.length < 5) merged.unshift({ extent: 1, reduced: false });
  const strides = new Array<number>(5).fill(0);
  for (let axis = 4, stride = 1; axis >= 0; axis--) {
    if (!merged[axis].reduced) continue;
    strides[axis] = stride;
    stride *= merged[axis].extent;
  }
  const [n0, n1, n2, n3, n4] = merged.map(({ extent }) => extent);
  const [i0, i1, i2, i3, i4] = strides;
  return { n0, n1, n2, n3, n4, i0, i1, i2, i3, i4 };
}

/**
 * The largest element over any axes. At a tie the gradient goes to the first.
 *
 * @param x  any rank, f32 or f16, without NaN
 * @returns  the shape of x without `axes`, or with them at 1
 * @throws ShapeError when an axis is out of range or given twice
 */
export function max(x: Tensor, options: SumOptions = {}): Tensor {
  const axes = normalizeAxes('max', x.shape, options.axes);
  return reshape(maxOp({ x }, { axes }).y, reducedShape(x.shape, axes, options.keepdims ?? false));
}

/**
 * The index of the largest element among `axes`, counted row-major over them; the lowest at a tie.
 *
 * @param x  any rank, f32 or f16, without NaN
 * @returns  u32, the shape of x without `axes`, or with them at 1
 * @throws ShapeError when an axis is out of range or given twice
 * @throws LimitError when reduced and kept axes alternate more than five times
 */
export function argmax(x: Tensor, options: SumOptions = {}): Tensor {
  const axes = normalizeAxes('argmax', x.shape, options.axes);
  return reshape(argmaxOp({ x }, { axes }).y, reducedShape(x.shape, axes, options.keepdims ?? false));
}
