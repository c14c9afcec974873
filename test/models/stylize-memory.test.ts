/** What transfers take of a device: nothing is left behind, no more than forecast, and tiles where memory is short. */
import { afterAll, describe, expect, it } from 'vitest';
import { acquireDevice } from '../../engine/device/node.ts';
import { OutOfMemoryError } from '../../engine/errors.ts';
import { sizeOf } from '../../engine/index.ts';
import { CAP_VSTNET } from '../../models/cap-vstnet/config.ts';
import { StatisticsError } from '../../models/cap-vstnet/cwct-host.ts';
import { haloOf } from '../../models/cap-vstnet/halo.ts';
import type { CapVstnet, PlanarPicture } from '../../models/cap-vstnet/latent.ts';
import { stylize } from '../../models/cap-vstnet/stylize.ts';
import { largestThatFits, planStylize } from '../../models/cap-vstnet/stylize-plan.ts';
import type { Size } from '../../models/cap-vstnet/tiles.ts';
import { testDevice } from '../support/device.ts';
import { freeNet, largestDifference, planarScene, SMALL, smallNet } from '../support/small-vstnet.ts';

const device = await testDevice();
const nets = { photo: smallNet(device, SMALL.photo) };
afterAll(() => freeNet(nets.photo));

const style = { picture: planarScene(21, 34, 2), weight: 1 };
/** Differences between results in [0, 1] that summing and rounding in another order may make. */
const ROUNDING = 2e-5;

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

  it('never holds more than the picture and two and a half latents, with masks neither', async () => {
    const fresh = await acquireDevice({ device: process.env.MIAOBI_DEVICE });
    const net = smallNet(fresh, SMALL.deep);
    const [width, height] = [192, 160];
    const large = planarScene(width, height, 1);
    const latent = 4 * net.plan.latentChannels * width * height;
    const labels = Uint32Array.from({ length: width * height }, (_, i) => Math.floor((4 * (i % width)) / width));
    const mask = { labels, width, height };
    const weights = fresh.pool.stats.usedBytes;
    for (const masks of [undefined, mask]) {
      fresh.pool.resetPeaks();
      await stylize(net, large, [{ picture: large, weight: 1, mask: masks }], { mask: masks });
      const picture = 4 * 3 * width * height;
      expect(fresh.pool.stats.peakUsedBytes - weights - picture).toBeLessThan(2.55 * latent);
    }
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
    // untiled it would need more than the forecast's free buffers could give back
    const content = planarScene(300, 200, 1);
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
