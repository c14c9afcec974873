/** Weighted averages of checkpoints: model soups, and what lies between two styles. */
import { basename } from 'node:path';
import { CheckpointError } from '../../engine/errors.ts';
import { printable } from '../../models/checkpoint/printable.ts';
import { toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { RequestError } from '../errors.ts';
import type { WriteOptions } from './atomic-write.ts';
import { type CheckpointFile, openCheckpoint } from './open-checkpoint.ts';
import { type StoredTensor, writeSafetensors } from './safetensors-file.ts';

export interface MergeReport {
  readonly output: string;
  readonly tensors: number;
  /** normalised to a sum of 1 */
  readonly shares: readonly number[];
}

/**
 * Writes Σ share_k · tensor_k for every tensor, summed in float64, stored as f32.
 *
 * @param shares  one a file, of any sum above 0; equal when left out
 * @throws CheckpointError when names or shapes differ; RequestError when the shares do not fit the files
 */
export async function mergeCheckpoints(
  inputs: readonly string[],
  output: string,
  shares: readonly number[] = inputs.map(() => 1),
  options: WriteOptions = {},
): Promise<MergeReport> {
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (shares.length !== inputs.length || !(total > 0)) {
    throw new RequestError(
      `--weights ${shares.join(',')}: expected ${inputs.length} shares, one a file, with a sum above 0. ` +
        'Leave them out to give every file the same.',
    );
  }
  const normalised = shares.map((share) => share / total);
  const files: CheckpointFile[] = [];
  try {
    for (const input of inputs) files.push(await openCheckpoint(input));
    const merged = new Map<string, StoredTensor>();
    for (const [name, { shape }] of files[0].tensors) {
      const parts = files.map((file) => partOf(file, name, shape, files[0].path));
      merged.set(name, { dtype: 'F32', shape, read: () => average(parts, normalised) });
    }
    for (const file of files) refuseMore(file, files[0]);
    const metadata = new Map(files[0].metadata);
    metadata.set('merged', inputs.map((input, i) => `${normalised[i].toPrecision(6)} ${basename(input)}`).join(' + '));
    await writeSafetensors(output, merged, { ...options, metadata });
    return { output, tensors: merged.size, shares: normalised };
  } finally {
    for (const file of files) await file.close();
  }
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

async function average(parts: readonly StoredTensor[], shares: readonly number[]): Promise<Uint8Array> {
  let sum: Float64Array | undefined;
  for (const [k, { dtype, shape, read }] of parts.entries()) {
    const values = toFloat32Array({ dtype, shape, bytes: await read() });
    sum ??= new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) sum[i] += shares[k] * values[i];
  }
  return new Uint8Array(Float32Array.from(sum ?? []).buffer);
}
