/** Weighted averages of checkpoints: model soups, and what lies between two styles. */
import { CheckpointError } from '../../engine/errors.ts';
import { printable } from '../../models/checkpoint/printable.ts';
import { toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { spectralVectors } from '../../models/gaugan/state-dict.ts';
import { RequestError } from '../errors.ts';
import type { CheckpointFile } from './open-checkpoint.ts';
import type { StoredTensor } from './safetensors-file.ts';

export interface Merged {
  readonly tensors: Map<string, StoredTensor>;
  /** of the first file, and what was merged */
  readonly metadata: Map<string, string>;
}

/** @returns the shares with a sum of 1 @throws RequestError when they do not fit so many inputs */
export function normalisedShares(inputs: number, shares: readonly number[] = new Array(inputs).fill(1)): number[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (shares.length === inputs && total > 0) return shares.map((share) => share / total);
  throw new RequestError(
    `--weights ${shares.join(',')}: expected ${inputs} shares, one a file, with a sum above 0. ` +
      'Leave them out to give every file the same.',
  );
}

/**
 * Σ share_k · tensor_k for every tensor, summed in float64, stored as f32. The vectors of a spectral norm belong to one
 * weight, and their averages to none: where the files differ in them, they are found anew for the weight that is merged.
 *
 * @param files   of one network; tensors are read when the merged ones are
 * @param shares  one a file, with a sum of 1
 * @param labels  of the files, for the metadata
 * @throws CheckpointError when names or shapes differ
 */
export function mergeCheckpoints(
  files: readonly CheckpointFile[],
  shares: readonly number[],
  labels: readonly string[],
): Merged {
  const [first] = files;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { shape }] of first.tensors) {
    const parts = files.map((file) => partOf(file, name, shape, first.path));
    tensors.set(name, { dtype: 'F32', shape, read: async () => bytesOf(await average(parts, shares)) });
  }
  for (const file of files) refuseMore(file, first);
  for (const name of first.tensors.keys()) {
    if (name.endsWith('.weight_orig')) mergeSpectral(name.slice(0, -'_orig'.length), files, tensors);
  }
  const metadata = new Map(first.metadata);
  metadata.set('merged', labels.map((label, i) => `${shares[i].toPrecision(6)} ${label}`).join(' + '));
  return { tensors, metadata };
}

/** Replaces the averages of u and v, unless they are the same in all files. */
function mergeSpectral(name: string, files: readonly CheckpointFile[], tensors: Map<string, StoredTensor>): void {
  const [weight, u, v] = ['orig', 'u', 'v'].map((leaf) => tensors.get(`${name}_${leaf}`));
  if (!weight || !u || !v) return;
  const make = async () => {
    const all = await Promise.all(files.map((file) => valuesOf(file.tensors.get(`${name}_u`) as StoredTensor)));
    if (all.every((own) => own.every((x, i) => x === all[0][i]))) return undefined;
    return spectralVectors(await valuesOf(weight), weight.shape, all[0]);
  };
  let made: ReturnType<typeof make> | undefined;
  const [averageU, averageV] = [u.read, v.read];
  const read = (own: 'u' | 'v', otherwise: () => Promise<Uint8Array>) => async () => {
    made ??= make();
    const found = await made;
    return found ? bytesOf(found[own]) : otherwise();
  };
  tensors.set(`${name}_u`, { ...u, read: read('u', averageU) });
  tensors.set(`${name}_v`, { ...v, read: read('v', averageV) });
}

/** @throws CheckpointError when the tensor is missing or of another shape */
function partOf(file: CheckpointFile, name: string, shape: readonly number[], first: string): StoredTensor {
  const tensor = file.tensors.get(name);
  if (tensor && `${tensor.shape}` === `${shape}`) return tensor;
  const found = tensor ? `it is [${tensor.shape}]` : 'there is none of that name';
  throw new CheckpointError(
    `${file.path}: expected ${printable(name)} of shape [${shape}], as in ${first}, but ${found}. ` +
      'Only checkpoints of one network can be merged.',
  );
}

/** @throws CheckpointError when a file has tensors that the first has not */
function refuseMore(file: CheckpointFile, first: CheckpointFile): void {
  const more = [...file.tensors.keys()].filter((name) => !first.tensors.has(name));
  if (more.length === 0) return;
  throw new CheckpointError(
    `${file.path}: expected the tensors of ${first.path} alone, but it also has ` +
      `${more.slice(0, 4).map(printable).join(', ')}. Only checkpoints of one network can be merged.`,
    { unexpected: more },
  );
}

async function average(parts: readonly StoredTensor[], shares: readonly number[]): Promise<Float32Array> {
  let sum: Float64Array | undefined;
  for (const [k, part] of parts.entries()) {
    const values = await valuesOf(part);
    sum ??= new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) sum[i] += shares[k] * values[i];
  }
  return Float32Array.from(sum ?? []);
}

const valuesOf = async ({ dtype, shape, read }: StoredTensor): Promise<Float32Array> =>
  toFloat32Array({ dtype, shape, bytes: await read() });

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
