/**
 * PyTorch's zip format (torch.save since 1.6): NAME/data.pkl is the pickled object, NAME/data/KEY the raw storages.
 * Source: torch/serialization.py and caffe2/serialize/inline_container.h, read as a description of the format.
 */
import { CheckpointError } from '../../engine/errors.ts';
import { DTYPE_BYTES } from '../../models/checkpoint/tensor-map.ts';
import { unpickle } from './pickle.ts';
import { allowedGlobal, StorageClass } from './pickle-globals.ts';
import { StorageValue } from './pickle-tensor.ts';
import { count, damaged, forbidden, isTuple, type Value } from './pickle-values.ts';
import type { ZipArchive } from './zip.ts';

/** The pickled object of a structure; weights are elsewhere, so more than this is no checkpoint. */
export const MAX_STRUCTURE_BYTES = 1 << 26;

export interface StorageId {
  readonly type: StorageClass;
  readonly key: string;
  /** Bytes, from the number of elements and their size. */
  readonly bytes: number;
  /** What may follow: a view of another storage, in files before 0.4. */
  readonly rest: readonly Value[];
}

/** Reads ("storage", class, key, location, elements, …). @throws CheckpointError for anything else */
export function storageId(id: Value): StorageId {
  const items = isTuple(id) ? id.items : [];
  const [tag, type, key, location, elements, ...rest] = items;
  if (tag === 'module') {
    throw forbidden('it holds a whole module with its Python source');
  }
  if (tag !== 'storage' || !(type instanceof StorageClass) || typeof location !== 'string') {
    throw forbidden('it refers to something outside the file that is not a storage');
  }
  if (typeof key !== 'string' || !/^[0-9A-Za-z_-]{1,64}$/.test(key)) {
    throw forbidden('it refers to a storage by a key that is not a plain name');
  }
  const size = type.dtype ? DTYPE_BYTES[type.dtype] : 1;
  return { type, key, bytes: count(elements ?? null, "a storage's length") * size, rest };
}

export function isTorchZip(zip: ZipArchive): boolean {
  return [...zip.entries.keys()].some((name) => /^[^/]+\/data\.pkl$/.test(name));
}

/**
 * The object in the file. Storages are read one at a time, when a tensor is asked for.
 *
 * @throws CheckpointError when the file is damaged, big-endian, TorchScript, or asks for anything but data
 */
export async function readTorchZip(zip: ZipArchive): Promise<Value> {
  const names = [...zip.entries.keys()];
  const pickles = names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1) throw damaged(`the archive has ${pickles.length} entries NAME/data.pkl; 1 is expected`);
  const root = pickles[0].slice(0, -'data.pkl'.length);
  if (names.includes(`${root}constants.pkl`)) {
    throw new CheckpointError(
      `${zip.file.name}: expected a state dict, but this is a TorchScript program. Save its weights alone: ` +
        'torch.save(torch.jit.load(FILE).state_dict(), "weights.pt").',
    );
  }
  if (names.includes(`${root}byteorder`)) checkByteOrder(zip, await readSmall(zip, `${root}byteorder`));
  const bytes = await readSmall(zip, pickles[0]);

  let last: { key: string; bytes: Promise<Uint8Array> } | undefined;
  const read = (key: string) => {
    // Tensors that share a storage follow each other; one storage at a time stays in memory.
    if (last?.key !== key) last = { key, bytes: zip.read(`${root}data/${key}`) };
    return last.bytes;
  };
  const persistent = (id: Value) => {
    const { type, key, bytes: byteLength } = storageId(id);
    const held = zip.entries.get(`${root}data/${key}`)?.bytes;
    if (held !== byteLength) {
      throw damaged(`storage ${key} should have ${byteLength} bytes, but the archive has ${held ?? 'none'}`);
    }
    return new StorageValue({ dtype: type.dtype, byteLength, read: () => read(key) });
  };
  const { value, end } = unpickle(bytes, { global: allowedGlobal, persistent });
  if (end !== bytes.byteLength) throw damaged(`${bytes.byteLength - end} bytes follow the object in data.pkl`);
  return value;
}

async function readSmall(zip: ZipArchive, name: string): Promise<Uint8Array> {
  const bytes = zip.entries.get(name)!.bytes;
  if (bytes > MAX_STRUCTURE_BYTES) {
    throw damaged(`${name} has ${bytes} bytes; at most ${MAX_STRUCTURE_BYTES} describe a checkpoint`);
  }
  return zip.read(name);
}

function checkByteOrder(zip: ZipArchive, bytes: Uint8Array): void {
  const order = new TextDecoder().decode(bytes).trim();
  if (order !== 'little') {
    throw new CheckpointError(
      `${zip.file.name}: expected little-endian numbers, but the file says ${JSON.stringify(order.slice(0, 20))}. ` +
        'Load and save it again with PyTorch on a little-endian machine.',
    );
  }
}
