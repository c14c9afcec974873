import { describe, expect, it } from 'vitest';
import { type Planes, psnr, ssim } from '../../train/eval/image-similarity.ts';

const picture = (width: number, height: number, f: (i: number) => number): Planes => ({
  planes: Float32Array.from({ length: 3 * width * height }, (_, i) => f(i)),
  width,
  height,
});

describe('psnr', () => {
  it('is 20 dB for an error of a tenth everywhere', () => {
    expect(
      psnr(
        picture(5, 4, () => 0.25),
        picture(5, 4, () => 0.35),
      ),
    ).toBeCloseTo(20, 5);
  });

  it('is infinite for equal pictures', () => {
    expect(psnr(picture(3, 3, Math.sin), picture(3, 3, Math.sin))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('ssim', () => {
  /** From the definition: an explicit two-dimensional window at every pixel. */
  function byDefinition(a: Planes, b: Planes): number {
    const { width, height } = a;
    let total = 0;
    for (let i = 0; i < a.planes.length; i++) {
      const [c, y, x] = [Math.floor(i / (width * height)), Math.floor(i / width) % height, i % width];
      let weights = 0;
      const sums = [0, 0, 0, 0, 0];
      for (let dy = -5; dy <= 5; dy++) {
        for (let dx = -5; dx <= 5; dx++) {
          const w = Math.exp(-(dx * dx + dy * dy) / 4.5);
          weights += w;
          const inside = y + dy >= 0 && y + dy < height && x + dx >= 0 && x + dx < width;
          const at = (c * height + y + dy) * width + x + dx;
          const [p, q] = inside ? [a.planes[at], b.planes[at]] : [0, 0];
          [p, q, p * p, q * q, p * q].forEach((term, k) => {
            sums[k] += w * term;
          });
        }
      }
      const [ma, mb, aa, bb, ab] = sums.map((s) => s / weights);
      const [va, vb, cov] = [aa - ma * ma, bb - mb * mb, ab - ma * mb];
      total += ((2 * ma * mb + 1e-4) * (2 * cov + 9e-4)) / ((ma * ma + mb * mb + 1e-4) * (va + vb + 9e-4));
    }
    return total / a.planes.length;
  }

  it('follows the definition, zeros beyond the borders', () => {
    const a = picture(13, 7, (i) => 0.5 + 0.5 * Math.sin(i));
    const b = picture(13, 7, (i) => 0.5 + 0.4 * Math.sin(i + 0.3));
    expect(ssim(a, b)).toBeCloseTo(byDefinition(a, b), 10);
  });

  it('is 1 for equal pictures', () => {
    const a = picture(12, 20, (i) => (i % 17) / 17);
    expect(ssim(a, a)).toBeCloseTo(1, 12);
  });

  it('refuses pictures of two sizes', () => {
    expect(() =>
      ssim(
        picture(4, 6, () => 0),
        picture(6, 4, () => 0),
      ),
    ).toThrow(/4 x 6 .* and 6 x 4/);
  });
});
