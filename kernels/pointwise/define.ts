import { defineOp, type Op, type Sample, type Tensor } from '../../engine/index.ts';
import { sumTo } from '../reduce/sum.ts';
import { type BinaryName, broadcastShape, launchBinary } from './binary.ts';
import { mapRef, zipRef } from './reference.ts';
import { launchUnary, type UnaryName } from './unary.ts';

type Scalars = { a: number; b: number };
export type Unary = Op<'x', readonly ['y'], Scalars>;
type UnaryBackward = (tensors: { x: Tensor; y: Tensor; dy: Tensor }, scalars: Scalars) => Tensor;

interface UnaryOptions {
  saves?: readonly ('x' | 'y')[];
  backward?: UnaryBackward;
  samples: readonly Sample<'x', Scalars>[];
  roundings?: number;
}

/** An op of one input and up to two numbers. `f` is the definition in float64. */
export function unary(name: UnaryName, f: (x: number, s: Scalars) => number, options: UnaryOptions): Unary {
  const { saves = [], backward } = options;
  return defineOp({
    name,
    inputs: ['x'],
    outputs: ['y'],
    defaults: { a: 0, b: 0 } as Scalars,
    shape: ({ x }) => ({ y: { shape: x.shape, dtype: x.dtype } }),
    forward: ({ x }, { y }, { a, b }) => launchUnary(name, x, y, a, b),
    saves,
    backward: backward && ((tensors, scalars) => ({ dx: backward(tensors, scalars) })),
    reference: ({ x }, scalars) => ({ y: mapRef(x, (value) => f(value, scalars)) }),
    roundings: options.roundings ?? 16,
    samples: options.samples,
  });
}

export type Binary = Op<'a' | 'b', readonly ['y'], { slope: number }>;
type BinaryBackward = (
  tensors: { a: Tensor; b: Tensor; y: Tensor; dy: Tensor },
  needs: { readonly a: boolean; readonly b: boolean },
  slope: number,
) => { da?: Tensor | undefined; db?: Tensor | undefined };

export const SAME: Sample<'a' | 'b', { slope: number }>[] = [{ inputs: { a: [3, 5, 7], b: [3, 5, 7] } }];

/** An op of two inputs that broadcast against each other. Gradients are summed back to the inputs' shapes here. */
export function binary(
  name: BinaryName,
  f: (a: number, b: number, slope: number) => number,
  options: {
    saves?: readonly ('a' | 'b' | 'y')[];
    backward?: BinaryBackward;
    samples?: readonly Sample<'a' | 'b', { slope: number }>[];
    roundings?: number;
  },
): Binary {
  const { saves = [], backward } = options;
  return defineOp({
    name,
    inputs: ['a', 'b'],
    outputs: ['y'],
    defaults: { slope: 0 },
    shape: ({ a, b }) => ({ y: { shape: broadcastShape(name, a.shape, b.shape), dtype: a.dtype } }),
    forward: ({ a, b }, { y }, { slope }) => launchBinary(name, a, b, y, slope),
    saves,
    backward:
      backward &&
      ((tensors, { slope }, { needs, inputs }) => {
        const { da, db } = backward(tensors, needs, slope);
        return {
          da: da && needs.a ? sumTo(da, inputs.a.shape) : undefined,
          db: db && needs.b ? sumTo(db, inputs.b.shape) : undefined,
        };
      }),
    reference: ({ a, b }, { slope }) => ({ y: zipRef(a, b, (p, q) => f(p, q, slope)) }),
    reduction: ({ a, b }) =>
      Math.max(
        1,
        ...[a, b].map(
          ({ shape }) =>
            broadcastShape(name, a.shape, b.shape).reduce((p, n) => p * n, 1) / shape.reduce((p, n) => p * n, 1),
        ),
      ),
    roundings: options.roundings ?? 4,
    samples: options.samples ?? SAME,
  });
}
