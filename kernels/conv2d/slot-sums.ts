import * as d from 'typegpu/data';
import { defineKernel, empty, read, scope, type Tensor, write } from '../../engine/index.ts';

const sumSlotsKernel = defineKernel({
  name: 'conv2d.sumSlots',
  wgsl: new URL('./sum-slots.wgsl', import.meta.url),
  params: d.struct({ count: d.u32, slots: d.u32 }).$name('Params'),
  bindings: { partial: read('f32'), y: write('T') },
  keys: { WG: [64, 256], SHARED: [1, 8] },
  valid: ({ WG, SHARED }) => (WG === 256) === SHARED > 1,
  grid: (p, { WG, SHARED }) => Math.ceil((p.count * SHARED) / WG),
  cost: (p, bytes) => ({ flops: p.count * p.slots, bytes: p.count * (4 * p.slots + bytes) }),
});
const OWN_SUMS = { WG: 64, SHARED: 1 };
const SHARED_SUMS = { WG: 256, SHARED: 8 };

/**
 * Fills y with sums over slots. `launch` gets an f32 tensor for those of every slot, [slots, y.size], which are then added
 * in order; that is y itself where there is but one.
 *
 * @param sharing  eight threads share a sum of eight slots or more: a GPU waits for each term, while a software driver runs
 *                 the threads of a workgroup in turns
 */
export function sumSlots(
  y: Tensor,
  slots: number,
  launch: (partial: Tensor) => void,
  sharing = !y.device.capabilities.software,
): void {
  if (slots === 1 && y.dtype === 'f32') {
    launch(y);
    return;
  }
  scope(() => {
    const partial = empty(y.device, { shape: [slots, y.size], dtype: 'f32' });
    launch(partial);
    sumSlotsKernel.launch({ partial, y }, { count: y.size, slots }, sharing && slots >= 8 ? SHARED_SUMS : OWN_SUMS);
  });
}
