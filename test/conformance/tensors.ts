/** Tensors of a safetensors file as host values. */

import { readFileSync } from 'node:fs';
import { parse } from '../../models/checkpoint/safetensors.ts';
import type { RawTensor } from '../../models/checkpoint/tensor-map.ts';
import { type NumericArray, type Value, value } from './values.ts';

/** @throws CheckpointError when the file is not valid safetensors */
export function readTensors(path: string): Map<string, Value> {
  const { tensors } = parse(readFileSync(path));
  return new Map([...tensors].map(([name, tensor]) => [name, value(tensor.shape, decode(name, tensor))]));
}

/** Numbers without any rounding: I64 comes as doubles, exact up to 2^53. */
function decode(name: string, { dtype, bytes }: RawTensor): NumericArray {
  const { buffer } = Uint8Array.from(bytes);
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return new Float64Array(buffer);
    case 'I32':
      return new Int32Array(buffer);
    case 'U32':
      return new Uint32Array(buffer);
    case 'U8':
      return new Uint8Array(buffer);
    case 'I64':
      return Float64Array.from(new BigInt64Array(buffer), Number);
    default:
      throw new Error(`${name}: golden data holds F64, F32, I64, I32, U32 or U8, but this tensor is ${dtype}.`);
  }
}
