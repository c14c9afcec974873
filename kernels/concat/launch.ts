import * as d from 'typegpu/data';
import { defineKernel, read, type Tensor, write } from '../../engine/index.ts';
import { type Lanes, perLanes } from '../lib/lanes.ts';
import { ROW_WGS, shareRows } from '../lib/rows.ts';

/** As STRIP of the kernels: how many steps of the outer axes one thread takes. */
const STRIP = 4;
const WG = 256;

const groupsFor = (run: number, outer: number) => Math.ceil((run * Math.ceil(outer / STRIP)) / WG);

/** Vectors of four where all these numbers count whole ones. */
const lanesOf = (...counts: number[]): Lanes => (counts.every((count) => count % 4 === 0) ? 4 : 1);

const CopyParams = d
  .struct({
    ...{ outer: d.u32, run: d.u32, inner: d.u32 },
    ...{ xStart: d.u32, xOuter: d.u32, xStep: d.u32, yStart: d.u32, yOuter: d.u32, yStep: d.u32 },
  })
  .$name('Params');

const copyKernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `concat.copy${suffix}`,
    wgsl: new URL('./copy.wgsl', import.meta.url),
    lib: [lib],
    params: CopyParams,
    bindings: { x: read(T), y: write(T) },
    keys: { WG: [WG] },
    grid: (p) => groupsFor(p.run, p.outer),
    cost: (p, bytes) => ({ flops: 0, bytes: 2 * lanes * p.outer * p.run * bytes }),
  }),
);

const copyRowsKernels = perLanes(({ lanes, suffix, T }) =>
  defineKernel({
    name: `concat.copyRows${suffix}`,
    wgsl: new URL('./copy-rows.wgsl', import.meta.url),
    params: d
      .struct({
        ...{ outer: d.u32, run: d.u32, span: d.u32 },
        ...{ xStart: d.u32, xOuter: d.u32, yStart: d.u32, yOuter: d.u32 },
      })
      .$name('Params'),
    bindings: { x: read(T), y: write(T) },
    keys: { WG: ROW_WGS },
    grid: (p, { WG }) => [Math.ceil(p.run / (WG * p.span)), p.outer, 1],
    cost: (p, bytes) => ({ flops: 0, bytes: 2 * lanes * p.outer * p.run * bytes }),
  }),
);

/** Where a box lies along the axis of a tensor seen as [outer, axis, inner]. */
export interface Box {
  readonly tensor: Tensor;
  /** extent of the axis */
  readonly extent: number;
  readonly start: number;
  /** distance between neighbouring positions of the box */
  readonly step: number;
}

/** Copies one box to another: `length` positions of the axis in each. */
export function launchCopy(from: Box, to: Box, outer: number, length: number, inner: number): void {
  const run = length * inner;
  const contiguous = from.step === 1 && to.step === 1;
  const ends = [from, to].flatMap(({ start, extent }) => [start * inner, extent * inner]);
  const lanes = lanesOf(run, contiguous ? 0 : inner, ...ends);
  const unit = inner / lanes;
  const params = {
    outer,
    run: run / lanes,
    inner: contiguous ? run / lanes : unit,
    xStart: from.start * unit,
    xOuter: from.extent * unit,
    xStep: from.step * unit,
    yStart: to.start * unit,
    yOuter: to.extent * unit,
    yStep: to.step * unit,
  };
  const tensors = { x: from.tensor, y: to.tensor };
  const shares = contiguous && shareRows([1, outer, run / lanes], from.tensor.device.capabilities);
  if (shares) {
    copyRowsKernels[lanes].launch(tensors, { ...params, span: shares.span }, { WG: shares.workgroup });
  } else {
    copyKernels[lanes].launch(tensors, params, { WG });
  }
}

const PadParams = d
  .struct({
    outer: d.u32,
    before: d.u32,
    inner: d.u32,
    step: d.u32,
    xOuter: d.u32,
    yOuter: d.u32,
    value: d.f32,
  })
  .$name('Params');

const padKernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `concat.padAxis${suffix}`,
    wgsl: new URL('./pad-axis.wgsl', import.meta.url),
    lib: [lib],
    params: PadParams,
    bindings: { x: read(T), y: write(T) },
    keys: { WG: [WG] },
    grid: (p) => groupsFor(p.yOuter, p.outer),
    cost: (p, bytes) => ({ flops: 0, bytes: lanes * p.outer * (p.xOuter + p.yOuter) * bytes }),
  }),
);

const padRowsKernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `concat.padRows${suffix}`,
    wgsl: new URL('./pad-rows.wgsl', import.meta.url),
    lib: [lib],
    params: d
      .struct({
        outer: d.u32,
        before: d.u32,
        span: d.u32,
        xOuter: d.u32,
        yOuter: d.u32,
        value: d.f32,
      })
      .$name('Params'),
    bindings: { x: read(T), y: write(T) },
    keys: { WG: ROW_WGS },
    grid: (p, { WG }) => [Math.ceil(p.yOuter / (WG * p.span)), p.outer, 1],
    cost: (p, bytes) => ({ flops: 0, bytes: lanes * p.outer * (p.xOuter + p.yOuter) * bytes }),
  }),
);

/** Fills y with x, whose positions of the axis come to lie from `before` on and `step` apart, and `value` elsewhere. */
export function launchPadAxis(
  x: Tensor,
  y: Tensor,
  { outer, inner, xExtent, yExtent }: { outer: number; inner: number; xExtent: number; yExtent: number },
  { before, step, value }: { before: number; step: number; value: number },
): void {
  const contiguous = step === 1;
  const sizes = { before: before * inner, xOuter: xExtent * inner, yOuter: yExtent * inner };
  const lanes = lanesOf(contiguous ? 0 : inner, ...Object.values(sizes));
  const params = {
    outer,
    step,
    value,
    before: sizes.before / lanes,
    inner: contiguous ? 1 : inner / lanes,
    xOuter: sizes.xOuter / lanes,
    yOuter: sizes.yOuter / lanes,
  };
  const shares = contiguous && shareRows([1, outer, params.yOuter], x.device.capabilities);
  if (shares) padRowsKernels[lanes].launch({ x, y }, { ...params, span: shares.span }, { WG: shares.workgroup });
  else padKernels[lanes].launch({ x, y }, params, { WG });
}
