/**
 * Features of pictures by random filters: for comparing sets of pictures where no trained network is at hand. Their
 * Fréchet distance is no FID and not comparable to one.
 *
 *     bands     differences of one octave and the next of a pyramid of averages, from 128² on: edges and texture by size
 *     filters   two layers of convolutions with ReLU over every band, the same ones: random, orthonormal, without a mean
 *     features  their means over the picture, for each band and layer; and the colours of a 4 × 4 thumbnail
 *
 * Random filters at several scales describe textures nearly as well as trained ones (Ustyuzhaninov et al. 2017). Octaves
 * come first since the contrast of natural pictures is about equal in each, and large in none: without them, brightness
 * would drown all else. Orthonormal filters pass every direction on with the same gain.
 *
 * @see Ustyuzhaninov, Brendel, Gatys, Bethge 2017, arXiv:1606.00021; Burt, Adelson 1983 for the pyramid
 */
import { type Device, randomNormals, ShapeError, scope, type Tensor, tensor } from '../../engine/index.ts';
import { affine, averagePool2d, concat, conv2d, mean, reshape, resize, sub } from '../../kernels/index.ts';

/** Side of the pictures that the network sees. */
const SIDE = 128;
const BANDS = 4;
const WIDTHS = [24, 32] as const;
/** Brings the contrast of a band, some hundredths in most pictures, near that of the thumbnail's colours. */
const GAIN = 6;
/** Side of the thumbnail, and the factor of its colours beside the bands' features. */
const THUMBNAIL = 4;
const THUMBNAIL_WEIGHT = 0.5;

/** Length of a picture's features. */
export const RANDOM_FEATURES: number = BANDS * (WIDTHS[0] + WIDTHS[1]) + 3 * THUMBNAIL ** 2;

/** Of the largest tensor that a picture becomes: the first layer's of the finest band, 124². */
export const LARGEST_RANDOM_BYTES: number = 4 * WIDTHS[0] * (SIDE - 4) ** 2;

/** The filters of the two layers, [24, 3, 5, 5] and [32, 24, 3, 3]. */
export interface RandomFilters {
  readonly first: Tensor;
  readonly second: Tensor;
}

/** The same filters for the same seed, on every device. */
export function randomFilters(device: Device, seed = 0): RandomFilters {
  const filters = (op: number, shape: readonly [number, number, number, number]) => {
    const [out, ...taps] = shape;
    const length = taps.reduce((a, b) => a * b);
    const rows = randomNormals({ seed, step: 0, op }, out * length);
    withoutMeans(rows, taps[1] * taps[2]);
    orthonormalise(rows, length);
    return tensor(device, Float32Array.from(rows), shape);
  };
  return { first: filters(0, [WIDTHS[0], 3, 5, 5]), second: filters(1, [WIDTHS[1], WIDTHS[0], 3, 3]) };
}

/** Each filter's plane of each channel sums to zero, so that flat areas give nothing. */
function withoutMeans(rows: Float64Array, plane: number): void {
  for (let start = 0; start < rows.length; start += plane) {
    const of = rows.subarray(start, start + plane);
    const middle = of.reduce((s, v) => s + v, 0) / plane;
    for (let i = 0; i < plane; i++) of[i] -= middle;
  }
}

/** Rows of unit length at right angles, by Gram and Schmidt, each taken twice. */
function orthonormalise(rows: Float64Array, length: number): void {
  const count = rows.length / length;
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * length, (i + 1) * length);
    for (let k = 0; k < 2 * i; k++) {
      const other = rows.subarray((k % i) * length, ((k % i) + 1) * length);
      const along = other.reduce((s, v, j) => s + v * row[j], 0);
      for (let j = 0; j < length; j++) row[j] -= along * other[j];
    }
    const norm = Math.hypot(...row);
    for (let j = 0; j < length; j++) row[j] /= norm;
  }
}

/**
 * @param x  [N, 3, H, W], RGB in [0, 1]; reduced to 128² by averages, or enlarged to it bilinearly, side by side
 * @returns  [N, 272]
 * @throws ShapeError when x is no batch of RGB pictures
 */
export function randomFeatures(filters: RandomFilters, x: Tensor): Tensor {
  if (x.shape.length !== 4 || x.shape[1] !== 3) {
    throw new ShapeError(`randomFeatures: expected pictures [N, 3, H, W], got [${x.shape}]. Convert them to RGB.`);
  }
  return scope(() => {
    const [n] = x.shape;
    const found: Tensor[] = [];
    let octave = atSide(x);
    for (let band = 0; band < BANDS; band++) {
      const half = averagePool2d(octave, { kernel: 2 });
      const side = octave.shape[2];
      const detail = sub(octave, resize(half, { size: [side, side], mode: 'bilinear' }));
      const first = conv2d(affine(detail, { scale: GAIN }), { weight: filters.first }, { activation: 'relu' });
      const pooled = averagePool2d(first, { kernel: 2 });
      const second = conv2d(pooled, { weight: filters.second }, { activation: 'relu' });
      found.push(...[first, second].map((y) => mean(y, { axes: [2, 3] })));
      octave = half;
    }
    const thumbnail = resize(octave, { size: [THUMBNAIL, THUMBNAIL], mode: 'area' });
    found.push(affine(reshape(thumbnail, [n, 3 * THUMBNAIL ** 2]), { scale: THUMBNAIL_WEIGHT }));
    return concat(found, 1);
  });
}

/** Each axis is averaged where it shrinks, and interpolated where it grows. */
function atSide(x: Tensor): Tensor {
  const [height, width] = x.shape.slice(2);
  const shrunk = [Math.min(height, SIDE), Math.min(width, SIDE)] as const;
  return resize(resize(x, { size: shrunk, mode: 'area' }), { size: [SIDE, SIDE], mode: 'bilinear' });
}
