import { ShapeError } from '../../engine/index.ts';

/**
 * What the matting Laplacian of one picture is made of. Plain arrays: a worker can build it and post it.
 *
 * With Δ the covariance of the colours in a window of n pixels plus eps / n on the diagonal, L its Cholesky factor and
 * colours in steps of 1/255, `factors` holds L⁻¹ / 255 of every window: Δ⁻¹ itself would lose in f32 what the
 * factor keeps, for its entries reach 1e8 where all colours lie on a line.
 */
export interface LapTable {
  readonly width: number;
  readonly height: number;
  /** windows have 2·radius + 1 pixels a side */
  readonly radius: number;
  readonly eps: number;
  /** the picture, r | g << 8 | b << 16 for each of height · width pixels */
  readonly pixels: Uint32Array;
  /** six planes (00, 10, 11, 20, 21, 22) of (height − 2·radius) · (width − 2·radius) windows, by their centres */
  readonly factors: Float32Array;
}

/** Well above the rounding of a covariance of colours in [0, 1], spread over the pixels of a window. */
const SMALLEST_EPS = 1e-12;

/** Entries of a covariance's lower triangle, row by row. */
const PAIRS = [
  [0, 0],
  [1, 0],
  [1, 1],
  [2, 0],
  [2, 1],
  [2, 2],
] as const;

/**
 * Prepares `mattingLaplacian` for one picture, in float64 on sums of integers, so that flat areas are exact.
 *
 * @param rgb     height · width · 3 bytes, RGB
 * @param radius  of the windows, 1 in the original: 9 pixels
 * @param eps     1e-7 in the original, for colours in [0, 1]
 * @throws ShapeError when the picture has another size, or no window fits into it
 * @throws RangeError when eps is too small for float64 to tell flat areas from singular ones
 * @see Levin, Lischinski, Weiss 2008, IEEE TPAMI 30(2), eq. 12
 */
export function lapTable(rgb: Uint8Array, width: number, height: number, radius = 1, eps = 1e-7): LapTable {
  const side = 2 * radius + 1;
  if (!Number.isInteger(radius) || radius < 1 || rgb.length !== 3 * width * height || Math.min(width, height) < side) {
    throw new ShapeError(
      `lapTable: expected ${width} × ${height} RGB pixels with sides of at least ${side}, got ${rgb.length} bytes and ` +
        `radius ${radius}. Take a larger picture, or a radius that fits.`,
    );
  }
  if (!(eps >= SMALLEST_EPS)) {
    throw new RangeError(`lapTable: expected eps of at least ${SMALLEST_EPS}, got ${eps}. The original takes 1e-7.`);
  }
  const pixels = Uint32Array.from(
    { length: width * height },
    (_, i) => rgb[3 * i] | (rgb[3 * i + 1] << 8) | (rgb[3 * i + 2] << 16),
  );
  const channel = (c: number) => (i: number) => rgb[3 * i + c];
  const sums = [0, 1, 2].map((c) => windowSums(channel(c), width, height, side));
  const products = PAIRS.map(([c, d]) => windowSums((i) => rgb[3 * i + c] * rgb[3 * i + d], width, height, side));
  const windows = sums[0].length;
  const factors = new Float32Array(6 * windows);
  const n = side * side;
  const delta = new Float64Array(6);
  const inverse = new Float64Array(6);
  for (let k = 0; k < windows; k++) {
    PAIRS.forEach(([c, d], entry) => {
      // n Σ ab − Σa Σb is exact: all of it are integers below 2⁵³
      const covariance = (n * products[entry][k] - sums[c][k] * sums[d][k]) / (n * n * 255 * 255);
      delta[entry] = covariance + (c === d ? eps / n : 0);
    });
    invertFactor(delta, inverse);
    for (let entry = 0; entry < 6; entry++) factors[entry * windows + k] = inverse[entry] / 255;
  }
  return { width, height, radius, eps, pixels, factors };
}

/** Sums over every window of `side`² pixels that lies inside, as running sums of whole numbers: exact in any order. */
function windowSums(of: (pixel: number) => number, width: number, height: number, side: number): Float64Array {
  const columns = width - side + 1;
  const out = new Float64Array(columns * (height - side + 1));
  const column = new Float64Array(width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      column[x] += of(y * width + x) - (y >= side ? of((y - side) * width + x) : 0);
    }
    const row = y - side + 1;
    if (row < 0) continue;
    let sum = 0;
    for (let x = 0; x < width; x++) {
      sum += column[x] - (x >= side ? column[x - side] : 0);
      if (x >= side - 1) out[row * columns + x - side + 1] = sum;
    }
  }
  return out;
}

/** L⁻¹ of the 3×3 matrix L Lᵀ; lower triangles, row by row. */
function invertFactor([a00, a10, a11, a20, a21, a22]: Float64Array, out: Float64Array): void {
  const l00 = Math.sqrt(a00);
  const l10 = a10 / l00;
  const l20 = a20 / l00;
  const l11 = Math.sqrt(a11 - l10 * l10);
  const l21 = (a21 - l20 * l10) / l11;
  const l22 = Math.sqrt(a22 - l20 * l20 - l21 * l21);
  out[0] = 1 / l00;
  out[2] = 1 / l11;
  out[5] = 1 / l22;
  out[1] = -l10 * out[0] * out[2];
  out[4] = -l21 * out[2] * out[5];
  out[3] = -(l20 * out[0] + l21 * out[1]) * out[5];
}
