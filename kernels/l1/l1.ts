/** How far two tensors are apart, element by element. */
import * as d from 'typegpu/data';
import {
  bytesPerElement,
  defineKernel,
  defineOp,
  empty,
  type Op,
  read,
  ShapeError,
  scope,
  sizeOf,
  type Tensor,
  type TensorSpec,
  write,
} from '../../engine/index.ts';
import { lanesFor, perLanes } from '../lib/lanes.ts';
import { affine, cast, mul, sign, sub } from '../pointwise/ops.ts';
import { unitGrid, unitsOf } from '../pointwise/unary.ts';
import { launchSum } from '../reduce/launch.ts';
import { reshape, sum } from '../reduce/sum.ts';
import { l1GradientRef, l1Ref } from './reference.ts';

const WG = 256;

const sumKernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `l1.sums${suffix}`,
    wgsl: new URL('./l1.wgsl', import.meta.url),
    lib: [lib, new URL('../lib/workgroup-sum.wgsl', import.meta.url)],
    params: d.struct({ count: d.u32, slots: d.u32, span: d.u32, scale: d.f32 }).$name('Params'),
    bindings: { a: read(T), b: read(T), partial: write('f32') },
    keys: { WG: [WG] },
    grid: (p) => p.slots,
    cost: (p, bytes) => ({ flops: 3 * lanes * p.count, bytes: 2 * lanes * p.count * bytes + 4 * p.slots }),
  }),
);

const gradientKernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `l1.gradient${suffix}`,
    wgsl: new URL('./gradient.wgsl', import.meta.url),
    lib: [lib],
    params: d.struct({ count: d.u32, span: d.u32, scale: d.f32 }).$name('Params'),
    bindings: { a: read(T), b: read(T), g: read('f32'), y: write(T) },
    keys: { WG: [WG] },
    grid: unitGrid,
    cost: (p, bytes) => ({ flops: 3 * lanes * p.count, bytes: 3 * lanes * p.count * bytes }),
  }),
);

/** Vectors of a workgroup: a few of each thread, and slots enough to fill a device. */
const SLOT_VECTORS = 4096;
const MOST_SLOTS = 1024;

function launchL1(a: Tensor, b: Tensor, y: Tensor, scale: number): void {
  const lanes = lanesFor(a.size);
  const count = a.size / lanes;
  const span = Math.ceil(count / Math.min(MOST_SLOTS, Math.ceil(count / SLOT_VECTORS)));
  const slots = Math.ceil(count / span);
  const launch = (partial: Tensor, factor: number) =>
    sumKernels[lanes].launch({ a, b, partial }, { count, slots, span, scale: factor }, { WG });
  if (slots === 1) {
    launch(y, scale);
    return;
  }
  scope(() => {
    const partial = empty(y.device, { shape: [slots], dtype: 'f32' });
    launch(partial, 1);
    launchSum(partial, y, { outer: 1, length: slots, inner: 1 }, scale);
  });
}

function checkSame(name: string, a: TensorSpec, b: TensorSpec): void {
  if (a.shape.join() === b.shape.join() && a.dtype === b.dtype) return;
  throw new ShapeError(
    `${name}: expected two tensors of one shape and storage type, got ${a.dtype} [${a.shape}] and ${b.dtype} [${b.shape}]. ` +
      'Broadcast or convert one.',
  );
}

interface Scaled {
  scale: number;
}

const distanceOp: Op<'a' | 'b', readonly ['y'], Scaled> = defineOp({
  name: 'l1',
  inputs: ['a', 'b'],
  outputs: ['y'],
  defaults: { scale: 1 },
  shape: ({ a, b }) => {
    checkSame('l1', a, b);
    return { y: { shape: [], dtype: 'f32' } };
  },
  forward: ({ a, b }, { y }, { scale }) => launchL1(a, b, y, scale),
  saves: ['a', 'b'],
  // |x|′ = sign x, 0 at 0 as in PyTorch
  backward: ({ a, b, dy }, { scale }, { needs }) => {
    const g = cast(dy, 'f32');
    return {
      da: needs.a ? gradientOp({ a, b, g }, { scale }).y : undefined,
      db: needs.b ? gradientOp({ a: b, b: a, g }, { scale }).y : undefined,
    };
  },
  reference: ({ a, b }, { scale }) => ({ y: l1Ref(a, b, scale) }),
  reduction: ({ a }) => sizeOf(a.shape),
  samples: [
    { inputs: { a: [3, 5, 7], b: [3, 5, 7] }, attrs: { scale: 1 / 105 }, gradient: false },
    { inputs: { a: { shape: [3, 5, 8], offset: 3, scale: 0.3 }, b: { shape: [3, 5, 8], scale: 0.3 } } },
    { inputs: { a: { shape: [33], offset: -3, scale: 0.3 }, b: { shape: [33], scale: 0.3 } }, attrs: { scale: 2 } },
    { inputs: { a: [5, 4003], b: [5, 4003] }, attrs: { scale: 1e-2 }, dtypes: ['f32'], gradient: false },
    { inputs: { a: [1, 64, 256, 256], b: [1, 64, 256, 256] }, bench: '64 planes of 256²' },
  ],
});

const gradientOp: Op<'a' | 'b' | 'g', readonly ['y'], Scaled> = defineOp({
  name: 'l1Gradient',
  inputs: ['a', 'b', 'g'],
  outputs: ['y'],
  defaults: { scale: 1 },
  shape: ({ a, b, g }) => {
    checkSame('l1Gradient', a, b);
    if (sizeOf(g.shape) !== 1) throw new ShapeError(`l1Gradient: expected g to be one number, got [${g.shape}].`);
    return { y: a };
  },
  forward: ({ a, b, g }, { y }, { scale }) => {
    const lanes = lanesFor(a.size);
    const { span } = unitsOf(a.size * bytesPerElement(a.dtype), a.device.capabilities);
    gradientKernels[lanes].launch({ a, b, g, y }, { count: a.size / lanes, span, scale }, { WG });
  },
  saves: ['a', 'b'],
  // signs are steps
  backward: ({ a, b, dy }, { scale }, { needs, inputs: { g } }) => ({
    dg: needs.g ? reshape(affine(sum(mul(dy, sign(sub(a, b))), { dtype: 'f32' }), { scale }), g.shape) : undefined,
  }),
  reference: ({ a, b, g }, { scale }) => ({ y: l1GradientRef(a, b, g, scale) }),
  reduction: ({ a }) => sizeOf(a.shape),
  samples: [
    { inputs: { a: [3, 5, 7], b: [3, 5, 7], g: [1] }, attrs: { scale: 0.5 }, dtypes: ['f32'], gradient: false },
    {
      inputs: { a: { shape: [3, 8], offset: 3, scale: 0.3 }, b: { shape: [3, 8], scale: 0.3 }, g: [] },
      dtypes: ['f32'],
    },
  ],
});

/**
 * mean |a − b|, in one pass over both; gradients of 0 where they are equal. f32, whatever the storage type.
 *
 * @param a, b  of one shape and storage type
 * @returns     a scalar [], f32
 * @throws ShapeError when they differ in shape or type
 */
export const l1 = (a: Tensor, b: Tensor): Tensor => distanceOp({ a, b }, { scale: 1 / a.size }).y;
