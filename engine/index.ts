/** The engine's public face: devices, tensors, scopes, the tape, and the two ways to define what runs. */

export { customGradient, recompute } from './blocks.ts';
export * from './define-kernel.ts';
export * from './define-op.ts';
export { deviceOf } from './device/acquire.ts';
export type { AdapterInfo, Capabilities, Device, Forecast } from './device/device.ts';
export * from './errors.ts';
export { copyLeaves, type Flat, flatLike, overwrite } from './flat.ts';
export { codeOf } from './pipelines.ts';
export { mib } from './pool.ts';
export type { KernelProfile, OpProfile, PhaseProfile, Profiler } from './profile.ts';
export * from './random.ts';
export type { Cost } from './recorder.ts';
export { type Roofline, roofSeconds, type Throughput, throughputOf, withThroughput } from './roofline.ts';
export { sampleValues } from './sample-values.ts';
export { type Held, hold, keep, scope } from './scope.ts';
export { type StorageTypes, sourceOf, variantsOf } from './shader-source.ts';
export { filled, grad, stopGradient, useArithmetic, vjp } from './tape.ts';
export {
  alias,
  bytesPerElement,
  type DType,
  empty,
  type Shape,
  sizeOf,
  Tensor,
  type TensorSpec,
  tensor,
} from './tensor.ts';
export { leaves, mapTree, type Tree, treeOf } from './tree.ts';
