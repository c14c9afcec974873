/** How alike two pictures are: PSNR and SSIM in float64. */

/** Planes of a picture, [C, H, W], values in [0, 1]. */
export interface Planes {
  readonly planes: Float32Array;
  readonly width: number;
  readonly height: number;
}

const WINDOW = 11;
const SIGMA = 1.5;
const C1 = 0.01 ** 2;
const C2 = 0.03 ** 2;

/**
 * Peak signal-to-noise ratio in dB, for values in [0, 1].
 *
 *     PSNR = 10 log10(1 / mean (a - b)²)
 *
 * @returns infinity for equal pictures
 * @throws RangeError when the sizes differ
 */
export function psnr(a: Planes, b: Planes): number {
  checkSizes('psnr', a, b);
  let total = 0;
  for (let i = 0; i < a.planes.length; i++) total += (a.planes[i] - b.planes[i]) ** 2;
  return 10 * Math.log10(a.planes.length / total);
}

/**
 * Structural similarity, the mean over channels and pixels: Gaussian window of 11 with σ 1.5, zeros beyond the borders,
 * K = 0.01 and 0.03, range 1.
 *
 *     SSIM = (2 μa μb + C1)(2 σab + C2) / ((μa² + μb² + C1)(σa² + σb² + C2))
 *
 * @throws RangeError when the sizes differ
 * @see Wang, Bovik, Sheikh, Simoncelli 2004, IEEE TIP 13(4)
 */
export function ssim(a: Planes, b: Planes): number {
  checkSizes('ssim', a, b);
  const { width, height } = a;
  const area = width * height;
  let total = 0;
  for (let start = 0; start < a.planes.length; start += area) {
    const x = Float64Array.from(a.planes.subarray(start, start + area));
    const y = Float64Array.from(b.planes.subarray(start, start + area));
    const smooth = (of: (i: number) => number) =>
      blur(
        Float64Array.from({ length: area }, (_, i) => of(i)),
        width,
        height,
      );
    const [mx, my] = [blur(x, width, height), blur(y, width, height)];
    const [xx, yy, xy] = [smooth((i) => x[i] * x[i]), smooth((i) => y[i] * y[i]), smooth((i) => x[i] * y[i])];
    for (let i = 0; i < area; i++) {
      const product = mx[i] * my[i];
      const squares = mx[i] ** 2 + my[i] ** 2;
      const variances = xx[i] + yy[i] - squares;
      total += ((2 * product + C1) * (2 * (xy[i] - product) + C2)) / ((squares + C1) * (variances + C2));
    }
  }
  return total / a.planes.length;
}

/** The Gaussian window, summing to 1. */
const kernel = (() => {
  const weights = Float64Array.from({ length: WINDOW }, (_, i) =>
    Math.exp(-((i - (WINDOW - 1) / 2) ** 2) / (2 * SIGMA ** 2)),
  );
  const sum = weights.reduce((s, w) => s + w, 0);
  return weights.map((w) => w / sum);
})();

function blur(plane: Float64Array, width: number, height: number): Float64Array {
  return along(along(plane, width, height, 1, width), width, height, width, height);
}

/** Convolves along one axis; `step` is the distance of neighbours, `length` the axis' extent. */
function along(plane: Float64Array, width: number, height: number, step: number, length: number): Float64Array {
  const half = (WINDOW - 1) / 2;
  return Float64Array.from({ length: width * height }, (_, i) => {
    const position = Math.floor(i / step) % length;
    let total = 0;
    for (let k = Math.max(-half, -position); k <= Math.min(half, length - 1 - position); k++) {
      total += kernel[k + half] * plane[i + k * step];
    }
    return total;
  });
}

function checkSizes(name: string, a: Planes, b: Planes): void {
  if (a.width === b.width && a.height === b.height && a.planes.length === b.planes.length) return;
  throw new RangeError(
    `${name}: expected two pictures of one size, got ${a.width} x ${a.height} (${a.planes.length} values) and ` +
      `${b.width} x ${b.height} (${b.planes.length}). Resize one of them.`,
  );
}
