import { describe, expect, it } from 'vitest';
import { scope, type Tensor, tensor, vjp } from '../../engine/index.ts';
import { full } from '../../kernels/index.ts';
import { keyMapFor } from '../../models/checkpoint/key-maps.ts';
import { PERCEPTUAL_TAPS, vggTapSpecs, vggTaps } from '../../models/vgg/taps.ts';
import { type PerceptualVgg, vggPerceptualLoss, vggPerceptualTerms } from '../../train/losses/perceptual.ts';
import { testDevice } from '../support/device.ts';

const device = await testDevice();

/** @param base  the middle of the weights: where it is above 0.3 every ReLU is open */
function smallVgg(base: number): PerceptualVgg {
  const features: Record<number, Record<string, Tensor>> = {};
  for (const { key, shape } of vggTapSpecs(PERCEPTUAL_TAPS, [4, 4, 6, 6, 8], '')) {
    const [index, name] = key.split('.');
    const size = shape.reduce((n, axis) => n * axis, 1);
    const values = Float32Array.from({ length: size }, (_, i) => base + 0.3 * Math.sin(i * 1.7 + Number(index)));
    features[Number(index)] = { ...features[Number(index)], [name]: tensor(device, values, shape) };
  }
  return { features: features as never };
}

const vgg = smallVgg(0.03);
const picture = (phase: number, [h, w] = [16, 21]) => {
  const values = Float32Array.from({ length: 6 * h * w }, (_, i) => 0.5 + 0.5 * Math.sin(i * 0.37 + phase));
  return tensor(device, values, [2, 3, h, w]);
};

describe('the taps of VGG-19', () => {
  it('has the parameters of the published file, in its order', () => {
    const published = keyMapFor('vgg19')?.required();
    expect(vggTapSpecs([35]).map(({ key, shape }) => [key, shape])).toEqual([...(published ?? [])]);
    expect(vggTapSpecs().at(-1)).toMatchObject({ key: 'features.28.bias', shape: [512] });
  });

  it('halves sides downwards at each pool, and keeps the order that was asked for', () => {
    const shapes = scope(() => vggTaps(vgg.features, picture(0), [29, 1, 6]).map(({ shape }) => [...shape]));
    expect(shapes).toEqual([
      [2, 8, 1, 1],
      [2, 4, 16, 21],
      [2, 4, 8, 10],
    ]);
  });

  it('refuses what is no ReLU, and pictures that vanish', () => {
    expect(() => vggTaps(vgg.features, picture(0), [2])).toThrow(/taps that are ReLUs .* 1, 3, 6, 8, 11/);
    expect(() => vggTaps(vgg.features, picture(0, [8, 8]))).toThrow(/maxPool2d/);
  });
});

describe('vggPerceptualLoss', () => {
  it('weighs mean absolute differences of the activations', async () => {
    const [fake, real] = [picture(0), picture(1)];
    const found = scope(() => ({
      loss: vggPerceptualLoss(vgg, fake, real),
      chosen: vggPerceptualLoss(vgg, fake, real, { taps: [6, 20], weights: [2, 3] }),
      terms: vggPerceptualTerms(vgg, fake, real),
      a: vggTaps(vgg.features, fake),
      b: vggTaps(vgg.features, real),
    }));
    const terms: number[] = [];
    for (const [i, tap] of found.a.entries()) {
      const [p, q] = [Float32Array.from(await tap.data()), await found.b[i].data()];
      terms.push(p.reduce((s, v, k) => s + Math.abs(v - q[k]), 0) / p.length);
      expect((await found.terms[i].item()) / terms[i]).toBeCloseTo(1, 5);
    }
    const want = terms[0] / 32 + terms[1] / 16 + terms[2] / 8 + terms[3] / 4 + terms[4];
    expect((await found.loss.item()) / want).toBeCloseTo(1, 5);
    expect((await found.chosen.item()) / (2 * terms[1] + 3 * terms[3])).toBeCloseTo(1, 5);
  });

  it('is differentiable in the fake picture alone', async () => {
    const [fake, real] = [picture(0), picture(1)];
    const smooth = smallVgg(0.35);
    const found = scope(() => {
      const { outputs, pull } = vjp(() => [vggPerceptualLoss(smooth, fake, real)] as const, [fake, real]);
      const [gradient, intoReal] = pull([full(fake, outputs[0], 1)]);
      return { gradient: gradient as Tensor, intoReal };
    });
    expect(found.intoReal).toBeUndefined();
    // along the gradient itself the slope is its length
    const g = Float32Array.from(await found.gradient.data());
    const slope = Math.hypot(...g);
    const x = Float32Array.from(await fake.data());
    const lossAt = (step: number) => {
      const moved = tensor(
        device,
        x.map((v, i) => v + (step * g[i]) / slope),
        fake.shape,
      );
      return scope(() => vggPerceptualLoss(smooth, moved, real)).item();
    };
    expect(slope).toBeGreaterThan(1e-3);
    expect(((await lossAt(1e-2)) - (await lossAt(-1e-2))) / 2e-2 / slope).toBeCloseTo(1, 2);
  });

  it('is zero between equal pictures', async () => {
    expect(await scope(() => vggPerceptualLoss(vgg, picture(0), picture(0))).item()).toBe(0);
  });

  it('refuses shapes and weights that do not fit', () => {
    expect(() => vggPerceptualLoss(vgg, picture(0), picture(0, [16, 20]))).toThrow(/batches of one shape/);
    expect(() => vggPerceptualLoss(vgg, picture(0), picture(0), { weights: [1] })).toThrow(/a weight for each of 5/);
  });
});
