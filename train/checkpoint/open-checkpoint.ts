/** Opens any checkpoint that we read, whatever its name says: the first bytes decide. */
import { CheckpointError } from '../../engine/errors.ts';
import { nameTensors } from './named-tensors.ts';
import { isNpy, parseNpy, parseNpyHeader } from './npy.ts';
import { isNpz, openNpz } from './npz.ts';
import type { Value } from './pickle-values.ts';
import { readPlainPickle } from './plain-pickle.ts';
import { openFile, type RandomAccess } from './random-access.ts';
import { openSafetensors, type StoredTensor } from './safetensors-file.ts';
import { readStrided } from './strided-tensor.ts';
import { isTorchLegacy, readTorchLegacy } from './torch-legacy.ts';
import { isTorchZip, readTorchZip } from './torch-zip.ts';
import { openZip } from './zip.ts';

export type CheckpointFormat = 'safetensors' | 'torch-zip' | 'torch-legacy' | 'pickle' | 'npz' | 'npy';

export interface CheckpointContent {
  readonly format: CheckpointFormat;
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** What was left out or renamed on the way, a line each. */
  readonly notes: readonly string[];
}

export interface CheckpointFile extends CheckpointContent {
  readonly path: string;
  readonly bytes: number;
  close(): Promise<void>;
}

/**
 * Opens a checkpoint; tensors are read when asked for, so close it afterwards.
 *
 * @throws CheckpointError when it is of no known format, damaged, or a pickle of more than plain data; Error with a
 *         `code` when the file cannot be read
 */
export async function openCheckpoint(path: string): Promise<CheckpointFile> {
  const file = await openFile(path);
  try {
    return { path, bytes: file.size, ...(await readContent(file)), close: file.close };
  } catch (error) {
    await file.close();
    throw error instanceof CheckpointError ? withPath(path, error) : error;
  }
}

/** Rules of a format know no path; people need it. */
function withPath(path: string, error: CheckpointError): CheckpointError {
  return error.message.startsWith(path) ? error : new CheckpointError(`${path}: ${error.message}`, error);
}

/** The same for a file that is open already, or bytes in memory. */
export async function readContent(file: RandomAccess): Promise<CheckpointContent> {
  const start = await file.readAt(0, Math.min(file.size, 512));
  const plain = { metadata: new Map<string, string>(), notes: [] };
  if (looksLikeSafetensors(start) || file.name.endsWith('.safetensors')) {
    return { format: 'safetensors', notes: [], ...(await openSafetensors(file)) };
  }
  if (start[0] === 0x50 && start[1] === 0x4b && (start[2] === 3 || start[2] === 5)) return readZip(file);
  if (isNpy(start)) {
    const bytes = await file.readAt(0, file.size);
    const { dtype, shape } = parseNpyHeader(bytes);
    const read = async () => (await parseNpy(bytes)).bytes;
    return { format: 'npy', ...plain, tensors: new Map([['array', { dtype, shape, read }]]) };
  }
  if (isTorchLegacy(start)) return fromObject('torch-legacy', await readTorchLegacy(file), file);
  if (looksPickled(start, file.name)) return fromObject('pickle', await readPlainPickle(file), file);
  throw unknownFormat(file, start);
}

async function readZip(file: RandomAccess): Promise<CheckpointContent> {
  const zip = await openZip(file);
  if (isTorchZip(zip)) return fromObject('torch-zip', await readTorchZip(zip), file);
  if (isNpz(zip)) return { format: 'npz', metadata: new Map(), notes: [], tensors: await openNpz(zip) };
  throw new CheckpointError(
    `${file.name}: expected PyTorch's NAME/data.pkl or numpy's *.npy in this zip archive, but it has neither. ` +
      'If checkpoints are packed in it, unzip it first.',
  );
}

function fromObject(format: CheckpointFormat, object: Value, file: RandomAccess): CheckpointContent {
  const { tensors, notes } = nameTensors(object, file.size);
  const stored = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    const { dtype, shape } = tensor;
    stored.set(name, { dtype, shape, read: () => readStrided(tensor) });
  }
  return { format, metadata: new Map(), notes, tensors: stored };
}

/** A header length below 2^48 and the brace of the header: no pickle begins so. */
function looksLikeSafetensors(start: Uint8Array): boolean {
  return start[6] === 0 && start[7] === 0 && start[8] === 0x7b;
}

/** Protocol 2 and later begin with PROTO; older ones with text, so there the file's name must say it. */
function looksPickled(start: Uint8Array, name: string): boolean {
  if (start[0] === 0x80 && start[1] >= 2 && start[1] <= 5) return true;
  return /\.(pkl|pickle|pt|pth)$/i.test(name) && '(c}]'.includes(String.fromCharCode(start[0]));
}

function unknownFormat(file: RandomAccess, start: Uint8Array): CheckpointError {
  const text = new TextDecoder('latin1').decode(start);
  const known = 'expected a checkpoint (.safetensors, .pt, .pth, .pkl, .npz, .npy), but';
  if (file.size === 0) return new CheckpointError(`${file.name}: ${known} the file is empty. Get it again.`);
  if (text.slice(257, 262) === 'ustar') {
    return new CheckpointError(
      `${file.name}: ${known} this is a tar archive, PyTorch's format of 2016. ` +
        'Load it with PyTorch and save it again: torch.save(torch.load(FILE), "weights.pt").',
    );
  }
  if (/^\s*<(!doctype|html|\?xml)/i.test(text)) {
    return new CheckpointError(`${file.name}: ${known} this is a web page: the download failed. Get the file again.`);
  }
  if (text.startsWith('version https://git-lfs')) {
    return new CheckpointError(`${file.name}: ${known} this is a pointer of git LFS. Fetch it with git lfs pull.`);
  }
  const hex = [...start.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return new CheckpointError(`${file.name}: ${known} it begins with ${hex}. Check the path, or convert it first.`);
}
