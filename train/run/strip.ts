import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { assertFree } from '../atomic-write.ts';
import { checkpointSteps, pruneCheckpoints } from './checkpoint.ts';
import { describeRun } from './describe-run.ts';
import { writable } from './disk.ts';
import { lockRun } from './lock.ts';
import { weightsFile } from './weights.ts';

/**
 * Copies what inference needs out of a run: the averaged weights where there are any, else the plain ones. The headers
 * name the model, so the file stands for itself.
 *
 * @param from  a run folder or one of its checkpoints
 * @returns     the file that was copied
 * @throws RequestError when `output` exists and `overwrite` is not set; CheckpointError when the weights are damaged
 */
export async function stripRun(
  from: string,
  output: string,
  { overwrite = false, warn }: { readonly overwrite?: boolean; readonly warn?: (line: string) => void } = {},
): Promise<string> {
  await assertFree(output, overwrite);
  const weights = await weightsFile(from, warn);
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
  return weights;
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
