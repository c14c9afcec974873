import { describe, expect, it } from 'vitest';
import { leaves, scope, type Tree, tensor, treeOf } from '../../engine/index.ts';
import { pictureBytes } from '../../train/data/image/label-colours.ts';
import { gauganPainter, latentOf } from '../../train/infer/generate-picture.ts';
import type { LoadedGaugan } from '../../train/infer/load-gaugan.ts';
import { signedPlanes } from '../../train/recipes/gaugan-inputs.ts';
import { paint } from '../../train/recipes/gaugan-losses.ts';
import { discriminatorConfig, type GauganShape, generatorNetworks } from '../../train/recipes/gaugan-networks.ts';
import { SMALL, specsOf, stateOf } from '../cli/gaugan-weights.ts';
import { testDevice } from '../support/device.ts';

const device = await testDevice();

/** Untrained networks; running variances are multiplied by `spread`, channel by channel. */
function loaded(shape: GauganShape, spread: (channel: number) => number = () => 1): LoadedGaugan {
  const specs = specsOf(shape);
  const upload = (own: typeof specs.G, seed: number): Tree => {
    const values = stateOf(own, seed);
    return treeOf(
      own.map(({ key, shape: extents }) => {
        const found = values.get(key) as Float32Array;
        return [key, tensor(device, key.endsWith('running_var') ? found.map((x, c) => x * spread(c)) : found, extents)];
      }),
    );
  };
  return {
    ...{ device, networks: generatorNetworks(shape), size: { width: 32, height: 32 } },
    ...{ rule: { labelNc: shape.labelNc, instance: shape.instance }, files: { G: 'G' }, description: 'untrained' },
    state: { G: upload(specs.G, 1), E: specs.E && upload(specs.E, 2) },
  };
}

const labels = Uint8Array.from({ length: 32 * 32 }, (_, i) => (i >> 7) % 5);

function difference(a: { rgb: ArrayLike<number> }, b: { rgb: ArrayLike<number> }): number {
  return Array.from(a.rgb).reduce((sum, value, i) => sum + Math.abs(value - b.rgb[i]), 0) / a.rgb.length;
}

describe('a painter', () => {
  it('takes the states over and gives everything back', async () => {
    const before = device.pool.stats.usedBytes;
    const networks = loaded(SMALL);
    const whole = device.pool.stats.usedBytes - before;
    const painter = gauganPainter(networks);
    expect(device.pool.stats.usedBytes - before).toBeLessThan(1.05 * whole);
    const { mu, logvar } = await painter.encode(new Uint8Array(3 * 32 * 32).fill(90));
    expect([mu.length, logvar.length]).toEqual([4, 4]);
    await painter.paint({ labels }, latentOf(4, { mu, logvar }, undefined));
    painter.dispose();
    for (const [, leaf] of [...leaves(networks.state.G), ...leaves(networks.state.E as Tree)])
      expect(leaf.disposed).toBe(true);
    expect(device.pool.stats.usedBytes).toBe(before);
  });

  it('paints what the training paints with the same reference', async () => {
    const shape = { ...SMALL, instance: true };
    const networks = loaded(shape);
    const rgb = Uint8Array.from({ length: 3 * 32 * 32 }, (_, i) => (i * 37) % 256);
    const edges = Uint8Array.from(labels, (_, i) => Number(i % 128 < 3));
    const fake = scope(() => {
      const map = {
        labels: tensor(device, labels, [1, 32, 32], 'u32'),
        classes: 5,
        edges: tensor(device, edges, [1, 1, 32, 32]),
      };
      const reference = tensor(device, signedPlanes(rgb, 32 * 32), [1, 3, 32, 32]);
      const discriminator = discriminatorConfig({
        ...shape,
        ndf: 2,
        numD: 1,
        nLayersD: 2,
        normD: 'none',
        ganFeat: false,
      });
      const all = { ...networks.networks, discriminator };
      return paint(networks.state, all, { map, reference }, undefined, { training: false }).fake;
    });
    const expected = pictureBytes(await fake.data(), 32 * 32);
    fake.dispose();
    const painter = gauganPainter(networks);
    const latent = await painter.encode(rgb);
    const picture = await painter.paint({ labels, edges }, latentOf(4, latent, undefined), { truncate: true });
    painter.dispose();
    expect(difference(picture, { rgb: expected })).toBeLessThan(0.01);
    expect(new Set(picture.rgb).size).toBeGreaterThan(20);
  });

  it.each([
    ['spade', SMALL],
    ['pix2pixhd', { ...SMALL, netG: 'pix2pixhd', normG: 'spectralbatch' }],
  ] as const)('forgets running statistics when the batch has its own: %s', async (_, shape) => {
    const painted = async (spread: (c: number) => number, batchStatistics: boolean) => {
      const painter = gauganPainter(loaded({ ...shape, useVae: false } as GauganShape, spread), { batchStatistics });
      const picture = await painter.paint({ labels });
      painter.dispose();
      return picture;
    };
    const moved = (channel: number) => 2 + (channel % 3);
    const kept = await painted(() => 1, false);
    expect(difference(kept, await painted(moved, false))).toBeGreaterThan(0.1);
    const own = await painted(() => 1, true);
    expect(difference(kept, own)).toBeGreaterThan(0.1);
    expect(difference(own, await painted(moved, true))).toBe(0);
  });
});

describe('a latent', () => {
  const latent = { mu: Float32Array.of(1, -2, 0.5), logvar: Float32Array.of(0, 2 * Math.log(3), -200) };

  it('is the mean of its picture, unless noise is drawn', () => {
    expect(latentOf(3, latent, undefined)).toEqual(latent.mu);
    expect(latentOf(3, undefined, undefined)).toEqual(new Float32Array(3));
  });

  it('is drawn with the deviation that the encoder gives it, the same noise for every picture', () => {
    const draw = { seed: 7, sample: 2 };
    const noise = latentOf(3, undefined, draw);
    expect(latentOf(3, undefined, draw)).toEqual(noise);
    expect(latentOf(3, undefined, { ...draw, sample: 3 })).not.toEqual(noise);
    expect(latentOf(3, undefined, { ...draw, seed: 8 })).not.toEqual(noise);
    const z = latentOf(3, latent, draw);
    expect(z[0]).toBeCloseTo(1 + noise[0], 5);
    expect(z[1]).toBeCloseTo(-2 + 3 * noise[1], 5);
    expect(z[2]).toBe(0.5);
  });
});
