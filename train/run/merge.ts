/** Averages of runs and files, network by network. */
import { basename } from 'node:path';
import { CheckpointError } from '../../engine/index.ts';
import { mergeCheckpoints, normalisedShares } from '../checkpoint/merge.ts';
import type { CheckpointFile } from '../checkpoint/open-checkpoint.ts';
import { type Inference, type NetworkContent, openInference, writeNetworks } from './inference.ts';

export interface MergeReport {
  /** the file, or the folder of several networks */
  readonly output: string;
  /** those that were written */
  readonly files: readonly string[];
  readonly tensors: number;
  /** normalised to a sum of 1 */
  readonly shares: readonly number[];
}

export interface MergeOptions {
  /** left out: merged.safetensors, or the folder `merged` for several networks */
  readonly output?: string | undefined;
  /** one an input, of any sum above 0; equal when left out */
  readonly shares?: readonly number[] | undefined;
  readonly overwrite?: boolean | undefined;
  readonly warn?: (line: string) => void;
}

/**
 * Writes the weighted average of runs, checkpoints or files; of several networks each with its like.
 *
 * @throws CheckpointError when networks, names or shapes differ; RequestError when the shares do not fit, or as
 *         `openInference`, `writeNetworks`
 */
export async function mergeWeights(
  inputs: readonly string[],
  { output, shares, overwrite, warn }: MergeOptions = {},
): Promise<MergeReport> {
  const normalised = normalisedShares(inputs.length, shares);
  const labels = inputs.map((input) => basename(input));
  const opened: Inference[] = [];
  try {
    for (const input of inputs) opened.push(await openInference(input, warn));
    const merged = new Map<string, NetworkContent>();
    for (const [name, files] of alike(inputs, opened)) {
      merged.set(name, mergeCheckpoints(files, normalised, labels));
    }
    const tensors = [...merged.values()].reduce((sum, own) => sum + own.tensors.size, 0);
    const to = output ?? (merged.size > 1 ? 'merged' : 'merged.safetensors');
    return { output: to, files: await writeNetworks(to, merged, overwrite), tensors, shares: normalised };
  } finally {
    for (const one of opened) await one.close();
  }
}

/** The files of each network. One alone needs no name to be merged with another alone. */
function alike(inputs: readonly string[], opened: readonly Inference[]): [string, CheckpointFile[]][] {
  const names = opened.map(({ networks }) => [...networks.keys()]);
  if (names.every(({ length }) => length === 1)) {
    return [[names[0][0], opened.map(({ networks }, i) => networks.get(names[i][0]) as CheckpointFile)]];
  }
  const other = names.findIndex((own) => [...own].sort().join() !== [...names[0]].sort().join());
  if (other < 0) {
    return names[0].map((name) => [name, opened.map(({ networks }) => networks.get(name) as CheckpointFile)]);
  }
  const list = (own: readonly string[]) => (own.length === 1 ? 'one network' : `the networks ${own.join(' and ')}`);
  throw new CheckpointError(
    `${inputs[other]}: expected ${list(names[0])}, as in ${inputs[0]}, but it has ${list(names[other])}. ` +
      'Merge runs of one kind, or one network of them: name the file of each, such as G.safetensors.',
  );
}
