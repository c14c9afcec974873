import { defineOp, type Op, ShapeError, type Tensor, type TensorSpec } from '../../engine/index.ts';
import { spectralNormGrad } from './gradient.ts';
import { launchSpectralNorm } from './launch.ts';
import { matrixOf } from './layout.ts';
import { spectralNormRef } from './reference.ts';

interface SpectralAttrs {
  iterations: number;
  transposed: boolean;
}

const spectralNormOp: Op<'weight' | 'u0' | 'v0', readonly ['y', 'u', 'v', 'sigma'], SpectralAttrs> = defineOp({
  name: 'spectralNorm',
  inputs: ['weight', 'u0', 'v0'],
  outputs: ['y', 'u', 'v', 'sigma'],
  defaults: { iterations: 1, transposed: false } as SpectralAttrs,
  shape: ({ weight, u0, v0 }, attrs) => {
    const { rows, columns } = checkShapes(weight, u0, v0, attrs);
    return {
      y: { shape: weight.shape, dtype: 'f32' },
      u: { shape: [rows], dtype: 'f32' },
      v: { shape: [columns], dtype: 'f32' },
      sigma: { shape: [1], dtype: 'f32' },
    };
  },
  forward: ({ weight, u0, v0 }, outputs, { iterations, transposed }) =>
    launchSpectralNorm(weight, u0, v0, outputs, matrixOf(weight.shape, transposed), iterations),
  saves: ['y', 'u', 'v', 'sigma'],
  backward: ({ dy, y, u, v, sigma }, { transposed }) => ({
    dweight: spectralNormGrad({ dy, y, u, v, sigma }, { transposed }).dweight,
  }),
  reference: ({ weight, u0, v0 }, attrs) => spectralNormRef(weight, u0, v0, attrs),
  // a sum over rows, one over columns, and one behind each norm
  reduction: ({ weight }, { iterations, transposed }) => {
    const { outer, rows, inner } = matrixOf(weight.shape, transposed);
    return 2 * Math.max(iterations, 1) * (rows + outer * inner);
  },
  // gradients are compared with differences at constant u and v in test/properties/spectral-norm.test.ts: here they would
  // move with the weight. Positive numbers keep uᵀMv of given vectors away from 0.
  samples: [
    { inputs: { weight: [5, 3, 3, 3], u0: [5], v0: [27] }, dtypes: ['f32'], gradient: false },
    { inputs: { weight: [16, 4, 3, 3], u0: [16], v0: [36] }, dtypes: ['f32'], gradient: false },
    {
      inputs: { weight: [6, 40, 4, 4], u0: [6], v0: [640] },
      attrs: { iterations: 3 },
      dtypes: ['f32'],
      gradient: false,
    },
    {
      inputs: { weight: [8, 5, 4, 4], u0: [5], v0: [128] },
      attrs: { transposed: true },
      dtypes: ['f32'],
      gradient: false,
    },
    {
      inputs: { weight: [7, 5, 3, 3], u0: [5], v0: [63] },
      attrs: { transposed: true, iterations: 2 },
      dtypes: ['f32'],
      gradient: false,
    },
    { inputs: { weight: [2, 351, 3, 3], u0: [2], v0: [3159] }, dtypes: ['f32'], gradient: false },
    // rows of more vectors than a workgroup has threads, more rows than it adds at a time, weights of several workgroups
    { inputs: { weight: [3, 1100, 2, 2], u0: [3], v0: [4400] }, dtypes: ['f32'], gradient: false },
    { inputs: { weight: [1100, 2, 2, 2], u0: [1100], v0: [8] }, dtypes: ['f32'], gradient: false },
    { inputs: { weight: [1, 5], u0: [1], v0: [5] }, dtypes: ['f32'], gradient: false },
    { inputs: { weight: [9, 1], u0: [9], v0: [1] }, dtypes: ['f32'], gradient: false },
    {
      inputs: {
        weight: { shape: [6, 5, 3, 3], kind: 'positive' },
        u0: { shape: [6], kind: 'positive' },
        v0: { shape: [45], kind: 'positive' },
      },
      attrs: { iterations: 0 },
      dtypes: ['f32'],
      gradient: false,
    },
    {
      inputs: {
        weight: { shape: [3, 6, 4, 4], kind: 'positive' },
        u0: { shape: [6], kind: 'positive' },
        v0: { shape: [48], kind: 'positive' },
      },
      attrs: { iterations: 0, transposed: true },
      dtypes: ['f32'],
      gradient: false,
    },
    { inputs: { weight: [1024, 1024, 3, 3], u0: [1024], v0: [9216] }, dtypes: ['f32'], bench: '1024 × 9216' },
  ],
});

