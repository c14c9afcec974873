import { ShapeError, scope, type Tensor } from '../../engine/index.ts';
import { abs, mean, sub, type WarpField, warp } from '../../kernels/index.ts';

/**
 * How far a stylized second frame is from the stylized first one moved along; differentiable in both.
 *
 *     mean |warp(first) − second|
 *
 * With the frames themselves, instead of what became of them, it says how much of that the motion alone explains.
 *
 * @param first, second  [N, C, H, W]
 * @param field          where each pixel of the second frame was in the first
 * @returns              a scalar
 * @throws ShapeError when the frames differ in shape, or the field is for another size
 */
export function temporalLoss(first: Tensor, second: Tensor, field: WarpField): Tensor {
  if (first.shape.some((n, axis) => n !== second.shape[axis])) {
    throw new ShapeError(
      `temporalLoss: expected two frames of one shape, got [${first.shape}] and [${second.shape}]. Crop both alike.`,
    );
  }
  return scope(() => mean(abs(sub(warp(first, field), second))));
}
