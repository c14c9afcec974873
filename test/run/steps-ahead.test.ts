/** Steps that overlap: in which order things happen, and that nothing else comes of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../engine/index.ts';
import type { Recipe, StepReport } from '../../train/recipes/recipe.ts';
import { stepsAhead, wholeStep } from '../../train/run/steps-ahead.ts';
import { testDevice } from '../support/device.ts';
import { lineTraining, type Points } from './line-recipe.ts';
import { scratch, train } from './support.ts';

let device: Device;
let folder: Awaited<ReturnType<typeof scratch>>;
beforeAll(async () => {
  [device, folder] = [await testDevice(), await scratch()];
});
afterAll(() => folder.remove());

/** A recipe that says what happens to it, and what was recorded and submitted by then. */
function watched<Batch>(recipe: Recipe<Batch>) {
  const seen: string[] = [];
  const counts = new Map<string, { dispatches: number; pending: number }>();
  const note = (what: string) => {
    seen.push(what);
    counts.set(what, { dispatches: device.recorder.dispatches, pending: device.recorder.pending });
  };
  const begin: Recipe<Batch>['begin'] = (batch, step) => {
    const finish = recipe.begin(batch, step);
    note(`begin ${step}`);
    return async () => {
      const report = finish();
      note(`finish ${step}`);
      const found = await report;
      note(`report ${step}`);
      return found;
    };
  };
  return { recipe: { ...recipe, begin }, seen, counts };
}

const schedule = { printEvery: 4, sampleEvery: 0, saveEvery: 4, evalEvery: 0, keepLast: 2 };

describe('the loop', () => {
  it('has the next step recorded and submitted before the last is read back, but for what is due between them', async () => {
    const training = lineTraining(device, { steps: 7 });
    const { recipe, seen, counts } = watched(training.recipe);
    await train(device, { ...training, recipe }, { runs: folder.path, schedule });
    expect(seen).toEqual([
      ...['begin 0', 'finish 0', 'begin 1', 'report 0', 'finish 1', 'begin 2', 'report 1', 'finish 2'],
      // a checkpoint after the fourth, which no other step may be mixed with
      ...['begin 3', 'report 2', 'finish 3', 'report 3'],
      ...['begin 4', 'finish 4', 'begin 5', 'report 4', 'finish 5', 'begin 6', 'report 5', 'finish 6', 'report 6'],
    ]);
    // of the first two the pipelines still compiled
    for (const step of [2, 3, 5, 6]) {
      const [finished, begun] = [counts.get(`finish ${step - 1}`), counts.get(`begin ${step}`)];
      expect(begun?.dispatches).toBeGreaterThan(finished?.dispatches as number);
      expect(begun?.pending).toBe(0);
      expect(counts.get(`report ${step - 1}`)?.dispatches).toBe(begun?.dispatches);
    }
  });

  it('waits for the step that may be the last, and makes up for one that was skipped', async () => {
    const training = lineTraining(device, { steps: 3, skip: (step) => step === 2 });
    const { recipe, seen } = watched(training.recipe);
    const { progress } = await train(device, { ...training, recipe }, { runs: folder.path, name: 'y', schedule });
    expect(progress).toMatchObject({ step: 4, skipped: 1 });
    expect(seen.slice(-3)).toEqual(['begin 3', 'finish 3', 'report 3']);
  });
});

describe('steps ahead', () => {
  const STEPS = 6;
  const outcome = async (recipe: Recipe<Points>) => {
    const tensors = Object.values(recipe.tensors()).flatMap((map) => [...map.values()]);
    return [recipe.counters(), ...(await Promise.all(tensors.map((t) => t.data())))];
  };

  it('have the bits of steps that are waited for', async () => {
    const [ahead, alone] = [lineTraining(device), lineTraining(device)];
    const heard: StepReport[] = [];
    const steps = stepsAhead(ahead.recipe, (report) => void heard.push(report));
    const want: StepReport[] = [];
    for (let step = 0; step < STEPS; step++) {
      const batch = await ahead.loader.batch(step);
      await steps.next(batch, step);
      want.push(await wholeStep(alone.recipe, batch, step));
    }
    expect([heard.length, steps.running]).toEqual([STEPS - 1, true]);
    await steps.settle();
    expect(heard).toEqual(want);
    expect(await outcome(ahead.recipe)).toEqual(await outcome(alone.recipe));
    for (const { recipe } of [ahead, alone]) recipe.dispose();
  });

  it('wait where the report decides what is recorded', async () => {
    const { recipe, loader } = lineTraining(device);
    const { recipe: own, seen } = watched(recipe);
    let needed = false;
    const steps = stepsAhead({ ...own, needsReport: () => needed }, () => {});
    for (let step = 0; step < 3; step++) {
      needed = step === 2;
      await steps.next(await loader.batch(step), step);
    }
    await steps.settle();
    expect(seen.slice(3)).toEqual(['report 0', 'finish 1', 'report 1', 'begin 2', 'finish 2', 'report 2']);
    recipe.dispose();
  });

  it('leave a step unfinished where the report before it ends the training', async () => {
    const { recipe, loader } = lineTraining(device);
    const { recipe: own, seen } = watched(recipe);
    const steps = stepsAhead(own, () => {
      throw new Error('enough');
    });
    await steps.next(await loader.batch(0), 0);
    await expect(loader.batch(1).then((batch) => steps.next(batch, 1))).rejects.toThrow('enough');
    expect(seen).toEqual(['begin 0', 'finish 0', 'begin 1', 'report 0']);
    expect(recipe.counters()).toEqual({ updates: 1 });
    recipe.dispose();
  });
});
