/** Spatially adaptive normalisation, and the residual block made of it. */
import { leaves, recompute, ShapeError, scope, type Tensor, type Tree, treeOf } from '../../engine/index.ts';
import { type ConvWeights, concat, conv2d, leakyRelu, resize, spade } from '../../kernels/index.ts';
import { type AffineNorm, keepRunning } from '../layers/normalised-conv.ts';
import { isBuffer, type Mode } from '../layers/state.ts';
import type { Flavour, SpadeNorm } from './config.ts';
import { type MapPyramid, mapConv, mapOf, mapTensors, type SemanticMap } from './semantic-map.ts';

/** Slope of every leaky ReLU in GauGAN. */
export const SLOPE = 0.2;

/** Parameters of one SPADE layer; the indices are the original's. */
export interface SpadeParams {
  /** running statistics, where the norm is a batch norm */
  readonly param_free_norm?: AffineNorm;
  readonly mlp_shared: readonly [ConvWeights];
  readonly mlp_gamma: ConvWeights;
  readonly mlp_beta: ConvWeights;
}

/** Parameters of a residual block, spectral norms taken. */
export interface SpadeBlockParams {
  readonly conv_0: ConvWeights;
  readonly conv_1: ConvWeights;
  /** 1×1, without a bias, where the block changes the number of channels */
  readonly conv_s?: ConvWeights;
  readonly norm_0: SpadeParams;
  readonly norm_1: SpadeParams;
  readonly norm_s?: SpadeParams;
}

export interface SpadeSetting extends Mode {
  readonly norm: SpadeNorm;
  readonly flavour: Flavour;
  /** false: a pass in training leaves the running statistics as they are, for it is the second over the same batch */
  readonly tracking?: boolean;
}

/**
 * y = f(x̂ · (1 + gamma(m)) + beta(m)), m = ReLU(conv(map)): the map, resized to x, says how each pixel is scaled and
 * shifted. One convolution gives gamma and beta, one kernel does the rest. In training a batch norm moves its running
 * statistics.
 *
 * @param x           [N, C, H, W], f32 or f16; gamma and beta are stored alike
 * @param maps        holds the map at H × W, its floats in the type of x
 * @param activation  f: leaky ReLU with slope 0.2, or nothing
 * @returns           [N, C, H, W]
 * @see Park et al. 2019, arXiv:1903.07291, eq. 1
 */
export function spadeNorm(
  params: SpadeParams,
  { norm, flavour, training, tracking = true }: SpadeSetting,
  x: Tensor,
  maps: MapPyramid,
  activation: 'none' | 'leakyRelu' = 'none',
): Tensor {
  return scope(() => {
    const { mlp_gamma: gamma, mlp_beta: beta } = params;
    const running = norm.kind === 'batch' && (tracking || !training) ? params.param_free_norm : undefined;
    const padding = norm.kernel >> 1;
    const hidden = mapConv(maps(x.shape[2], x.shape[3]), params.mlp_shared[0], {
      padding,
      activation: 'relu',
      dtype: x.dtype,
    });
    const both = {
      weight: concat([gamma.weight, beta.weight], 0),
      bias: gamma.bias && beta.bias && concat([gamma.bias, beta.bias], 0),
    };
    const found = spade(x, conv2d(hidden, both, { padding }), {
      norm: norm.kind,
      activation,
      slope: SLOPE,
      training,
      runningMean: running?.running_mean,
      runningVar: running?.running_var,
      varianceOfRunning: flavour === 'jittor' ? 'biased' : 'unbiased',
    });
    keepRunning({ training, counted: norm.counted }, running, found);
    return found.y;
  });
}

/**
 * Pre-activation residual block: skip(x) + conv₁(f(spade(conv₀(f(spade(x)))))), f leaky ReLU. Where the number of
 * channels changes, the skip is a 1×1 convolution of another SPADE, without activation.
 *
 * @param x  [N, I, H, W]
 * @returns  [N, O, H, W]
 * @throws ShapeError when the parameters have no learned shortcut and need one
 * @see Park et al. 2019, arXiv:1903.07291, figure 4
 */
export function spadeBlock(params: SpadeBlockParams, setting: SpadeSetting, x: Tensor, maps: MapPyramid): Tensor {
  return scope(() => {
    const { conv_0, conv_1, conv_s, norm_0, norm_1, norm_s } = params;
    if (!conv_s && conv_1.weight.shape[0] !== x.shape[1]) {
      throw new ShapeError(
        `spadeBlock: expected conv_s and norm_s, for ${x.shape[1]} channels become ${conv_1.weight.shape[0]}. ` +
          'Check the checkpoint: it may be of a network with another ngf.',
      );
    }
    const skip = conv_s && norm_s ? scope(() => conv2d(spadeNorm(norm_s, setting, x, maps), conv_s)) : x;
    const d = scope(() => conv2d(spadeNorm(norm_0, setting, x, maps, 'leakyRelu'), conv_0, { padding: 1 }));
    return conv2d(spadeNorm(norm_1, setting, d, maps, 'leakyRelu'), conv_1, { padding: 1, residual: skip });
  });
}

/**
 * `spadeBlock` on x, doubled before where `up` says so, of which the reverse sweep keeps x alone and computes the rest
 * again. Running statistics move once.
 */
export function recomputedBlock(
  params: SpadeBlockParams,
  setting: SpadeSetting,
  x: Tensor,
  map: SemanticMap,
  up: boolean,
): Tensor {
  const all = leaves(params as unknown as Tree);
  const weights = all.filter(([key]) => !isBuffer(key));
  const buffers = all.filter(([key]) => isBuffer(key));
  let tracking = true;
  const [y] = recompute(
    (input, ...taken) => {
      const own = treeOf([...weights.map(([key], i) => [key, taken[i]] as const), ...buffers]);
      const seen = mapOf(map, taken.slice(weights.length));
      const once = { ...setting, tracking };
      tracking = false;
      return [
        scope(() => spadeBlock(own as unknown as SpadeBlockParams, once, up ? doubled(input) : input, () => seen)),
      ];
    },
    [x, ...weights.map(([, leaf]) => leaf), ...mapTensors(map)] as const,
  );
  return y;
}

/** Twice the sides, by nearest neighbours. */
export const doubled = (x: Tensor): Tensor => resize(x, { scale: 2 });

/** f of the last layer. */
export const activated = (x: Tensor): Tensor => leakyRelu(x, SLOPE);
