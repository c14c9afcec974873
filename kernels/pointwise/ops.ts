import {
  customGradient,
  type DType,
  defineOp,
  empty,
  type Op,
  ShapeError,
  type Tensor,
  type TensorSpec,
  useArithmetic,
} from '../../engine/index.ts';
import { type Binary, binary, SAME, unary } from './define.ts';
import { roundToRef } from './reference.ts';
import { launchCast, launchFill } from './unary.ts';

const addOp: Binary = binary('add', (a, b) => a + b, {
  backward: ({ dy }) => ({ da: dy, db: dy }),
  samples: [
    ...SAME,
    { inputs: { a: [2, 3, 4, 4], b: [1] } },
    { inputs: { a: [2, 3, 4, 4], b: [3, 1, 1] } },
    { inputs: { a: [2, 3, 5, 3], b: [3, 1, 1] } },
    { inputs: { a: [4, 1, 3], b: [1, 5, 3] } },
    { inputs: { a: [1], b: [2, 3] } },
    { inputs: { a: [2, 1, 3, 1, 5], b: [1, 2, 1, 4, 1] } },
    { inputs: { a: [6, 8], b: [8] } },
    { inputs: { a: [2, 1, 3, 4], b: [2, 5, 3, 4] } },
    { inputs: { a: [7, 5], b: [3, 7, 5] }, dtypes: ['f32'] },
    { inputs: { a: [2, 3, 13, 20], b: [3, 1, 1] } }, // workgroups along rows
    { inputs: { a: [3, 1, 1100], b: [2, 3, 5, 1100] } },
    { inputs: { a: [133, 1031], b: [133, 1031] } }, // enough for several units a thread
    { inputs: { a: [4194304], b: [4194304] }, bench: '4M' },
    { inputs: { a: [1, 64, 256, 256], b: [64, 1, 1] }, bench: 'bias of 64 planes of 256²' },
    { inputs: { a: [4096, 1024], b: [1024] }, bench: 'bias of rows' },
    { inputs: { a: [1, 64, 255, 255], b: [64, 1, 1] }, bench: 'bias of 64 planes of 255²' },
  ],
});
const subOp: Binary = binary('sub', (a, b) => a - b, {
  samples: [...SAME, { inputs: { a: [3, 1], b: [2, 3, 8] } }, { inputs: { a: [1], b: [5] } }],
  backward: ({ dy }, needs) => ({ da: dy, db: needs.b ? neg(dy) : undefined }),
});
const mulOp: Binary = binary('mul', (a, b) => a * b, {
  saves: ['a', 'b'],
  backward: ({ a, b, dy }, needs) => ({ da: needs.a ? mul(dy, b) : undefined, db: needs.b ? mul(dy, a) : undefined }),
  samples: [...SAME, { inputs: { a: [2, 3, 4, 4], b: [2, 3, 1, 1] } }, { inputs: { a: [5, 1], b: [1, 6] } }],
});
const divOp: Binary = binary('div', (a, b) => a / b, {
  saves: ['b', 'y'],
  backward: ({ b, y, dy }, needs) => {
    const da = div(dy, b);
    return { da, db: needs.b ? neg(mul(da, y)) : undefined };
  },
  samples: [
    { inputs: { a: [3, 5, 7], b: { shape: [3, 5, 7], kind: 'positive' } } },
    { inputs: { a: [3, 5], b: { shape: [5], kind: 'positive' } } },
  ],
});
const maximumOp: Binary = binary('maximum', (a, b) => Math.max(a, b), {
  saves: ['a', 'b'],
  backward: ({ a, b, dy }, needs) => split(dy, greater(a, b), needs),
});
const minimumOp: Binary = binary('minimum', (a, b) => Math.min(a, b), {
  saves: ['a', 'b'],
  backward: ({ a, b, dy }, needs) => split(dy, greater(b, a), needs),
});
/** dy where the mask is 1 to `a`, the rest to `b` (ties to `b`). */
function split(dy: Tensor, mask: Tensor, needs: { readonly a: boolean; readonly b: boolean }) {
  const da = mul(dy, mask);
  return { da, db: needs.b ? sub(dy, da) : undefined };
}

