import * as d from 'typegpu/data';
import { defineKernel, LimitError, read, type Shape, sizeOf, type Tensor, write } from '../../engine/index.ts';
import { type Lanes, perLanes } from '../lib/lanes.ts';

export type AxisMode = 'nearest' | 'nearest-exact' | 'linear' | 'cubic' | 'area';

/** How one axis is resampled. */
export interface AxisRule {
  mode: AxisMode;
  /** end elements lie on end elements, instead of ends on ends; linear and cubic */
  alignCorners: boolean;
  /** outputs an input; the ratio of the extents by default */
  factor: number | undefined;
}

/** As STRIP of the kernels. */
const STRIP = 4;
const WG = 256;

const Params = d
  .struct({
    ...{ outer: d.u32, n: d.u32, m: d.u32, inner: d.u32, mode: d.u32 },
    ...{ slopeWhole: d.u32, slopePart: d.u32, shiftWhole: d.u32, shiftPart: d.u32 },
    ...{ scale: d.f32, nearestShift: d.f32, slope: d.f32, offset: d.f32, reach: d.f32 },
  })
  .$name('Params');

const taps = new URL('./taps.wgsl', import.meta.url);

const forwardKernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `resample.forward${suffix}`,
    wgsl: new URL('./resample.wgsl', import.meta.url),
    lib: [lib, taps],
    params: Params,
    bindings: { x: read(T), y: write(T) },
    keys: { KIND: [0, 2, 4], WG: [WG] },
    grid: (p) => Math.ceil((Math.ceil(p.outer / STRIP) * p.m * p.inner) / WG),
    cost: (p, bytes) => costOf(p, bytes, lanes),
  }),
);

const transposeKernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `resample.transpose${suffix}`,
    wgsl: new URL('./resample-transpose.wgsl', import.meta.url),
    lib: [lib, taps],
    params: Params,
    bindings: { y: read(T), x: write(T) },
    keys: { KIND: [0, 2, 4], WG: [WG] },
    grid: (p) => Math.ceil((Math.ceil(p.outer / STRIP) * p.n * p.inner) / WG),
    cost: (p, bytes) => costOf(p, bytes, lanes),
  }),
);

function costOf(p: { outer: number; n: number; m: number; inner: number; reach: number }, bytes: number, lanes: Lanes) {
  const values = lanes * p.outer * p.inner;
  return { flops: 4 * p.reach * values * Math.max(p.m, p.n), bytes: values * (p.m + p.n) * bytes };
}

/** y = x resampled along `axis` to y's extent. */
export function launchResample(x: Tensor, y: Tensor, axis: number, rule: AxisRule): void {
  const { lanes, params } = paramsOf(x.shape, y.shape, axis, rule);
  forwardKernels[lanes].launch({ x, y }, params, { KIND: KINDS[rule.mode], WG });
}

/** x = the transpose of `launchResample`, applied to y. */
export function launchTranspose(y: Tensor, x: Tensor, axis: number, rule: AxisRule): void {
  const { lanes, params } = paramsOf(x.shape, y.shape, axis, rule);
  transposeKernels[lanes].launch({ y, x }, params, { KIND: KINDS[rule.mode], WG });
}

function paramsOf(x: Shape, y: Shape, axis: number, { mode, alignCorners, factor }: AxisRule) {
  const n = x[axis];
  const m = y[axis];
  if (n * (m + 1) >= 2 ** 32) {
    throw new LimitError(
      `resize: the product of an axis's extents before and after must stay below 2^32, got ${n} and ${m}. Resize in ` +
        'two steps, or in tiles.',
    );
  }
  const inner = sizeOf(x.slice(axis + 1));
  const lanes: Lanes = inner % 4 === 0 ? 4 : 1;
  const ratio = factor === undefined ? n / m : 1 / factor;
  const line = lineOf(mode, alignCorners, ratio, n, m);
  const slope = fixed(line.slope);
  const shift = fixed(line.offset);
  const params = {
    outer: sizeOf(x.slice(0, axis)),
    n,
    m,
    inner: inner / lanes,
    mode: MODE_CASES[mode],
    slopeWhole: slope.whole,
    slopePart: slope.part,
    shiftWhole: shift.whole,
    shiftPart: shift.part,
    scale: ratio,
    nearestShift: mode === 'nearest-exact' ? 0.5 : 0,
    ...line,
  };
  return { lanes, params };
}

/** Cases of `mode` in taps.wgsl. */
const MODE_CASES = { nearest: 0, 'nearest-exact': 0, linear: 1, cubic: 2, area: 3 } as const;

/** Elements that an output reads, as KIND of resample.wgsl counts them. */
const KINDS = { nearest: 0, 'nearest-exact': 0, linear: 2, cubic: 4, area: 0 } as const;

/** Output o reads elements less than `reach` from the position o · slope + offset. */
function lineOf(mode: AxisMode, alignCorners: boolean, ratio: number, n: number, m: number) {
  if (mode === 'nearest') return { slope: ratio, offset: -0.5, reach: 0.5 };
  if (mode === 'nearest-exact') return { slope: ratio, offset: ratio / 2 - 0.5, reach: 0.5 };
  if (mode === 'area') return { slope: n / m, offset: n / m / 2 - 0.5, reach: n / m / 2 + 0.5 };
  const reach = mode === 'linear' ? 1 : 2;
  if (alignCorners) return { slope: m > 1 ? (n - 1) / (m - 1) : 0, offset: 0, reach };
  return { slope: ratio, offset: ratio / 2 - 0.5, reach };
}

/** 32.32 fixed point; negative numbers in two's complement. */
function fixed(value: number): { whole: number; part: number } {
  const whole = Math.floor(value);
  const part = Math.round((value - whole) * 2 ** 32);
  const carry = part === 2 ** 32 ? 1 : 0;
  return { whole: (whole + carry) >>> 0, part: carry ? 0 : part };
}
