/** A decoded picture, and its way to the network's planes and back. */
import { NonFiniteError } from '../../errors.ts';
import { type PillowFilter, pillowResize } from './pillow-resize.ts';

/** Pixel values: 8 bits each, or 16. */
export type Samples = Uint8Array | Uint16Array;

/** An upright sRGB picture. Grey pictures have three equal channels. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: 8 | 16;
  /** [height, width, 3] */
  readonly rgb: Samples;
  /** [height, width], of the same depth: opacity, kept apart from the colours and not multiplied into them */
  readonly alpha?: Samples;
}

/** The largest value of a depth: 255 or 65535. */
export function peak(bitDepth: 8 | 16): number {
  return bitDepth === 8 ? 255 : 65535;
}

/**
 * The colours as the network reads them: value / peak.
 *
 * @returns [1, 3, H, W] in [0, 1]
 */
export function toPlanar(picture: Picture): Float32Array {
  const { rgb, width, height, bitDepth } = picture;
  const plane = width * height;
  const planar = new Float32Array(3 * plane);
  const max = peak(bitDepth);
  for (let i = 0, at = 0; i < plane; i++) {
    planar[i] = rgb[at++] / max;
    planar[i + plane] = rgb[at++] / max;
    planar[i + 2 * plane] = rgb[at++] / max;
  }
  return planar;
}

/** How planes become pixels. */
export interface PlanarOptions {
  /** depth of the result; 8 */
  readonly bitDepth?: 8 | 16;
  /** [height, width] of that depth, passed on as it is */
  readonly alpha?: Samples;
  /** cut the fraction off as the originals do, instead of rounding to the nearest value */
  readonly truncate?: boolean;
}

/**
 * The network's planes as a picture, clamped to [0, 1].
 *
 * @param planar  [1, 3, H, W]
 * @throws NonFiniteError when a value is NaN or infinite
 */
export function fromPlanar(planar: Float32Array, width: number, height: number, options: PlanarOptions = {}): Picture {
  const { bitDepth = 8, alpha, truncate = false } = options;
  const plane = width * height;
  if (planar.length !== 3 * plane) {
    throw new RangeError(
      `fromPlanar: expected [1, 3, ${height}, ${width}] = ${3 * plane} values, got ${planar.length}.`,
    );
  }
  const rgb = bitDepth === 8 ? new Uint8Array(3 * plane) : new Uint16Array(3 * plane);
  const max = peak(bitDepth);
  const shift = truncate ? 0 : 0.5;
  let lost = 0;
  for (let c = 0; c < 3; c++) {
    for (let i = 0, from = c * plane, at = c; i < plane; i++, at += 3) {
      const value = Math.fround(planar[from + i] * max);
      if (!Number.isFinite(value)) lost++;
      rgb[at] = value <= 0 ? 0 : value >= max ? max : Math.floor(value + shift);
    }
  }
  if (lost > 0) {
    throw new NonFiniteError(
      `Expected a picture, but ${lost} of its ${3 * plane} values are not finite numbers. ` +
        'The weights may belong to another network or mode; check them with: miaobi ckpt inspect FILE',
    );
  }
  return alpha ? { width, height, bitDepth, rgb, alpha } : { width, height, bitDepth, rgb };
}

/**
 * Resizes with Pillow's filters: 8-bit pictures in Pillow's own arithmetic, 16-bit ones in float and rounded. Colours
 * and alpha are resized apart, so transparent pixels keep their colours.
 */
export function resizePicture(picture: Picture, width: number, height: number, filter: PillowFilter): Picture {
  const resize = (samples: Samples, channels: number): Samples => {
    const size = { width: picture.width, height: picture.height, channels };
    if (samples instanceof Uint8Array) return pillowResize({ ...size, pixels: samples }, width, height, filter).pixels;
    const { pixels } = pillowResize({ ...size, pixels: Float32Array.from(samples) }, width, height, filter);
    return Uint16Array.from(pixels, (v) => Math.min(Math.max(Math.round(v), 0), 65535));
  };
  const rgb = resize(picture.rgb, 3);
  const { bitDepth, alpha } = picture;
  return alpha ? { width, height, bitDepth, rgb, alpha: resize(alpha, 1) } : { width, height, bitDepth, rgb };
}

/** The same picture with 8 bits a value, rounded. */
export function to8Bit(picture: Picture): Picture {
  if (picture.bitDepth === 8) return picture;
  const reduce = (samples: Samples) => Uint8Array.from(samples, (v) => Math.round(v / 257));
  const { width, height, rgb, alpha } = picture;
  const colours = { width, height, bitDepth: 8 as const, rgb: reduce(rgb) };
  return alpha ? { ...colours, alpha: reduce(alpha) } : colours;
}
