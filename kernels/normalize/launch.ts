import * as d from 'typegpu/data';
import { defineKernel, empty, optional, read, type Tensor, write } from '../../engine/index.ts';
import { perLanes } from '../lib/lanes.ts';
import { perTeam, TEAM_SIZES } from '../lib/team.ts';
import { type Affine, type Layout, planOf } from './layout.ts';
import { fitsPace, heldKeys, isPace, onceKey, onceKeys, paceKey } from './pace.ts';

const u = d.u32;

/** The order is that of AFFINE in the kernels. */
export const AFFINE: readonly Affine[] = ['none', 'group', 'value'];
export const AFFINE_KEYS = [0, 1, 2];
const ELEMENTWISE_WG = 256;

export const standardised = new URL('./standardised.wgsl', import.meta.url);
export const onward = new URL('./onward.wgsl', import.meta.url);

const fusedKernels = perTeam((team) =>
  perLanes(({ lanes, suffix, T, U, lib }) =>
    defineKernel({
      name: `normalize.fused${team.suffix}${suffix}`,
      wgsl: new URL('./fused.wgsl', import.meta.url),
      lib: [
        ...[lib, team.sum, standardised],
        ...[new URL('./shift.wgsl', import.meta.url), new URL('./statistics.wgsl', import.meta.url)],
      ],
      params: d.struct({ outer: u, groups: u, length: u, channels: u, eps: d.f32, slope: d.f32 }).$name('Params'),
      bindings: {
        x: read(T),
        weight: optional(read(U), 'AFFINE'),
        bias: optional(read(U), 'AFFINE'),
        y: write(T),
        stats: write('vec4f'),
      },
      keys: { AFFINE: AFFINE_KEYS, ...heldKeys(team) },
      valid: (key) => isPace(key, { inputs: 1 }),
      needs: (capabilities, key) => fitsPace(capabilities, key),
      subgroups: team.subgroups,
      widths: (width, { WG }) => team.serves(width, WG),
      grid: (p) => p.groups,
      // x is read twice; the second read usually hits the cache, but the model counts it
      cost: (p, bytes) => ({ flops: 8 * p.groups * p.length * lanes, bytes: 3 * p.groups * p.length * lanes * bytes }),
    }),
  ),
);

const momentsKernels = perTeam((team) =>
  perLanes(({ lanes, suffix, T, lib }) =>
    defineKernel({
      name: `normalize.moments${team.suffix}${suffix}`,
      wgsl: new URL('./moments.wgsl', import.meta.url),
      lib: [lib, team.sum, onward, new URL('./shift.wgsl', import.meta.url)],
      params: d.struct({ outer: u, groups: u, length: u, segments: u, chunk: u }).$name('Params'),
      bindings: { x: read(T), partial: write('vec4f') },
      keys: onceKeys(team.sizes),
      valid: (key) => isPace(key, { inputs: 1 }),
      subgroups: team.subgroups,
      widths: (width, { WG }) => team.serves(width, WG),
      grid: (p) => p.groups * p.segments,
      cost: (p, bytes) => {
        const values = p.outer * p.groups * p.length * lanes;
        return { flops: 4 * values, bytes: values * bytes };
      },
    }),
  ),
);

const momentsColumnsKernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `normalize.momentsColumns${suffix}`,
    wgsl: new URL('./moments-columns.wgsl', import.meta.url),
    lib: [lib, new URL('./shift.wgsl', import.meta.url)],
    params: d.struct({ outer: u, groups: u, length: u, segments: u }).$name('Params'),
    bindings: { x: read(T), partial: write('vec4f') },
    keys: { WG: [64] },
    grid: (p) => Math.ceil((p.groups * p.length * p.segments) / 64),
    cost: (p, bytes) => {
      const values = p.outer * p.groups * p.length * lanes;
      return { flops: 4 * values, bytes: values * bytes };
    },
  }),
);

const FINISH_WG = 64;
const finishKernels = perTeam((team) =>
  defineKernel({
    name: `normalize.finish${team.suffix}`,
    wgsl: new URL('./finish.wgsl', import.meta.url),
    lib: [team.sum, new URL('./statistics.wgsl', import.meta.url)],
    params: d.struct({ groups: u, segments: u, count: d.f32, eps: d.f32 }).$name('Params'),
    bindings: { partial: read('vec4f'), stats: write('vec4f') },
    keys: { WG: team.sizes.filter((size) => size <= FINISH_WG) },
    subgroups: team.subgroups,
    widths: (width, { WG }) => team.serves(width, WG),
    grid: (p) => p.groups,
    cost: (p) => ({ flops: 2 * p.groups * p.segments, bytes: 16 * p.groups * p.segments }),
  }),
);

const applyKernels = perLanes(({ lanes, suffix, T, U, lib }) =>
  defineKernel({
    name: `normalize.apply${suffix}`,
    wgsl: new URL('./apply.wgsl', import.meta.url),
    lib: [lib, standardised],
    params: d.struct({ count: u, groups: u, length: u, channels: u, slope: d.f32 }).$name('Params'),
    bindings: {
      x: read(T),
      stats: read('vec4f'),
      weight: optional(read(U), 'AFFINE'),
      bias: optional(read(U), 'AFFINE'),
      y: write(T),
    },
    keys: { AFFINE: [0, 1], WG: [ELEMENTWISE_WG] },
    grid: (p) => Math.ceil(p.count / ELEMENTWISE_WG),
    cost: (p, bytes) => ({ flops: 4 * p.count * lanes, bytes: 2 * p.count * lanes * bytes }),
  }),
);