// Gradients of activations as ops of (dy, y), so that they can be differentiated again.
const leakyReluGradOp: Binary = binary('leakyReluGrad', (dy, y, slope) => (y > 0 ? dy : slope * dy), {
  saves: ['b'],
  backward: ({ b, dy }, _, slope) => ({ da: leakyReluGradOp({ a: dy, b }, { slope }).y }),
  samples: [{ inputs: { a: [3, 5, 7], b: { shape: [3, 5, 7], kind: 'away', from: [0] } }, attrs: { slope: 0.2 } }],
});
const tanhGradOp: Binary = binary('tanhGrad', (dy, y) => dy * (1 - y * y), {
  saves: ['a', 'b'],
  backward: ({ a, b, dy }, needs) => ({
    da: tanhGradOp({ a: dy, b }).y,
    db: needs.b ? affine(mul(mul(dy, a), b), { scale: -2 }) : undefined,
  }),
});
const sigmoidGradOp: Binary = binary('sigmoidGrad', (dy, y) => dy * y * (1 - y), {
  saves: ['a', 'b'],
  backward: ({ a, b, dy }, needs) => ({
    da: sigmoidGradOp({ a: dy, b }).y,
    db: needs.b ? mul(mul(dy, a), affine(b, { scale: -2, shift: 1 })) : undefined,
  }),
});
const greaterOp: Binary = binary('greater', (a, b) => (a > b ? 1 : 0), { backward: () => ({}) });
const equalOp: Binary = binary('equal', (a, b) => (a === b ? 1 : 0), { backward: () => ({}) });

const shape = [3, 5, 7];
const affineOp = unary('affine', (x, { a, b }) => a * x + b, {
  backward: ({ dy }, { a }) => affine(dy, { scale: a }),
  samples: [{ inputs: { x: shape }, attrs: { a: -1.5, b: 0.25 } }],
});
const reluOp = unary('relu', (x) => Math.max(x, 0), {
  saves: ['y'],
  backward: ({ y, dy }) => leakyReluGradOp({ a: dy, b: y }).y,
  samples: [
    { inputs: { x: { shape, kind: 'away', from: [0] } } },
    { inputs: { x: { shape: [133, 1031], kind: 'away', from: [0] } } },
    { inputs: { x: [4194304] }, bench: '4M' },
  ],
});
const leakyReluOp = unary('leakyRelu', (x, { a }) => (x > 0 ? x : a * x), {
  saves: ['x'],
  backward: ({ x, dy }, { a }) => leakyReluGradOp({ a: dy, b: x }, { slope: a }).y,
  samples: [
    { inputs: { x: { shape, kind: 'away', from: [0] } }, attrs: { a: 0.2 } },
    { inputs: { x: { shape, kind: 'away', from: [0] } }, attrs: { a: -0.5 } },
  ],
});
const tanhOp = unary('tanh', Math.tanh, {
  saves: ['y'],
  backward: ({ y, dy }) => tanhGradOp({ a: dy, b: y }).y,
  samples: [{ inputs: { x: shape } }, { inputs: { x: { shape, scale: 40 } }, dtypes: ['f32'] }],
  roundings: 64,
});
const sigmoidOp = unary('sigmoid', (x) => 1 / (1 + Math.exp(-x)), {
  saves: ['y'],
  backward: ({ y, dy }) => sigmoidGradOp({ a: dy, b: y }).y,
  samples: [
    { inputs: { x: [4194304] }, bench: '4M' },
    { inputs: { x: shape } },
    { inputs: { x: { shape, scale: 40 } }, dtypes: ['f32'] },
  ],
  roundings: 64,
});
const expOp = unary('exp', Math.exp, {
  saves: ['y'],
  backward: ({ y, dy }) => mul(dy, y),
  samples: [{ inputs: { x: shape } }],
  roundings: 64,
});
const logOp = unary('log', Math.log, {
  saves: ['x'],
  backward: ({ x, dy }) => div(dy, x),
  samples: [{ inputs: { x: { shape, kind: 'positive' } } }],
  roundings: 64,
});
const sqrtOp = unary('sqrt', Math.sqrt, {
  saves: ['y'],
  backward: ({ y, dy }) => affine(div(dy, y), { scale: 0.5 }),
  samples: [{ inputs: { x: { shape, kind: 'positive' } } }],
});
const rsqrtOp = unary('rsqrt', (x) => 1 / Math.sqrt(x), {
  saves: ['x', 'y'],
  backward: ({ x, y, dy }) => affine(mul(dy, div(y, x)), { scale: -0.5 }),
  samples: [{ inputs: { x: { shape, kind: 'positive' } } }],
});
const absOp = unary('abs', Math.abs, {
  saves: ['x'],
  backward: ({ x, dy }) => mul(dy, sign(x)),
  samples: [{ inputs: { x: { shape, kind: 'away', from: [0] } } }],
});
const signOp = unary('sign', Math.sign, {
  backward: ({ dy }) => affine(dy, { scale: 0 }),
  samples: [{ inputs: { x: { shape, kind: 'away', from: [0] } } }],
});
const insideOp = unary('inside', (x, { a, b }) => (x >= a && x <= b ? 1 : 0), {
  backward: ({ dy }) => affine(dy, { scale: 0 }),
  samples: [{ inputs: { x: { shape, kind: 'away', from: [-0.5, 0.7] } }, attrs: { a: -0.5, b: 0.7 } }],
});
const clampOp = unary('clamp', (x, { a, b }) => Math.min(Math.max(x, a), b), {
  saves: ['x'],
  backward: ({ x, dy }, { a, b }) => mul(dy, insideOp({ x }, { a, b }).y),
  samples: [{ inputs: { x: { shape, kind: 'away', from: [-0.5, 0.7] } }, attrs: { a: -0.5, b: 0.7 } }],
});
const powOp = unary('pow', (x, { a }) => x ** a, {
  saves: ['x'],
  backward: ({ x, dy }, { a }) => affine(mul(dy, pow(x, a - 1)), { scale: a }),
  samples: [
    { inputs: { x: shape }, attrs: { a: 2 } },
    { inputs: { x: { shape, kind: 'away', from: [0] } }, attrs: { a: 3 } },
    { inputs: { x: { shape, kind: 'positive' } }, attrs: { a: -1.5 } },
    { inputs: { x: { shape, kind: 'positive' } }, attrs: { a: 0.5 } },
  ],
  roundings: 64,
});
const siluOp = unary('silu', (x) => x / (1 + Math.exp(-x)), {
  saves: ['x'],
  backward: ({ x, dy }) => {
    const s = sigmoid(x);
    return mul(dy, add(s, sigmoidGradOp({ a: x, b: s }).y));
  },
  samples: [{ inputs: { x: shape } }],
  roundings: 64,
});
const softplusOp = unary('softplus', (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), {
  saves: ['x'],
  backward: ({ x, dy }) => mul(dy, sigmoid(x)),
  samples: [{ inputs: { x: shape } }],
  roundings: 64,
});

