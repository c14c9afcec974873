import * as d from 'typegpu/data';
import { defineKernel, empty, optional, read, type Tensor, write } from '../../engine/index.ts';
import { perLanes } from '../lib/lanes.ts';
import { perTeam, TEAM_SIZES } from '../lib/team.ts';
import { launchSum } from '../reduce/launch.ts';
import { AFFINE, AFFINE_KEYS, type Affinity, onward, standardised } from './launch.ts';
import { type Layout, planOf } from './layout.ts';
import { fitsPace, heldKeys, isPace, onceKey, onceKeys, paceKey } from './pace.ts';

const u = d.u32;
const ELEMENTWISE_WG = 256;
const normalised = new URL('./normalised.wgsl', import.meta.url);

const gradFusedKernels = perTeam((team) =>
  perLanes(({ lanes, suffix, T, U, lib }) =>
    defineKernel({
      name: `normalize.gradFused${team.suffix}${suffix}`,
      wgsl: new URL('./grad-fused.wgsl', import.meta.url),
      lib: [lib, team.sum, standardised, normalised],
      params: d.struct({ groups: u, length: u, channels: u, isNormalised: u, inverseCount: d.f32 }).$name('Params'),
      bindings: {
        dy: read(T),
        v: read(T),
        stats: read('vec4f'),
        weight: optional(read(U), 'AFFINE'),
        dx: write(T),
        sums: write('vec2f'),
      },
      keys: { AFFINE: AFFINE_KEYS, ...heldKeys(team) },
      valid: (key) => isPace(key, { inputs: 2 }),
      needs: (capabilities, key) => fitsPace(capabilities, key),
      subgroups: team.subgroups,
      widths: (width, { WG }) => team.serves(width, WG),
      grid: (p) => p.groups,
      cost: (p, bytes) => ({ flops: 12 * p.groups * p.length * lanes, bytes: 5 * p.groups * p.length * lanes * bytes }),
    }),
  ),
);

const gradMomentsKernels = perTeam((team) =>
  perLanes(({ lanes, suffix, T, U, lib }) =>
    defineKernel({
      name: `normalize.gradMoments${team.suffix}${suffix}`,
      wgsl: new URL('./grad-moments.wgsl', import.meta.url),
      lib: [lib, team.sum, onward, standardised, normalised],
      params: d.struct({ outer: u, groups: u, length: u, segments: u, chunk: u, isNormalised: u }).$name('Params'),
      bindings: {
        dy: read(T),
        v: read(T),
        stats: read('vec4f'),
        weight: optional(read(U), 'AFFINE'),
        partial: write('vec2f'),
      },
      // weights of groups do not enter the sums
      keys: { AFFINE: [0, 2], ...onceKeys(team.sizes) },
      valid: (key) => isPace(key, { inputs: 2 }),
      subgroups: team.subgroups,
      widths: (width, { WG }) => team.serves(width, WG),
      grid: (p) => p.groups * p.segments,
      cost: (p, bytes) => {
        const values = p.outer * p.groups * p.length * lanes;
        return { flops: 5 * values, bytes: 2 * values * bytes };
      },
    }),
  ),
);

const gradMomentsColumnsKernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `normalize.gradMomentsColumns${suffix}`,
    wgsl: new URL('./grad-moments-columns.wgsl', import.meta.url),
    lib: [lib, standardised, normalised],
    params: d.struct({ outer: u, groups: u, length: u, segments: u, isNormalised: u }).$name('Params'),
    bindings: { dy: read(T), v: read(T), stats: read('vec4f'), partial: write('vec2f') },
    keys: { WG: [64] },
    grid: (p) => Math.ceil((p.groups * p.length * p.segments) / 64),
    cost: (p, bytes) => {
      const values = p.outer * p.groups * p.length * lanes;
      return { flops: 5 * values, bytes: 2 * values * bytes };
    },
  }),
);

const gradApplyKernels = perLanes(({ lanes, suffix, T, U, lib }) =>
  defineKernel({
    name: `normalize.gradApply${suffix}`,
    wgsl: new URL('./grad-apply.wgsl', import.meta.url),
    lib: [lib, standardised, normalised],
    params: d
      .struct({ count: u, groups: u, length: u, channels: u, isNormalised: u, inverseCount: d.f32 })
      .$name('Params'),
    bindings: {
      dy: read(T),
      v: read(T),
      stats: read('vec4f'),
      sums: read('vec2f'),
      weight: optional(read(U), 'AFFINE'),
      dx: write(T),
    },
    keys: { AFFINE: [0, 1], WG: [ELEMENTWISE_WG] },
    grid: (p) => Math.ceil(p.count / ELEMENTWISE_WG),
    cost: (p, bytes) => ({ flops: 7 * p.count * lanes, bytes: 3 * p.count * lanes * bytes }),
  }),
);