const applyGroupsKernels = perLanes(({ lanes, suffix, T, U, lib }) =>
  defineKernel({
    name: `normalize.applyGroups${suffix}`,
    wgsl: new URL('./apply-groups.wgsl', import.meta.url),
    lib: [lib, standardised, onward],
    params: d
      .struct({ outer: u, groups: u, length: u, segments: u, chunk: u, channels: u, slope: d.f32 })
      .$name('Params'),
    bindings: {
      x: read(T),
      stats: read('vec4f'),
      weight: optional(read(U), 'AFFINE'),
      bias: optional(read(U), 'AFFINE'),
      y: write(T),
    },
    keys: { AFFINE: AFFINE_KEYS, ...onceKeys(TEAM_SIZES) },
    valid: (key) => isPace(key, { inputs: 1 }),
    grid: (p) => p.groups * p.segments,
    cost: (p, bytes) => {
      const values = p.outer * p.groups * p.length * lanes;
      return { flops: 4 * values, bytes: 2 * values * bytes };
    },
  }),
);

export interface Affinity {
  readonly affine: Affine;
  /** number of weights where they vary with the group */
  readonly channels: number;
  readonly weight?: Tensor | undefined;
  readonly bias?: Tensor | undefined;
}

/** Sums of x about a shift, [groups, parts, 4]: what statistics are found from. */
export function launchMoments(x: Tensor, layout: Layout): { partial: Tensor; parts: number; workgroup: number } {
  const { lanes, kind, segments, chunk, pace, parts } = planOf(layout, x.device, { dtype: x.dtype, inputs: 1 });
  const { outer, groups, length } = layout;
  const { workgroup } = pace;
  const partial = empty(x.device, { shape: [groups, parts, 4], dtype: 'f32' });
  const params = { outer, groups, length: length / lanes, segments };
  if (kind === 'columns') momentsColumnsKernels[lanes].launch({ x, partial }, params, { WG: 64 });
  else momentsKernels.of(workgroup)[lanes].launch({ x, partial }, { ...params, chunk }, onceKey(pace));
  return { partial, parts, workgroup };
}

/** Statistics of each group as [groups, 4]: mean (the sum of two), 1 / sqrt(var + eps), biased variance. */
export function launchStatistics(x: Tensor, stats: Tensor, layout: Layout, eps: number): void {
  const { partial, parts, workgroup } = launchMoments(x, layout);
  launchFinish(partial, stats, layout, { parts, workgroup, eps });
  partial.dispose();
}

/** The same from the sums. */
export function launchFinish(
  partial: Tensor,
  stats: Tensor,
  { outer, groups, length }: Layout,
  { parts, workgroup, eps }: { parts: number; workgroup: number; eps: number },
): void {
  const finish = Math.min(workgroup, FINISH_WG);
  const sums = { groups, segments: parts, count: outer * length, eps };
  finishKernels.of(finish).launch({ partial, stats }, sums, { WG: finish });
}

/** y = f((x − mean) · rstd · weight + bias) with known statistics; f multiplies negative values by `slope`. */
export function launchApply(
  x: Tensor,
  stats: Tensor,
  y: Tensor,
  layout: Layout,
  { affine, channels, weight, bias }: Affinity,
  slope = 1,
): void {
  const { outer, groups } = layout;
  const { lanes, kind, segments, chunk, pace } = planOf(layout, x.device, { dtype: x.dtype, inputs: 1 });
  const tensors = { x, stats, weight, bias, y };
  const params = { groups, length: layout.length / lanes, channels, slope };
  const key = { AFFINE: AFFINE.indexOf(affine) };
  if (kind === 'columns') {
    applyKernels[lanes].launch(tensors, { ...params, count: x.size / lanes }, { ...key, WG: ELEMENTWISE_WG });
  } else {
    const all = { ...params, outer, segments, chunk };
    applyGroupsKernels[lanes].launch(tensors, all, { ...key, ...onceKey(pace) });
  }
}

/** Normalises each group by its own statistics, which go to `stats`; in one kernel where a workgroup can own a group. */
export function launchNormalize(
  x: Tensor,
  y: Tensor,
  stats: Tensor,
  layout: Layout,
  affinity: Affinity,
  eps: number,
  slope = 1,
): void {
  const { kind, lanes, pace } = planOf(layout, x.device, { dtype: x.dtype, inputs: 1 });
  if (kind !== 'fused') {
    launchStatistics(x, stats, layout, eps);
    launchApply(x, stats, y, layout, affinity, slope);
    return;
  }
  const { affine, channels, weight, bias } = affinity;
  const { outer, groups, length } = layout;
  const params = { outer, groups, length: length / lanes, channels, eps, slope };
  const key = { AFFINE: AFFINE.indexOf(affine), ...paceKey(pace) };
  fusedKernels.of(pace.workgroup)[lanes].launch({ x, weight, bias, y, stats }, params, key);
}
