/** Training in half precision: CAP-VSTNet's recipe on a tiny network. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { acquireDevice } from '../../engine/device/node.ts';
import { type Device, grad, leaves, NoDeviceError, scope, type Tensor, tensor } from '../../engine/index.ts';
import { affine, lapTable, mean, mul, square } from '../../kernels/index.ts';
import type { CapVstnetConfig } from '../../models/cap-vstnet/config.ts';
import { decode, encode } from '../../models/cap-vstnet/network.ts';
import { initialParameters, type ParameterSource, parametersFrom } from '../../models/cap-vstnet/parameters.ts';
import { decodeReversible, encodeReversible } from '../../models/cap-vstnet/reversible.ts';
import type { StylePairs } from '../../train/data/datasets/style-pairs.ts';
import { capVstnetRecipe, setUpCapVstnet } from '../../train/recipes/cap-vstnet.ts';
import { LOSS_WEIGHTS } from '../../train/recipes/cap-vstnet-losses.ts';
import { capVstnet } from '../../train/recipes/cap-vstnet-system.ts';
import type { Recipe, StepReport } from '../../train/recipes/recipe.ts';
import type { TrainSettings } from '../../train/recipes/system.ts';
import { stepsAhead, wholeStep } from '../../train/run/steps-ahead.ts';
import { unitOf } from '../support/compare.ts';
import { testDevice } from '../support/device.ts';
import { planarScene, SMALL } from '../support/small-vstnet.ts';

let device: Device;
let half = false;
beforeAll(async () => {
  device = await testDevice();
  half = device.capabilities.f16;
});

const SIZE = 16;
const opened: { dispose(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.dispose();
});

function bytes(seed: number): Uint8Array {
  const { planar } = planarScene(SIZE, SIZE, seed);
  const area = SIZE * SIZE;
  return Uint8Array.from({ length: 3 * area }, (_, i) => 255 * planar[(i % 3) * area + Math.floor(i / 3)]);
}

function batch(step: number): readonly StylePairs[] {
  const content = bytes(3 + step);
  const laplacian = [lapTable(content, SIZE, SIZE)];
  return [{ step, batchSize: 1, size: SIZE, content, style: bytes(11 + step), laplacian }];
}

async function training(precision: 'f32' | 'f16'): Promise<Recipe<readonly StylePairs[]>> {
  const config = SMALL.deep;
  const weights = LOSS_WEIGHTS.photo;
  const { initial, setting } = await setUpCapVstnet(device, { config, weights, vgg: undefined, seed: 4, precision });
  const numbers = { seed: 4, lr: 1e-3, lrDecay: 5e-5, betas: [0.9, 0.999], clipNorm: 5, ema: undefined } as const;
  const recipe = capVstnetRecipe(device, initial, {
    config,
    setting,
    ...numbers,
    precision,
    steps: 10,
    temporalSteps: 0,
  });
  for (const [, leaf] of leaves(initial)) leaf.dispose();
  opened.push(recipe, ...leaves(setting.vgg.params as never).map(([, leaf]) => leaf as Tensor));
  return recipe;
}

async function snapshot(recipe: Recipe<readonly StylePairs[]>) {
  const files: Record<string, Map<string, Float32Array>> = {};
  for (const [file, tensors] of Object.entries(recipe.tensors())) {
    files[file] = new Map();
    for (const [key, t] of tensors) files[file].set(key, (await t.data()) as Float32Array);
  }
  return files;
}

describe('training in f16', () => {
  it('has the losses of f32, and parameters in f32', async () => {
    if (!half) return;
    const [full, mixed] = [await training('f32'), await training('f16')];
    for (let step = 0; step < 3; step++) {
      const [want, got] = [await wholeStep(full, batch(step), step), await wholeStep(mixed, batch(step), step)];
      expect(got.skipped).toBeUndefined();
      for (const [name, value] of Object.entries(want.losses)) {
        // each loss is some hundred roundings away from the pictures; they add up like noise
        expect(Math.abs(got.losses[name] / value - 1), `${name} at step ${step}`).toBeLessThan(32 * unitOf('f16'));
      }
    }
    for (const tensors of Object.values(mixed.tensors())) for (const t of tensors.values()) expect(t.dtype).toBe('f32');
    expect(mixed.counters()).toEqual({ updates: 3, loss_scale: { value: 65536, steady: 3 } });
    expect(full.counters()).toEqual({ updates: 3 });
  });

  it('skips a step whose gradients overflow, halves the scale, and goes on', async () => {
    if (!half) return;
    const recipe = await training('f16');
    recipe.restore({ updates: 7, loss_scale: { value: 2 ** 45, steady: 12 } });
    const before = await snapshot(recipe);
    const report = await wholeStep(recipe, batch(0), 0);
    expect(report.skipped).toMatch(/overflowed in f16; the loss scale goes down to 17592186044416/);
    expect(Object.values(report.losses).every(Number.isFinite)).toBe(true);
    expect(recipe.counters()).toEqual({ updates: 7, loss_scale: { value: 2 ** 44, steady: 0 } });
    expect(await snapshot(recipe)).toEqual(before);
    recipe.restore({ updates: 7, loss_scale: { value: 2 ** 12, steady: 1999 } });
    expect((await wholeStep(recipe, batch(1), 1)).skipped).toBeUndefined();
    expect(recipe.counters()).toEqual({ updates: 8, loss_scale: { value: 2 ** 13, steady: 0 } });
    expect(await snapshot(recipe)).not.toEqual(before);
  });

  it('comes to the same bits whether steps overlap or are resumed between', async () => {
    if (!half) return;
    // the first update doubles the scale, which the second step is recorded with before the host hears of it
    const start = { updates: 0, loss_scale: { value: 2 ** 14, steady: 1999 } };
    const ahead = await training('f16');
    ahead.restore(start);
    const got: StepReport[] = [];
    const steps = stepsAhead(ahead, (report) => void got.push(report));
    for (let step = 0; step < 2; step++) await steps.next(batch(step), step);
    await steps.settle();
    const whole = await training('f16');
    whole.restore(start);
    const first = await wholeStep(whole, batch(0), 0);
    const resumed = await training('f16');
    for (const [file, values] of Object.entries(await snapshot(whole))) resumed.load(file, values);
    resumed.restore(JSON.parse(JSON.stringify(whole.counters())));
    expect(got).toEqual([first, await wholeStep(resumed, batch(1), 1)]);
    expect(resumed.counters()).toEqual({ updates: 2, loss_scale: { value: 2 ** 15, steady: 1 } });
    expect(ahead.counters()).toEqual(resumed.counters());
    expect(await snapshot(ahead)).toEqual(await snapshot(resumed));
  });

  it('allocates nothing and makes no bind group from the third step on', async () => {
    if (!half) return;
    const recipe = await training('f16');
    for (let step = 0; step < 2; step++) await wholeStep(recipe, batch(step), step);
    const { created } = device.pool.stats;
    const misses = device.bindGroupMisses;
    await wholeStep(recipe, batch(2), 2);
    expect(device.pool.stats.created - created).toBe(0);
    expect(device.bindGroupMisses - misses).toBe(0);
  });

  it('is refused where the device has no 16-bit floats', async () => {
    const plain = await acquireDevice({ device: process.env.MIAOBI_DEVICE, plainFeatures: true });
    const settings = { precision: 'f16', content: '.', style: '.' } as unknown as TrainSettings;
    const refused = await capVstnet.make(plain, settings, () => {}).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(NoDeviceError);
    expect((refused as Error).message).toMatch(
      /^--precision f16: expected a device with 16-bit floats.*Leave --precision out/,
    );
    plain.destroy();
  });
});

describe('blocks with f16 inside and a state of f32', () => {
  const picture = (seed: number) => tensor(device, planarScene(SIZE, SIZE, seed).planar, [1, 3, SIZE, SIZE]);

  it('are inverted as exactly as in f32', async () => {
    if (!half) return;
    const config: CapVstnetConfig = { ...SMALL.deep, inner: 'f16' };
    const params = parametersFrom(device, config, initialParameters(2));
    const x = picture(1);
    const back = scope(() => decode(params, config, encode(params, config, x)));
    const [want, got] = [await x.data(), await back.data()];
    // both directions add and take away the same rounded F(x2); only the sums round
    for (const [i, value] of want.entries()) expect(Math.abs(got[i] - value)).toBeLessThan(64 * unitOf('f32'));
    for (const t of [x, back, ...leaves(params).map(([, leaf]) => leaf)]) t.dispose();
  });

  it('have the gradients of stored activations when they are rebuilt, and nearly those of f32', async () => {
    if (!half) return;
    const [a, b] = [picture(1), picture(2)];
    const normal = initialParameters(2);
    // biases keep the channels that the picture leaves at zero away from the kink of relu
    const source: ParameterSource = (spec, index) =>
      spec.key.endsWith('.bias')
        ? Array.from({ length: spec.shape[0] }, (_, i) => 0.1 * Math.sin(1 + 7 * i + index))
        : normal(spec, index);
    const gradientOf = async (inner: 'f16' | undefined, reversible: boolean) => {
      const config: CapVstnetConfig = inner ? { ...SMALL.deep, inner } : SMALL.deep;
      const params = parametersFrom(device, config, source);
      const [E, D] = reversible ? [encodeReversible, decodeReversible] : [encode, decode];
      const { value, grads } = grad((p: typeof params) => {
        const out = D(p, config, mul(E(p, config, a), E(p, config, b)));
        return affine(mean(mul(square(out), b)), { scale: 1024 });
      })(params);
      const list = leaves(grads).map(([, leaf]) => leaf);
      const found = await Promise.all(list.map((leaf) => leaf.data()));
      for (const t of [value, ...list, ...leaves(params).map(([, leaf]) => leaf)]) t.dispose();
      return Float64Array.from(found.flatMap((values) => Array.from(values)));
    };
    const full = await gradientOf(undefined, true);
    const [rebuilt, stored] = [await gradientOf('f16', true), await gradientOf('f16', false)];
    const norm = Math.hypot(...full);
    const distance = (p: Float64Array, q: Float64Array) => Math.hypot(...p.map((v, i) => v - q[i])) / norm;
    expect(distance(rebuilt, stored)).toBeLessThan(1e-4);
    expect(distance(rebuilt, full)).toBeLessThan(16 * unitOf('f16'));
    for (const t of [a, b]) t.dispose();
  });
});
