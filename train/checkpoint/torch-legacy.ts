/**
 * PyTorch's format before 1.6: five pickles one after the other (magic number, protocol, system, object, storage keys),
 * then for each key the number of elements (8 bytes, little-endian) and the raw elements.
 * Source: torch/serialization.py, `_legacy_save`, read as a description of the format.
 */
import { CheckpointError } from '../../engine/errors.ts';
import { type CheckpointDType, DTYPE_BYTES } from '../../models/checkpoint/tensor-map.ts';
import { type PickleRules, unpickle } from './pickle.ts';
import { allowedGlobal } from './pickle-globals.ts';
import { StorageValue } from './pickle-tensor.ts';
import { count, damaged, describeValue, forbidden, isTuple, type Value } from './pickle-values.ts';
import type { RandomAccess } from './random-access.ts';
import type { Storage } from './strided-tensor.ts';
import { MAX_STRUCTURE_BYTES, storageId } from './torch-zip.ts';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/** A storage whose place in the file is known once all pickles are read. */
interface LegacyStorage extends Storage {
  readonly dtype: CheckpointDType;
  begin: number;
}

const noReferences: PickleRules = {
  global: allowedGlobal,
  persistent: () => {
    throw forbidden('it refers to something outside the file before any storage');
  },
};

/** The pickled magic number, with which every such file begins: PROTO 2, LONG1 of 10 bytes, STOP. */
export function isTorchLegacy(start: Uint8Array): boolean {
  if (start.byteLength < 15 || start[0] !== 0x80 || start[2] !== 0x8a || start[3] !== 10) return false;
  let value = 0n;
  for (let i = 9; i >= 0; i--) value = (value << 8n) | BigInt(start[4 + i]);
  return value === MAGIC;
}

/**
 * The object in the file. Storages are read one at a time, when a tensor is asked for.
 *
 * @throws CheckpointError when the file is damaged, big-endian, or asks for anything but data
 */
export async function readTorchLegacy(file: RandomAccess): Promise<Value> {
  const bytes = await file.readAt(0, Math.min(file.size, MAX_STRUCTURE_BYTES));
  const magic = unpickle(bytes, noReferences);
  const protocol = unpickle(bytes, noReferences, magic.end);
  if (magic.value !== MAGIC || protocol.value !== PROTOCOL)
    throw damaged('the magic number or protocol is not those of PyTorch');
  const system = unpickle(bytes, noReferences, protocol.end);
  if (!(system.value instanceof Map) || system.value.get('little_endian') !== true) {
    throw new CheckpointError(
      `${file.name}: expected little-endian numbers, but the file says otherwise. ` +
        'Load and save it again with PyTorch on a little-endian machine.',
    );
  }
  const storages = new Map<string, LegacyStorage>();
  const reader = storageReader(file);
  const persistent = (id: Value) => legacyStorage(id, storages, reader);
  const object = unpickle(bytes, { global: allowedGlobal, persistent }, system.end);
  const keys = unpickle(bytes, noReferences, object.end);
  await locate(file, storages, keys.value, keys.end);
  return object.value;
}

type Reader = (storage: LegacyStorage) => Promise<Uint8Array>;

/** Tensors that share a storage follow each other; one storage at a time stays in memory. */
function storageReader(file: RandomAccess): Reader {
  let last: { storage: LegacyStorage; bytes: Promise<Uint8Array> } | undefined;
  return (storage) => {
    if (last?.storage !== storage) last = { storage, bytes: file.readAt(storage.begin, storage.byteLength) };
    return last.bytes;
  };
}

function legacyStorage(id: Value, storages: Map<string, LegacyStorage>, reader: Reader): StorageValue {
  const { type, key, bytes, rest } = storageId(id);
  const { dtype } = type;
  if (!dtype) throw damaged('an untyped storage in a file from before 1.6');
  let root = storages.get(key);
  if (!root) {
    const created: LegacyStorage = { dtype, byteLength: bytes, begin: -1, read: () => reader(created) };
    root = created;
    storages.set(key, root);
  }
  if (root.dtype !== dtype || root.byteLength !== bytes) throw damaged(`storage ${key} is described in two ways`);
  const [view] = rest;
  return new StorageValue(view === undefined || view === null ? root : viewOf(root, view));
}

/** (key, offset, elements): files before 0.4 tell apart storages that are parts of one allocation. */
function viewOf(root: LegacyStorage, view: Value): Storage {
  const [, offsetValue, sizeValue] = isTuple(view) ? view.items : [];
  const size = DTYPE_BYTES[root.dtype];
  const begin = count(offsetValue ?? null, "a storage view's offset") * size;
  const end = begin + count(sizeValue ?? null, "a storage view's length") * size;
  if (end > root.byteLength) throw damaged(`a view of a storage ends at byte ${end} of ${root.byteLength}`);
  const read = async () => (await root.read()).subarray(begin, end);
  return { dtype: root.dtype, byteLength: end - begin, read };
}

/** Walks over the raw storages: each must have the length that the object says, and the last one ends the file. */
async function locate(
  file: RandomAccess,
  storages: ReadonlyMap<string, LegacyStorage>,
  keys: Value,
  start: number,
): Promise<void> {
  if (!Array.isArray(keys)) throw damaged('the list of storages is not a list');
  let at = start;
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (!storage || storage.begin >= 0) throw damaged(`the list of storages names ${describeValue(key)} wrongly`);
    const head = await file.readAt(at, 8);
    const elements = new DataView(head.buffer, head.byteOffset).getBigInt64(0, true);
    if (elements * BigInt(DTYPE_BYTES[storage.dtype]) !== BigInt(storage.byteLength)) {
      throw damaged(`a storage has ${elements} elements, but ${storage.byteLength} bytes are expected`);
    }
    storage.begin = at + 8;
    at += 8 + storage.byteLength;
  }
  if (at !== file.size) throw damaged(`the storages should end the file at byte ${at}, but it has ${file.size}`);
  const lost = [...storages.values()].filter(({ begin }) => begin < 0).length;
  if (lost > 0) throw damaged(`${lost} storages are not in the file`);
}