const gradApplyGroupsKernels = perLanes(({ lanes, suffix, T, U, lib }) =>
  defineKernel({
    name: `normalize.gradApplyGroups${suffix}`,
    wgsl: new URL('./grad-apply-groups.wgsl', import.meta.url),
    lib: [lib, onward, standardised, normalised],
    params: d
      .struct({
        ...{ outer: u, groups: u, length: u, segments: u, chunk: u },
        ...{ channels: u, isNormalised: u, inverseCount: d.f32 },
      })
      .$name('Params'),
    bindings: {
      dy: read(T),
      v: read(T),
      stats: read('vec4f'),
      sums: read('vec2f'),
      weight: optional(read(U), 'AFFINE'),
      dx: write(T),
    },
    keys: { AFFINE: AFFINE_KEYS, ...onceKeys(TEAM_SIZES) },
    valid: (key) => isPace(key, { inputs: 2 }),
    grid: (p) => p.groups * p.segments,
    cost: (p, bytes) => {
      const values = p.outer * p.groups * p.length * lanes;
      return { flops: 7 * values, bytes: 3 * values * bytes };
    },
  }),
);

export interface NormGradient {
  readonly dy: Tensor;
  /** the input x, or the normalised values themselves */
  readonly v: Tensor;
  readonly isNormalised: boolean;
  readonly stats: Tensor;
  /** statistics are constants: they pass no gradient (batch norm in evaluation) */
  readonly fixedStatistics: boolean;
}

/**
 * dx, and sums [groups, 2] = (Σ d, Σ d · x̂) with d = dy, or dy · weight where weights vary with the value. The formula
 * is in grad-fused.wgsl.
 */
export function launchNormGradient(
  gradient: NormGradient,
  dx: Tensor,
  sums: Tensor,
  layout: Layout,
  { affine, channels, weight }: Affinity,
): void {
  const { dy, v, stats, fixedStatistics } = gradient;
  const { outer, groups, length } = layout;
  const { kind, lanes, segments, chunk, pace, parts } = planOf(layout, dy.device, { dtype: dy.dtype, inputs: 2 });
  const isNormalised = gradient.isNormalised ? 1 : 0;
  const inverseCount = fixedStatistics ? 0 : 1 / (outer * length);
  const common = { groups, length: length / lanes, isNormalised };
  const key = { AFFINE: AFFINE.indexOf(affine) };
  if (kind === 'fused') {
    const params = { ...common, channels, inverseCount };
    const tensors = { dy, v, stats, weight, dx, sums };
    gradFusedKernels.of(pace.workgroup)[lanes].launch(tensors, params, { ...key, ...paceKey(pace) });
    return;
  }
  const partial = parts > 1 ? empty(dy.device, { shape: [groups, parts, 2], dtype: 'f32' }) : sums;
  const split = { ...common, outer, segments };
  if (kind === 'columns') {
    gradMomentsColumnsKernels[lanes].launch({ dy, v, stats, partial }, split, { WG: 64 });
  } else {
    gradMomentsKernels
      .of(pace.workgroup)
      [lanes].launch(
        { dy, v, stats, weight, partial },
        { ...split, chunk },
        { AFFINE: affine === 'value' ? 2 : 0, ...onceKey(pace) },
      );
  }
  if (parts > 1) {
    launchSum(partial, sums, { outer: groups, length: parts, inner: 2 }, 1);
    partial.dispose();
  }
  const tensors = { dy, v, stats, sums, weight, dx };
  if (kind === 'columns') {
    const params = { ...common, count: dy.size / lanes, channels, inverseCount };
    gradApplyKernels[lanes].launch(tensors, params, { ...key, WG: ELEMENTWISE_WG });
  } else {
    const params = { ...split, chunk, channels, inverseCount };
    gradApplyGroupsKernels[lanes].launch(tensors, params, { ...key, ...onceKey(pace) });
  }
}
