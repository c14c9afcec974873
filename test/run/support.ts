import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Device } from '../../engine/index.ts';
import type { Training } from '../../train/recipes/system.ts';
import { readMetrics } from '../../train/run/metrics.ts';
import { planRun, type RunRequest } from '../../train/run/plan.ts';
import { runSession, type SessionOptions, type SessionResult } from '../../train/run/session.ts';

export async function scratch(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'miaobi-run-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export interface TrainRequest extends Partial<RunRequest>, Partial<Omit<SessionOptions, 'device' | 'plan'>> {
  readonly runs: string;
}

/** Trains as `miaobi train` does, without the command line; disposes of the training. */
export async function train<B>(device: Device, training: Training<B>, request: TrainRequest): Promise<SessionResult> {
  const { runs, name = 'x', resume, overwrite, ...options } = request;
  const plan = await planRun({ runs, name, resume, overwrite });
  try {
    const result = await runSession(training, {
      device,
      plan,
      facts: {
        config: { model: training.recipe.model, steps: training.recipe.totalSteps },
        command: 'test',
        environment: {},
      },
      schedule: { printEvery: 5, sampleEvery: 10, saveEvery: 5, evalEvery: 0, keepLast: 3 },
      tensorboard: true,
      report: false,
      say: () => {},
      warn: () => {},
      ...options,
    });
    return result as SessionResult;
  } finally {
    training.recipe.dispose();
    await training.loader.close();
  }
}

/** What must not depend on whether a run was interrupted: weights, buffers, optimiser, and metrics but for the clock. */
export async function outcome(run: string): Promise<object> {
  const { checkpoint, step } = JSON.parse(await readFile(join(run, 'latest.json'), 'utf8'));
  const sha = async (file: string) =>
    createHash('sha256')
      .update(await readFile(join(run, checkpoint, file)))
      .digest('hex');
  const metrics = (await readMetrics(join(run, 'metrics.jsonl'))).map(({ step, lr, losses, skipped, epoch }) => ({
    step,
    epoch,
    lr,
    losses,
    skipped,
  }));
  const files = (await readdir(join(run, checkpoint))).filter((file) => file.endsWith('.safetensors'));
  const hashes = await Promise.all(files.map(async (file) => [file, await sha(file)]));
  return { step, files: Object.fromEntries(hashes), metrics };
}