const roundToOp = unary('roundTo', (x, { a }) => roundToRef(x, a), {
  samples: [
    { inputs: { x: shape }, attrs: { a: 0.25, b: 4 } },
    { inputs: { x: { shape: [1029], scale: 1e-3 } }, attrs: { a: 2 ** -14, b: 2 ** 14 }, dtypes: ['f32'] },
  ],
});

/** a + b with NumPy broadcasting. Shapes [..] and [..] → their broadcast. @throws ShapeError when they do not broadcast */
export const add = (a: Tensor, b: Tensor): Tensor => addOp({ a, b }).y;
/** a − b, broadcast; see `add`. */
export const sub = (a: Tensor, b: Tensor): Tensor => subOp({ a, b }).y;
/** a · b elementwise, broadcast; see `add`. */
export const mul = (a: Tensor, b: Tensor): Tensor => mulOp({ a, b }).y;
/** a / b elementwise, broadcast; see `add`. */
export const div = (a: Tensor, b: Tensor): Tensor => divOp({ a, b }).y;
/** Elementwise maximum; at a tie the gradient goes to b. */
export const maximum = (a: Tensor, b: Tensor): Tensor => maximumOp({ a, b }).y;
/** Elementwise minimum; at a tie the gradient goes to b. */
export const minimum = (a: Tensor, b: Tensor): Tensor => minimumOp({ a, b }).y;
/** 1 where a > b, else 0; no gradient flows. */
export const greater = (a: Tensor, b: Tensor): Tensor => greaterOp({ a, b }).y;
/** 1 where a = b, else 0; no gradient flows. */
export const equal = (a: Tensor, b: Tensor): Tensor => equalOp({ a, b }).y;
/** scale · x + shift. */
export const affine = (x: Tensor, { scale = 1, shift = 0 }: { scale?: number; shift?: number }): Tensor =>
  affineOp({ x }, { a: scale, b: shift }).y;
