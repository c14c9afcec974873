import { describe, expect, it } from 'vitest';
import { endlessPermutation } from '../../train/data/datasets/shuffle.ts';
import { cropRegion, resizeShorter, shorterSideTo } from '../../train/data/datasets/square-crop.ts';
import { pillowResize } from '../../train/data/image/pillow-resize.ts';
import { scene } from '../cli/pictures.ts';

describe('an endless permutation', () => {
  it.each([1, 2, 7, 64, 1000])('takes each of %i files once a pass', (count) => {
    const order = endlessPermutation(count, 3, 0);
    for (let pass = 0; pass < 4; pass++) {
      const taken = Array.from({ length: count }, (_, i) => order(pass * count + i));
      expect([...taken].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
    }
  });

  it('is another one in each pass, folder and seed', () => {
    const passOf = (seed: number, folder: number, pass: number) => {
      const order = endlessPermutation(50, seed, folder);
      return Array.from({ length: 50 }, (_, i) => order(50 * pass + i)).join();
    };
    const all = [passOf(0, 0, 0), passOf(0, 0, 1), passOf(0, 1, 0), passOf(1, 0, 0)];
    expect(new Set(all).size).toBe(4);
  });

  it('can be entered anywhere, in any order', () => {
    const forwards = endlessPermutation(11, 5, 1);
    const expected = Array.from({ length: 200 }, (_, i) => forwards(i));
    const anywhere = endlessPermutation(11, 5, 1);
    for (let i = 0; i < 200; i++) expect(anywhere((i * 67) % 200)).toBe(expected[(i * 67) % 200]);
  });

  it('puts every file in every place about as often', () => {
    const order = endlessPermutation(6, 8, 0);
    const counts = Array.from({ length: 6 }, () => new Array<number>(6).fill(0));
    const passes = 3000;
    for (let i = 0; i < 6 * passes; i++) counts[i % 6][order(i)]++;
    // 36 binomial counts of mean 500 and deviation 20.4: five deviations
    for (const count of counts.flat()) expect(Math.abs(count - passes / 6)).toBeLessThan(102);
  });
});

describe('a square crop', () => {
  it('brings the shorter side to its size as torchvision does, enlarging too', () => {
    expect(shorterSideTo(512, 640, 480)).toEqual({ width: 682, height: 512 });
    expect(shorterSideTo(512, 480, 640)).toEqual({ width: 512, height: 682 });
    expect(shorterSideTo(512, 200, 100)).toEqual({ width: 1024, height: 512 });
    expect(shorterSideTo(512, 512, 700)).toEqual({ width: 512, height: 700 });
    expect(shorterSideTo(256, 300, 300)).toEqual({ width: 256, height: 256 });
  });

  it('lies inside and reaches every edge', () => {
    const last = 2 ** 32 - 1;
    expect(cropRegion(10, 8, 8, { x: 0, y: 0 })).toEqual({ left: 0, top: 0, width: 8, height: 8 });
    expect(cropRegion(10, 8, 8, { x: last, y: last })).toEqual({ left: 2, top: 0, width: 8, height: 8 });
    const lefts = new Set(
      Array.from({ length: 300 }, (_, i) => cropRegion(10, 9, 8, { x: (i / 300) * 2 ** 32, y: 0 }).left),
    );
    expect(lefts).toEqual(new Set([0, 1, 2]));
  });

  it.each([
    [90, 61, 40],
    [61, 90, 61],
    [33, 50, 48],
    [64, 64, 17],
  ])('is cut from %i x %i brought to %i before it is computed, with the same bytes', (width, height, load) => {
    const picture = scene(width, height, 'noon');
    const whole = resizeShorter(picture, load);
    for (const [x, y] of [
      [0, 0],
      [0.5, 0.3],
      [1 - 2 ** -32, 1 - 2 ** -32],
    ]) {
      const draw = { x: x * 2 ** 32, y: y * 2 ** 32 };
      const region = cropRegion(whole.width, whole.height, 16, draw);
      const part = resizeShorter(picture, load, (size) => cropRegion(size.width, size.height, 16, draw));
      expect([part.width, part.height]).toEqual([16, 16]);
      expect(part.pixels).toEqual(cut(whole, region));
    }
  });

  it('keeps to the picture', () => {
    const source = { width: 8, height: 8, channels: 3, pixels: new Uint8Array(192) };
    const region = { left: 3, top: 0, width: 4, height: 4 };
    expect(() => pillowResize(source, 6, 6, 'bilinear', region)).toThrow('expected a region inside 6 x 6');
  });
});

type Whole = { width: number; pixels: Uint8Array };

function cut(
  { width, pixels }: Whole,
  region: { left: number; top: number; width: number; height: number },
): Uint8Array {
  const rows = Array.from({ length: region.height }, (_, y) => {
    const at = 3 * ((region.top + y) * width + region.left);
    return [...pixels.subarray(at, at + 3 * region.width)];
  });
  return Uint8Array.from(rows.flat());
}
