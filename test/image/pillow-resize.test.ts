import { describe, expect, it } from 'vitest';
import { type PillowFilter, pillowResize } from '../../train/data/image/pillow-resize.ts';
import { imgResizeRule } from '../../train/data/image/resize-rule.ts';

const row = (...values: number[]) => ({
  width: values.length,
  height: 1,
  channels: 1,
  pixels: Uint8Array.from(values),
});
const floats = (...values: number[]) => ({
  width: values.length,
  height: 1,
  channels: 1,
  pixels: Float32Array.from(values),
});
const filters: PillowFilter[] = ['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'];

describe('pillowResize', () => {
  it('averages blocks with the box filter', () => {
    expect([...pillowResize(row(10, 20, 30, 50), 2, 1, 'box').pixels]).toEqual([15, 40]);
  });

  it('widens the triangle when it shrinks', () => {
    // halving: support 2 about 1 and 3; taps at distances 0.5 and 1.5 of width 2 weigh 0.75 and 0.25
    // output 0: (0.75·0 + 0.75·80 + 0.25·160) / 1.75; output 1: (0.25·80 + 0.75·160 + 0.75·240) / 1.75
    expect([...pillowResize(row(0, 80, 160, 240), 2, 1, 'bilinear').pixels]).toEqual([57, 183]);
  });

  it('interpolates with a = -0.5 when bicubic', () => {
    // doubling, output 3 of 8 is centred 0.25 beyond the middle of input 1 (position 1.25 in pixel indices)
    const w = (x: number) => {
      const t = Math.abs(x);
      return t < 1 ? 1.5 * t ** 3 - 2.5 * t ** 2 + 1 : -0.5 * t ** 3 + 2.5 * t ** 2 - 4 * t + 2;
    };
    const values = [10, 200, 30, 90];
    const expected = values.reduce((sum, v, i) => sum + v * w(i - 1.25), 0);
    expect(pillowResize(floats(...values), 8, 1, 'bicubic').pixels[3]).toBeCloseTo(expected, 4);
    expect(pillowResize(row(...values), 8, 1, 'bicubic').pixels[3]).toBe(Math.round(expected));
  });

  it('clamps the overshoot of 8-bit pictures and keeps that of float ones', () => {
    const step = [0, 0, 0, 255, 255, 255];
    const bytes = pillowResize(row(...step), 18, 1, 'lanczos').pixels;
    const exact = pillowResize(floats(...step), 18, 1, 'lanczos').pixels;
    expect(Math.min(...exact)).toBeLessThan(-5);
    expect(Math.max(...exact)).toBeGreaterThan(260);
    expect([...bytes]).toEqual([...exact].map((v) => Math.min(Math.max(Math.round(v), 0), 255)));
  });

  it('rounds to 8 bits after the horizontal pass', () => {
    // rows average to 0.5 -> 1 and 0.5 -> 1 horizontally, then to 1; one rounding at the end would say round(0.5) too,
    // so use 1.5 -> 2 and 0 -> 0: 1, where the exact mean is 0.75 -> 1, and 0.25 -> 0 against 0.5 -> 1
    const picture = { width: 2, height: 2, channels: 1, pixels: Uint8Array.from([0, 1, 0, 0]) };
    expect(pillowResize(picture, 1, 1, 'box').pixels[0]).toBe(1); // 0.25 if it were exact
  });

  it.each(filters)('keeps a constant picture constant: %s', (filter) => {
    const source = { width: 7, height: 5, channels: 3, pixels: new Uint8Array(105).fill(201) };
    for (const [w, h] of [
      [3, 2],
      [16, 11],
      [7, 1],
    ]) {
      expect(new Set(pillowResize(source, w, h, filter).pixels)).toEqual(new Set([201]));
    }
  });

  it('does not bleed the colour of transparent pixels', () => {
    const rgba = { width: 2, height: 1, channels: 4, pixels: Uint8Array.from([200, 100, 50, 255, 0, 255, 0, 0]) };
    expect([...pillowResize(rgba, 1, 1, 'box').pixels]).toEqual([199, 99, 49, 128]); // 255·100/128 truncated
  });

  it('copies when the size stays', () => {
    const source = row(1, 2, 3);
    const copy = pillowResize(source, 3, 1, 'lanczos');
    expect([...copy.pixels]).toEqual([1, 2, 3]);
    expect(copy.pixels).not.toBe(source.pixels);
  });

  it('refuses sizes of nothing', () => {
    expect(() => pillowResize(row(1, 2), 0, 1)).toThrow(/at least 1 x 1/);
    expect(() => pillowResize({ width: 0, height: 0, channels: 3, pixels: new Uint8Array(0) }, 1, 1)).toThrow(
      /at least one/,
    );
  });
});

describe('imgResizeRule', () => {
  it('reduces to the larger side, truncates, then rounds down to the multiple', () => {
    expect(imgResizeRule(1000, 668, 640, 4)).toEqual({ reduced: { width: 640, height: 427 }, width: 640, height: 424 });
  });

  it('never enlarges', () => {
    expect(imgResizeRule(517, 300, 1280, 4)).toEqual({ reduced: { width: 517, height: 300 }, width: 516, height: 300 });
  });

  it('divides before it multiplies, in double precision', () => {
    // 0.29 is just below 29/100 as a double: 29/100·100 = 28.999999999999996
    expect(imgResizeRule(100, 29, 100, 1).reduced.height).toBe(29); // not larger: untouched
    expect(imgResizeRule(1000, 290, 100, 1).reduced.height).toBe(Math.trunc((290 / 1000) * 100));
    expect(Math.trunc((290 / 1000) * 100)).toBe(28);
  });
});
