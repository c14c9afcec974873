/** Weights alone, from wherever they are: `--from`, and run folders given as `--weights`. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tensor } from '../../engine/index.ts';
import { assertMatch, matchKeys } from '../../models/checkpoint/match-keys.ts';
import { toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { readTensors } from '../checkpoint/safetensors-file.ts';
import { RequestError } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { type Loads, newestCheckpoint, openRunCheckpoint } from './checkpoint-read.ts';

/** The file of a checkpoint that holds no weights. */
const OPTIMISER = 'optim';

/**
 * The weights' file that a path means: a file itself, the newest of a run folder, that of a checkpoint folder. Averaged
 * weights win over the plain ones.
 *
 * @throws RequestError when the folder holds no weights; CheckpointError when they are damaged
 */
export async function weightsFile(path: string, warn: (line: string) => void = () => {}): Promise<string> {
  const checkpoint = await checkpointAt(path, warn);
  if (!checkpoint) return path;
  const { files } = checkpoint.state;
  const key = ['ema', 'net', ...Object.keys(files).filter((name) => name !== OPTIMISER)].find((name) => files[name]);
  if (key === undefined) throw noWeights(path);
  return join(checkpoint.path, files[key].file);
}

/**
 * Loads weights into a training that starts: every file of weights that a checkpoint has, or those that a single file
 * fits. The optimiser starts afresh.
 *
 * @returns where they came from
 * @throws CheckpointError when names or shapes differ
 */
export async function loadWeights(into: Loads, path: string, warn: (line: string) => void): Promise<string> {
  const checkpoint = await checkpointAt(path, warn);
  const wanted = Object.entries(into.tensors()).filter(([key]) => key !== OPTIMISER);
  for (const [key, tensors] of wanted) {
    // averages that the checkpoint lacks start at the weights
    const file = checkpoint ? (checkpoint.state.files[key] ?? checkpoint.state.files.net) : undefined;
    if (checkpoint && !file) throw noWeights(path);
    const from = checkpoint && file ? join(checkpoint.path, file.file) : path;
    into.load(key, await matching(from, into.model, tensors));
  }
  return checkpoint ? checkpoint.path : path;
}

async function matching(
  path: string,
  model: string,
  expected: ReadonlyMap<string, Tensor>,
): Promise<Map<string, Float32Array>> {
  const file = await openCheckpoint(path);
  try {
    const shapes = new Map([...expected].map(([name, { shape }]) => [name, shape]));
    assertMatch(`${path} for ${model}`, matchKeys(file.tensors, shapes));
    const tensors = await readTensors(file.tensors, (name) => expected.has(name));
    return new Map([...tensors].map(([name, tensor]) => [name, toFloat32Array(tensor)]));
  } finally {
    await file.close();
  }
}

/** The checkpoint of a folder; undefined for a file. @throws RequestError when there is nothing, or no checkpoint */
async function checkpointAt(path: string, warn: (line: string) => void): Promise<Checkpoint | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    throw new RequestError(
      `${path}: expected weights, a checkpoint or a run folder, but there is nothing. Check the path.`,
    );
  }
  if (!found.isDirectory()) return undefined;
  const own = await stat(join(path, 'state.json')).catch(() => undefined);
  const checkpoint = own ? await openRunCheckpoint(path) : await newestCheckpoint(path, warn);
  if (!checkpoint) throw noWeights(path);
  return checkpoint;
}

function noWeights(path: string): RequestError {
  return new RequestError(
    `${path}: expected a run folder with checkpoints, or one of them, but no weights are in it. Check the path; ` +
      '"miaobi runs list" shows which runs have checkpoints.',
  );
}
