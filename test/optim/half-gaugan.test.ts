/** Training in half precision: GauGAN's recipe on a tiny network with a latent, edges of instances and averages. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EXIT, exitCodeOf } from '../../cli/errors.ts';
import { acquireDevice } from '../../engine/device/node.ts';
import { type Device, NoDeviceError, scope } from '../../engine/index.ts';
import { isBuffer } from '../../models/layers/state.ts';
import { gaugan } from '../../train/recipes/gaugan-system.ts';
import { pack } from '../../train/recipes/pack.ts';
import type { Recipe, StepReport } from '../../train/recipes/recipe.ts';
import type { TrainSettings } from '../../train/recipes/system.ts';
import { stepsAhead, wholeStep } from '../../train/run/steps-ahead.ts';
import { drawGauganData, gauganTraining } from '../run/gaugan-training.ts';
import { unitOf } from '../support/compare.ts';
import { testDevice } from '../support/device.ts';

const data = mkdtempSync(join(tmpdir(), 'miaobi-half-'));
let device: Device;
let half = false;
let batches: readonly (readonly unknown[])[] = [];
beforeAll(async () => {
  device = await testDevice();
  half = device.capabilities.f16;
  await drawGauganData(data);
});
afterAll(() => rm(data, { recursive: true, force: true }));

const opened: Recipe<unknown>[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.dispose();
});

async function training(changes: Partial<TrainSettings>): Promise<Recipe<unknown>> {
  const { recipe, loader } = await gauganTraining(device, data, {
    ...{ instance: true, instanceDir: join(data, 'labels'), lambdaVgg: 10, vggChannels: [2, 2, 2, 2, 2], dSteps: 1 },
    ...{ lr: 2e-4, cropSize: 64, loadSize: 64, ...changes },
  });
  if (batches.length === 0)
    batches = (await Promise.all([0, 1].map((step) => loader.batch(step)))) as (readonly unknown[])[];
  await loader.close();
  opened.push(recipe);
  return recipe;
}

interface Counters {
  readonly steps: number;
  readonly G: number;
  readonly D: number;
  readonly loss_scale: Record<'G' | 'D', { value: number; steady: number }>;
}

/** Scales of which neither overflows here, unless said. */
const counters = (changes: Partial<Counters['loss_scale']> = {}): never =>
  ({ steps: 7, G: 7, D: 7, loss_scale: { G: QUIET, D: QUIET, ...changes } }) as never;
const QUIET = { value: 2 ** 6, steady: 3 };

/** Values of a file's tensors, read at once. */
async function snapshot(recipe: Recipe<unknown>): Promise<Record<string, Record<string, Float32Array>>> {
  const files: Record<string, Record<string, Float32Array>> = {};
  for (const [file, tensors] of Object.entries(recipe.tensors())) {
    const all = scope(() => pack([...tensors.values()]));
    const values = (await all.data()) as Float32Array;
    all.dispose();
    let at = 0;
    const taken = ({ size }: { size: number }) => values.slice(at, (at += size));
    files[file] = Object.fromEntries([...tensors].map(([key, t]) => [key, taken(t)]));
  }
  return files;
}

/**
 * How far a gradient may be from its like in f32: in each of 16 layers the share of values that lie within some roundings
 * of the kink of a leaky ReLU falls to its other side, where the gradient is 1 in place of 0.2.
 */
const KINKS = (1 - 0.2) * Math.sqrt(16 * 4 * unitOf('f16'));

const trained = (file: Record<string, Float32Array>) =>
  Object.fromEntries(Object.entries(file).filter(([key]) => !isBuffer(key)));

