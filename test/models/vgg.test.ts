import { describe, expect, it } from 'vitest';
import { scope, tensor } from '../../engine/index.ts';
import { keyMapFor } from '../../models/checkpoint/key-maps.ts';
import { normalisedVggFeatures, normalisedVggSpecs, TAPS } from '../../models/vgg/normalised.ts';
import { gram, gramDistance } from '../../train/eval/gram.ts';
import { testDevice } from '../support/device.ts';

const device = await testDevice();
const CHANNELS = [2, 3, 4, 5];

/** A small encoder, with smooth weights that keep activations away from zero. */
function smallVgg() {
  const tree: Record<number, Record<string, ReturnType<typeof tensor>>> = {};
  for (const { key, shape } of normalisedVggSpecs(CHANNELS)) {
    const [index, name] = key.split('.');
    const size = shape.reduce((n, axis) => n * axis, 1);
    const values = Float32Array.from({ length: size }, (_, i) => 0.1 + 0.2 * Math.sin(i + Number(index)));
    tree[Number(index)] = { ...tree[Number(index)], [name]: tensor(device, values, shape) };
  }
  return tree as unknown as Parameters<typeof normalisedVggFeatures>[0];
}

describe('the normalised VGG', () => {
  it('has the parameters of the published file, in its order', () => {
    const published = keyMapFor('vgg-normalised')?.required();
    expect(normalisedVggSpecs().map(({ key, shape }) => [key, shape])).toEqual([...(published ?? [])]);
  });

  it('halves sides upwards at each pool', () => {
    const shapes = scope(() => {
      const x = tensor(device, new Float32Array(3 * 17 * 22), [1, 3, 17, 22]);
      const features = normalisedVggFeatures(smallVgg(), x);
      return TAPS.map((tap) => [...features[tap].shape]);
    });
    expect(shapes).toEqual([
      [1, 2, 17, 22],
      [1, 3, 9, 11],
      [1, 4, 5, 6],
      [1, 5, 3, 3],
    ]);
  });
});

describe('gram', () => {
  it('correlates channels over pixels, divided by all elements of an item', async () => {
    const g = scope(() => gram(tensor(device, [1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 1, 2])));
    expect(Array.from(await g.data())).toEqual([5 / 4, 11 / 4, 11 / 4, 25 / 4, 61 / 4, 83 / 4, 83 / 4, 113 / 4]);
    g.dispose();
  });

  it('is no distance between a picture and itself, and some to another', async () => {
    const picture = (phase: number) =>
      tensor(
        device,
        Float32Array.from({ length: 3 * 144 }, (_, i) => 0.5 + 0.5 * Math.sin(i * 0.37 + phase)),
        [1, 3, 12, 12],
      );
    const [vgg, a, b] = [smallVgg(), picture(0), picture(1)];
    expect(await gramDistance(vgg, a, a)).toEqual({ total: 0, taps: [0, 0, 0, 0] });
    const { total, taps } = await gramDistance(vgg, a, b);
    expect(total).toBeGreaterThan(0);
    expect(total).toBeCloseTo(
      taps.reduce((s, x) => s + x, 0),
      12,
    );
    a.dispose();
    b.dispose();
  });
});
