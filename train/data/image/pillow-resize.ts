/**
 * Pillow's `Image.resize`, bit for bit: antialiased separable filters (the kernel widens by the reduction factor),
 * 8-bit pictures in fixed point with the result rounded to 8 bits after each axis, horizontal before vertical.
 * The networks' training sets and published numbers were made with it; other libraries differ by several grey levels.
 *
 * @see Pillow, src/libImaging/Resample.c and Geometry.c
 */
import { nearestIndices } from '../../../models/cap-vstnet/segment.ts';

export type PillowFilter = 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos';

/** Row-major pixels [height, width, channels]. */
export interface Raster<T extends Uint8Array | Float32Array> {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly pixels: T;
}

interface Kernel {
  readonly support: number;
  readonly weight: (x: number) => number;
}

const BICUBIC_A = -0.5;
const HAMMING_A = Math.fround(0.54); // single precision in Pillow, too
const HAMMING_B = Math.fround(0.46);

const kernels: Record<Exclude<PillowFilter, 'nearest'>, Kernel> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(1 - Math.abs(x), 0) },
  hamming: {
    support: 1,
    weight: (x) => {
      const t = Math.abs(x) * Math.PI;
      if (t === 0) return 1;
      return t >= Math.PI ? 0 : (Math.sin(t) / t) * (HAMMING_A + HAMMING_B * Math.cos(t));
    },
  },
  bicubic: {
    support: 2,
    weight: (x) => {
      const t = Math.abs(x);
      if (t < 1) return ((BICUBIC_A + 2) * t - (BICUBIC_A + 3)) * t * t + 1;
      return t < 2 ? (((t - 5) * t + 8) * t - 4) * BICUBIC_A : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function sinc(x: number): number {
  const t = x * Math.PI;
  return t === 0 ? 1 : Math.sin(t) / t;
}

/** A part of a picture, in whole pixels. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Fixed-point bits of an 8-bit picture's weights: 32 less 8 for the value and 2 for the overshoot of the kernel. */
const PRECISION_BITS = 32 - 8 - 2;

/** One axis: output i is the sum of `weights[i * stride + k] * input[first[i] + k]` over k < count[i]. */
interface Taps {
  readonly first: Uint32Array;
  readonly count: Uint32Array;
  readonly stride: number;
  readonly weights: Float64Array;
}

function axisTaps(input: number, output: number, kernel: Kernel): Taps {
  const scale = input / output;
  const filterScale = Math.max(scale, 1);
  const support = kernel.support * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Uint32Array(output);
  const count = new Uint32Array(output);
  const weights = new Float64Array(output * stride);
  const inverse = 1 / filterScale;
  for (let i = 0; i < output; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(Math.trunc(centre - support + 0.5), 0);
    const taps = Math.min(Math.trunc(centre + support + 0.5), input) - start;
    let sum = 0;
    for (let k = 0; k < taps; k++) {
      const weight = kernel.weight((k + start - centre + 0.5) * inverse);
      weights[i * stride + k] = weight;
      sum += weight;
    }
    if (sum !== 0) for (let k = 0; k < taps; k++) weights[i * stride + k] /= sum;
    first[i] = start;
    count[i] = taps;
  }
  return { first, count, stride, weights };
}

/** The taps of outputs `from` to `from + length` alone. */
function part(taps: Taps, from: number, length: number): Taps {
  const { first, count, stride, weights } = taps;
  return {
    first: first.slice(from, from + length),
    count: count.subarray(from, from + length),
    stride,
    weights: weights.subarray(from * stride, (from + length) * stride),
  };
}

function quantise(taps: Taps): Int32Array {
  return Int32Array.from(taps.weights, (w) => Math.trunc(w * 2 ** PRECISION_BITS + (w < 0 ? -0.5 : 0.5)));
}

/**
 * Resizes an 8-bit picture, or a float one (Pillow's mode F: double sums, no rounding but to float32).
 *
 * With four channels of 8 bits the fourth is alpha, and the colours are weighted by it as Pillow does for RGBA.
 * A size that does not change is a copy.
 *
 * @param source  [height, width, channels], 1, 3 or 4 channels
 * @param width   pixels, at least 1
 * @param height  pixels, at least 1
 * @param region  computes this part of the result alone: the same values as cutting it out, for a share of the work
 * @throws RangeError on an empty picture or size, or a region that does not lie inside
 */
export function pillowResize<T extends Uint8Array | Float32Array>(
  source: Raster<T>,
  width: number,
  height: number,
  filter: PillowFilter = 'bicubic',
  region: Region = { left: 0, top: 0, width, height },
): Raster<T> {
  const { width: inWidth, height: inHeight, channels, pixels } = source;
  if (pixels.length !== inWidth * inHeight * channels || pixels.length === 0) {
    throw new RangeError(
      `pillowResize: expected ${inWidth} x ${inHeight} x ${channels} values, at least one, but got ${pixels.length}.`,
    );
  }
  if (!(Number.isInteger(width) && width >= 1 && Number.isInteger(height) && height >= 1)) {
    throw new RangeError(
      `pillowResize: the new size must be at least 1 x 1 in whole pixels, but is ${width} x ${height}.`,
    );
  }
  const { left, top } = region;
  if (left < 0 || top < 0 || left + region.width > width || top + region.height > height) {
    throw new RangeError(
      `pillowResize: expected a region inside ${width} x ${height}, but got ${region.width} x ${region.height} ` +
        `at (${left}, ${top}).`,
    );
  }
  if (width === inWidth && height === inHeight) return cut(source, region);
  if (filter === 'nearest') return cut(nearest(source, width, height), region);
  const weighted = channels === 4 && pixels instanceof Uint8Array;
  let picture: Raster<T> = weighted ? { ...source, pixels: premultiply(pixels) as T } : source;
  const kernel = kernels[filter];
  const across = width === inWidth ? undefined : part(axisTaps(inWidth, width, kernel), left, region.width);
  const down = height === inHeight ? undefined : part(axisTaps(inHeight, height, kernel), top, region.height);
  // the rows of the source that the region needs
  const last = region.height - 1;
  const from = down ? down.first[0] : top;
  const rows = (down ? down.first[last] + down.count[last] : top + region.height) - from;
  const columns = across ? { left: 0, width: inWidth } : { left, width: region.width };
  picture = cut(picture, { ...columns, top: from, height: rows });
  if (across) picture = horizontal(picture, region.width, across);
  if (down) picture = vertical(picture, region.height, { ...down, first: down.first.map((row) => row - from) });
  if (weighted) unpremultiply(picture.pixels as Uint8Array);
  return picture;
}

function cut<T extends Uint8Array | Float32Array>(source: Raster<T>, region: Region): Raster<T> {
  const { channels, pixels } = source;
  const { left, top, width, height } = region;
  if (width === source.width) {
    return {
      width,
      height,
      channels,
      pixels: pixels.slice(top * width * channels, (top + height) * width * channels) as T,
    };
  }
  const out = like(pixels, width * height * channels);
  for (let y = 0; y < height; y++) {
    const at = ((top + y) * source.width + left) * channels;
    out.set(pixels.subarray(at, at + width * channels), y * width * channels);
  }
  return { width, height, channels, pixels: out };
}

function nearest<T extends Uint8Array | Float32Array>(source: Raster<T>, width: number, height: number): Raster<T> {
  const { channels, pixels } = source;
  const columns = nearestIndices(source.width, width);
  const rows = nearestIndices(source.height, height);
  const out = like(pixels, width * height * channels);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (rows[y] * source.width + columns[x]) * channels;
      for (let c = 0; c < channels; c++) out[at++] = pixels[from + c];
    }
  }
  return { width, height, channels, pixels: out };
}

