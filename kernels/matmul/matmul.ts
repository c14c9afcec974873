import { defineOp, type Op, type Sample, type Shape, ShapeError, type Tensor } from '../../engine/index.ts';
import { type Activation, activationGrad, activationRef, checkActivation } from '../lib/activation.ts';
import { reshape, sum } from '../reduce/sum.ts';
import { launchMatmul } from './launch.ts';
import { matmulRef } from './reference.ts';
import { checkBias, type Product, productOf } from './shapes.ts';

interface MatmulAttrs {
  /** the matrices of a lie as [k, m] */
  transposeA: boolean;
  /** the matrices of b lie as [n, k] */
  transposeB: boolean;
  /** whether the bias has one number a row or one a column */
  biasAxis: 'row' | 'column';
}
const PLAIN: MatmulAttrs = { transposeA: false, transposeB: false, biasAxis: 'column' };

const outShape = (p: Product): Shape => [...p.leading, p.m, p.n];
/** The gradients are sums over n (and batch) and m (and batch). */
const longestSum = (p: Product) =>
  Math.max(p.k, p.n * (p.aShared ? p.batch : 1), p.m * (p.bShared ? p.batch : 1), p.batch * Math.max(p.m, p.n));

const matmulOp: Op<'a' | 'b' | 'bias', readonly ['y'], MatmulAttrs> = defineOp({
  name: 'matmul',
  inputs: ['a', 'b', 'bias'],
  optional: ['bias'],
  outputs: ['y'],
  defaults: PLAIN,
  shape: ({ a, b, bias }, attrs) => {
    const product = productOf(a.shape, b.shape, attrs);
    checkBias(bias, attrs.biasAxis === 'row' ? product.m : product.n, attrs.biasAxis);
    return { y: { shape: outShape(product), dtype: a.dtype } };
  },
  forward: ({ a, b, bias }, { y }, attrs) => {
    const product = productOf(a.shape, b.shape, attrs);
    launchMatmul({ a, b, y, bias }, product, { biasByRow: attrs.biasAxis === 'row', activation: 'none', slope: 0 });
  },
  saves: ['a', 'b'],
  backward: ({ a, b, dy }, attrs, { needs }) => gradients(a, b, dy, attrs, needs),
  reference: ({ a, b, bias }, attrs) => ({
    y: matmulRef(
      a,
      b,
      productOf(a.shape, b.shape, attrs),
      (value, row, column) => value + (bias?.data[attrs.biasAxis === 'row' ? row : column] ?? 0),
    ),
  }),
  reduction: ({ a, b }, attrs) => longestSum(productOf(a.shape, b.shape, attrs)),
  samples: [
    { inputs: { a: [9, 7], b: [7, 5] } },
    { inputs: { a: [2, 3, 4, 5], b: [2, 3, 5, 33], bias: [33] } },
    { inputs: { a: [2, 6, 40], b: [2, 6, 9], bias: [40] }, attrs: { transposeA: true, biasAxis: 'row' } },
    { inputs: { a: [5, 18], b: [3, 11, 18] }, attrs: { transposeB: true } },
    { inputs: { a: [2, 19, 7], b: [2, 7, 132], bias: [19] }, attrs: { biasAxis: 'row' } },
    { inputs: { a: [2, 6, 5], b: [9, 6] }, attrs: { transposeA: true, transposeB: true } },
    { inputs: { a: [1, 1], b: [1, 1] } },
    { inputs: { a: [70, 20], b: [20, 130] }, dtypes: ['f32'] },
    { inputs: { a: [512, 512], b: [512, 512] }, bench: '512³' },
    {
      inputs: { a: [512, 512], b: [512, 512] },
      attrs: { transposeA: true, transposeB: true },
      bench: '512³, both transposed',
    },
    { inputs: { a: [500, 500], b: [500, 500] }, bench: '500³' },
    { inputs: { a: [509, 509], b: [509, 509] }, bench: '509³' },
    { inputs: { a: [32, 32], b: [32, 262144], bias: [32] }, attrs: { biasAxis: 'row' }, bench: 'cWCT at 512²' },
  ] satisfies readonly Sample<'a' | 'b' | 'bias', MatmulAttrs>[],
});

interface ActivatedAttrs extends MatmulAttrs {
  activation: Activation;
  /** of leakyRelu, at least 0 */
  slope: number;
}

