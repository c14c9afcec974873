/** Whole transfers on small networks: tiles, sizes, masks, mixtures, memory. */
import { afterAll, describe, expect, it } from 'vitest';
import { acquireDevice } from '../../engine/device/node.ts';
import { DTypeError, OutOfMemoryError, ShapeError } from '../../engine/errors.ts';
import { scope, sizeOf, tensor } from '../../engine/index.ts';
import { CAP_VSTNET } from '../../models/cap-vstnet/config.ts';
import { StatisticsError } from '../../models/cap-vstnet/cwct-host.ts';
import { haloOf } from '../../models/cap-vstnet/halo.ts';
import { type CapVstnet, type PlanarPicture, tileStatistics } from '../../models/cap-vstnet/latent.ts';
import { encode } from '../../models/cap-vstnet/network.ts';
import type { LabelMap } from '../../models/cap-vstnet/regions.ts';
import { type StylizeOptions, stylize, stylizer } from '../../models/cap-vstnet/stylize.ts';
import { largestThatFits, planStylize } from '../../models/cap-vstnet/stylize-plan.ts';
import type { Size } from '../../models/cap-vstnet/tiles.ts';
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

  it('takes inputs of its own type alone', () => {
    const half = smallNet(device, SMALL.photo, { dtype: 'f16' });
    const run = () =>
      scope(() => void encode(half.params, half.config, tensor(device, new Float32Array(192), [1, 3, 8, 8])));
    expect(run).toThrow(DTypeError);
    freeNet(half);
  });
});

describe('the device', () => {
  const content = planarScene(60, 44, 1);

  it('holds nothing more afterwards, also where the work failed', async () => {
    const before = device.liveTensors;
    const used = device.pool.stats.usedBytes;
    await stylize(nets.photo, content, [style]);
    await stylize(nets.photo, content, [style], { tile: 2 * haloOf(SMALL.photo) + 8 });
    const broken: PlanarPicture = { ...content, planar: content.planar.map((v, i) => (i === 77 ? Number.NaN : v)) };
    await expect(stylize(nets.photo, broken, [style])).rejects.toThrow(StatisticsError);
    await expect(stylize(nets.photo, content, [{ ...style, picture: broken }])).rejects.toThrow(/check the weights/);
    expect([device.liveTensors, device.pool.stats.usedBytes]).toEqual([before, used]);
  });

  it('tells how far the work is, up to 1 and never back', async () => {
    const seen: number[] = [];
    const options = { tile: 2 * haloOf(SMALL.photo) + 8, onProgress: (done: number) => void seen.push(done) };
    await stylize(nets.photo, planarScene(100, 44, 1), [style], options);
    expect(seen.length).toBeGreaterThan(6);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(1);
  });

  it('takes no more memory than was forecast', async () => {
    const fresh = await acquireDevice({ device: process.env.MIAOBI_DEVICE });
    const net = smallNet(fresh, SMALL.photo);
    const { stats } = fresh.pool;
    const weights = stats.usedBytes;
    const large = planarScene(256, 192, 1);
    const { forecast } = planStylize(net, large);
    await stylize(net, large, [style]);
    const taken = stats.peakAllocatedBytes - weights;
    // maps of the transfer and partial sums are not part of it: some KiB
    expect(taken).toBeLessThan(1.02 * forecast.peakBytes + 2 ** 15);
    expect(taken).toBeGreaterThan(0.8 * forecast.peakBytes);
    fresh.destroy();
  });
});

describe('a tight device', () => {
  /** The memory that a square takes untiled, beside the weights. */
  const need = (side: number) => planStylize(nets.photo, { width: side, height: side }).forecast.peakBytes;

  /** A device with so much memory beside the weights. */
  async function tight(bytes: number): Promise<CapVstnet> {
    const probe = await acquireDevice({ device: process.env.MIAOBI_DEVICE });
    const { usedBytes } = smallNet(probe, SMALL.photo).device.pool.stats;
    probe.destroy();
    const small = await acquireDevice({ device: process.env.MIAOBI_DEVICE, budgetBytes: usedBytes + bytes });
    return smallNet(small, SMALL.photo);
  }

  it('cuts only what does not fit, and then repaints the same', async () => {
    const net = await tight(need(150));
    expect(planStylize(net, { width: 140, height: 140 }).tiles).toHaveLength(1);
    const content = planarScene(300, 100, 1);
    const { tiles } = planStylize(net, content);
    expect(tiles.length).toBeGreaterThan(1);
    const tiled = await stylize(net, content, [style]);
    expect(net.device.pool.stats.peakAllocatedBytes).toBeLessThanOrEqual(net.device.pool.budgetBytes);
    expect(largestDifference(tiled, await stylize(nets.photo, content, [style]))).toBeLessThan(ROUNDING);
    net.device.destroy();
  });

  it('knows the largest size that fits', async () => {
    const net = await tight(need(64));
    const large = { width: 3000, height: 1500 };
    expect(() => planStylize(net, large)).toThrow(OutOfMemoryError);
    const fits = largestThatFits(net, large);
    expect(fits).toBeDefined();
    const { width, height } = fits ?? large;
    expect(Math.abs(width - 2 * height)).toBeLessThanOrEqual(1);
    expect(planStylize(net, { width, height }).tiles).toHaveLength(1);
    expect(() => planStylize(net, { width: width + 4, height: height + 2 })).toThrow(OutOfMemoryError);
    await stylize(net, planarScene(width, height, 1), [style]);
    net.device.destroy();
    const none = await tight(1024);
    expect(largestThatFits(none, large)).toBeUndefined();
    none.device.destroy();
  });

  it('cuts a 4K picture where a binding is too small for its latent', () => {
    const net = smallNet(device, CAP_VSTNET.photo, { source: ({ shape }) => new Float32Array(sizeOf(shape)) });
    const size = { width: 3840, height: 2160 };
    const latentBytes = ({ width, height }: Size) => 4 * width * height * net.plan.latentChannels;
    const { maxBindingBytes } = device.capabilities;
    const { tiles } = planStylize(net, size);
    expect(tiles.length > 1).toBe(latentBytes(size) > maxBindingBytes);
    for (const { padded } of tiles) expect(latentBytes(padded)).toBeLessThanOrEqual(maxBindingBytes);
    freeNet(net);
  });
});
