import { describe, expect, it } from 'vitest';
import { colourMoments, histogramCorrelation, labOf } from '../../train/eval/colour-similarity.ts';
import type { Planes } from '../../train/eval/image-similarity.ts';

type Colour = readonly [number, number, number];
const picture = (width: number, height: number, colour: (i: number) => Colour): Planes => {
  const pixels = Array.from({ length: width * height }, (_, i) => colour(i));
  const planes = Float32Array.from([0, 1, 2].flatMap((c) => pixels.map((pixel) => pixel[c])));
  return { planes, width, height };
};
const noise = (i: number): Colour => [0, 1, 2].map((c) => 0.5 + 0.5 * Math.sin(i * (3 + c) + c)) as never;

describe('labOf', () => {
  // corners of sRGB in CIE L*a*b* under D65, as tabulated
  it.each([
    [
      [1, 1, 1],
      [100, 0, 0],
    ],
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
    [
      [1, 0, 0],
      [53.24, 80.09, 67.2],
    ],
    [
      [0, 1, 0],
      [87.74, -86.18, 83.18],
    ],
    [
      [0, 0, 1],
      [32.3, 79.19, -107.86],
    ],
  ])('knows %j', ([r, g, b], want) => {
    labOf(r, g, b).forEach((value, axis) => {
      expect(Math.abs(value - want[axis])).toBeLessThan(0.05);
    });
  });
});

describe('histogramCorrelation', () => {
  it('does not mind where colours stand, nor how large the picture is', () => {
    const a = picture(12, 10, noise);
    const turned = picture(10, 12, (i) => noise(119 - i));
    const doubled = picture(24, 10, (i) => noise(i >> 1));
    expect(histogramCorrelation(a, turned)).toBeCloseTo(1, 10);
    expect(histogramCorrelation(a, doubled)).toBeCloseTo(1, 10);
  });

  it('is −1/4095 for two pictures of one colour each that share no bin', () => {
    const [red, blue] = [picture(3, 3, () => [1, 0, 0]), picture(2, 5, () => [0, 0, 1])];
    expect(histogramCorrelation(red, blue)).toBeCloseTo(-1 / 4095, 12);
  });

  it('follows the share of the pixels that agree', () => {
    // bins (½, ½) against (1, 0): correlation of the two vectors over 4096 bins, means taken off
    const half = picture(4, 4, (i) => (i < 8 ? [1, 0, 0] : [0, 0, 1]));
    const mean = 1 / 4096;
    const whole = picture(4, 4, () => [1, 0, 0]);
    const [pq, pp, qq] = [0.5 - mean, 0.5 - mean, 1 - mean];
    expect(histogramCorrelation(half, whole)).toBeCloseTo(pq / Math.sqrt(pp * qq), 12);
  });

  it('refuses grey planes', () => {
    const grey = { planes: new Float32Array(12), width: 4, height: 3 };
    expect(() => histogramCorrelation(grey, grey)).toThrow(/three planes of 4 × 3, got 12/);
  });
});

describe('colourMoments', () => {
  it('are those of each channel', () => {
    const { mean, std } = colourMoments(picture(2, 1, (i) => [i, 0.25, 1 - i / 2]));
    expect(mean).toEqual([0.5, 0.25, 0.75]);
    expect(std).toEqual([0.5, 0, 0.25]);
  });
});
