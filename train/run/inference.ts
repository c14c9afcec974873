/** What inference needs of a run: its networks without discriminator and optimiser, averages put in. */
import { mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { assertFree } from '../atomic-write.ts';
import { type CheckpointFile, openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { type StoredTensor, writeSafetensors } from '../checkpoint/safetensors-file.ts';
import { RequestError } from '../errors.ts';
import { SYSTEMS } from '../recipes/index.ts';
import { CHECKPOINTS, type Checkpoint } from './checkpoint.ts';
import { checkpointIn } from './checkpoint-read.ts';
import { writable } from './disk.ts';
import { AVERAGES, networksIn, weightsFile } from './weights.ts';

/** Networks by name; one alone has the name of its file in the checkpoint, or `net`. */
export interface Inference {
  readonly networks: ReadonlyMap<string, CheckpointFile>;
  close(): Promise<void>;
}

/**
 * Opens the networks of a run, of a checkpoint folder, of a folder of NAME.safetensors, or of one file.
 *
 * @throws RequestError when there are none; CheckpointError when they are damaged
 */
export async function openInference(path: string, warn: (line: string) => void = () => {}): Promise<Inference> {
  const found = await stat(path).catch(() => undefined);
  const checkpoint = found?.isDirectory() ? await checkpointIn(path, warn) : undefined;
  if (checkpoint && networksIn(checkpoint.state.files).length > 1) return ofCheckpoint(checkpoint);
  if (!checkpoint && found?.isDirectory()) {
    const names = (await readdir(path)).filter((name) => extname(name) === EXTENSION).sort();
    if (names.length > 0) return openAll(names.map((name) => [name.slice(0, -EXTENSION.length), join(path, name)]));
  }
  return openAll([['net', await weightsFile(path, warn)]]);
}

const EXTENSION = '.safetensors';

/** Averages have no buffers: those are the training's. */
async function ofCheckpoint({ path, state: { files, model } }: Checkpoint): Promise<Inference> {
  const wanted = SYSTEMS.find((system) => system.model === model)?.inference ?? networksIn(files);
  const at = (name: string) => join(path, files[name].file);
  const averages = files[AVERAGES] && (await openCheckpoint(at(AVERAGES)));
  const plain = await openAll(
    wanted.filter((name) => files[name]).map((name) => [name, at(name)]),
    averages,
  );
  if (!averages) return plain;
  const networks = [...plain.networks].map(([name, file]): [string, CheckpointFile] => {
    const tensors = [...file.tensors].map(([key, own]): [string, StoredTensor] => [
      key,
      averages.tensors.get(`${name}.${key}`) ?? own,
    ]);
    return [name, { ...file, tensors: new Map(tensors) }];
  });
  return { networks: new Map(networks), close: plain.close };
}

/** @param beside  is closed with the files */
async function openAll(paths: readonly (readonly [string, string])[], beside?: CheckpointFile): Promise<Inference> {
  const networks = new Map<string, CheckpointFile>();
  const close = async () => {
    for (const file of networks.values()) await file.close();
    await beside?.close();
  };
  try {
    for (const [name, path] of paths) networks.set(name, await openCheckpoint(path));
    return { networks, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Tensors of one network, to be written. */
export interface NetworkContent {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Writes a network to a file, or several to a folder, each as NAME.safetensors. The first network is written last: a
 * folder that has it has them all.
 *
 * @returns the files
 * @throws RequestError when one exists and `overwrite` is not set, or `output` names a file for several networks or is
 *         a run
 */
export async function writeNetworks(
  output: string,
  networks: ReadonlyMap<string, NetworkContent>,
  overwrite = false,
): Promise<string[]> {
  const names = [...networks.keys()];
  if (names.length > 1) await assertFolderOf(output, names);
  const paths = names.map((name) => (names.length === 1 ? output : join(output, `${name}${EXTENSION}`)));
  for (const path of paths) await assertFree(path, overwrite);
  await writable(output, async () => {
    await mkdir(dirname(paths[0]), { recursive: true });
    for (const [i, name] of [...names.entries()].reverse()) {
      const { tensors, metadata } = networks.get(name) as NetworkContent;
      await writeSafetensors(paths[i], tensors, { overwrite, metadata });
    }
  });
  return paths;
}

async function assertFolderOf(output: string, names: readonly string[]): Promise<void> {
  const found = await stat(output).catch(() => undefined);
  if (extname(output) === EXTENSION || (found && !found.isDirectory())) {
    const folder = extname(output) === EXTENSION ? output.slice(0, -EXTENSION.length) : `${output}-weights`;
    throw new RequestError(
      `-o ${output}: expected a folder, for there are ${names.length} networks, ${names.join(' and ')}, and each is a ` +
        `file of its own. Give -o ${folder}; --weights takes the folder.`,
    );
  }
  const entries = found ? await readdir(output) : [];
  if (!entries.includes(CHECKPOINTS) && !entries.includes('state.json')) return;
  throw new RequestError(
    `-o ${output}: expected a folder for ${names.map((name) => name + EXTENSION).join(' and ')}, but it is a run. ` +
      'Give another folder with -o.',
  );
}
