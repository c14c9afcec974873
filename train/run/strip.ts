import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { assertFree } from '../atomic-write.ts';
import { checkpointSteps, pruneCheckpoints } from './checkpoint.ts';
import { describeRun } from './describe-run.ts';
import { writable } from './disk.ts';
import { openInference, writeNetworks } from './inference.ts';
import { lockRun } from './lock.ts';

export interface StripOptions {
  /** left out: NAME.safetensors, or the folder NAME for several networks, after the run's name */
  readonly output?: string | undefined;
  readonly overwrite?: boolean | undefined;
  readonly warn?: ((line: string) => void) | undefined;
}

export interface StripReport {
  /** the files that the weights are from */
  readonly weights: readonly string[];
  /** those that were written */
  readonly files: readonly string[];
  /** what `--weights` takes: the file, or the folder of several networks */
  readonly output: string;
}

/**
 * Copies what inference needs out of a run: the averaged weights where there are any, else the plain ones. Where
 * networks are trained together, those that inference needs, each with its averages in place of what was trained and the
 * training's buffers. The headers name the model, so the files stand for themselves.
 *
 * @param from  a run folder or one of its checkpoints
 * @throws RequestError when `output` exists and `overwrite` is not set, or as `writeNetworks`; CheckpointError when the
 *         weights are damaged
 */
export async function stripRun(from: string, options: StripOptions = {}): Promise<StripReport> {
  const { overwrite = false, warn } = options;
  const name = basename(resolve(from));
  const { networks, close } = await openInference(from, warn);
  try {
    const weights = [...networks.values()].map(({ path }) => path);
    const output = options.output ?? (networks.size > 1 ? name : `${name}.safetensors`);
    const whole = [...networks.keys()].join() === 'net';
    const files = whole
      ? await copyWeights(weights[0], output, overwrite)
      : await writeNetworks(output, networks, overwrite);
    return { weights, files, output };
  } finally {
    await close();
  }
}

/** A file that holds nothing else is copied as it is. */
async function copyWeights(weights: string, output: string, overwrite: boolean): Promise<string[]> {
  await assertFree(output, overwrite);
  const temporary = join(dirname(output), `.${basename(output)}.${process.pid}.tmp`);
  await writable(output, async () => {
    await mkdir(dirname(output), { recursive: true });
    try {
      await copyFile(weights, temporary);
      const file = await open(temporary, 'r+');
      await file.sync().finally(() => file.close());
      await rename(temporary, output);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  });
  return [output];
}

/**
 * Removes all but the last checkpoints and the best one of a run that nobody works on, superseded ones too.
 *
 * @returns the steps that went
 * @throws RequestError when a training has the run
 */
export async function pruneRun(path: string, keepLast: number, dryRun = false): Promise<number[]> {
  const { best } = await describeRun(path);
  const keep = best?.metric === undefined || best.value === undefined ? undefined : best;
  const steps = await checkpointSteps(path);
  const going = steps.slice(0, Math.max(0, steps.length - keepLast)).filter((step) => step !== keep?.step);
  if (dryRun) return going;
  const lock = await lockRun(path);
  try {
    const kept = keep && { metric: keep.metric as string, value: keep.value as number, step: keep.step };
    await pruneCheckpoints(path, keepLast, kept);
    await rm(join(path, 'checkpoints', 'superseded'), { recursive: true, force: true });
    return going;
  } finally {
    lock.release();
  }
}
