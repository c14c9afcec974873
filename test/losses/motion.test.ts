import { describe, expect, it } from 'vitest';
import { scope, tensor } from '../../engine/index.ts';
import { warp } from '../../kernels/index.ts';
import { coarseExtents, drawMotion, fakeFlow, secondFrame } from '../../train/losses/motion.ts';
import { testDevice } from '../support/device.ts';
import { generator, normals } from '../support/samples.ts';

const device = await testDevice();

/** One component at one pixel, from the definitions: resize, add, then the mean of the box, in two dimensions. */
function flowAt(coarse: ArrayLike<number>, h: number, w: number, y: number, x: number, c: number, shift: number) {
  const [rows, columns] = coarseExtents(h, w);
  const reflected = (p: number, n: number) => (p < 0 ? -p : p > n - 1 ? 2 * (n - 1) - p : p);
  const along = (p: number, n: number, cells: number) => {
    const position = Math.min(Math.max(((p + 0.5) * cells) / n - 0.5, 0), cells - 1);
    const low = Math.min(Math.floor(position), Math.max(cells - 2, 0));
    return { low, high: Math.min(low + 1, cells - 1), t: position - low };
  };
  const resized = (i: number, j: number) => {
    const [r, s] = [along(i, h, rows), along(j, w, columns)];
    const cell = (a: number, b: number) => coarse[(a * columns + b) * 2 + c];
    const top = cell(r.low, s.low) * (1 - s.t) + cell(r.low, s.high) * s.t;
    const bottom = cell(r.high, s.low) * (1 - s.t) + cell(r.high, s.high) * s.t;
    return top * (1 - r.t) + bottom * r.t + shift;
  };
  let sum = 0;
  for (let i = -50; i < 50; i++)
    for (let j = -50; j < 50; j++) sum += resized(reflected(y + i, h), reflected(x + j, w));
  return sum / 1e4;
}

describe('fakeFlow', () => {
  it.each([
    [100, 100],
    [130, 320],
  ])('follows the definitions at %i × %i', (h, w) => {
    const [rows, columns] = coarseExtents(h, w);
    const coarse = normals(generator(4), [rows, columns, 2]).data.map((z) => 8 * z);
    const flow = fakeFlow(h, w, coarse, [3, -7]);
    for (const [y, x] of [
      [0, 0],
      [h - 1, w - 1],
      [49, w - 50],
      [h >> 1, 61],
    ]) {
      for (const c of [0, 1]) {
        expect(flow[(c * h + y) * w + x]).toBeCloseTo(flowAt(coarse, h, w, y, x, c, [3, -7][c]), 4);
      }
    }
  });

  it('refuses pictures below 100 pixels and noise of another size', () => {
    expect(() => fakeFlow(99, 300, [1, 2], [0, 0])).toThrow(/sides of at least 100, got 99 × 300/);
    expect(() => fakeFlow(200, 100, [1, 2], [0, 0])).toThrow(/\[2, 1, 2\] for 200 × 100, got 2/);
  });
});

describe('drawMotion', () => {
  const key = { seed: 11, step: 5, op: 40 };

  it('repeats itself, and differs from step to step', () => {
    const [first, again] = [drawMotion(key, 110, 120), drawMotion(key, 110, 120)];
    expect(again).toEqual(first);
    expect(drawMotion({ ...key, step: 6 }, 110, 120).flow).not.toEqual(first.flow);
  });

  it('shifts by at most 10 pixels on average of many, with noise between 0.001 and 0.002', () => {
    const motions = Array.from({ length: 300 }, (_, step) => drawMotion({ ...key, step }, 100, 100));
    // at 100 × 100 the flow is one number: noise of deviation 8 and a whole shift of variance (21² − 1) / 12
    const numbers = motions.flatMap(({ flow }) => [flow[0], flow[10000]]);
    const mean = numbers.reduce((s, x) => s + x, 0) / numbers.length;
    const variance = numbers.reduce((s, x) => s + (x - mean) ** 2, 0) / (numbers.length - 1);
    expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(100.7 / 600));
    expect(Math.abs(variance / (64 + 110 / 3) - 1)).toBeLessThan(0.25);
    const sigmas = motions.map(({ sigma }) => sigma);
    expect(Math.min(...sigmas)).toBeGreaterThanOrEqual(0.001);
    expect(Math.max(...sigmas)).toBeLessThan(0.002);
    expect(Math.max(...sigmas) - Math.min(...sigmas)).toBeGreaterThan(0.0009);
  });

  it('makes a second frame: the first one moved, with noise of its deviation', async () => {
    const motion = drawMotion(key, 100, 128);
    const values = Float32Array.from({ length: 3 * 12800 }, (_, i) => 0.5 + 0.4 * Math.sin(i / 50));
    const { moved, second } = scope(() => {
      const x = tensor(device, values, [1, 3, 100, 128]);
      return { moved: warp(x, motion.field), second: secondFrame(x, motion) };
    });
    const [a, b] = [await moved.data(), await second.data()];
    const errors = Array.from(a, (v, i) => b[i] - v);
    const deviation = Math.sqrt(errors.reduce((s, e) => s + e * e, 0) / errors.length);
    expect(Math.abs(deviation / motion.sigma - 1)).toBeLessThan(0.02);
    for (const t of [moved, second]) t.dispose();
  });
});
