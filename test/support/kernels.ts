import * as d from 'typegpu/data';
import { type Cost, defineKernel, empty, read, type Tensor, write } from '../../engine/index.ts';

/** WGSL of a test, as the address that a kernel takes. */
export function inlineWgsl(text: string): URL {
  return new URL(`data:text/plain,${encodeURIComponent(text)}`);
}

const AFFINE = `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < P.count) { y[id.x] = x[id.x] * P.scale + P.shift; }
}`;

/** A kernel of its own, not compiled before: y = scale · x + shift, for up to 64 numbers, at a cost of choice. */
export function affineKernel(name: string, cost: Cost = { flops: 0, bytes: 0 }) {
  const kernel = defineKernel({
    name,
    // a text of its own, so that no cache of compiled shaders can know it
    wgsl: inlineWgsl(`// ${name}\n${AFFINE}`),
    params: d.struct({ count: d.u32, scale: d.f32, shift: d.f32 }).$name('Params'),
    bindings: { x: read('f32'), y: write('f32') },
    grid: () => 1,
    cost: () => cost,
  });
  return (x: Tensor, scale: number, shift: number): Tensor => {
    const y = empty(x.device, x);
    kernel.launch({ x, y }, { count: x.size, scale, shift });
    return y;
  };
}
