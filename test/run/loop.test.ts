import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../cli/errors.ts';
import { acquireDevice } from '../../engine/device/node.ts';
import { type Device, overwrite } from '../../engine/index.ts';
import { DataError } from '../../train/errors.ts';
import { checkpointSteps } from '../../train/run/checkpoint.ts';
import { readEvaluations } from '../../train/run/evaluations.ts';
import { readMetrics } from '../../train/run/metrics.ts';
import { testDevice } from '../support/device.ts';
import { lineTraining, type Points } from './line-recipe.ts';
import { outcome, scratch, train } from './support.ts';

let device: Device;
let folder: Awaited<ReturnType<typeof scratch>>;
let runs: string;
let count = 0;

beforeAll(async () => {
  [device, folder] = [await testDevice(), await scratch()];
});
afterAll(() => folder.remove());
beforeEach(() => {
  runs = join(folder.path, `${count++}`);
});

const schedule = { printEvery: 4, sampleEvery: 0, saveEvery: 4, evalEvery: 0, keepLast: 2 };

async function failure(work: Promise<unknown>): Promise<{ message: string; exitCode: number }> {
  try {
    await work;
  } catch (error) {
    return { message: (error as Error).message, exitCode: exitCodeOf(error) };
  }
  throw new Error('expected a failure, but there was none');
}

