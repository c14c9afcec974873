/**
 * torchvision's VGG-19 up to any ReLU, read by index, without normalisation: what the perceptual losses of picture
 * translation compare. Zeros beyond the borders; pooling windows that do not fit are left out.
 *
 * @see Simonyan, Zisserman 2015, arXiv:1409.1556, configuration E
 */
import { ShapeError, scope, type Tensor } from '../../engine/index.ts';
import { conv2d, maxPool2d } from '../../kernels/index.ts';
import { convolutionSpec, type IndexedConvs, type VggParameterSpec } from './layers.ts';

/** Convolutions of each width, with a max-pool after each group; in torchvision's Sequential a ReLU follows each. */
const GROUPS = [2, 2, 4, 4, 4];
const WIDTHS = [64, 128, 256, 512, 512] as const;

/** relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1 in torchvision's `features`. */
export const PERCEPTUAL_TAPS = [1, 6, 11, 20, 29] as const;

interface Place {
  /** of the convolution in `features`; its ReLU has the next one */
  readonly index: number;
  readonly group: number;
  /** a 2×2 max-pool before it */
  readonly pool: boolean;
}

const PLACES: readonly Place[] = (() => {
  let index = 0;
  return GROUPS.flatMap((count, group) => {
    if (group > 0) index++; // the pool's own
    return Array.from({ length: count }, (_, i) => {
      index += 2;
      return { index: index - 2, group, pool: group > 0 && i === 0 };
    });
  });
})();

/** The convolutions that the taps need. @throws ShapeError when a tap is no ReLU of the network */
function placesUpTo(taps: readonly number[]): readonly Place[] {
  const relus = PLACES.map(({ index }) => index + 1);
  const wrong = taps.filter((tap) => !relus.includes(tap));
  if (taps.length === 0 || wrong.length > 0) {
    throw new ShapeError(
      `VGG-19: expected taps that are ReLUs of torchvision's features, ${relus.join(', ')}, got [${taps}]. ` +
        `Perceptual losses use ${PERCEPTUAL_TAPS.join(', ')}.`,
    );
  }
  return PLACES.slice(0, relus.indexOf(Math.max(...taps)) + 1);
}

/**
 * Parameters that the taps need, in the file's order.
 *
 * @param channels  widths of the five scales
 * @param prefix    in front of the index, `features.` in torchvision's files
 * @throws ShapeError when a tap is no ReLU of the network
 */
export function vggTapSpecs(
  taps: readonly number[] = PERCEPTUAL_TAPS,
  channels: readonly number[] = WIDTHS,
  prefix = 'features.',
): VggParameterSpec[] {
  let input = 3;
  return placesUpTo(taps).flatMap(({ index, group }) => {
    const shape = [channels[group], input, 3, 3];
    input = channels[group];
    return convolutionSpec(`${prefix}${index}`, shape);
  });
}

/**
 * The activations at the taps, in their order.
 *
 * @param features  convolutions by their index in torchvision's `features`
 * @param x         [N, 3, H, W] in the range that the caller's loss means, [−1, 1] for most; dtype of the weights
 * @param taps      indices of ReLUs, ascending or not
 * @returns         [N, C, ⌊H/s⌋, ⌊W/s⌋] each, s = 1, 2, 4, 8, 16 by group
 * @throws ShapeError when a tap is no ReLU of the network, or nothing is left at the last scale
 */
export function vggTaps(features: IndexedConvs, x: Tensor, taps: readonly number[] = PERCEPTUAL_TAPS): Tensor[] {
  const places = placesUpTo(taps);
  return scope(() => {
    const found = new Map<number, Tensor>();
    let h = x;
    let shared = true;
    // what the next layer has read and no tap keeps is freed on the way: these are the widest tensors of a step
    const advance = (next: Tensor, tapped: boolean) => {
      if (!shared) h.dispose();
      h = next;
      shared = tapped;
    };
    for (const { index, pool } of places) {
      if (pool) advance(maxPool2d(h, { kernel: 2 }), false);
      const tapped = taps.includes(index + 1);
      advance(conv2d(h, features[index], { padding: 1, activation: 'relu' }), tapped);
      if (tapped) found.set(index + 1, h);
    }
    return taps.map((tap) => found.get(tap) as Tensor);
  });
}
