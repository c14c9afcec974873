/** An assembler for pickles, good and bad: each function gives the bytes of one value or opcode (protocol 2 to 4). */

export type Bytes = readonly number[];

const ascii = (text: string): Bytes => [...Buffer.from(text, 'latin1')];
const u32 = (value: number): Bytes => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];

export const PROTO2: Bytes = [0x80, 2];
export const STOP: Bytes = [0x2e];
export const MARK: Bytes = [0x28];
export const REDUCE: Bytes = [0x52];
export const BUILD: Bytes = [0x62];
export const NEWOBJ: Bytes = [0x81];
export const NEWOBJ_EX: Bytes = [0x92];
export const OBJ: Bytes = [0x6f];
export const BINPERSID: Bytes = [0x51];
export const NONE: Bytes = [0x4e];
export const TRUE: Bytes = [0x88];
export const FALSE: Bytes = [0x89];
export const EMPTY_DICT: Bytes = [0x7d];
export const EMPTY_LIST: Bytes = [0x5d];

export const join = (...parts: Bytes[]): Bytes => parts.flat();
export const int = (value: number): Bytes => [0x4a, ...u32(value)];
export const text = (value: string): Bytes => {
  const bytes = [...new TextEncoder().encode(value)];
  return [0x58, ...u32(bytes.length), ...bytes];
};
export const bytes = (value: Uint8Array): Bytes => [0x42, ...u32(value.length), ...value];
/** Python 2's string. */
export const binstring = (value: string): Bytes => [0x54, ...u32(value.length), ...ascii(value)];
export const tuple = (...items: Bytes[]): Bytes => [...MARK, ...items.flat(), 0x74];
export const list = (...items: Bytes[]): Bytes => [...EMPTY_LIST, ...MARK, ...items.flat(), 0x65];
export const dict = (entries: Record<string, Bytes>): Bytes => {
  const pairs = Object.entries(entries).flatMap(([key, value]) => [...text(key), ...value]);
  return [...EMPTY_DICT, ...MARK, ...pairs, 0x75];
};
export const global = (module: string, name: string): Bytes => [0x63, ...ascii(`${module}\n${name}\n`)];
export const stackGlobal = (module: string, name: string): Bytes => [...text(module), ...text(name), 0x93];
export const inst = (module: string, name: string, ...args: Bytes[]): Bytes => [
  ...MARK,
  ...args.flat(),
  0x69,
  ...ascii(`${module}\n${name}\n`),
];
export const call = (module: string, name: string, ...args: Bytes[]): Bytes =>
  join(global(module, name), tuple(...args), REDUCE);

export const pickle = (...parts: Bytes[]): Uint8Array => Uint8Array.from(join(PROTO2, ...parts, STOP));

/** A reference to a storage, as torch.save writes it. */
export const storage = (key: string, elements: number, type = 'FloatStorage', ...rest: Bytes[]): Bytes =>
  join(tuple(text('storage'), global('torch', type), text(key), text('cpu'), int(elements), ...rest), BINPERSID);

const ints = (values: readonly number[]) => tuple(...values.map(int));

/** A tensor on a storage; strides and offset in elements. */
export const tensor = (
  stored: Bytes,
  shape: readonly number[],
  strides: readonly number[] = rowMajor(shape),
  offset = 0,
): Bytes =>
  call('torch._utils', '_rebuild_tensor_v2', stored, int(offset), ints(shape), ints(strides), FALSE, join(EMPTY_DICT));

const rowMajor = (shape: readonly number[]) => shape.map((_, axis) => shape.slice(axis + 1).reduce((n, e) => n * e, 1));

/** LONG1 of the magic number, then the protocol and the system: what every file before 1.6 begins with. */
export const legacyHead = (littleEndian = true): Uint8Array =>
  Uint8Array.from([
    ...[...PROTO2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, ...STOP],
    ...[...PROTO2, ...int(1001), ...STOP],
    ...[...PROTO2, ...dict({ little_endian: littleEndian ? TRUE : FALSE }), ...STOP],
  ]);

/** A whole file in the format before 1.6. */
export function legacyFile(object: Uint8Array, storages: Record<string, Float32Array>): Uint8Array {
  const keys = pickle(list(...Object.keys(storages).map(text)));
  const raw = Object.values(storages).flatMap((values) => {
    const head = Buffer.alloc(8);
    head.writeBigInt64LE(BigInt(values.length));
    return [head, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)];
  });
  return Buffer.concat([legacyHead(), object, keys, ...raw]);
}
