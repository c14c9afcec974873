import { ShapeError, scope, type Tensor } from '../../engine/index.ts';
import { add, cast, cholesky, covariance, matmul, mean, reshape, sub, triangularSolve } from '../../kernels/index.ts';

export interface Transferred {
  /** [B, N, h, w], dtype of the content */
  readonly out: Tensor;
  /** u32 [B] of content and style: 0 where the covariance factorised, else 1 + the failing pivot */
  readonly info: readonly [Tensor, Tensor];
}

/**
 * cWCT inside the graph of a training step: everything stays on the device, computed in f32 whatever the latents are, and gradients flow into content and
 * style. A covariance that does not factorise gives `info` > 0 and a meaningless result: the step must be skipped.
 *
 *     y = Ls Lc⁻¹ (x − μc) + μs        Lc Lcᵀ = Σc,  Ls Lsᵀ = Σs
 *
 * @param content  [B, N, h, w]
 * @param style    [B, N, h', w']
 * @throws ShapeError when batch or channels differ, or a latent has a single pixel
 * @see Wen, Gao, Zou 2023, arXiv:2303.17867, section 3.3
 */
export function transfer(content: Tensor, style: Tensor): Transferred {
  const [batch, n, h, w] = content.shape;
  if (style.shape[0] !== batch || style.shape[1] !== n || h * w < 2 || style.shape[2] * style.shape[3] < 2) {
    throw new ShapeError(
      `transfer: expected latents [B, N, h, w] of one batch and width with at least two pixels, ` +
        `got [${content.shape}] and [${style.shape}].`,
    );
  }
  return scope(() => {
    const own = factor(cast(content, 'f32'));
    const other = factor(cast(style, 'f32'));
    const whitened = triangularSolve(own.l, own.centred);
    const coloured = add(matmul(other.l, whitened), other.mean);
    return { out: cast(reshape(coloured, content.shape), content.dtype), info: [own.info, other.info] as const };
  });
}

function factor(x: Tensor) {
  const [batch, n, h, w] = x.shape;
  const columns = reshape(x, [batch, n, h * w]);
  const mu = mean(columns, { axes: [2], keepdims: true });
  const { l, info } = cholesky(covariance(columns).covariance);
  return { l, info, mean: mu, centred: sub(columns, mu) };
}
