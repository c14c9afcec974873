/** Weights alone, from wherever they are: `--from`, and run folders given as `--weights`. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError, type Tensor } from '../../engine/index.ts';
import type { Shapes } from '../../models/checkpoint/key-maps.ts';
import { assertMatch, matchKeys } from '../../models/checkpoint/match-keys.ts';
import { renameWith } from '../../models/checkpoint/rename-keys.ts';
import { toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { derivedTensors } from '../checkpoint/convert.ts';
import { networkFiles } from '../checkpoint/network-files.ts';
import { type CheckpointFile, openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { readTensors, type StoredTensor } from '../checkpoint/safetensors-file.ts';
import { RequestError } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { assertModel, checkpointIn, type Loads } from './checkpoint-read.ts';

/** Files of a checkpoint that are no network: the optimiser's moments, and averages of the networks. */
const OPTIMISER = 'optim';
export const AVERAGES = 'ema';

/** The networks among the files of a checkpoint. */
export const networksIn = (files: object): string[] =>
  Object.keys(files).filter((name) => name !== OPTIMISER && name !== AVERAGES);

/**
 * The weights' file that a path means: a file itself, the newest of a run folder, that of a checkpoint folder. Averaged
 * weights win over the plain ones.
 *
 * @throws RequestError when the folder holds no weights; CheckpointError when they are damaged, or of several networks
 */
export async function weightsFile(path: string, warn: (line: string) => void = () => {}): Promise<string> {
  if (!(await isFolder(path))) return path;
  const checkpoint = await checkpointIn(path, warn);
  if (!checkpoint) throw noWeights(path);
  const { files, model } = checkpoint.state;
  const networks = networksIn(files);
  if (networks.length > 1) {
    throw new CheckpointError(
      `${path}: expected a run of one network, but this one, of ${model}, has ${networks.join(', ')}. ` +
        'Choose another run, or name a file.',
    );
  }
  const entry = files[AVERAGES] ?? files[networks[0]];
  if (entry === undefined) throw noWeights(path);
  return join(checkpoint.path, entry.file);
}

/** Files by network, and `ema` where there are averages. */
interface Source {
  /** for people */
  readonly path: string;
  readonly files: Readonly<Record<string, string | undefined>>;
}

/**
 * Loads weights into a training that starts: of a run or a checkpoint, of a folder of the original's files, or of one
 * file. A network that is not there begins untrained, with a warning; averages that are not there begin at the weights.
 * The optimiser starts afresh.
 *
 * @returns where they came from
 * @throws RequestError when there are none; CheckpointError when names or shapes differ
 */
export async function loadWeights(into: Loads, path: string, warn: (line: string) => void): Promise<string> {
  const targets = into.tensors();
  const networks = networksIn(targets);
  const source = await sourceOf(into, path, warn);
  const found = networks.filter((network) => source.files[network] !== undefined);
  if (found.length === 0) throw noWeights(path, into.originals && networks);
  const averages = targets[AVERAGES];
  const averageName = (network: string, key: string) => (networks.length === 1 ? key : `${network}.${key}`);
  for (const network of networks) {
    const file = source.files[network];
    if (file === undefined) {
      warn(`${source.path}: no weights of ${network} are there; it begins untrained.`);
      continue;
    }
    const values = await valuesFor(into, network, file, targets[network]);
    into.load(network, values);
    if (!averages || source.files[AVERAGES] !== undefined) continue;
    const named = [...values].map(([key, own]) => [averageName(network, key), own] as const);
    into.load(AVERAGES, new Map(named.filter(([key]) => averages.has(key))));
  }
  const stored = source.files[AVERAGES];
  if (averages && stored !== undefined) {
    const names = new Set(found.flatMap((own) => [...targets[own].keys()].map((key) => averageName(own, key))));
    const expected = new Map([...averages].filter(([key]) => names.has(key)));
    into.load(AVERAGES, await valuesFor(into, AVERAGES, stored, expected));
  }
  return source.path;
}

