/** Two parts along one axis, put together or taken apart in one dispatch. */
import * as d from 'typegpu/data';
import { defineKernel, read, type Tensor, write } from '../../engine/index.ts';
import { perLanes } from '../lib/lanes.ts';

const WG = 256;
const Params = d.struct({ count: d.u32, first: d.u32, second: d.u32 }).$name('Params');
const grid = (p: { count: number }) => Math.ceil(p.count / WG);

const pairKernels = perLanes(({ lanes, suffix, T }) =>
  defineKernel({
    name: `concat.pair${suffix}`,
    wgsl: new URL('./pair.wgsl', import.meta.url),
    params: Params,
    bindings: { a: read(T), b: read(T), y: write(T) },
    keys: { WG: [WG] },
    grid,
    cost: (p, bytes) => ({ flops: 0, bytes: 2 * lanes * p.count * bytes }),
  }),
);

const halvesKernels = perLanes(({ lanes, suffix, T }) =>
  defineKernel({
    name: `concat.halves${suffix}`,
    wgsl: new URL('./halves.wgsl', import.meta.url),
    params: Params,
    bindings: { x: read(T), a: write(T), b: write(T) },
    keys: { WG: [WG] },
    grid,
    cost: (p, bytes) => ({ flops: 0, bytes: 2 * lanes * p.count * bytes }),
  }),
);

/** Software drivers copy large parts faster one by one, for there each thread of a pair divides. */
const SMALL = 1 << 16;
export const suitsPair = ({ size, device }: Tensor) => size < SMALL || !device.capabilities.software;

/** Positions of both parts in one of `outer` lines. */
function paramsOf(a: Tensor, b: Tensor, outer: number) {
  const [first, second] = [a.size / outer, b.size / outer];
  const lanes = first % 4 === 0 && second % 4 === 0 ? 4 : 1;
  return [lanes, { count: (a.size + b.size) / lanes, first: first / lanes, second: second / lanes }] as const;
}

/** y = [a, b] along the axis behind the first `outer` positions. */
export function launchPair(a: Tensor, b: Tensor, y: Tensor, outer: number): void {
  const [lanes, params] = paramsOf(a, b, outer);
  pairKernels[lanes].launch({ a, b, y }, params, { WG });
}

/** [a, b] = x. */
export function launchHalves(x: Tensor, a: Tensor, b: Tensor, outer: number): void {
  const [lanes, params] = paramsOf(a, b, outer);
  halvesKernels[lanes].launch({ x, a, b }, params, { WG });
}
