import { defineKernel, empty, read, scope, type Tensor } from '../../engine/index.ts';
import {
  bindings,
  epilogueLib,
  type Flags,
  flags,
  type GatherTensors,
  notBoth,
  Params,
  type ParamValues,
} from './gather-params.ts';

const sumPartsKernel = defineKernel({
  name: 'conv2d.sumParts',
  wgsl: new URL('./sum-parts.wgsl', import.meta.url),
  lib: epilogueLib,
  params: Params,
  bindings: { partial: read('f32'), y: bindings.y, bias: bindings.bias, residual: bindings.residual },
  keys: { WG: [64], ...flags },
  valid: (key) => notBoth(key),
  grid: (p) => Math.ceil(p.results / 64),
  cost: (p, bytes) => ({ flops: p.results * p.slots, bytes: p.results * (4 * p.slots + bytes) }),
});

/** Launches what computes partial sums of every slot of terms, and what adds them. */
export function sumInSlots(
  { y, bias, residual }: GatherTensors,
  cut: ParamValues,
  flags: Flags,
  launch: (partial: Tensor) => void,
): void {
  scope(() => {
    const partial = empty(y.device, { shape: [cut.slots, y.size], dtype: 'f32' });
    launch(partial);
    sumPartsKernel.launch({ partial, y, bias, residual }, cut, { WG: 64, ...flags });
  });
}
