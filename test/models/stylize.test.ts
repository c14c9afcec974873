/** Whole transfers on small networks: tiles, sizes, styles, masks, half precision. */
import { afterAll, describe, expect, it } from 'vitest';
import { ShapeError } from '../../engine/errors.ts';
import { scope, tensor } from '../../engine/index.ts';
import { StatisticsError } from '../../models/cap-vstnet/cwct-host.ts';
import { haloOf } from '../../models/cap-vstnet/halo.ts';
import { type CapVstnet, tileStatistics } from '../../models/cap-vstnet/latent.ts';
import type { LabelMap } from '../../models/cap-vstnet/regions.ts';
import { type StylizeOptions, stylize, stylizer } from '../../models/cap-vstnet/stylize.ts';
import { planStylize } from '../../models/cap-vstnet/stylize-plan.ts';
import { testDevice } from '../support/device.ts';
import { freeNet, largestDifference, planarScene, SMALL, smallNet } from '../support/small-vstnet.ts';

const device = await testDevice();
const nets = { photo: smallNet(device, SMALL.photo), art: smallNet(device, SMALL.art) };
afterAll(() => Object.values(nets).forEach(freeNet));

const style = { picture: planarScene(21, 34, 2), weight: 1 };

/** Columns of one label each, of equal width. */
function columns(width: number, height: number, labels: readonly number[]): LabelMap {
  const of = (i: number) => labels[Math.floor(((i % width) * labels.length) / width)];
  return { width, height, labels: Uint8Array.from({ length: width * height }, (_, i) => of(i)) };
}

/** Differences between results in [0, 1] that summing and rounding in another order may make. */
const ROUNDING = 2e-5;

describe('tiles', () => {
  const halo = haloOf(SMALL.photo);
  const content = planarScene(211, 207, 1);
  const masked = { mask: columns(211, 207, [1, 2, 5]) };
  const styles = [{ ...style, mask: columns(21, 34, [2, 1]) }];

  it.each<[string, CapVstnet, StylizeOptions]>([
    ['photo', nets.photo, {}],
    ['art', nets.art, {}],
    ['a mixture', nets.photo, { alphaContent: 0.3 }],
    ['masks', nets.photo, masked],
    ['masks at half size', nets.art, masked],
  ])('do not show in the result: %s', async (_, net, options) => {
    const tile = 2 * halo + 48;
    const { tiles, overhead } = planStylize(net, content, tile);
    const interior = tiles.filter(({ core, padded }) => padded.top < core.top && padded.left < core.left);
    expect(tiles.length).toBeGreaterThanOrEqual(9);
    expect(interior.length).toBeGreaterThan(0);
    expect(overhead).toBeGreaterThan(1.5);
    const use = options.mask ? styles : [style];
    const whole = await stylize(net, content, use, options);
    const tiled = await stylize(net, content, use, { ...options, tile });
    expect(largestDifference(whole, tiled)).toBeLessThan(ROUNDING);
    expect(largestDifference(whole, content.planar)).toBeGreaterThan(0.01);
  });

  it('have statistics of the picture alone, not of what it was padded with', async () => {
    const z = scope(() => tensor(device, planarScene(8, 8, 4).planar, [1, 3, 8, 8]));
    const [inside] = await tileStatistics(
      z,
      { top: 8, left: 4, height: 8, width: 8 },
      { height: 11, width: 9 },
      undefined,
    );
    expect(inside?.count[0]).toBe(15);
    expect(
      await tileStatistics(z, { top: 8, left: 4, height: 8, width: 8 }, { height: 8, width: 9 }, undefined),
    ).toEqual([undefined]);
    z.dispose();
  });
});

describe('sizes', () => {
  it.each([
    [2, 2],
    [7, 5],
    [3, 50],
    [65, 2],
    [33, 31],
  ])('%i × %i comes back as large as it went in, from both networks', async (width, height) => {
    const content = planarScene(width, height, 1);
    for (const net of Object.values(nets)) {
      const out = await stylize(net, content, [style]);
      expect(out).toHaveLength(3 * width * height);
      expect(out.every(Number.isFinite)).toBe(true);
      const same = await stylize(net, content, [style], { alphaContent: 1 });
      expect(largestDifference(same, content.planar)).toBeLessThan(ROUNDING);
    }
  });

  it('of a style may be anything, too', async () => {
    const content = planarScene(20, 20, 1);
    for (const [width, height] of [
      [2, 2],
      [90, 3],
    ]) {
      const out = await stylize(nets.photo, content, [{ picture: planarScene(width, height, 2), weight: 1 }]);
      expect(out.every(Number.isFinite)).toBe(true);
    }
  });

  it('of a single row or column are refused', async () => {
    await expect(stylize(nets.photo, planarScene(1, 9, 1), [style])).rejects.toThrow(ShapeError);
    await expect(
      stylize(nets.photo, planarScene(9, 9, 1), [{ ...style, picture: planarScene(9, 1, 1) }]),
    ).rejects.toThrow(/9 × 1 pixels cannot be repainted.*larger picture/);
  });
});