function horizontal<T extends Uint8Array | Float32Array>(source: Raster<T>, width: number, taps: Taps): Raster<T> {
  const { height, channels, pixels } = source;
  const fixed = pixels instanceof Uint8Array;
  const weights = fixed ? quantise(taps) : taps.weights;
  const out = like(pixels, width * height * channels);
  for (let y = 0, at = 0; y < height; y++) {
    const row = y * source.width;
    for (let x = 0; x < width; x++) {
      const from = (row + taps.first[x]) * channels;
      const weight = x * taps.stride;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0; k < taps.count[x]; k++) sum += pixels[from + k * channels + c] * weights[weight + k];
        out[at++] = fixed ? toByte(sum) : sum;
      }
    }
  }
  return { width, height, channels, pixels: out };
}

function vertical<T extends Uint8Array | Float32Array>(source: Raster<T>, height: number, taps: Taps): Raster<T> {
  const { width, channels, pixels } = source;
  const fixed = pixels instanceof Uint8Array;
  const weights = fixed ? quantise(taps) : taps.weights;
  const row = width * channels;
  const out = like(pixels, height * row);
  const sums = new Float64Array(row);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let k = 0; k < taps.count[y]; k++) {
      const weight = weights[y * taps.stride + k];
      const from = (taps.first[y] + k) * row;
      for (let x = 0; x < row; x++) sums[x] += pixels[from + x] * weight;
    }
    for (let x = 0; x < row; x++) out[y * row + x] = fixed ? toByte(sums[x]) : sums[x];
  }
  return { width, height, channels, pixels: out };
}

/** Rounds a fixed-point sum (an integer below 2^53, so exact) and clamps it to a byte. */
function toByte(sum: number): number {
  return Math.min(Math.max(Math.floor((sum + 2 ** (PRECISION_BITS - 1)) / 2 ** PRECISION_BITS), 0), 255);
}

function premultiply(rgba: Uint8Array): Uint8Array {
  const out = rgba.slice();
  for (let i = 0; i < out.length; i += 4) {
    for (let c = 0; c < 3; c++) {
      const product = rgba[i + c] * rgba[i + 3] + 128;
      out[i + c] = ((product >> 8) + product) >> 8;
    }
  }
  return out;
}

function unpremultiply(rgba: Uint8Array): void {
  for (let i = 0; i < rgba.length; i += 4) {
    const alpha = rgba[i + 3];
    if (alpha === 0 || alpha === 255) continue;
    for (let c = 0; c < 3; c++) rgba[i + c] = Math.min(Math.trunc((255 * rgba[i + c]) / alpha), 255);
  }
}

function like<T extends Uint8Array | Float32Array>(pixels: T, length: number): T {
  return (pixels instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length)) as T;
}
