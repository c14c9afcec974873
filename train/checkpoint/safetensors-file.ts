/** safetensors files: tensors are read and written one at a time. */
import { checkBytes, headerLength, layout, parseHeader } from '../../models/checkpoint/safetensors.ts';
import type { RawTensor, TensorInfo, TensorMap } from '../../models/checkpoint/tensor-map.ts';
import { type WriteOptions, writeAtomically } from './atomic-write.ts';
import { openFile, type RandomAccess } from './random-access.ts';

/** A tensor whose bytes (little-endian, row-major) are fetched when asked for. */
export interface StoredTensor extends TensorInfo {
  read(): Promise<Uint8Array>;
}

/**
 * Reads the header; the tensors stay in the file until asked for.
 *
 * @throws CheckpointError when the file is not valid safetensors
 */
export async function openSafetensors(
  file: RandomAccess,
): Promise<{ metadata: Map<string, string>; tensors: Map<string, StoredTensor> }> {
  const length = headerLength(await file.readAt(0, Math.min(8, file.size)), file.size);
  const { metadata, entries, dataStart } = parseHeader(await file.readAt(8, length), file.size);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, begin, end }] of entries) {
    tensors.set(name, { dtype, shape, read: () => file.readAt(dataStart + begin, end - begin) });
  }
  return { metadata, tensors };
}

/**
 * Reads a whole file, or the tensors that `keep` chooses.
 *
 * @throws CheckpointError when the file is not valid safetensors; Error with a `code` when it cannot be read
 */
export async function readSafetensors(
  path: string,
  keep: (name: string) => boolean = () => true,
): Promise<{ metadata: Map<string, string>; tensors: TensorMap }> {
  const file = await openFile(path);
  try {
    const { metadata, tensors } = await openSafetensors(file);
    return { metadata, tensors: await readTensors(tensors, keep) };
  } finally {
    await file.close();
  }
}

/** Fetches the tensors that `keep` chooses, one after the other. */
export async function readTensors(
  stored: ReadonlyMap<string, StoredTensor>,
  keep: (name: string) => boolean = () => true,
): Promise<TensorMap> {
  const tensors: TensorMap = new Map();
  for (const [name, tensor] of stored) {
    if (keep(name)) tensors.set(name, { dtype: tensor.dtype, shape: tensor.shape, bytes: await tensor.read() });
  }
  return tensors;
}

export interface SafetensorsOptions extends WriteOptions {
  readonly metadata?: ReadonlyMap<string, string>;
}

/**
 * Writes a file, whole or not at all.
 *
 * @throws OutputExistsError when `path` exists and `overwrite` is not set; CheckpointError when bytes do not fit a shape
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, StoredTensor | RawTensor>,
  { metadata, ...options }: SafetensorsOptions = {},
): Promise<void> {
  const { head, order } = layout(tensors, metadata);
  async function* parts() {
    yield head;
    for (const name of order) {
      const tensor = tensors.get(name)!;
      const bytes = 'bytes' in tensor ? tensor.bytes : await tensor.read();
      checkBytes(name, tensor, bytes);
      yield bytes;
    }
  }
  await writeAtomically(path, parts(), options);
}
