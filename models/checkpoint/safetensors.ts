/**
 * The safetensors format: 8 bytes little-endian header length, a JSON header, then raw little-endian row-major data.
 *
 *     { "__metadata__": { string: string }, NAME: { "dtype", "shape", "data_offsets": [begin, end) }, … }
 *
 * Reading is strict, because a checkpoint may come from anywhere: every rule of the format is checked before a single
 * byte of data is touched. Writing follows the reference implementation: tensors with wider elements first and a header
 * padded to 8 bytes, so every tensor is aligned to its element. Source: the format's published description.
 */
import { CheckpointError } from '../../engine/errors.ts';
import { jsonObjectKeys } from './json-keys.ts';
import { printable } from './printable.ts';
import { byteLength, DTYPE_BYTES, isCheckpointDType, type TensorInfo, type TensorMap } from './tensor-map.ts';

/** The reference implementation's bound on the JSON header. */
export const MAX_HEADER_BYTES = 100_000_000;

/** A tensor's place: bytes [begin, end) of the data section. */
export interface SafetensorsEntry extends TensorInfo {
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly metadata: Map<string, string>;
  /** In the order of the header. */
  readonly entries: Map<string, SafetensorsEntry>;
  /** Offset of the data section from the start of the file. */
  readonly dataStart: number;
}

const REMEDY = 'The file is truncated, damaged or not a safetensors file; get it again from its source.';

function fail(what: string): never {
  throw new CheckpointError(`safetensors: ${what}\n${REMEDY}`);
}

/**
 * Length of the JSON header, checked against the size of the file before anything is allocated.
 *
 * @param prefix    the first 8 bytes of the file (fewer when the file is shorter)
 * @param fileBytes size of the whole file
 */
export function headerLength(prefix: Uint8Array, fileBytes: number): number {
  if (fileBytes < 10 || prefix.byteLength < 8) {
    fail(`expected at least 10 bytes (header length and "{}"), but the file has ${fileBytes}.`);
  }
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true));
  if (length < 2 || length > MAX_HEADER_BYTES || length > fileBytes - 8) {
    fail(
      `the file claims a header of ${length} bytes, but a header has 2 to ${MAX_HEADER_BYTES} bytes ` +
        `and this file has ${fileBytes - 8} left for it.`,
    );
  }
  return length;
}

function parseJson(bytes: Uint8Array): { text: string; root: Record<string, unknown> } {
  let text: string;
  let root: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    fail('the header is not UTF-8.');
  }
  try {
    root = JSON.parse(text);
  } catch (error) {
    fail(`the header is not JSON (${(error as Error).message.slice(0, 120)}).`);
  }
  if (text[0] !== '{' || typeof root !== 'object' || root === null || Array.isArray(root)) {
    fail('the header must be a JSON object.');
  }
  return { text, root: root as Record<string, unknown> };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function parseEntry(name: string, value: unknown): SafetensorsEntry {
  const what = `tensor "${printable(name)}"`;
  if (typeof value !== 'object' || value === null) fail(`${what} is not an object.`);
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (!isCheckpointDType(dtype)) {
    const found = typeof dtype === 'string' ? `"${printable(dtype)}"` : `of type ${typeof dtype}`;
    fail(`${what} has dtype ${found}; known are ${Object.keys(DTYPE_BYTES).join(' ')}.`);
  }
  if (!Array.isArray(shape) || shape.length > 64 || !shape.every(isCount)) {
    fail(`${what} has a shape that is not a list of whole numbers.`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0] > offsets[1]) {
    fail(`${what} has data_offsets that are not [begin, end].`);
  }
  const [begin, end] = offsets;
  const needed = byteLength(`safetensors: ${what}`, { dtype, shape });
  if (end - begin !== needed) {
    fail(`${what}, ${dtype} [${shape}], needs ${needed} bytes, but data_offsets give it ${end - begin}.`);
  }
  return { dtype, shape, begin, end };
}

function parseMetadata(value: unknown): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail('__metadata__ must be an object.');
  const metadata = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') fail(`__metadata__ "${printable(key)}" must be a string.`);
    metadata.set(key, text);
  }
  return metadata;
}

/** Tensors must cover the data section exactly: no overlap, no hole, nothing left over. */
function checkCoverage(entries: Map<string, SafetensorsEntry>, dataBytes: number): void {
  let expected = 0;
  const sorted = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, { begin, end }] of sorted) {
    if (begin !== expected) {
      const how = begin < expected ? 'overlaps the tensor before it' : 'leaves a hole before it';
      fail(`tensor "${printable(name)}" begins at ${begin}, but ${expected} was expected: it ${how}.`);
    }
    expected = end;
  }
  if (expected !== dataBytes) {
    fail(`the header describes ${expected} bytes of data, but the file holds ${dataBytes}.`);
  }
}

