/** How alike the colours of two pictures are, wherever they stand: histograms and moments in float64. */

import type { Planes } from './image-similarity.ts';

/** Bins along each axis of L*a*b*. */
const BINS = 16;

/**
 * Correlation of the histograms of two pictures in L*a*b*, 16 bins an axis; 1 for equal distributions of colours.
 * Sizes may differ. Colours are quantised to 8 bits an axis first, L* from 0 to 100, a* and b* from −128 to 127.
 *
 * @throws RangeError when a picture has not three planes
 */
export function histogramCorrelation(a: Planes, b: Planes): number {
  const [p, q] = [labHistogram(a), labHistogram(b)];
  const mean = 1 / BINS ** 3; // histograms add up to 1
  let [pq, pp, qq] = [0, 0, 0];
  for (let bin = 0; bin < p.length; bin++) {
    pq += (p[bin] - mean) * (q[bin] - mean);
    pp += (p[bin] - mean) ** 2;
    qq += (q[bin] - mean) ** 2;
  }
  return pq / Math.sqrt(pp * qq);
}

/** The share of the pixels in each bin, [16, 16, 16] over L*, a*, b*. */
function labHistogram(picture: Planes): Float64Array {
  const area = areaOf('histogramCorrelation', picture);
  const bins = new Float64Array(BINS ** 3);
  const { planes } = picture;
  for (let i = 0; i < area; i++) {
    const [l, a, b] = labOf(planes[i], planes[area + i], planes[2 * area + i]);
    const [x, y, z] = [(l * 255) / 100, a + 128, b + 128].map(binOf);
    bins[(x * BINS + y) * BINS + z] += 1 / area;
  }
  return bins;
}

function binOf(level: number): number {
  return Math.floor((Math.min(Math.max(Math.round(level), 0), 255) * BINS) / 256);
}

/**
 * sRGB in [0, 1] to L*a*b* under D65.
 *
 * @see IEC 61966-2-1 for sRGB, CIE 15 for L*a*b*
 */
export function labOf(red: number, green: number, blue: number): [number, number, number] {
  const [r, g, b] = [red, green, blue].map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  const x = curve((0.412453 * r + 0.35758 * g + 0.180423 * b) / 0.950456);
  const y = curve(0.212671 * r + 0.71516 * g + 0.072169 * b);
  const z = curve((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.088754);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function curve(t: number): number {
  return t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29;
}

/** Mean and deviation (of the population) of each channel. */
export interface ColourMoments {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export function colourMoments(picture: Planes): ColourMoments {
  const area = areaOf('colourMoments', picture);
  const channels = [0, 1, 2].map((c) => picture.planes.subarray(c * area, (c + 1) * area));
  const mean = channels.map((plane) => plane.reduce((s, v) => s + v, 0) / area);
  const std = channels.map((plane, c) => Math.sqrt(plane.reduce((s, v) => s + (v - mean[c]) ** 2, 0) / area));
  return { mean, std };
}

function areaOf(name: string, { planes, width, height }: Planes): number {
  if (planes.length === 3 * width * height && planes.length > 0) return width * height;
  throw new RangeError(
    `${name}: expected three planes of ${width} × ${height}, got ${planes.length} values. Convert the picture to RGB.`,
  );
}
