/** A run folder while a training writes it. */
import { appendFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { stringify } from 'yaml';
import { writeAtomically } from '../checkpoint/atomic-write.ts';
import { CHECKPOINTS, sweepLeftovers, writeJson } from './checkpoint.ts';
import { stepOfName } from './checkpoint-state.ts';
import { writable } from './disk.ts';
import { EVALUATIONS, removeEvaluationsAfter } from './evaluations.ts';
import { type EventWriter, openEvents, truncateEvents } from './events.ts';
import { LOCK_FILE, lockRun } from './lock.ts';
import { type MetricsWriter, openMetrics, truncateMetrics } from './metrics.ts';
import { CONFIG_FILE, type RunPlan } from './plan.ts';

/** What a run notes of itself when it starts. */
export interface RunFacts {
  /** options as they came out, by their flags' names */
  readonly config: Readonly<Record<string, unknown>>;
  /** the command line, for people to repeat */
  readonly command: string;
  /** versions, adapter, limits */
  readonly environment: object;
}

export interface RunFolder {
  readonly path: string;
  readonly log: Logger;
  readonly metrics: MetricsWriter;
  /** absent with --no-tensorboard */
  readonly events: EventWriter | undefined;
  /** what is written so far survives a power cut */
  sync(): void;
  close(): void;
}

/** The folder, locked, before its files are opened. */
export interface LockedRun {
  readonly path: string;
  /** a line for the log when a dead process held it */
  readonly takenOver: string | undefined;
  release(): void;
}

/**
 * Makes the folder, or empties it when it is to be overwritten, and locks it.
 *
 * @throws RequestError when another process has it, or the folder cannot be written
 */
export async function lockFolder(plan: RunPlan): Promise<LockedRun> {
  return writable(plan.path, async () => {
    await mkdir(plan.path, { recursive: true });
    const lock = await lockRun(plan.path);
    try {
      if (plan.mode === 'overwrite') await empty(plan.path);
      for (const part of ['.', CHECKPOINTS, 'samples', EVALUATIONS]) await sweepLeftovers(join(plan.path, part));
    } catch (error) {
      lock.release();
      throw error;
    }
    return { path: plan.path, ...lock };
  });
}

/** Everything but the lock goes, under a hidden name first; what tells a run from other folders goes last. */
async function empty(path: string): Promise<void> {
  const away = join(path, '.replaced.old');
  await rm(away, { recursive: true, force: true });
  await mkdir(away);
  const names = (await readdir(path)).filter((name) => name !== LOCK_FILE && !name.startsWith('.'));
  names.sort((a, b) => Number(a === CONFIG_FILE) - Number(b === CONFIG_FILE));
  for (const name of names) await rename(join(path, name), join(away, name));
}

/** Takes metrics, events, evaluations and samples back to a step: those beyond belong to a run that did not happen. */
export async function rewind(path: string, step: number): Promise<void> {
  await truncateMetrics(join(path, 'metrics.jsonl'), step);
  await truncateEvents(join(path, 'events'), step);
  await removeEvaluationsAfter(path, step);
  for (const name of await readdir(join(path, 'samples')).catch(() => [] as string[])) {
    if ((stepOfName(name) ?? 0) > step) await rm(join(path, 'samples', name), { recursive: true, force: true });
  }
}

/** Writes what the run notes of itself and opens its files. */
export async function openFolder(locked: LockedRun, facts: RunFacts, tensorboard: boolean): Promise<RunFolder> {
  const { path } = locked;
  return writable(path, async () => {
    const yaml = `# options of this run; to make it again: miaobi train -C ${CONFIG_FILE} --name OTHER\n`;
    await writeText(join(path, CONFIG_FILE), `${yaml}${stringify(facts.config)}`);
    await appendFile(join(path, 'command.txt'), `${facts.command}\n`);
    await writeJson(join(path, 'env.json'), facts.environment);
    await writeFile(join(path, 'metrics.jsonl'), '', { flag: 'a' });
    const metrics = openMetrics(join(path, 'metrics.jsonl'));
    const events = tensorboard ? openEvents(join(path, 'events')) : undefined;
    const destination = pino.destination({ dest: join(path, 'log.jsonl'), append: true, sync: true });
    const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
    return {
      path,
      log,
      metrics,
      events,
      sync: () => {
        metrics.sync();
        events?.sync();
      },
      close: () => {
        metrics.close();
        events?.close();
        destination.end();
        locked.release();
      },
    };
  });
}

/** A text file, whole or not at all. */
export async function writeText(path: string, text: string | Uint8Array): Promise<void> {
  await writeAtomically(path, [typeof text === 'string' ? Buffer.from(text) : text], { overwrite: true });
}
