import { ShapeError, scope, type Tensor, type Tree } from '../../engine/index.ts';
import {
  add,
  affine,
  cast,
  conv2d,
  exp,
  type LinearWeights,
  linear,
  mul,
  reshape,
  resize,
} from '../../kernels/index.ts';
import { normAndActivate, partsOf } from '../layers/normalised-conv.ts';
import { spectralWeights } from '../layers/spectral-weights.ts';
import type { Mode } from '../layers/state.ts';
import { ENCODER_SIZE, ENCODER_WIDTHS, type EncoderConfig } from './config.ts';
import { SLOPE } from './spade.ts';

/** An encoder's weights of one pass: layer1 … layer6, fc_mu, fc_var. */
export type EncoderWeights = { readonly fc_mu: LinearWeights; readonly fc_var: LinearWeights } & {
  readonly [layer: string]: readonly unknown[];
};

export function encoderWeights(state: Tree, { flavour }: EncoderConfig, mode: Mode): EncoderWeights {
  return spectralWeights(state, { ...mode, normalise: flavour === 'pytorch' }) as unknown as EncoderWeights;
}

/**
 * The image encoder of the VAE: six convolutions of stride 2, then mean and log-variance of the latent.
 *
 * @param image  [N, 3, H, W] in [−1, 1]; resized to 256² (bilinear) where it is not
 * @returns      each [N, zDim], f32
 * @see Park et al. 2019, arXiv:1903.07291, figure 14
 */
export function encodeImage(
  weights: EncoderWeights,
  { norm, flavour }: EncoderConfig,
  image: Tensor,
  { training, dtype = 'f32' }: Mode,
): { mu: Tensor; logvar: Tensor } {
  if (image.shape.length !== 4 || image.shape[1] !== 3) {
    throw new ShapeError(`encodeImage: expected a picture [N, 3, H, W], got [${image.shape}]. Check its channels.`);
  }
  return scope(() => {
    let x = cast(resize(image, { size: [ENCODER_SIZE, ENCODER_SIZE], mode: 'bilinear' }), dtype);
    const varianceOfRunning = flavour === 'jittor' ? 'biased' : 'unbiased';
    ENCODER_WIDTHS.forEach((_, i) => {
      const { conv, norm: affineNorm } = partsOf(weights[`layer${i + 1}`]);
      const wide = x;
      x = scope(() =>
        normAndActivate(conv2d(wide, conv, { stride: 2, padding: 1 }), affineNorm, {
          kind: norm.kind,
          counted: norm.counted,
          activation: 'leakyRelu',
          slope: SLOPE,
          training,
          varianceOfRunning,
        }),
      );
      if (wide !== image) wide.dispose();
    });
    // the latent decides on the whole picture: its layers take f32, where their weights are
    const flat = cast(reshape(x, [x.shape[0], x.size / x.shape[0]]), weights.fc_mu.weight.dtype);
    const latent = (fc: LinearWeights) => cast(linear(flat, fc), 'f32');
    return { mu: latent(weights.fc_mu), logvar: latent(weights.fc_var) };
  });
}

/** z = mu + exp(logvar / 2) · noise. @see Kingma, Welling 2014, arXiv:1312.6114, section 2.4 */
export function reparameterize(mu: Tensor, logvar: Tensor, noise: Tensor): Tensor {
  return scope(() => add(mul(exp(affine(logvar, { scale: 0.5 })), noise), mu));
}
