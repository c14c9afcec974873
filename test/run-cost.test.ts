import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTraining, type TimedTraining } from '../bench/training.ts';
import { acquireDevice } from '../engine/device/node.ts';
import type { Device } from '../engine/index.ts';
import type { StepReport } from '../train/recipes/recipe.ts';
import { wholeStep } from '../train/run/steps-ahead.ts';

/** What the engine has made and holds after a step. */
interface Counters {
  readonly created: number;
  readonly misses: number;
  readonly live: number;
  readonly used: number;
  readonly compiled: number;
}

const STEPS = 20;

const SMALL: readonly (readonly [string, TimedTraining])[] = [
  [
    'CAP-VSTNet',
    {
      ...{ system: 'cap-vstnet', size: 32, batchSize: 1, precision: 'f32' },
      settings: { nBlocks: [1, 1, 1], nChannels: [4, 16, 64] },
    },
  ],
  [
    'GauGAN',
    {
      ...{ system: 'gaugan', size: 32, batchSize: 2, precision: 'f32' },
      settings: {
        ...{ ngf: 4, ndf: 4, nhidden: 8, labelNc: 29, useVae: true, zDim: 8, ema: 0.9, lr: 1e-3 },
        vggChannels: [4, 4, 8, 8, 8],
      },
    },
  ],
];

/** What falls while a network learns: of GauGAN, whose networks work against each other, how far its pictures are off. */
const shortfall = ({ losses }: StepReport) => losses.total ?? losses.VGG;

describe.each(SMALL)('a training step of a small %s', (_, training) => {
  let device: Device;
  let forecast: number;
  let compiledBefore: number;
  let peak: number;
  let dispatches: number;
  const after: Counters[] = [];
  const reports: StepReport[] = [];

  beforeAll(async () => {
    device = await acquireDevice({ device: process.env.MIAOBI_DEVICE });
    const { recipe, batch } = await makeTraining(device, training);
    const before = recipe.forecast(batch);
    forecast = before.peakBytes;
    await before.compile();
    compiledBefore = device.pipelines.compiled;
    device.pool.resetPeaks();
    for (let step = 0; step < STEPS; step++) {
      reports.push(await wholeStep(recipe, batch, step));
      const { created, usedBytes } = device.pool.stats;
      after.push({
        ...{ created, used: usedBytes, misses: device.bindGroupMisses },
        ...{ live: device.liveTensors, compiled: device.pipelines.compiled },
      });
    }
    peak = device.pool.stats.peakAllocatedBytes;
    dispatches = device.recorder.dispatches;
    recipe.dispose();
  });
  afterAll(() => device.destroy());

  it('creates no buffer, bind group or pipeline from the third on', () => {
    expect(after[0].created).toBeGreaterThan(100);
    expect(after[0].misses).toBeGreaterThan(500);
    const { created, misses, compiled } = after[1];
    for (const step of after.slice(2)) expect(step).toMatchObject({ created, misses, compiled });
  });

  it('runs what its forecast compiled, and nothing else', () => {
    expect(compiledBefore).toBeGreaterThan(40);
    expect(after[STEPS - 1].compiled).toBe(compiledBefore);
  });

  it('leaves as many tensors and bytes in use as it found', () => {
    const { live, used } = after[0];
    for (const step of after.slice(1)) expect(step).toMatchObject({ live, used });
  });

  it('takes the memory that was forecast, within a tenth', () => {
    expect(Math.abs(peak / forecast - 1)).toBeLessThan(0.1);
  });

  it('is a whole one: it updates the network, which learns', () => {
    expect(dispatches / STEPS).toBeGreaterThan(1000);
    expect(reports.map(({ skipped }) => skipped)).toEqual(reports.map(() => undefined));
    expect(shortfall(reports[STEPS - 1])).toBeLessThan(shortfall(reports[0]));
  });
});