/** @throws RequestError when there is nothing; CheckpointError when it is of another model or network */
async function sourceOf(into: Loads, path: string, warn: (line: string) => void): Promise<Source> {
  const networks = networksIn(into.tensors());
  if (!(await isFolder(path))) {
    return { path, files: { [networks.length === 1 ? networks[0] : await networkOf(into, path)]: path } };
  }
  const checkpoint = await checkpointIn(path, warn);
  if (checkpoint) return ofCheckpoint(into, checkpoint);
  const { files } = await networkFiles(path, networks);
  return { path, files };
}

function ofCheckpoint(into: Loads, checkpoint: Checkpoint): Source {
  assertModel(checkpoint, into.model);
  const files = Object.entries(checkpoint.state.files).map(([key, { file }]) => [key, join(checkpoint.path, file)]);
  return { path: checkpoint.path, files: Object.fromEntries(files) };
}

/** Which network a file is of: the one of whose names it has the largest part. @throws CheckpointError when of none */
async function networkOf(into: Loads, path: string): Promise<string> {
  const file = await openCheckpoint(path);
  try {
    const targets = into.tensors();
    const shares = networksIn(targets).map((network) => {
      const names = [...targets[network].keys()];
      const tensors = named(into, network, file);
      return { network, share: names.filter((name) => tensors.has(name)).length / names.length };
    });
    const best = shares.reduce((a, b) => (b.share > a.share ? b : a));
    if (best.share > 0.5) return best.network;
    throw new CheckpointError(
      `${path}: expected weights of ${listed(shares.map(({ network }) => network))} of this ${into.model}, but its ` +
        'names are those of none. Check the path; miaobi ckpt inspect shows what a file holds.',
    );
  } finally {
    await file.close();
  }
}

/** A file's tensors under the network's own names. */
function named(into: Loads, network: string, file: CheckpointFile): ReadonlyMap<string, StoredTensor> {
  const map = into.originals?.keyMaps[network];
  return map ? renameWith(file.tensors, (key) => map.rename(key, file.tensors)) : file.tensors;
}

/** The values that a file has for tensors, made from others where it lacks them and that can be done. */
async function valuesFor(
  into: Loads,
  network: string,
  path: string,
  expected: ReadonlyMap<string, Tensor>,
): Promise<Map<string, Float32Array>> {
  const file = await openCheckpoint(path);
  try {
    const shapes = new Map([...expected].map(([name, { shape }]) => [name, shape]));
    const own = named(into, network, file);
    const map = into.originals?.keyMaps[network];
    const tensors = map ? new Map([...own, ...derivedTensors(map, shapes, own)]) : own;
    const match = matchKeys(tensors, shapes);
    if (match.wrongShape.length > 0) throw otherShapes(into, network, path, tensors, expected);
    assertMatch(`${path} for ${network} of ${into.model}`, match);
    const read = await readTensors(tensors, (name) => expected.has(name));
    return new Map([...read].map(([name, tensor]) => [name, toFloat32Array(tensor)]));
  } finally {
    await file.close();
  }
}

function otherShapes(
  { originals }: Loads,
  network: string,
  path: string,
  there: Shapes,
  here: Shapes,
): CheckpointError {
  const other = [...here].filter(([name, { shape }]) => there.has(name) && `${there.get(name)?.shape}` !== `${shape}`);
  const [name, { shape }] = other[0];
  const more = other.length > 1 ? `, and ${other.length - 1} more differ` : '';
  const options = originals?.differences(network, there, here) ?? [];
  return new CheckpointError(
    `${path}: expected ${network} as this training has it, but ${options.map((option) => `${option}; `).join('')}` +
      `${name} is [${there.get(name)?.shape}] there and [${shape}] here${more}. ` +
      'Train with the options of those weights, or leave --from out.',
  );
}

/** @throws RequestError when there is nothing */
async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found) return found.isDirectory();
  throw new RequestError(
    `${path}: expected weights, a checkpoint or a run folder, but there is nothing. Check the path.`,
  );
}

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;

/** @param networks  whose files of the original would do, too */
function noWeights(path: string, networks: readonly string[] = []): RequestError {
  const others = networks.length > 0 ? `, or files such as latest_net_${networks[0]}.pth` : '';
  return new RequestError(
    `${path}: expected a run folder with checkpoints, or one of them${others}, but no weights are in it. Check the ` +
      'path; "miaobi runs list" shows which runs have checkpoints.',
  );
}
