/** numpy's .npz archives: a zip of .npy files, stored or deflated. */
import { type Zippable, zipSync } from 'fflate';
import { CheckpointError } from '../../engine/errors.ts';
import type { RawTensor, TensorMap } from '../../models/checkpoint/tensor-map.ts';
import { type WriteOptions, writeAtomically } from './atomic-write.ts';
import { parseNpy, parseNpyHeader, serializeNpy } from './npy.ts';
import { openFile } from './random-access.ts';
import type { StoredTensor } from './safetensors-file.ts';
import { openZip, type ZipArchive } from './zip.ts';

export function isNpz(zip: ZipArchive): boolean {
  return zip.entries.size > 0 && [...zip.entries.keys()].every((name) => name.endsWith('.npy'));
}

/**
 * The arrays of an archive by name. Each entry is read twice: for its header here, for its values when asked.
 *
 * @throws CheckpointError when the archive or a header is damaged
 */
export async function openNpz(zip: ZipArchive): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const entry of zip.entries.keys()) {
    const { dtype, shape } = parseNpyHeader(await zip.read(entry));
    const read = async () => (await parseNpy(await zip.read(entry))).bytes;
    tensors.set(entry.replace(/\.npy$/, ''), { dtype, shape, read });
  }
  return tensors;
}

/** Reads a whole .npz file. @throws CheckpointError when it is damaged; Error with a `code` when it cannot be read */
export async function readNpz(path: string): Promise<TensorMap> {
  const file = await openFile(path);
  try {
    const zip = await openZip(file);
    if (!isNpz(zip)) {
      throw new CheckpointError(`${path}: expected an .npz archive of .npy arrays. Save it with numpy.savez.`);
    }
    const tensors: TensorMap = new Map();
    for (const entry of zip.entries.keys()) {
      tensors.set(entry.replace(/\.npy$/, ''), await parseNpy(await zip.read(entry)));
    }
    return tensors;
  } finally {
    await file.close();
  }
}

/** Reads a .npy file. @throws CheckpointError when it is damaged; Error with a `code` when it cannot be read */
export async function readNpy(path: string): Promise<RawTensor> {
  const file = await openFile(path);
  try {
    return await parseNpy(await file.readAt(0, file.size));
  } finally {
    await file.close();
  }
}

/** zip without its 64-bit extension. */
const MAX_NPZ_BYTES = 0xffff0000;

/**
 * Writes an .npz file, whole or not at all; the same tensors give the same bytes.
 *
 * @param compress deflate the entries, as numpy.savez_compressed does
 * @throws CheckpointError beyond 4 GiB and for BF16; OutputExistsError when `path` exists and `overwrite` is not set
 */
export async function writeNpz(
  path: string,
  tensors: ReadonlyMap<string, RawTensor>,
  { compress = false, ...options }: WriteOptions & { readonly compress?: boolean } = {},
): Promise<void> {
  const entries: Zippable = {};
  let total = 0;
  for (const [name, tensor] of tensors) {
    total += tensor.bytes.byteLength;
    entries[`${name}.npy`] = serializeNpy(tensor);
  }
  if (total > MAX_NPZ_BYTES) {
    throw new CheckpointError(
      `${path}: ${total} bytes are more than an .npz holds. Write a .safetensors file instead.`,
    );
  }
  // The earliest date that zip knows, so that the bytes do not depend on the day; local, for zip has no time zones.
  const mtime = new Date(1980, 0, 1);
  await writeAtomically(path, [zipSync(entries, { level: compress ? 6 : 0, mtime })], options);
}