/** −x. */
export const neg = (x: Tensor): Tensor => affine(x, { scale: -1 });
/** max(x, 0). */
export const relu = (x: Tensor): Tensor => reluOp({ x }).y;
/** x where positive, slope · x elsewhere. */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor => leakyReluOp({ x }, { a: slope }).y;
export const tanh = (x: Tensor): Tensor => tanhOp({ x }).y;
/** 1 / (1 + e^−x), without overflow at either end. */
export const sigmoid = (x: Tensor): Tensor => sigmoidOp({ x }).y;
export const exp = (x: Tensor): Tensor => expOp({ x }).y;
/** Natural logarithm. */
export const log = (x: Tensor): Tensor => logOp({ x }).y;
export const sqrt = (x: Tensor): Tensor => sqrtOp({ x }).y;
/** 1 / sqrt(x). */
export const rsqrt = (x: Tensor): Tensor => rsqrtOp({ x }).y;
export const abs = (x: Tensor): Tensor => absOp({ x }).y;
/** −1, 0 or 1; no gradient flows. */
export const sign = (x: Tensor): Tensor => signOp({ x }).y;
/** x limited to [min, max]; the gradient is 1 inside and on the bounds, as in PyTorch. */
export const clamp = (x: Tensor, min: number, max: number): Tensor => clampOp({ x }, { a: min, b: max }).y;
/** x^exponent for one number as exponent. Negative x need an integer exponent. */
export const pow = (x: Tensor, exponent: number): Tensor => powOp({ x }, { a: exponent }).y;
/** x². */
export const square = (x: Tensor): Tensor => pow(x, 2);
/** x · sigmoid(x). */
export const silu = (x: Tensor): Tensor => siluOp({ x }).y;
/** log(1 + e^x), without overflow. */
export const softplus = (x: Tensor): Tensor => softplusOp({ x }).y;

/**
 * The multiple of `grid` that is nearest to x, ties to the even one. The gradient passes as if nothing were rounded, for
 * the true one is zero almost everywhere.
 *
 * @param grid  a power of two, so that nothing but the rounding itself rounds
 * @throws ShapeError for other grids
 * @see Bengio, Léonard, Courville 2013, arXiv:1308.3432, on the straight-through estimator
 */
export function roundTo(x: Tensor, grid: number): Tensor {
  checkGrid('roundTo', grid);
  if (grid === 0) return x;
  const forward = () => [roundToOp({ x }, { a: grid, b: 1 / grid }).y] as const;
  return customGradient({ name: 'roundTo', inputs: [x], forward, saves: () => [], backward: ([dy]) => [dy] })[0];
}

/** @throws ShapeError unless a grid is 0 or a power of two that has an inverse among normal numbers of f32 */
export function checkGrid(name: string, grid: number): void {
  const exponent = Math.log2(grid);
  if (grid === 0 || (Number.isInteger(exponent) && Math.abs(exponent) <= 126)) return;
  throw new ShapeError(
    `${name}: expected a grid of 0 (not rounded) or a power of two from 2^-126 to 2^126, got ${grid}. Try ${2 ** -20}.`,
  );
}

/** Gradient of relu (slope 0) and leakyRelu from their output y (slope ≥ 0): dy where y > 0, slope · dy elsewhere. */
export const leakyReluGrad = (dy: Tensor, y: Tensor, slope = 0): Tensor =>
  leakyReluGradOp({ a: dy, b: y }, { slope }).y;
/** Gradient of tanh from its output y: dy · (1 − y²). */
export const tanhGrad = (dy: Tensor, y: Tensor): Tensor => tanhGradOp({ a: dy, b: y }).y;
/** Gradient of sigmoid from its output y: dy · y · (1 − y). */
export const sigmoidGrad = (dy: Tensor, y: Tensor): Tensor => sigmoidGradOp({ a: dy, b: y }).y;

/** A tensor filled with `value`, on the device of `like`. */
export function full(like: Tensor, spec: TensorSpec, value: number): Tensor {
  const out = empty(like.device, { shape: spec.shape, dtype: spec.dtype });
  launchFill(out, value);
  return out;
}

/** Sets every element of x, in place: for buffers that no tape follows. */
export const fillInPlace = (x: Tensor, value: number): void => launchFill(x, value);

/** Zeros of the shape and type of `like`. */
export const zerosLike = (like: Tensor): Tensor => full(like, like, 0);

const castOp: Op<'x', readonly ['y'], { dtype: DType }> = defineOp({
  name: 'cast',
  inputs: ['x'],
  outputs: ['y'],
  defaults: { dtype: 'f32' as DType },
  shape: ({ x }, { dtype }) => ({ y: { shape: x.shape, dtype } }),
  forward: ({ x }, { y }) => launchCast(x, y),
  backward: ({ dy }, _, { inputs }) => ({ dx: cast(dy, inputs.x.dtype) }),
  reference: ({ x }) => ({ y: x }),
  samples: [
    { inputs: { x: shape }, attrs: { dtype: 'f16' } },
    { inputs: { x: shape }, attrs: { dtype: 'f32' } },
    { inputs: { x: [4194304] }, attrs: { dtype: 'f16' }, dtypes: ['f32'], bench: '4M, f32 to f16' },
    { inputs: { x: [4194304] }, attrs: { dtype: 'f32' }, dtypes: ['f16'], bench: '4M, f16 to f32' },
  ],
});

/** The same numbers in another storage type (f32, f16). */
export const cast = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : castOp({ x }, { dtype }).y);

useArithmetic({ add, fill: full });