/**
 * Reads and checks the JSON header.
 *
 * @param json      the header's bytes, `headerLength` of them, from offset 8 of the file
 * @param fileBytes size of the whole file
 * @throws CheckpointError when any rule of the format is broken
 */
export function parseHeader(json: Uint8Array, fileBytes: number): SafetensorsHeader {
  const { text, root } = parseJson(json);
  const { keys, duplicate } = jsonObjectKeys(text);
  if (duplicate !== undefined) fail(`the header has the key "${printable(duplicate)}" twice.`);
  let metadata = new Map<string, string>();
  const entries = new Map<string, SafetensorsEntry>();
  for (const key of keys) {
    if (key === '__metadata__') metadata = parseMetadata(root[key]);
    else entries.set(key, parseEntry(key, root[key]));
  }
  const dataStart = 8 + json.byteLength;
  checkCoverage(entries, fileBytes - dataStart);
  return { metadata, entries, dataStart };
}

/**
 * Reads a whole file in memory. The tensors are views of `bytes`: nothing is copied.
 *
 * @throws CheckpointError when the file is not valid safetensors
 */
export function parse(bytes: Uint8Array): { metadata: Map<string, string>; tensors: TensorMap } {
  const length = headerLength(bytes.subarray(0, 8), bytes.byteLength);
  const { metadata, entries, dataStart } = parseHeader(bytes.subarray(8, 8 + length), bytes.byteLength);
  const tensors: TensorMap = new Map();
  for (const [name, { dtype, shape, begin, end }] of entries) {
    tensors.set(name, { dtype, shape, bytes: bytes.subarray(dataStart + begin, dataStart + end) });
  }
  return { metadata, tensors };
}

/** The head of a file (length and padded JSON) and the order in which the tensors' bytes must follow it. */
export interface SafetensorsLayout {
  readonly head: Uint8Array;
  readonly order: readonly string[];
  readonly fileBytes: number;
}

/**
 * Lays out a file. The header keeps the order of `tensors`; the data goes by element size, widest first, which keeps
 * each tensor aligned to its element.
 */
export function layout(
  tensors: ReadonlyMap<string, TensorInfo>,
  metadata: ReadonlyMap<string, string> = new Map(),
): SafetensorsLayout {
  const order = [...tensors.keys()].sort(
    (a, b) => DTYPE_BYTES[tensors.get(b)!.dtype] - DTYPE_BYTES[tensors.get(a)!.dtype],
  );
  const offsets = new Map<string, [number, number]>();
  let end = 0;
  for (const name of order) {
    const begin = end;
    end += byteLength(`tensor "${printable(name)}"`, tensors.get(name)!);
    offsets.set(name, [begin, end]);
  }
  // Built by hand: an object would move keys such as "0" to the front.
  const fields = [...tensors].map(([name, { dtype, shape }]) => {
    if (name === '__metadata__') {
      throw new CheckpointError('a tensor cannot be named "__metadata__" in safetensors. Rename it (--map FILE).');
    }
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: offsets.get(name) })}`;
  });
  if (metadata.size > 0) {
    const pairs = [...metadata].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    fields.unshift(`"__metadata__":{${pairs.join(',')}}`);
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const padded = Math.ceil(json.byteLength / 8) * 8;
  const head = new Uint8Array(8 + padded).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(json, 8);
  return { head, order, fileBytes: head.byteLength + end };
}

/**
 * A whole file in memory.
 *
 * @throws CheckpointError when a tensor's bytes do not fit its shape
 */
export function serialize(tensors: TensorMap, metadata: ReadonlyMap<string, string> = new Map()): Uint8Array {
  const { head, order, fileBytes } = layout(tensors, metadata);
  const file = new Uint8Array(fileBytes);
  file.set(head);
  let at = head.byteLength;
  for (const name of order) {
    const tensor = tensors.get(name)!;
    checkBytes(name, tensor, tensor.bytes);
    file.set(tensor.bytes, at);
    at += tensor.bytes.byteLength;
  }
  return file;
}

/** @throws CheckpointError when `bytes` is not what dtype and shape need */
export function checkBytes(name: string, info: TensorInfo, bytes: Uint8Array): void {
  const needed = byteLength(`tensor "${printable(name)}"`, info);
  if (bytes.byteLength !== needed) {
    throw new CheckpointError(
      `tensor "${printable(name)}", ${info.dtype} [${info.shape}], needs ${needed} bytes, ` +
        `but ${bytes.byteLength} came. Check its shape and dtype.`,
    );
  }
}