describe('styles', () => {
  const content = planarScene(24, 20, 1);

  it('give the content itself back where they are the content', async () => {
    const out = await stylize(nets.photo, content, [{ picture: content, weight: 1 }]);
    expect(largestDifference(out, content.planar)).toBeLessThan(1e-4);
  });

  it('of equal pictures mix to that picture, whatever the shares', async () => {
    const alone = await stylize(nets.art, content, [style]);
    const mixed = await stylize(nets.art, content, [
      { ...style, weight: 0.25 },
      { ...style, weight: 0.75 },
    ]);
    expect(largestDifference(alone, mixed)).toBeLessThan(ROUNDING);
  });

  it('count by their shares', async () => {
    const other = planarScene(30, 18, 4);
    const [a, b] = await Promise.all([
      stylize(nets.photo, content, [style]),
      stylize(nets.photo, content, [{ picture: other, weight: 1 }]),
    ]);
    const mostlyA = await stylize(nets.photo, content, [
      { ...style, weight: 0.9 },
      { picture: other, weight: 0.1 },
    ]);
    const distance = (x: Float32Array, y: Float32Array) => Math.hypot(...x.map((v, i) => v - y[i]));
    expect(distance(mostlyA, a)).toBeLessThan(0.35 * distance(mostlyA, b));
    expect(distance(mostlyA, a)).toBeGreaterThan(0);
  });

  it('are encoded once for many pictures', async () => {
    const paint = stylizer(nets.photo, [style]);
    const pictures = [content, planarScene(24, 20, 4)];
    const results: Float32Array[] = [];
    const dispatches: number[] = [];
    for (const picture of pictures) {
      const before = device.recorder.dispatches;
      results.push(await paint(picture));
      dispatches.push(device.recorder.dispatches - before);
    }
    expect(dispatches[1]).toBeLessThan(0.75 * dispatches[0]);
    for (const [i, picture] of pictures.entries()) {
      expect(results[i]).toEqual(await stylize(nets.photo, picture, [style]));
    }
  });
});

describe('masks', () => {
  const width = 2 * haloOf(SMALL.photo) + 40;
  const content = planarScene(width, 16, 1);
  const mask = columns(width, 16, [1, 2]);

  it('leave pixels alone whose label the style lacks', async () => {
    const out = await stylize(nets.photo, content, [{ ...style, mask: columns(21, 34, [1, 7]) }], { mask });
    const within = (from: number, to: number) =>
      largestDifference(
        out.filter((_, i) => i % width >= from && i % width < to),
        content.planar.filter((_, i) => i % width >= from && i % width < to),
      );
    expect(within(width / 2 + haloOf(SMALL.photo), width)).toBeLessThan(ROUNDING);
    expect(within(0, width / 2)).toBeGreaterThan(0.01);
  });

  it('of one label are the plain transfer', async () => {
    const one = { mask: columns(width, 16, [3]) };
    const masked = await stylize(nets.art, content, [{ ...style, mask: columns(21, 34, [3]) }], one);
    expect(largestDifference(masked, await stylize(nets.art, content, [style]))).toBeLessThan(ROUNDING);
  });

  it('without a common label give the content back', async () => {
    const out = await stylize(nets.photo, content, [{ ...style, mask: columns(21, 34, [5]) }], { mask });
    expect(largestDifference(out, content.planar)).toBeLessThan(ROUNDING);
  });

  it('are all given or none', async () => {
    await expect(stylize(nets.photo, content, [style], { mask })).rejects.toThrow(StatisticsError);
    await expect(stylize(nets.photo, content, [{ ...style, mask }])).rejects.toThrow(/Give all or none/);
  });
});

describe('half precision', () => {
  it.each(['photo', 'art'] as const)('comes close to f32: %s, whole and in tiles', async (name) => {
    const half = smallNet(device, SMALL[name], { dtype: 'f16' });
    const content = planarScene(150, 90, 1);
    const full = await stylize(nets[name], content, [style]);
    for (const tile of [undefined, 2 * haloOf(SMALL[name]) + 40]) {
      const out = await stylize(half, content, [style], { tile });
      const squares = out.reduce((sum, v, i) => sum + (v - full[i]) ** 2, 0);
      const psnr = -10 * Math.log10(squares / out.length);
      expect(psnr).toBeGreaterThan(55);
      expect(psnr).toBeLessThan(110); // it was half precision
    }
    freeNet(half);
  });
});
