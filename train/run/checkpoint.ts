/**
 * Writing checkpoints, so that a run that is killed at any instant finds a whole one: every file is written and fsynced
 * in a temporary folder, the folder is renamed, its parent fsynced, and only then the pointer replaced.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tensor } from '../../engine/index.ts';
import { syncFolder, writeAtomically } from '../checkpoint/atomic-write.ts';
import { fileSha256 } from '../checkpoint/file-hash.ts';
import { type StoredTensor, writeSafetensors } from '../checkpoint/safetensors-file.ts';
import { DivergedError } from '../errors.ts';
import {
  type Best,
  CHECKPOINT_FORMAT,
  type CheckpointState,
  type NewState,
  type Pointer,
  stepName,
  stepOfName,
} from './checkpoint-state.ts';

export const CHECKPOINTS = 'checkpoints';

/** Tensors of each file of a checkpoint, by name. */
export type CheckpointTensors = Readonly<Record<string, ReadonlyMap<string, Tensor>>>;

export interface WriteCheckpointOptions {
  /** goes into every safetensors header */
  readonly metadata?: ReadonlyMap<string, string>;
  /** told of each thing that is done, after it: what a test interrupts */
  readonly onPhase?: (phase: string) => void;
}

export interface Checkpoint {
  readonly path: string;
  readonly state: CheckpointState;
}

/**
 * Writes `checkpoints/step-XXXXXXXX` and points `latest.json` (and `best.json`, when this is the best) at it. A
 * checkpoint of the same step is replaced.
 *
 * @throws DivergedError when a tensor holds a NaN or an infinity; Error with a `code` when the disk refuses. Both leave
 *         the checkpoints that there were as they were.
 */
export async function writeCheckpoint(
  run: string,
  tensors: CheckpointTensors,
  state: NewState,
  { metadata, onPhase = () => {} }: WriteCheckpointOptions = {},
): Promise<Checkpoint> {
  const parent = join(run, CHECKPOINTS);
  await mkdir(parent, { recursive: true });
  const name = stepName(state.step);
  const temporary = join(parent, `.${name}.${randomBytes(4).toString('hex')}.tmp`);
  const files: CheckpointState['files'] = {};
  try {
    await mkdir(temporary);
    onPhase('folder made');
    for (const [key, map] of Object.entries(tensors)) {
      const file = `${key}.safetensors`;
      const path = join(temporary, file);
      await writeSafetensors(path, storedTensors(key, map, onPhase), { metadata });
      files[key] = { file, bytes: (await stat(path)).size, sha256: await fileSha256(path) };
      onPhase(`${file} written`);
    }
    const full: CheckpointState = { format: CHECKPOINT_FORMAT, ...state, written: new Date().toISOString(), files };
    await writeJson(join(temporary, 'state.json'), full);
    onPhase('state.json written');
    await replaceFolder(temporary, join(parent, name), onPhase);
    await point(run, full, onPhase);
    return { path: join(parent, name), state: full };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
}

/** Makes `latest.json` and `best.json` say what a checkpoint knows. */
export async function point(run: string, state: CheckpointState, onPhase = (_: string) => {}): Promise<void> {
  const { step, model, total_steps, finished, written, best } = state;
  const pointer = (at: number): Pointer => ({
    step: at,
    checkpoint: `${CHECKPOINTS}/${stepName(at)}`,
    model,
    total_steps,
  });
  await writeJson(join(run, 'latest.json'), { ...pointer(step), finished, written });
  onPhase('latest.json written');
  if (!best) return;
  const { metric, value } = best;
  await writeJson(join(run, 'best.json'), { ...pointer(best.step), metric, value });
  onPhase('best.json written');
}

/**
 * Removes all but the last `keep` checkpoints and the best one.
 *
 * @returns the steps that went
 */
export async function pruneCheckpoints(run: string, keep: number, best: Best | undefined): Promise<number[]> {
  const steps = await checkpointSteps(run);
  const gone = steps.slice(0, Math.max(0, steps.length - keep)).filter((step) => step !== best?.step);
  for (const step of gone) {
    const path = join(run, CHECKPOINTS, stepName(step));
    // renamed first: a checkpoint that is half removed must not look like one
    const away = join(run, CHECKPOINTS, `.${stepName(step)}.${randomBytes(4).toString('hex')}.old`);
    await rename(path, away);
    await rm(away, { recursive: true, force: true });
  }
  return gone;
}

/** Steps that have a checkpoint, ascending. */
export async function checkpointSteps(run: string): Promise<number[]> {
  const names = await readdir(join(run, CHECKPOINTS)).catch(() => [] as string[]);
  return names
    .map(stepOfName)
    .filter((step) => step !== undefined)
    .sort((a, b) => a - b);
}

/** Removes what an interrupted write or removal left behind. Only for the process that holds the lock. */
export async function sweepLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [] as string[]);
  for (const name of names) {
    if (/^\..*\.(tmp|old)$/.test(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Puts a finished folder in place of one that may be there. */
export async function replaceFolder(temporary: string, path: string, onPhase = (_: string) => {}): Promise<void> {
  await syncFolder(temporary);
  const old = `${join(path, '..', `.${path.split(/[\\/]/).at(-1)}`)}.${randomBytes(4).toString('hex')}.old`;
  const replaced = await rename(path, old).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
  await rename(temporary, path);
  await syncFolder(join(path, '..'));
  onPhase('folder renamed');
  if (replaced) await rm(old, { recursive: true, force: true });
}

/** A file of JSON, whole or not at all. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeAtomically(path, [Buffer.from(`${JSON.stringify(value, null, 2)}\n`)], { overwrite: true });
}

/** Tensors as f32, fetched from the device one by one while the file is written. */
function storedTensors(
  key: string,
  tensors: ReadonlyMap<string, Tensor>,
  onPhase: (phase: string) => void,
): Map<string, StoredTensor> {
  const stored = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    const read = async () => {
      const values = (await tensor.data()) as Float32Array;
      const bad = values.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0) throw notFinite(key, name, values[bad]);
      onPhase(`${key}: ${name} read`);
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    };
    stored.set(name, { dtype: 'F32', shape: tensor.shape, read });
  }
  return stored;
}

function notFinite(key: string, name: string, value: number): DivergedError {
  return new DivergedError(
    `${name} of ${key}: expected finite numbers to save, but one is ${value}. No checkpoint was written; the earlier ` +
      'ones are good. Resume from one of them with a smaller --lr, or with --clip-grad.',
  );
}