describe('the loop', () => {
  it('writes a line a step, keeps the last checkpoints and the best, and points at them', async () => {
    const { end } = await train(device, lineTraining(device, { steps: 18 }), { runs, schedule });
    const run = join(runs, 'x');
    const [latest, best] = await Promise.all(
      ['latest.json', 'best.json'].map(async (file) => JSON.parse(await readFile(join(run, file), 'utf8'))),
    );
    const kept = await checkpointSteps(run);
    expect(end).toBe('finished');
    expect(latest).toMatchObject({ step: 18, checkpoint: 'checkpoints/step-00000018', finished: true });
    expect(kept).toEqual([...new Set([best.step, 16, 18])].sort((a, b) => a - b));
    const metrics = await readMetrics(join(run, 'metrics.jsonl'));
    expect(metrics.map(({ step, epoch }) => [step, epoch])).toEqual(
      Array.from({ length: 18 }, (_, i) => [i + 1, i < 10 ? 0 : 1]),
    );
    expect(metrics[17].losses.error).toBeLessThan(metrics[0].losses.error);
    expect(await readdir(join(run, 'samples'))).toEqual(['step-00000000', 'step-00000018']);
    expect((await readdir(run)).filter((name) => name.startsWith('.') || name === 'run.lock')).toEqual([]);
  });

  it('evaluates before training, when it is time and at the end, and chooses the best by what that measured', async () => {
    const scores = [9, 3, 5, 4];
    const said: string[] = [];
    const training = {
      ...lineTraining(device, { steps: 10 }),
      bestMetric: 'error',
      evaluation: {
        measure: async () => ({ likeness: scores.shift() as number, odd: Number.NaN }),
        about: '2 points held out',
        higherIsBetter: ['likeness'],
        best: 'likeness',
      },
    };
    const say = (line: string) => said.push(line);
    await train(device, training, { runs, say, schedule: { ...schedule, evalEvery: 4 } });
    const run = join(runs, 'x');
    expect(scores).toEqual([]);
    expect(await readEvaluations(run)).toEqual(
      [9, 3, 5, 4].map((likeness, i) => ({
        step: [0, 4, 8, 10][i],
        measures: { likeness },
        higher_is_better: ['likeness'],
        about: '2 points held out',
      })),
    );
    const best = JSON.parse(await readFile(join(run, 'best.json'), 'utf8'));
    expect(best).toMatchObject({ step: 8, metric: 'eval/likeness', value: 5 });
    const measured = (await readMetrics(join(run, 'metrics.jsonl'))).filter((line) => line.eval);
    expect(measured.map((line) => [line.step, line.eval])).toEqual([
      [4, { likeness: 3 }],
      [8, { likeness: 5 }],
      [10, { likeness: 4 }],
    ]);
    expect(said).toContain('evaluation at step 0: likeness 9');
  });

  it('refuses to evaluate where nothing is held out, and evaluates nothing unasked', async () => {
    const asked = train(device, lineTraining(device), { runs, schedule: { ...schedule, evalEvery: 4 } });
    const { message, exitCode } = await failure(asked);
    expect([exitCode, message]).toEqual([2, expect.stringMatching(/^--eval-every 4: .* line is not .*--hold-out/)]);
    const measure = () => Promise.reject(new Error('not now'));
    const training = { ...lineTraining(device, { steps: 2 }), evaluation: { measure, about: 'nothing' } };
    expect((await train(device, training, { runs, schedule })).end).toBe('finished');
  });

  it('shows what it was told to, and forecasts by a batch that it trains on', async () => {
    const training = lineTraining(device, { steps: 2 });
    const held = { x: new Float32Array(3), t: new Float32Array(1) };
    const seen: unknown[] = [];
    const forecast: unknown[] = [];
    const recipe = {
      ...training.recipe,
      sample: (batch: unknown) => {
        seen.push(batch);
        return training.recipe.sample(held);
      },
      forecast(batch: Points) {
        forecast.push(batch);
        return training.recipe.forecast(batch);
      },
    };
    await train(device, { ...training, recipe, sampleBatch: held }, { runs, schedule });
    expect(seen).toEqual([held, held]);
    expect(forecast).toEqual([await training.loader.batch(0)]);
  });

  it('asks for as many more batches as were skipped, and warns when several were', async () => {
    const warnings: string[] = [];
    const skip = (step: number) => step >= 3 && step < 9;
    const training = lineTraining(device, { steps: 8, skip });
    const { progress } = await train(device, training, { runs, warn: (line) => warnings.push(line) });
    expect(progress).toMatchObject({ step: 14, skipped: 6 });
    expect(warnings).toEqual(['step 8: the last 5 batches updated nothing: the points lie on each other']);
  });

  it('stops when nothing is updated any more', async () => {
    const training = lineTraining(device, { steps: 100, skip: (step) => step >= 2 });
    const { message, exitCode } = await failure(train(device, training, { runs }));
    expect(exitCode).toBe(7);
    expect(message).toMatch(/^Step 52: .*the points lie on each other/);
    // of what was saved every 5 steps, the one before it was clear that nothing moves
    expect(await checkpointSteps(join(runs, 'x'))).toEqual([5]);
  });

  it('names the first bad tensor and keeps the last good checkpoint when it diverges', async () => {
    const training = lineTraining(device, {
      steps: 18,
      within: (step) => {
        if (step !== 5) return;
        const bias = training.recipe.tensors().net.get('bias');
        if (bias) overwrite(bias, Float32Array.of(Number.NaN));
      },
    });
    const { message, exitCode } = await failure(train(device, training, { runs, schedule }));
    expect(exitCode).toBe(7);
    expect(message).toMatch(/^Step 7: expected finite losses, but got error NaN. The first bad tensor is \w+\./);
    expect(message).toMatch(/checkpoints.step-00000004/);
    expect(await checkpointSteps(join(runs, 'x'))).toEqual([4]);
  });

  it('writes no checkpoint of weights that are not finite', async () => {
    const training = lineTraining(device, {
      steps: 18,
      within: (step) => {
        const bias = training.recipe.tensors().net.get('bias');
        if (step === 7 && bias) overwrite(bias, Float32Array.of(Number.POSITIVE_INFINITY));
      },
    });
    const { message, exitCode } = await failure(train(device, training, { runs, schedule }));
    expect([exitCode, message.split(':')[0]]).toEqual([7, 'bias of net']);
    expect(await checkpointSteps(join(runs, 'x'))).toEqual([4]);
  });

  it('says how to go on when the device is lost', async () => {
    const lost = await acquireDevice({ device: process.env.MIAOBI_DEVICE });
    const training = lineTraining(lost, {
      steps: 18,
      within: (step) => {
        if (step === 6) lost.destroy();
      },
    });
    const { message, exitCode } = await failure(train(lost, training, { runs, schedule }));
    expect(exitCode).toBe(8);
    expect(message).toMatch(/lost.*step-00000004.*miaobi train --resume/s);
    await train(device, lineTraining(device, { steps: 18 }), { runs, schedule, resume: true });
    const resumed = await outcome(join(runs, 'x'));
    await train(device, lineTraining(device, { steps: 18 }), { runs, schedule, name: 'whole' });
    expect(resumed).toEqual(await outcome(join(runs, 'whole')));
  });

  it('saves before it fails for want of data', async () => {
    const training = lineTraining(device, { steps: 18 });
    const batch = (step: number) =>
      step < 7 ? training.loader.batch(step) : Promise.reject(new DataError('no picture is left'));
    const starved = { ...training, loader: { ...training.loader, batch } };
    const { message, exitCode } = await failure(train(device, starved, { runs, schedule }));
    expect([exitCode, message]).toEqual([4, 'no picture is left']);
    expect(await checkpointSteps(join(runs, 'x'))).toEqual([4, 7]);
  });

  it('refuses a step that does not fit before anything is written', async () => {
    const small = await acquireDevice({ device: process.env.MIAOBI_DEVICE, budgetBytes: 2 ** 20 });
    const training = lineTraining(small, { forecastBytes: 2 ** 21 });
    const { message, exitCode } = await failure(train(small, training, { runs }));
    expect(exitCode).toBe(6);
    expect(message).toMatch(/within 1.0 MiB, but it would take 2.0 MiB. Nothing was run. .*--batch-size/);
    await expect(readdir(join(runs, 'x'))).rejects.toThrow();
    small.destroy();
  });

  it.each([
    ['ENOSPC', 'the disk is full'],
    ['EROFS', 'the file system is read-only'],
  ])('loses nothing when the disk refuses with %s', async (code, reason) => {
    let writes = 0;
    const onPhase = (phase: string) => {
      if (phase.startsWith('optim: ') && ++writes > 4) throw Object.assign(new Error(code), { code });
    };
    const training = lineTraining(device, { steps: 18 });
    const { message, exitCode } = await failure(train(device, training, { runs, schedule, onPhase }));
    expect(exitCode).toBe(2);
    expect(message).toMatch(reason);
    expect(message).toMatch(/step-00000004. Mend that, then go on with: miaobi train --resume/);
    expect(await readdir(join(runs, 'x', 'checkpoints'))).toEqual(['step-00000004']);
    await train(device, lineTraining(device, { steps: 18 }), { runs, schedule, resume: true });
    expect(await checkpointSteps(join(runs, 'x'))).toContain(18);
  });
});