describe('training GauGAN in f16', () => {
  it('has the losses of f32, and parameters, buffers and moments in f32', async () => {
    if (!half) return;
    const [full, mixed] = [await training({ precision: 'f32' }), await training({ precision: 'f16' })];
    mixed.restore(counters());
    full.restore({ steps: 7, G: 7, D: 7 });
    for (const [step, batch] of batches.entries()) {
      const [want, got] = [await wholeStep(full, batch, step), await wholeStep(mixed, batch, step)];
      expect(got.skipped).toBeUndefined();
      for (const [name, value] of Object.entries(want.losses)) {
        // losses are some hundred roundings away from the picture, which add up like noise; those of the hinge are means
        // of predictions that are compared with 1
        const size = /^(GAN$|D_)/.test(name) ? 1 : Math.abs(value);
        const bound = (name.startsWith('gradient') ? KINKS : 32 * unitOf('f16')) * size;
        expect(Math.abs(got.losses[name] - value), `${name} at step ${step}`).toBeLessThan(bound);
      }
      // Adam's steps have one size whatever the gradient's, noise included: the next is compared from the same weights
      for (const [file, values] of Object.entries(await snapshot(full)))
        mixed.load(file, new Map(Object.entries(values)));
    }
    for (const tensors of Object.values(mixed.tensors())) for (const t of tensors.values()) expect(t.dtype).toBe('f32');
    expect(mixed.counters()).toEqual({
      ...{ steps: 9, G: 9, D: 9 },
      loss_scale: { G: { value: 64, steady: 5 }, D: { value: 64, steady: 5 } },
    });
    expect(full.counters()).toEqual({ steps: 9, G: 9, D: 9 });
  });

  it('skips the half whose gradients overflow, halves its scale alone, and goes on', async () => {
    if (!half) return;
    const recipe = await training({ precision: 'f16' });
    recipe.restore(counters({ G: { value: 2 ** 45, steady: 12 }, D: { value: 2 ** 6, steady: 1999 } }));
    const before = await snapshot(recipe);
    const report = await wholeStep(recipe, batches[0], 0);
    expect(report.skipped).toBe('a gradient of G overflowed in f16; the loss scale goes down to 17592186044416');
    expect(Object.values(report.losses).every(Number.isFinite)).toBe(true);
    expect(recipe.counters()).toEqual({
      ...{ steps: 7, G: 7, D: 8 },
      loss_scale: { G: { value: 2 ** 44, steady: 0 }, D: { value: 2 ** 7, steady: 0 } },
    });
    const after = await snapshot(recipe);
    for (const file of ['G', 'E']) expect(trained(after[file])).toEqual(trained(before[file]));
    expect(after.ema).toEqual(before.ema);
    expect(trained(after.D)).not.toEqual(trained(before.D));
    recipe.restore(counters());
    expect((await wholeStep(recipe, batches[1], 1)).skipped).toBeUndefined();
    expect(trained((await snapshot(recipe)).G)).not.toEqual(trained(before.G));
  });

  it('comes to the same bits whether steps overlap or are resumed between', async () => {
    if (!half) return;
    // in the first step a gradient of G overflows and the scale of D doubles: the second is begun before the host hears of it
    const start = counters({ G: { value: 2 ** 45, steady: 12 }, D: { value: 2 ** 5, steady: 1999 } });
    const ahead = await training({ precision: 'f16' });
    ahead.restore(start);
    const got: StepReport[] = [];
    const steps = stepsAhead(ahead, (report) => void got.push(report));
    for (const [step, batch] of batches.entries()) await steps.next(batch, step);
    await steps.settle();
    const whole = await training({ precision: 'f16' });
    whole.restore(start);
    const first = await wholeStep(whole, batches[0], 0);
    const resumed = await training({ precision: 'f16' });
    for (const [file, values] of Object.entries(await snapshot(whole))) {
      resumed.load(file, new Map(Object.entries(values)));
    }
    resumed.restore(JSON.parse(JSON.stringify(whole.counters())));
    expect(got).toEqual([first, await wholeStep(resumed, batches[1], 1)]);
    expect(ahead.counters()).toEqual(resumed.counters());
    expect((ahead.counters() as unknown as Counters).loss_scale).toEqual({
      ...{ G: { value: 2 ** 43, steady: 0 }, D: { value: 2 ** 6, steady: 1 } },
    });
    expect(await snapshot(ahead)).toEqual(await snapshot(resumed));
  });

  it('comes to the same bits when blocks are computed again, in micro-batches, as Jittor has it', async () => {
    if (!half) return;
    const found: unknown[] = [];
    for (const recompute of [false, true]) {
      const changes = { flavour: 'jittor', normG: 'spectralspadeinstance3x3', accumulate: 2, lambdaVgg: 0 } as const;
      const recipe = await training({ precision: 'f16', ...changes, useVae: false, recompute });
      recipe.restore(counters());
      found.push(await wholeStep(recipe, batches.flat(), 0), await snapshot(recipe));
    }
    expect(found[0]).not.toHaveProperty('skipped');
    expect(found[2]).toEqual(found[0]);
    expect(found[3]).toEqual(found[1]);
  });

  it('is refused where the device has no 16-bit floats', async () => {
    const plain = await acquireDevice({ device: process.env.MIAOBI_DEVICE, plainFeatures: true });
    const settings = { precision: 'f16', data } as unknown as TrainSettings;
    const refused = await gaugan.make(plain, settings, () => {}).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(NoDeviceError);
    expect(exitCodeOf(refused)).toBe(EXIT.device);
    expect((refused as Error).message).toMatch(/^--precision f16: expected a device with 16-bit floats/);
    plain.destroy();
  });
});
