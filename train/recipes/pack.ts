import { scope, type Tensor } from '../../engine/index.ts';
import { concat, reshape } from '../../kernels/index.ts';

/** Several small tensors in one [n], to be read at once. */
export function pack(tensors: readonly Tensor[]): Tensor {
  return concat(
    tensors.map((one) => reshape(one, [one.size])),
    0,
  );
}

/**
 * Reads what `fn` returns, one after the other, and frees everything that it makes. Records and submits before it returns:
 * what is recorded later changes nothing of what is read.
 */
export function readPacked(fn: () => readonly Tensor[]): Promise<Float32Array | Uint32Array> {
  const packed = scope(() => pack(fn()));
  const numbers = packed.data();
  packed.dispose();
  return numbers;
}
