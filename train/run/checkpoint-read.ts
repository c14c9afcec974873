/** Reading checkpoints back: verified, and refused when they belong to something else. */
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CheckpointError, type Tensor } from '../../engine/index.ts';
import { assertMatch, matchKeys } from '../../models/checkpoint/match-keys.ts';
import { toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { fileSha256 } from '../checkpoint/file-hash.ts';
import { readSafetensors } from '../checkpoint/safetensors-file.ts';
import type { Originals } from '../recipes/recipe.ts';
import { CHECKPOINTS, type Checkpoint, checkpointSteps } from './checkpoint.ts';
import { CHECKPOINT_FORMAT, StateSchema, stepName } from './checkpoint-state.ts';

/**
 * Opens a checkpoint folder and checks every file against its sum.
 *
 * @throws CheckpointError when it is not whole, not ours, or of another version of the format
 */
export async function openRunCheckpoint(path: string): Promise<Checkpoint> {
  const state = parseState(path, await readFile(join(path, 'state.json'), 'utf8').catch(() => undefined));
  for (const { file, bytes, sha256 } of Object.values(state.files)) {
    const at = join(path, file);
    const found = await stat(at).catch(() => undefined);
    if (found?.size !== bytes || (await fileSha256(at)) !== sha256) {
      throw new CheckpointError(
        `${at}: expected ${bytes} bytes with sha256 ${sha256.slice(0, 12)}…, but ${whatIsThere(found?.size, bytes)}. ` +
          'The file is damaged: resume from another checkpoint of the run.',
      );
    }
  }
  return { path, state };
}

function whatIsThere(size: number | undefined, bytes: number): string {
  if (size === undefined) return 'there is no such file';
  return size === bytes ? 'its content is another' : `it has ${size} bytes`;
}

/** @throws CheckpointError when the text is not a state of this version */
function parseState(path: string, text: string | undefined) {
  if (text === undefined) {
    throw new CheckpointError(
      `${path}: expected a checkpoint, a folder with state.json, but there is none. Give a run folder, or one of its ` +
        'checkpoints/step-… folders.',
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new CheckpointError(`${path}/state.json: expected JSON, but it is damaged. Resume from another checkpoint.`);
  }
  const { format } = (json ?? {}) as { format?: unknown };
  if (format !== CHECKPOINT_FORMAT) {
    throw new CheckpointError(
      `${path}: expected a checkpoint of format ${CHECKPOINT_FORMAT}, but it is of format ${JSON.stringify(format)}. ` +
        'Use the version of miaobi that wrote it, or take its weights alone with --from.',
    );
  }
  const parsed = StateSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path: at, message } = parsed.error.issues[0];
  throw new CheckpointError(
    `${path}/state.json: ${at.join('.')}: ${message}. The file is damaged: resume from another.`,
  );
}

/**
 * The newest whole checkpoint of a run. Damaged ones are passed over with a warning.
 *
 * @throws CheckpointError when there are checkpoints and none of them is whole
 */
export async function newestCheckpoint(run: string, warn: (line: string) => void): Promise<Checkpoint | undefined> {
  const steps = await checkpointSteps(run);
  let first: unknown;
  for (const step of steps.reverse()) {
    try {
      return await openRunCheckpoint(join(run, CHECKPOINTS, stepName(step)));
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      first ??= error;
      warn(`${error.message.split('\n')[0]} Going back to the one before.`);
    }
  }
  if (first) throw first;
  return undefined;
}

/** The checkpoint that a folder is, or the newest of the run that it is; undefined when it is neither. */
export async function checkpointIn(folder: string, warn: (line: string) => void): Promise<Checkpoint | undefined> {
  const own = await stat(join(folder, 'state.json')).catch(() => undefined);
  return own ? openRunCheckpoint(folder) : newestCheckpoint(folder, warn);
}

/** The files of another model do not fit. @throws CheckpointError */
export function assertModel({ path, state }: Checkpoint, model: string): void {
  if (state.model === model) return;
  throw new CheckpointError(
    `${path}: expected a checkpoint of ${model}, but it is one of ${state.model}. ` +
      `Train that: miaobi train ${state.model}, or choose another run.`,
  );
}

/** What takes the tensors of a checkpoint: a recipe. */
export interface Loads {
  readonly model: string;
  tensors(): Readonly<Record<string, ReadonlyMap<string, Tensor>>>;
  load(file: string, values: ReadonlyMap<string, Float32Array>): void;
  readonly originals?: Originals;
}

/**
 * Loads every file of a checkpoint.
 *
 * @throws CheckpointError when a file is missing, or names or shapes differ
 */
export async function loadCheckpoint(into: Loads, checkpoint: Checkpoint): Promise<void> {
  assertModel(checkpoint, into.model);
  for (const [key, tensors] of Object.entries(into.tensors())) {
    const entry = checkpoint.state.files[key];
    if (!entry) {
      const has = Object.keys(checkpoint.state.files).join(', ');
      throw new CheckpointError(
        `${checkpoint.path}: expected ${key}.safetensors among its files, but it has ${has}. ` +
          'The run was made with other options; resume it with its own config.yaml.',
      );
    }
    into.load(key, await readValues(join(checkpoint.path, entry.file), into.model, tensors));
  }
}

/** Values by name, checked against the tensors that they are for. */
async function readValues(
  path: string,
  model: string,
  expected: ReadonlyMap<string, Tensor>,
): Promise<Map<string, Float32Array>> {
  const { tensors } = await readSafetensors(path);
  const shapes = new Map([...expected].map(([name, { shape }]) => [name, shape]));
  assertMatch(`${path} for ${model}`, matchKeys(tensors, shapes), true);
  return new Map([...tensors].map(([name, tensor]) => [name, toFloat32Array(tensor)]));
}

/**
 * Moves checkpoints beyond a step to `checkpoints/superseded`: a run that goes back must not meet them again.
 *
 * @returns the steps that moved
 */
export async function supersede(run: string, step: number): Promise<number[]> {
  const later = (await checkpointSteps(run)).filter((other) => other > step);
  const aside = join(run, CHECKPOINTS, 'superseded');
  for (const other of later) {
    await mkdir(aside, { recursive: true });
    const to = join(aside, stepName(other));
    await rm(to, { recursive: true, force: true });
    await rename(join(run, CHECKPOINTS, stepName(other)), to);
  }
  return later;
}

/** A superseded checkpoint that is resumed goes back among the others. */
export async function takePlace(run: string, { path, state }: Checkpoint): Promise<void> {
  const place = join(run, CHECKPOINTS, stepName(state.step));
  if (resolve(path) === resolve(place)) return;
  await rm(place, { recursive: true, force: true });
  await rename(path, place);
}
