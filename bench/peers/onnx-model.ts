/** Writes small ONNX models: the few messages of its protobuf that a graph of floats needs. @see onnx.proto3 */

export interface OnnxValue {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** integers that are to be floats are written as `{ float }` */
  readonly attributes?: Readonly<Record<string, number | readonly number[] | { readonly float: number }>>;
}

export interface OnnxGraph {
  readonly inputs: readonly OnnxValue[];
  readonly output: OnnxValue;
  readonly nodes: readonly OnnxNode[];
  /** constants: floats, or whole numbers of 64 bits */
  readonly constants: readonly (OnnxValue & { readonly data: Float32Array | BigInt64Array })[];
}

const IR_VERSION = 9;
const OPSET = 17;
const FLOAT = 1;
const INT64 = 7;

/** The bytes of a model file. */
export function onnxModel({ inputs, output, nodes, constants }: OnnxGraph): Uint8Array {
  const graph = [
    ...nodes.map((node) => message(1, nodeOf(node))),
    text(2, 'graph'),
    ...constants.map((constant) => message(5, tensorOf(constant))),
    ...inputs.map((value) => message(11, valueInfo(value))),
    message(12, valueInfo(output)),
  ];
  return flat([integer(1, IR_VERSION), message(7, graph), message(8, [text(1, ''), integer(2, OPSET)])]);
}

function nodeOf({ op, inputs, output, attributes = {} }: OnnxNode): Uint8Array[] {
  return [
    ...inputs.map((name) => text(1, name)),
    text(2, output),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => message(5, [text(1, name), ...attribute(value)])),
  ];
}

function attribute(value: number | readonly number[] | { readonly float: number }): Uint8Array[] {
  if (typeof value === 'number') return [integer(3, value), integer(20, 2)];
  if ('float' in value) return [float(2, value.float), integer(20, 1)];
  return [...value.map((one) => integer(8, one)), integer(20, 7)];
}

function valueInfo({ name, shape }: OnnxValue): Uint8Array[] {
  const dims = shape.map((extent) => message(1, [integer(1, extent)]));
  return [text(1, name), message(2, [message(1, [integer(1, FLOAT), message(2, dims)])])];
}

function tensorOf({ name, shape, data }: OnnxGraph['constants'][number]): Uint8Array[] {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const type = data instanceof Float32Array ? FLOAT : INT64;
  return [...shape.map((extent) => integer(1, extent)), integer(2, type), text(8, name), bytes(9, raw)];
}

// Wire types: 0 a varint, 2 a length and bytes, 5 four bytes.
const integer = (field: number, value: number) => flat([varint(field << 3), varint(value)]);
const text = (field: number, value: string) => bytes(field, new TextEncoder().encode(value));
const message = (field: number, parts: readonly Uint8Array[]) => bytes(field, flat(parts));

function bytes(field: number, value: Uint8Array): Uint8Array {
  return flat([varint((field << 3) | 2), varint(value.length), value]);
}

function float(field: number, value: number): Uint8Array {
  return flat([varint((field << 3) | 5), new Uint8Array(new Float32Array([value]).buffer)]);
}

function varint(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  do {
    out.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Uint8Array.from(out);
}

function flat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
