import { afterAll, describe, expect, it } from 'vitest';
import { RANDOM_FEATURES, randomFilters } from '../../models/random-features/network.ts';
import { drawVaried } from '../../train/data/synth/varied-landscape.ts';
import {
  biasWarnings,
  collectFeatures,
  featureDistance,
  randomFeatureExtractor,
} from '../../train/eval/feature-distance.ts';
import { statisticsOf } from '../../train/eval/feature-statistics.ts';
import { frechetDistance } from '../../train/eval/frechet.ts';
import type { Planes } from '../../train/eval/image-similarity.ts';
import { planesOf } from '../../train/eval/picture-series.ts';
import { testDevice } from '../support/device.ts';
import { generator, normal } from '../support/samples.ts';

const device = await testDevice();
const extractor = randomFeatureExtractor(device);
afterAll(() => extractor.dispose());

const SIDE = 64;
const drawn = (count: number, seed: number): Planes[] =>
  Array.from({ length: count }, (_, step) => planesOf(drawVaried(SIDE, SIDE, ['noon'], 0.05, { seed, step, op: 0 })));

const changed = (pictures: readonly Planes[], of: (p: Planes, i: number) => number): Planes[] =>
  pictures.map((p) => ({ ...p, planes: p.planes.map((_, i) => Math.min(1, Math.max(0, of(p, i)))) }));

const random = generator(5);
const noisy = (pictures: readonly Planes[], deviation: number) =>
  changed(pictures, ({ planes }, i) => planes[i] + deviation * normal(random));
/** Means over squares of 2r + 1. */
const blurred = (pictures: readonly Planes[], r: number) =>
  changed(pictures, ({ planes }, i) => {
    const plane = SIDE * SIDE;
    const [start, y, x] = [Math.floor(i / plane) * plane, Math.floor((i % plane) / SIDE), i % SIDE];
    const inside = (v: number) => Math.min(SIDE - 1, Math.max(0, v));
    let total = 0;
    for (let dy = -r; dy <= r; dy++)
      for (let dx = -r; dx <= r; dx++) total += planes[start + inside(y + dy) * SIDE + inside(x + dx)];
    return total / (2 * r + 1) ** 2;
  });
const tinted = (pictures: readonly Planes[], by: number) =>
  changed(pictures, ({ planes }, i) => planes[i] + (i < SIDE * SIDE ? by : i >= 2 * SIDE * SIDE ? -by : 0));

describe('random filters', () => {
  it('are orthonormal, blind to flat areas, and the same for a seed', async () => {
    const [a, b, c] = [randomFilters(device), randomFilters(device), randomFilters(device, 1)];
    for (const layer of ['first', 'second'] as const) {
      const values = Float64Array.from(await a[layer].data());
      expect(values).toEqual(Float64Array.from(await b[layer].data()));
      expect(values).not.toEqual(Float64Array.from(await c[layer].data()));
      const [out, , height, width] = a[layer].shape;
      const length = values.length / out;
      for (let i = 0; i < out; i++) {
        for (let j = 0; j <= i; j++) {
          let product = 0;
          for (let k = 0; k < length; k++) product += values[i * length + k] * values[j * length + k];
          expect(product).toBeCloseTo(i === j ? 1 : 0, 5);
        }
      }
      for (let k = 0; k < values.length; k += height * width) {
        expect(values.subarray(k, k + height * width).reduce((s, v) => s + v, 0)).toBeCloseTo(0, 5);
      }
    }
  });
});

describe('features of pictures', () => {
  it('do not depend on the batch, nor on the neighbours', async () => {
    const pictures = [...drawn(3, 1), { planes: new Float32Array(3 * 200 * 90).fill(0.5), width: 200, height: 90 }];
    const batches: number[] = [];
    const together = await collectFeatures(device, pictures, extractor, { onBatch: (n) => batches.push(n) });
    expect(batches).toEqual([3, 1]);
    expect(together).toMatchObject({ count: 4, dims: RANDOM_FEATURES });
    const apart = await collectFeatures(device, pictures, extractor, { batchSize: 1 });
    for (let i = 0; i < apart.values.length; i++) {
      expect(Math.abs(apart.values[i] - together.values[i])).toBeLessThan(1e-5);
    }
    // a flat picture has colours alone
    const grey = apart.values.subarray(3 * RANDOM_FEATURES);
    for (let i = 0; i < RANDOM_FEATURES; i++) expect(grey[i]).toBeCloseTo(i < RANDOM_FEATURES - 48 ? 0 : 0.25, 5);
  });

  it('are computed in smaller batches where a binding holds no more', async () => {
    const batches: number[] = [];
    const wide = { ...extractor, largestBytes: device.capabilities.maxBindingBytes / 2 };
    await collectFeatures(device, drawn(3, 1), wide, { onBatch: (n) => batches.push(n) });
    expect(batches).toEqual([2, 1]);
  });

  it('need three planes', async () => {
    const wrong = { planes: new Float32Array(4), width: 2, height: 2 };
    await expect(collectFeatures(device, [wrong], extractor)).rejects.toThrow(/three planes of 2 x 2/);
  });
});

describe('the random-feature distance', () => {
  const reference = drawn(8, 1);
  const others = drawn(8, 2);

  it('is zero to itself, small to others of the kind, and names itself', async () => {
    const own = await featureDistance(device, reference, reference, extractor);
    expect(Math.abs(own.distance)).toBeLessThan(1e-9);
    expect(own).toMatchObject({ measure: 'random-feature distance', counts: [8, 8] });
    expect(own.warnings.join()).toMatch(/8 pictures for 272 features.*equally many/);
  });

  it('grows with noise, blur and tints', async () => {
    const statistics = async (pictures: readonly Planes[]) =>
      statisticsOf(await collectFeatures(device, pictures, extractor));
    const goal = await statistics(reference);
    const to = async (pictures: readonly Planes[]) => frechetDistance(await statistics(pictures), goal).distance;
    const clean = await to(others);
    for (const [change, little, much] of [
      [noisy, 0.07, 0.2],
      [blurred, 1, 3],
      [tinted, 0.07, 0.2],
    ] as const) {
      const [near, far] = [await to(change(others, little)), await to(change(others, much))];
      expect(near).toBeGreaterThan(clean);
      expect(far).toBeGreaterThan(near);
      expect(far).toBeGreaterThan(2 * clean);
    }
  });

  it('needs two pictures', async () => {
    await expect(featureDistance(device, reference.slice(0, 1), others, extractor)).rejects.toThrow(/at least two/);
  });
});

describe('warnings of bias', () => {
  it('come where a set has no more pictures than features', () => {
    const of = (...counts: (number | undefined)[]) =>
      biasWarnings(
        counts.map((count) => (count === undefined ? {} : { count })),
        { measure: 'FID', dims: 2048 },
      );
    expect(of(2049, 5000)).toEqual([]);
    expect(of(undefined, 5000)).toEqual([]);
    expect(of(undefined, 2048)).toHaveLength(1);
    expect(of(5000, 10)[0]).toMatch(/^10 pictures for 2048 features: the FID is too large/);
  });
});
