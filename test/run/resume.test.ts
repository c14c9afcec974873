import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../cli/errors.ts';
import type { Device } from '../../engine/index.ts';
import { checkpointSteps } from '../../train/run/checkpoint.ts';
import { readEvaluations } from '../../train/run/evaluations.ts';
import { readMetrics } from '../../train/run/metrics.ts';
import { planRun } from '../../train/run/plan.ts';
import { weightsFile } from '../../train/run/weights.ts';
import { testDevice } from '../support/device.ts';
import { type LineOptions, lineTraining } from './line-recipe.ts';
import { outcome, scratch, type TrainRequest, train } from './support.ts';

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

const schedule = { printEvery: 4, sampleEvery: 4, saveEvery: 4, evalEvery: 0, keepLast: 9 };
const line = (options: LineOptions = {}, request: Partial<TrainRequest> = {}) =>
  train(device, lineTraining(device, { steps: 12, ...options }), { runs, schedule, ...request });
const at = (step: number) => join(runs, 'x', 'checkpoints', `step-${String(step).padStart(8, '0')}`);

describe('a resumed run', () => {
  it('goes back to an older checkpoint and comes to the same, later ones set aside', async () => {
    await line();
    const before = await outcome(join(runs, 'x'));
    const warnings: string[] = [];
    let steps = 0;
    await line({}, { resume: at(4), warn: (text) => warnings.push(text), onStep: () => steps++ });
    expect(steps).toBe(8);
    expect(warnings.join()).toMatch(/steps 8, 12 lie beyond step 4: moved to .*superseded/);
    expect(await outcome(join(runs, 'x'))).toEqual(before);
    expect(await readdir(join(runs, 'x', 'checkpoints', 'superseded'))).toEqual(['step-00000008', 'step-00000012']);
    expect(await readdir(join(runs, 'x', 'samples'))).toHaveLength(4);
  });

  it('drops the evaluations of steps that it makes again, and begins without another of step 0', async () => {
    let made = 0;
    const evaluated = async (steps: number, resume?: string) => {
      const evaluation = { measure: async () => ({ count: made++ }), about: 'counted' };
      const training = { ...lineTraining(device, { steps }), evaluation };
      await train(device, training, { runs, resume, schedule: { ...schedule, evalEvery: 2 } });
      const all = await readEvaluations(join(runs, 'x'));
      return all.map(({ step, measures }) => [step, measures.count]);
    };
    const first = [0, 2, 4, 6, 8].map((step, i) => [step, i]);
    expect(await evaluated(8)).toEqual(first);
    expect(await evaluated(5, at(4))).toEqual([...first.slice(0, 3), [5, 5]]);
  });

  it('passes over a damaged checkpoint with a warning', async () => {
    await line();
    const before = await outcome(join(runs, 'x'));
    const path = join(at(12), 'optim.safetensors');
    const bytes = await readFile(path);
    bytes[bytes.length - 1] ^= 1;
    await writeFile(path, bytes);
    await writeFile(join(at(8), 'state.json'), '{"format": 1, "mod');
    const warnings: string[] = [];
    await line({}, { resume: true, warn: (text) => warnings.push(text) });
    expect(warnings[0]).toMatch(/optim.safetensors: expected .* its content is another. .*Going back/);
    expect(warnings[1]).toMatch(/state.json: expected JSON, but it is damaged/);
    expect(await outcome(join(runs, 'x'))).toEqual(before);
  });

  it('refuses checkpoints of another model, shape or version', async () => {
    await line();
    const refused = async (options: LineOptions, request: Partial<TrainRequest> = {}) => {
      const error = await line(options, { resume: true, ...request }).catch((caught) => caught);
      return [exitCodeOf(error), error.message];
    };
    expect(await refused({ model: 'circle' })).toEqual([
      5,
      expect.stringMatching(/checkpoint of circle, but .* of line/),
    ]);
    const state = JSON.parse(await readFile(join(at(12), 'state.json'), 'utf8'));
    await writeFile(join(at(12), 'state.json'), JSON.stringify({ ...state, format: 2 }));
    expect(await refused({}, { resume: at(12) })).toEqual([
      5,
      expect.stringMatching(/of format 1, but it is of format 2/),
    ]);
  });

  it('starts from the beginning when the run was killed before its first checkpoint', async () => {
    await mkdir(join(runs, 'x'), { recursive: true });
    await writeFile(join(runs, 'x', 'config.yaml'), 'model: line\n');
    await writeFile(join(runs, 'x', 'metrics.jsonl'), '{"step":1,"epo');
    const said: string[] = [];
    await line({}, { resume: true, say: (text) => said.push(text) });
    expect(said.join()).toMatch(/no checkpoint was made yet/);
    expect(await readMetrics(join(runs, 'x', 'metrics.jsonl'))).toHaveLength(12);
  });

  it('has nothing more to do when it was finished, and goes on when it is to be longer', async () => {
    await line();
    const before = await outcome(join(runs, 'x'));
    let steps = 0;
    await line({}, { resume: 'x', onStep: () => steps++ });
    expect([steps, await outcome(join(runs, 'x'))]).toEqual([0, before]);
    await line({ steps: 15 }, { resume: join(runs, 'x'), onStep: () => steps++ });
    expect(steps).toBe(3);
  });
});

describe('weights alone', () => {
  it('begin a run with a fresh optimiser', async () => {
    await line();
    await line({ steps: 1 }, { name: 'y', from: join(runs, 'x') });
    const [first] = await readMetrics(join(runs, 'y', 'metrics.jsonl'));
    const [before] = await readMetrics(join(runs, 'x', 'metrics.jsonl'));
    expect(first.lr).toBe(before.lr);
    expect(first.losses.error).toBeLessThan(before.losses.error);
    expect(await weightsFile(join(runs, 'x'))).toBe(join(at(12), 'net.safetensors'));
  });

  it('are refused when they fit nothing', async () => {
    await line();
    const error = await line({}, { name: 'y', from: join(at(12), 'optim.safetensors') }).catch((caught) => caught);
    expect([exitCodeOf(error), error.message]).toEqual([5, expect.stringMatching(/missing \(2\):\s+weight\s+bias/)]);
  });
});

describe('the name of a run', () => {
  it('is taken once, unless the run is resumed or overwritten', async () => {
    await line({ steps: 8 });
    await expect(line()).rejects.toThrow(/--name x: expected a name without a run.*--resume.*--overwrite/);
    await line({ steps: 4 }, { overwrite: true });
    expect(await checkpointSteps(join(runs, 'x'))).toEqual([4]);
    expect((await readdir(join(runs, 'x'))).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it.each(['../x', '', '.', 'a/b', '.hidden'])('is not %j', async (name) => {
    await expect(planRun({ runs, name })).rejects.toThrow(/expected the name of one folder/);
  });

  it('does not let folders be overwritten that are no runs', async () => {
    await mkdir(join(runs, 'x'), { recursive: true });
    await writeFile(join(runs, 'x', 'thesis.txt'), 'years of work');
    await expect(planRun({ runs, name: 'x', overwrite: true })).rejects.toThrow(
      /holds none of config.yaml, checkpoints/,
    );
  });
});
