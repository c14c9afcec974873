/** What a checkpoint holds, and how two of them differ. */
import { guessModel } from '../../models/checkpoint/match-keys.ts';
import { elementCount, toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { fileSha256 } from './file-hash.ts';
import { type CheckpointFormat, openCheckpoint } from './open-checkpoint.ts';
import type { StoredTensor } from './safetensors-file.ts';

export interface Inspection {
  readonly path: string;
  readonly format: CheckpointFormat;
  readonly bytes: number;
  readonly sha256: string;
  readonly parameters: number;
  readonly tensors: readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[] }[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Null when no known network has at least half of its names here. */
  readonly model: {
    readonly name: string;
    readonly title: string;
    readonly complete: boolean;
    readonly missing: readonly string[];
    readonly unexpected: readonly string[];
    readonly wrongShape: readonly string[];
  } | null;
  readonly notes: readonly string[];
}

/** @throws as `openCheckpoint` */
export async function inspectCheckpoint(path: string): Promise<Inspection> {
  const file = await openCheckpoint(path);
  try {
    const guess = guessModel(file.tensors);
    const tensors = [...file.tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
    return {
      path,
      format: file.format,
      bytes: file.bytes,
      sha256: await fileSha256(path),
      parameters: tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0),
      tensors,
      metadata: Object.fromEntries(file.metadata),
      model: guess ? { name: guess.map.model, title: guess.map.title, complete: guess.complete, ...guess.match } : null,
      notes: file.notes,
    };
  } finally {
    await file.close();
  }
}

export interface CheckpointDiff {
  readonly onlyInFirst: readonly string[];
  readonly onlyInSecond: readonly string[];
  /** Another type or shape: name, first, second. */
  readonly reshaped: readonly { readonly name: string; readonly first: string; readonly second: string }[];
  /** Same type and shape, other bytes; the largest difference of two values in f32 (null when one is not finite). */
  readonly changed: readonly { readonly name: string; readonly maxAbs: number | null }[];
  readonly equal: number;
}

/** Compares two checkpoints, of whatever formats, tensor by tensor. @throws as `openCheckpoint` */
export async function diffCheckpoints(first: string, second: string): Promise<CheckpointDiff> {
  const a = await openCheckpoint(first);
  try {
    const b = await openCheckpoint(second);
    try {
      return await compare(a.tensors, b.tensors);
    } finally {
      await b.close();
    }
  } finally {
    await a.close();
  }
}

const describe = ({ dtype, shape }: StoredTensor) => `${dtype} [${shape.join(', ')}]`;

async function compare(
  a: ReadonlyMap<string, StoredTensor>,
  b: ReadonlyMap<string, StoredTensor>,
): Promise<CheckpointDiff> {
  const reshaped: CheckpointDiff['reshaped'][number][] = [];
  const changed: CheckpointDiff['changed'][number][] = [];
  let equal = 0;
  for (const [name, first] of a) {
    const second = b.get(name);
    if (!second) continue;
    if (describe(first) !== describe(second)) {
      reshaped.push({ name, first: describe(first), second: describe(second) });
      continue;
    }
    const [x, y] = [await first.read(), await second.read()];
    if (Buffer.compare(x, y) === 0) equal++;
    else
      changed.push({
        name,
        maxAbs: maxDifference(toFloat32Array({ ...first, bytes: x }), toFloat32Array({ ...second, bytes: y })),
      });
  }
  return {
    onlyInFirst: [...a.keys()].filter((name) => !b.has(name)),
    onlyInSecond: [...b.keys()].filter((name) => !a.has(name)),
    reshaped,
    changed,
    equal,
  };
}

function maxDifference(x: Float32Array, y: Float32Array): number | null {
  let max = 0;
  for (let i = 0; i < x.length; i++) {
    const difference = Math.abs(x[i] - y[i]);
    if (!(difference <= max)) max = difference;
    if (!Number.isFinite(difference)) return null;
  }
  return max;
}
