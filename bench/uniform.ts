import { type Device, type DType, scope, type Tensor } from '../engine/index.ts';
import { affine, randomUniform } from '../kernels/index.ts';

/** Uniform in ±1, drawn on the device; others for another seed. */
export function uniform(device: Device, shape: readonly number[], dtype: DType, seed: number): Tensor {
  const drawn = { seed: 1, step: 0, op: seed };
  return scope(() => affine(randomUniform(device, shape, drawn, dtype), { scale: 2, shift: -1 }));
}
