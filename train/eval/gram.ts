/** Distance of two pictures in texture: the Gram matrices of their VGG activations. */

import { scope, sizeOf, type Tensor } from '../../engine/index.ts';
import { affine, matmul, reshape, resize } from '../../kernels/index.ts';
import { TAPS } from '../../models/vgg/layers.ts';
import { type Vgg19, vgg19Features } from '../../models/vgg/vgg19.ts';

/**
 * G = F Fᵀ / (C·H·W), the correlations of channels over the picture.
 *
 * @param x  [N, C, H, W]
 * @returns  [N, C, C]
 */
export function gram(x: Tensor): Tensor {
  return scope(() => {
    const [n, c, ...plane] = x.shape;
    const f = reshape(x, [n, c, -1]);
    return affine(matmul(f, f, { transposeB: true }), { scale: 1 / (c * sizeOf(plane)) });
  });
}

/** Mean squared difference of the Gram matrices at each tap, and the sum over the taps. */
export interface GramDistance {
  readonly total: number;
  readonly taps: readonly number[];
}

/**
 * How far a result's textures are from those of a style picture.
 *
 * @param result  [N, 3, H, W], RGB in [0, 1]
 * @param style   [N, 3, H', W']; resized bilinearly to the result where the sizes differ
 * @throws ShapeError when the batches differ, or a picture is too small for the encoder
 */
export async function gramDistance(vgg: Vgg19, result: Tensor, style: Tensor): Promise<GramDistance> {
  const [height, width] = result.shape.slice(-2);
  const grams = scope(() => {
    const same = style.shape[2] === height && style.shape[3] === width;
    const fitted = same ? style : resize(style, { size: [height, width], mode: 'bilinear' });
    return [result, fitted].map((x) => gramsOf(vgg, x));
  });
  try {
    const taps: number[] = [];
    for (let tap = 0; tap < TAPS.length; tap++) {
      const [p, q] = [await grams[0][tap].data(), await grams[1][tap].data()];
      let squares = 0;
      for (let i = 0; i < p.length; i++) squares += (p[i] - q[i]) ** 2;
      taps.push(squares / p.length);
    }
    return { total: taps.reduce((sum, x) => sum + x, 0), taps };
  } finally {
    for (const t of grams.flat()) t.dispose();
  }
}

function gramsOf(vgg: Vgg19, x: Tensor): Tensor[] {
  return scope(() => {
    const features = vgg19Features(vgg, x);
    return TAPS.map((tap) => gram(features[tap]));
  });
}
