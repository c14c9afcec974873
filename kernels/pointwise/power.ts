import type { Tensor } from '../../engine/index.ts';
import { type Binary, binary } from './define.ts';
import { affine, equal, full, greater, log, mul, zerosLike } from './ops.ts';
import { where } from './where.ts';

const base = { shape: [3, 5, 7], kind: 'positive' } as const;

const powerOp: Binary = binary('power', (a, b) => a ** b, {
  saves: ['a', 'b', 'y'],
  // da = b · a^(b−1) · dy, 0 where b = 0; db = log(a) · y · dy, 0 where a ≤ 0
  backward: ({ a, b, y, dy }, needs) => ({
    da: needs.a ? mul(dy, slopeInBase(a, b)) : undefined,
    db: needs.b ? mul(dy, mul(y, safeLog(a))) : undefined,
  }),
  samples: [
    { inputs: { a: base, b: [3, 5, 7] } },
    { inputs: { a: base, b: [5, 1] } },
    { inputs: { a: { shape: [7], kind: 'positive' }, b: [3, 5, 7] } },
  ],
  // exp2(b · log2(a)): the product carries log2's error, multiplied by |b · log2(a)|, up to 8 in these samples
  roundings: 64,
});

function slopeInBase(a: Tensor, b: Tensor): Tensor {
  const zeros = zerosLike(b);
  return where(equal(b, zeros), full(b, { shape: [1], dtype: b.dtype }, 0), mul(b, power(a, affine(b, { shift: -1 }))));
}

function safeLog(a: Tensor): Tensor {
  const zeros = zerosLike(a);
  return where(greater(a, zeros), log(a), zeros);
}

/**
 * a^b elementwise, with NumPy broadcasting. Negative a need an integer b, and 0^0 is 1. The gradient in a is 0 where
 * b is 0, the gradient in b is 0 where a is not positive.
 *
 * @throws ShapeError when the shapes do not broadcast
 */
export const power = (a: Tensor, b: Tensor): Tensor => powerOp({ a, b }).y;
