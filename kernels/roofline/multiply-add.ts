import * as d from 'typegpu/data';
import { type Device, type DType, defineKernel, empty, scope, type Tensor, write } from '../../engine/index.ts';

const WG = 256;
const OPERATIONS_A_STEP = 8 * 4 * 2 * 16;

const multiplyAddKernel = defineKernel({
  name: 'roofline.multiplyAdd',
  wgsl: new URL('./multiply-add.wgsl', import.meta.url),
  params: d.struct({ threads: d.u32, steps: d.u32, factor: d.f32, term: d.f32 }).$name('Params'),
  bindings: { y: write('T4') },
  keys: { WG: [WG] },
  grid: (p) => Math.ceil(p.threads / WG),
  cost: (p, bytes) => ({ flops: OPERATIONS_A_STEP * p.threads * p.steps, bytes: 4 * bytes * p.threads }),
});

/** A kernel that computes in registers and nothing else, and its result. */
export interface MultiplyAdds {
  readonly record: (steps: number) => void;
  readonly dispose: () => void;
}

/** Loops of multiply-adds on more threads than any device runs at once. */
export function multiplyAdds(device: Device, dtype: DType): MultiplyAdds {
  const threads = device.capabilities.software ? 1 << 13 : 1 << 20;
  const y: Tensor = scope(() => empty(device, { shape: [4 * threads], dtype }));
  return {
    record: (steps) => multiplyAddKernel.launch({ y }, { threads, steps, factor: 0.5, term: 0.25 }, { WG }),
    dispose: () => y.dispose(),
  };
}