/** A product with a fused activation. Apart from matmul because its gradient needs the output too. */
const activatedOp: Op<'a' | 'b' | 'bias', readonly ['y'], ActivatedAttrs> = defineOp({
  name: 'matmulActivated',
  inputs: ['a', 'b', 'bias'],
  optional: ['bias'],
  outputs: ['y'],
  defaults: { ...PLAIN, activation: 'none', slope: 0.01 } as ActivatedAttrs,
  shape: ({ a, b, bias }, attrs) => {
    const product = productOf(a.shape, b.shape, attrs);
    checkBias(bias, attrs.biasAxis === 'row' ? product.m : product.n, attrs.biasAxis);
    checkActivation('matmul', attrs.activation, attrs.slope);
    return { y: { shape: outShape(product), dtype: a.dtype } };
  },
  forward: ({ a, b, bias }, { y }, attrs) => {
    const { activation, slope, biasAxis } = attrs;
    const product = productOf(a.shape, b.shape, attrs);
    launchMatmul({ a, b, y, bias }, product, { biasByRow: biasAxis === 'row', activation, slope });
  },
  saves: ['a', 'b', 'y'],
  backward: ({ a, b, y, dy }, attrs, { needs }) =>
    gradients(a, b, activationGrad(attrs.activation, dy, y, attrs.slope), attrs, needs),
  reference: ({ a, b, bias }, attrs) => ({
    y: matmulRef(a, b, productOf(a.shape, b.shape, attrs), (value, row, column) =>
      activationRef(attrs.activation, value + (bias?.data[attrs.biasAxis === 'row' ? row : column] ?? 0), attrs.slope),
    ),
  }),
  reduction: ({ a, b }, attrs) => longestSum(productOf(a.shape, b.shape, attrs)),
  roundings: 16,
  samples: [
    { inputs: { a: [9, 7], b: [7, 5], bias: [5] }, attrs: { activation: 'relu' } },
    { inputs: { a: [9, 7], b: [7, 5], bias: [9] }, attrs: { activation: 'tanh', biasAxis: 'row' }, dtypes: ['f32'] },
  ],
});

/**
 * Gradients of A · B + bias. With A′ = A or its transpose, B′ likewise: dA′ = dy · B′ᵀ and dB′ = A′ᵀ · dy, written so that
 * they come out the way A and B lie.
 */
function gradients(
  a: Tensor,
  b: Tensor,
  dy: Tensor,
  { transposeA, transposeB, biasAxis }: MatmulAttrs,
  needs: { readonly a: boolean; readonly b: boolean; readonly bias: boolean },
) {
  const axes = dy.shape.map((_, axis) => axis);
  return {
    da: needs.a
      ? sumItems(
          transposeA
            ? product(b, dy, { transposeA: transposeB, transposeB: true })
            : product(dy, b, { transposeB: !transposeB }),
          a.shape,
        )
      : undefined,
    db: needs.b
      ? sumItems(
          transposeB
            ? product(dy, a, { transposeA: true, transposeB: transposeA })
            : product(a, dy, { transposeA: !transposeA }),
          b.shape,
        )
      : undefined,
    dbias: needs.bias
      ? sum(dy, { axes: axes.filter((axis) => axis !== axes.length - (biasAxis === 'row' ? 2 : 1)) })
      : undefined,
  };
}

const product = (a: Tensor, b: Tensor, attrs: Partial<MatmulAttrs>) => matmulOp({ a, b }, attrs).y;

/** The gradient of a matrix that the whole batch shared is the sum over the batch. */
function sumItems(gradient: Tensor, shape: Shape): Tensor {
  const extra = gradient.shape.slice(0, -2).map((_, axis) => axis);
  const shared = gradient.shape.length !== shape.length || extra.some((axis) => gradient.shape[axis] !== shape[axis]);
  return shared ? reshape(sum(gradient, { axes: extra }), shape) : gradient;
}

export interface MatmulOptions extends Partial<MatmulAttrs> {
  /** [M] with biasAxis row, [N] with biasAxis column */
  bias?: Tensor | undefined;
  /** applied to the sum, in the same kernel */
  activation?: Activation;
  /** of leakyRelu, at least 0; 0.01 by default */
  slope?: number;
}

/**
 * Matrix product, batched.
 *
 *     y[…, i, j] = f(Σ_k a[…, i, k] · b[…, k, j] + bias)
 *
 * @param a        [..., M, K], or [..., K, M] with transposeA; f32 or f16, sums are f32
 * @param b        [..., K, N], or [..., N, K] with transposeB; dtype of a. Leading axes equal those of a, or one of the
 *                 two is a single matrix for the whole batch
 * @param options  bias by column (the default) or by row, activation
 * @returns        [..., M, N], dtype of a
 * @throws ShapeError when the shapes do not fit together
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { bias, activation = 'none', slope = 0.01, ...attrs } = options;
  if (activation === 'none') return matmulOp({ a, b, bias }, attrs).y;
  return activatedOp({ a, b, bias }, { ...attrs, activation, slope }).y;
}

/** Weights of a fully connected layer, as checkpoints hold them. */
export interface LinearWeights {
  /** [O, I] */
  readonly weight: Tensor;
  /** [O] */
  readonly bias?: Tensor | undefined;
}

/**
 * Fully connected layer: y = f(x · weightᵀ + bias).
 *
 * @param x  [..., I], f32 or f16
 * @returns  [..., O], dtype of x
 * @throws ShapeError when the last extent of x is not the weight's I
 */
export function linear(
  x: Tensor,
  { weight, bias }: LinearWeights,
  options: Pick<MatmulOptions, 'activation' | 'slope'> = {},
): Tensor {
  const inputs = x.shape.at(-1);
  if (weight.shape.length !== 2 || inputs !== weight.shape[1]) {
    throw new ShapeError(
      `linear: expected x [..., I] and weight [O, I] with the same I, got [${x.shape}] and [${weight.shape}]. ` +
        'Reshape x, or transpose the weight.',
    );
  }
  const rows = reshape(x, [x.size / weight.shape[1], weight.shape[1]]);
  const y = matmul(rows, weight, { ...options, bias, transposeB: true });
  return reshape(y, [...x.shape.slice(0, -1), weight.shape[0]]);
}
