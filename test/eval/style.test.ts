import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../engine/index.ts';
import { tensor } from '../../engine/index.ts';
import { type Lpips, lpips, lpipsSpecs } from '../../models/lpips/lpips.ts';
import type { ConvParams } from '../../models/vgg/layers.ts';
import { drawLandscape } from '../../train/data/synth/landscape.ts';
import { planesOf } from '../../train/eval/picture-series.ts';
import { makeStyleMeter, meanMeasures, type StyleMeter } from '../../train/eval/style.ts';
import { canonicalKey } from '../../train/infer/load-lpips.ts';
import { loadVgg } from '../../train/infer/load-vgg.ts';
import { testDevice } from '../support/device.ts';
import { generator, normal } from '../support/samples.ts';

const [noon, dusk] = (['noon', 'dusk'] as const).map((mood) => planesOf(drawLandscape(32, 32, 4, mood)));

/** The AlexNet of LPIPS with random weights. */
function randomLpips(device: Device): Lpips {
  const random = generator(11);
  const make = (shape: readonly number[], scale: (v: number) => number) => {
    const size = shape.reduce((a, b) => a * b);
    return tensor(
      device,
      Float32Array.from({ length: size }, () => scale(normal(random))),
      [...shape],
    );
  };
  const { features, lins } = lpipsSpecs('alex');
  const convs: Record<number, ConvParams> = {};
  for (let i = 0; i < features.length; i += 2) {
    const [weight, bias] = [features[i].shape, features[i + 1].shape];
    const fanIn = weight[1] * weight[2] * weight[3];
    const params = { weight: make(weight, (v) => v * Math.sqrt(2 / fanIn)), bias: make(bias, () => 0) };
    convs[Number(features[i].key.split('.')[1])] = params;
  }
  return { network: 'alex', features: convs, lins: lins.map(({ shape }) => make(shape, Math.abs)) };
}

describe('the meter', () => {
  let meter: StyleMeter;
  let model: Lpips;
  beforeAll(async () => {
    const device = await testDevice();
    model = randomLpips(device);
    meter = makeStyleMeter(device, { vgg: (await loadVgg(device, undefined)).vgg, lpips: model });
  });
  afterAll(() => meter.dispose());

  it('finds a picture equal to itself', async () => {
    const own = await meter.measure({ result: noon, style: noon, content: noon });
    expect(own).toMatchObject({ gram: 0, style: 0, lpips: 0 });
    expect(own.ssim).toBeCloseTo(1, 12);
    expect(own.colours).toBeCloseTo(1, 12);
  });

  it('sets a picture at dusk apart from one at noon, in every measure', async () => {
    const found = await meter.measure({ result: dusk, style: noon, content: noon });
    expect(found.gram).toBeGreaterThan(0);
    expect(found.style).toBeGreaterThan(0);
    expect(found.lpips).toBeGreaterThan(0.01);
    expect(found.ssim).toBeLessThan(0.95);
    expect(found.colours).toBeLessThan(0.9);
  });

  it('measures only what it can', async () => {
    expect(Object.keys(await meter.measure({ result: noon, content: dusk })).sort()).toEqual(['lpips', 'ssim']);
    const still = await meter.measure({ result: dusk, before: { result: dusk } });
    expect(still).toEqual({ flicker: 0 });
  });

  it('measures LPIPS the same both ways round, and pair by pair', async () => {
    const device = await testDevice();
    const up = (...pictures: (typeof noon)[]) =>
      tensor(device, Float32Array.from(pictures.flatMap(({ planes }) => [...planes])), [pictures.length, 3, 32, 32]);
    const [a, b] = [up(noon, dusk), up(dusk, dusk)];
    const values = async (p: typeof a, q: typeof a) => [...(await lpips(model, p, q).distance.data())];
    const [forth, back] = [await values(a, b), await values(b, a)];
    expect(forth).toEqual(back);
    expect(forth[0]).toBeGreaterThan(0);
    expect(forth[1]).toBe(0);
    expect(() => lpips(model, a, tensor(device, new Float32Array(3 * 9), [1, 3, 3, 3]))).toThrow(
      /sides of at least 31/,
    );
  });
});

it('averages each measure over the results that have it', () => {
  expect(meanMeasures([{ ssim: 1, flicker: 0.5 }, { ssim: 0 }, { flicker: Number.NaN, ssim: 0.5 }])).toEqual({
    ssim: 0.5,
    flicker: 0.5,
  });
});

it('knows the names that LPIPS is published under', () => {
  expect(canonicalKey('features.10.bias')).toBe('features.10.bias');
  expect(canonicalKey('net.slice3.6.weight')).toBe('features.6.weight');
  expect(canonicalKey('lins.2.model.1.weight')).toBe('lin2.model.1.weight');
  expect(canonicalKey('module.lin4.model.1.weight')).toBe('lin4.model.1.weight');
  expect(canonicalKey('scaling_layer.shift')).toBeUndefined();
  expect(canonicalKey('classifier.1.weight')).toBeUndefined();
});
