import { describe, expect, it } from 'vitest';
import { scope, type Tensor, tensor } from '../../engine/index.ts';
import { keyMapFor } from '../../models/checkpoint/key-maps.ts';
import { TAPS } from '../../models/vgg/layers.ts';
import { normalisedVggFeatures, normalisedVggSpecs } from '../../models/vgg/normalised.ts';
import { type TorchvisionVgg, torchvisionVggFeatures, torchvisionVggSpecs } from '../../models/vgg/torchvision.ts';
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

  it('measures a style of another size after resizing it', async () => {
    const vgg = { layout: 'normalised', params: smallVgg() } as const;
    const flat = (h: number, w: number) => tensor(device, new Float32Array(3 * h * w).fill(0.4), [1, 3, h, w]);
    expect((await gramDistance(vgg, flat(12, 12), flat(18, 15))).total).toBeLessThan(1e-10);
  });

  it('is no distance between a picture and itself, and some to another', async () => {
    const picture = (phase: number) =>
      tensor(
        device,
        Float32Array.from({ length: 3 * 144 }, (_, i) => 0.5 + 0.5 * Math.sin(i * 0.37 + phase)),
        [1, 3, 12, 12],
      );
    const vgg = { layout: 'normalised', params: smallVgg() } as const;
    const [a, b] = [picture(0), picture(1)];
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

describe("torchvision's VGG-19", () => {
  /** As `smallVgg`, under torchvision's names. */
  function small(): TorchvisionVgg {
    const features: Record<number, Record<string, Tensor>> = {};
    for (const { key, shape } of torchvisionVggSpecs(CHANNELS)) {
      const [, index, name] = key.split('.');
      const size = shape.reduce((n, axis) => n * axis, 1);
      const values = Float32Array.from({ length: size }, (_, i) => 0.1 + 0.2 * Math.sin(i + Number(index)));
      features[Number(index)] = { ...features[Number(index)], [name]: tensor(device, values, shape) };
    }
    return { features } as unknown as TorchvisionVgg;
  }

  it('has the first parameters of the published file, in its order', () => {
    const published = [...(keyMapFor('vgg19')?.required() ?? [])];
    const specs = torchvisionVggSpecs().map(({ key, shape }) => [key, shape]);
    expect(specs).toHaveLength(18);
    expect(specs).toEqual(published.slice(0, specs.length));
  });

  it('normalises by ImageNet and sees zeros beyond the borders', async () => {
    const [h, w] = [8, 9];
    const x = Float32Array.from({ length: 3 * h * w }, (_, i) => 0.5 + 0.5 * Math.sin(i * 0.9));
    const vgg = small();
    const features = scope(() => torchvisionVggFeatures(vgg, tensor(device, x, [1, 3, h, w])));
    const [weight, bias] = [await vgg.features[0].weight.data(), await vgg.features[0].bias.data()];
    const [mean, std] = [
      [0.485, 0.456, 0.406],
      [0.229, 0.224, 0.225],
    ];
    const relu1 = await features.relu1_1.data();
    for (let o = 0; o < CHANNELS[0]; o++)
      for (let i = 0; i < h; i++)
        for (let j = 0; j < w; j++) {
          let sum = bias[o];
          for (let c = 0; c < 3; c++)
            for (let r = 0; r < 3; r++)
              for (let s = 0; s < 3; s++) {
                const [y, z] = [i + r - 1, j + s - 1];
                if (y < 0 || z < 0 || y >= h || z >= w) continue;
                sum += (weight[((o * 3 + c) * 3 + r) * 3 + s] * (x[(c * h + y) * w + z] - mean[c])) / std[c];
              }
          expect(relu1[(o * h + i) * w + j]).toBeCloseTo(Math.max(sum, 0), 4);
        }
    expect(TAPS.map((tap) => [...features[tap].shape])).toEqual([
      [1, 2, 8, 9],
      [1, 3, 4, 4],
      [1, 4, 2, 2],
      [1, 5, 1, 1],
    ]);
  });
});
