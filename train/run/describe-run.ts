/** A run folder as others see it: what it is, how far it came, how it ended. */
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { RequestError } from '../errors.ts';
import { checkpointSteps } from './checkpoint.ts';
import { type Pointer, PointerSchema } from './checkpoint-state.ts';
import { type Measured, readEvaluations } from './evaluations.ts';
import { runningOwner } from './lock.ts';
import { type MetricsLine, readMetrics } from './metrics.ts';
import { CONFIG_FILE } from './plan.ts';

export type RunStatus = 'running' | 'finished' | 'interrupted' | 'diverged' | 'failed' | 'stopped';

export interface RunDescription {
  readonly path: string;
  readonly name: string;
  readonly model: string;
  readonly status: RunStatus;
  /** last step that was measured */
  readonly step: number;
  readonly totalSteps: number | undefined;
  readonly metrics: readonly MetricsLine[];
  readonly evaluations: readonly Measured[];
  readonly config: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, unknown>>;
  readonly latest: Pointer | undefined;
  readonly best: Pointer | undefined;
  /** steps that have a checkpoint */
  readonly checkpoints: readonly number[];
  readonly started: Date | undefined;
}

const RecordSchema = z.record(z.string(), z.unknown());

/** @throws RequestError when the folder is no run */
export async function describeRun(path: string): Promise<RunDescription> {
  const config = await readRecord(join(path, CONFIG_FILE), parse);
  if (!config) {
    throw new RequestError(
      `${path}: expected a run folder, with a ${CONFIG_FILE}, but it is none. "miaobi runs list" shows the runs.`,
    );
  }
  const metrics = await readMetrics(join(path, 'metrics.jsonl'));
  const [latest, best] = await Promise.all(['latest.json', 'best.json'].map((name) => readPointer(join(path, name))));
  const environment = (await readRecord(join(path, 'env.json'), JSON.parse)) ?? {};
  const started = typeof environment.started === 'string' ? new Date(environment.started) : undefined;
  return {
    path,
    name: basename(path),
    model: String(config.model ?? 'unknown'),
    status: await statusOf(path, latest),
    step: metrics.at(-1)?.step ?? latest?.step ?? 0,
    totalSteps: latest?.total_steps,
    metrics,
    evaluations: await readEvaluations(path),
    config,
    environment,
    latest,
    best,
    checkpoints: await checkpointSteps(path),
    started,
  };
}

/** The lock says who runs, the pointer who finished; the log's last word decides among the rest. */
async function statusOf(path: string, latest: Pointer | undefined): Promise<RunStatus> {
  if (await runningOwner(path)) return 'running';
  if (latest?.finished) return 'finished';
  const log = await readFile(join(path, 'log.jsonl'), 'utf8').catch(() => '');
  const ends = /"end":"(interrupted|diverged|failed)"/g;
  const from = log.lastIndexOf('"msg":"started"');
  const last = [...log.slice(Math.max(0, from)).matchAll(ends)].at(-1)?.[1];
  return (last as RunStatus | undefined) ?? 'stopped';
}

async function readRecord(path: string, read: (text: string) => unknown): Promise<Record<string, unknown> | undefined> {
  try {
    return RecordSchema.parse(read(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

async function readPointer(path: string): Promise<Pointer | undefined> {
  const parsed = PointerSchema.safeParse(await readRecord(path, JSON.parse));
  return parsed.success ? parsed.data : undefined;
}

/** Whether a folder holds a run, told by its config. */
export async function isRunFolder(path: string): Promise<boolean> {
  return (await stat(join(path, CONFIG_FILE)).catch(() => undefined))?.isFile() ?? false;
}