function checkShapes(
  weight: TensorSpec,
  u: TensorSpec,
  v: TensorSpec,
  { iterations, transposed }: SpectralAttrs,
): { rows: number; columns: number } {
  if (weight.shape.length < 2) {
    throw new ShapeError(`spectralNorm: expected a weight of at least two axes, got [${weight.shape}].`);
  }
  if (!Number.isInteger(iterations) || iterations < 0) {
    throw new ShapeError(
      `spectralNorm: expected a whole number of iterations from 0, got ${iterations}. Training takes 1, evaluation 0.`,
    );
  }
  const { outer, rows, inner } = matrixOf(weight.shape, transposed);
  const columns = outer * inner;
  if (u.shape.join() !== `${rows}` || v.shape.join() !== `${columns}`) {
    throw new ShapeError(
      `spectralNorm: expected u of shape [${rows}] and v of shape [${columns}] for a weight of shape [${weight.shape}], got [${u.shape}] and [${v.shape}]. Weights of transposed convolutions, [I, O, kH, kW], need transposed: true.`,
    );
  }
  return { rows, columns };
}

export interface SpectralNormOptions {
  /** power iterations: 1 for a forward pass in training, 0 in evaluation */
  iterations: number;
  /** the weight is [I, O, ...], as of a transposed convolution */
  transposed?: boolean | undefined;
}

export interface SpectralNormResult {
  /** weight / σ */
  readonly weight: Tensor;
  /** new tensors after iterations, for the caller to keep; the given ones without */
  readonly u: Tensor;
  readonly v: Tensor;
  /** [1]: the estimate of the largest singular value */
  readonly sigma: Tensor;
}

/**
 * A weight divided by its largest singular value, as power iterations estimate it.
 *
 *     v ← Mᵀ u / max(‖Mᵀ u‖, 1e-12),  u ← M v / max(‖M v‖, 1e-12)        `iterations` times
 *     σ = uᵀ M v,  weight / σ        M [O, everything else]: a row is what leads to one output channel
 *
 * The gradient takes u and v for constants, (dW − ⟨dW, W⟩ · u vᵀ) / σ with the divided W; none flows through u, v and
 * sigma. Nothing is updated in place: a training step stores the returned u and v.
 *
 * @param weight  [O, ...], or [I, O, ...] with `transposed`; f32
 * @param u       [O], f32: where the iterations begin. Without any, u and v are to have length 1
 * @param v       [size of weight / O], f32; read only without iterations
 * @throws ShapeError when u or v do not fit, DTypeError when something is not f32
 * @see Miyato et al. 2018, arXiv:1802.05957, algorithm 1; torch.nn.utils.spectral_norm
 */
export function spectralNorm(
  weight: Tensor,
  u: Tensor,
  v: Tensor,
  { iterations, transposed = false }: SpectralNormOptions,
): SpectralNormResult {
  const found = spectralNormOp({ weight, u0: u, v0: v }, { iterations, transposed });
  if (iterations > 0) return { weight: found.y, u: found.u, v: found.v, sigma: found.sigma };
  found.u.dispose();
  found.v.dispose();
  return { weight: found.y, u, v, sigma: found.sigma };
}
