import type { Tensor } from '../../engine/index.ts';
import { concat, reshape } from '../../kernels/index.ts';

/** Several small tensors in one [n], to be read at once. */
export function pack(tensors: readonly Tensor[]): Tensor {
  return concat(
    tensors.map((one) => reshape(one, [one.size])),
    0,
  );
}
