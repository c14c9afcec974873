import * as d from 'typegpu/data';
import { type Capabilities, defineKernel, read, type Tensor, write } from '../../engine/index.ts';
import { perLanes } from '../lib/lanes.ts';
import { perTeam, TEAM_SIZES } from '../lib/team.ts';
import { launchFinish, launchMoments, onward, standardised } from '../normalize/launch.ts';
import { segmentsOf } from '../normalize/layout.ts';
import { fitsPace, heldKeys, isPace, onceKey, onceKeys, paceKey } from '../normalize/pace.ts';
import type { SpadeLayout } from './layout.ts';

const u = d.u32;
const shift = new URL('../normalize/shift.wgsl', import.meta.url);
const statistics = new URL('../normalize/statistics.wgsl', import.meta.url);
const places = new URL('./places.wgsl', import.meta.url);
const modulated = new URL('./modulated.wgsl', import.meta.url);

const fusedKernels = perTeam((team) =>
  perLanes(({ lanes, suffix, T, lib }) =>
    defineKernel({
      name: `spade.fused${team.suffix}${suffix}`,
      wgsl: new URL('./fused.wgsl', import.meta.url),
      lib: [lib, team.sum, shift, statistics, standardised, onward, places, modulated],
      params: d.struct({ outer: u, groups: u, length: u, channels: u, eps: d.f32, slope: d.f32 }).$name('Params'),
      bindings: { x: read(T), gammaBeta: read(T), y: write(T), stats: write('vec4f') },
      keys: heldKeys(team),
      valid: (key) => isPace(key, { inputs: 1, beside: 2 }),
      needs: (capabilities, key) => fitsPace(capabilities, key),
      subgroups: team.subgroups,
      widths: (width, { WG }) => team.serves(width, WG),
      grid: (p) => p.groups,
      // x is read twice; the second read usually hits the cache, but the model counts it
      cost: (p, bytes) => {
        const values = p.outer * p.groups * p.length * lanes;
        return { flops: 10 * values, bytes: 5 * values * bytes };
      },
    }),
  ),
);

const applyKernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `spade.apply${suffix}`,
    wgsl: new URL('./apply.wgsl', import.meta.url),
    lib: [lib, standardised, onward, places, modulated, new URL('./known.wgsl', import.meta.url)],
    params: d
      .struct({ outer: u, groups: u, length: u, segments: u, chunk: u, channels: u, slope: d.f32 })
      .$name('Params'),
    bindings: { x: read(T), gammaBeta: read(T), stats: read('vec4f'), y: write(T) },
    keys: onceKeys(TEAM_SIZES),
    valid: (key) => isPace(key, { inputs: 1, beside: 2 }),
    grid: (p) => p.groups * p.segments,
    cost: (p, bytes) => {
      const values = p.outer * p.groups * p.length * lanes;
      return { flops: 6 * values, bytes: 4 * values * bytes };
    },
  }),
);

const joinedKernels = perTeam((team) =>
  perLanes(({ lanes, suffix, T, lib }) =>
    defineKernel({
      name: `spade.applyJoined${team.suffix}${suffix}`,
      wgsl: new URL('./apply.wgsl', import.meta.url),
      lib: [
        ...[lib, team.sum, statistics, standardised, onward, places, modulated],
        new URL('./joined.wgsl', import.meta.url),
      ],
      params: d
        .struct({
          ...{ outer: u, groups: u, length: u, segments: u, chunk: u, channels: u, parts: u },
          ...{ slope: d.f32, count: d.f32, eps: d.f32 },
        })
        .$name('Params'),
      bindings: { x: read(T), gammaBeta: read(T), partial: read('vec4f'), y: write(T), stats: write('vec4f') },
      keys: onceKeys(team.sizes),
      valid: (key) => isPace(key, { inputs: 1, beside: 2 }),
      subgroups: team.subgroups,
      widths: (width, { WG }) => team.serves(width, WG),
      grid: (p) => p.groups * p.segments,
      cost: (p, bytes) => {
        const values = p.outer * p.groups * p.length * lanes;
        return { flops: 6 * values, bytes: 4 * values * bytes };
      },
    }),
  ),
);

/** y = f((x − mean) · rstd · (1 + gamma) + beta) with the statistics [groups, 4] that `stats` holds. */
export function launchSpadeApply(
  x: Tensor,
  gammaBeta: Tensor,
  stats: Tensor,
  y: Tensor,
  { outer, groups, length, channels }: SpadeLayout,
  slope: number,
): void {
  const { lanes, segments, chunk, pace } = segmentsOf({ outer, groups, length }, x.device, {
    dtype: x.dtype,
    inputs: 1,
    beside: 2,
  });
  const params = { outer, groups, length: length / lanes, segments, chunk, channels, slope };
  applyKernels[lanes].launch({ x, gammaBeta, stats, y }, params, onceKey(pace));
}

/** The same with the statistics of x, which go to `stats`; in one kernel where a workgroup can own a group. */
export function launchSpade(
  x: Tensor,
  gammaBeta: Tensor,
  stats: Tensor,
  y: Tensor,
  layout: SpadeLayout,
  eps: number,
  slope: number,
): void {
  const { lanes, segments, chunk, pace } = segmentsOf(layout, x.device, { dtype: x.dtype, inputs: 1, beside: 2 });
  const { outer, groups, length, channels } = layout;
  if (segments > 1) {
    const { partial, ...sums } = launchMoments(x, layout);
    if (joins(x.device.capabilities, sums.parts)) {
      const shape = { outer, groups, length: length / lanes, segments, chunk, channels };
      const params = { ...shape, parts: sums.parts, slope, count: outer * length, eps };
      joinedKernels.of(pace.workgroup)[lanes].launch({ x, gammaBeta, partial, y, stats }, params, onceKey(pace));
    } else {
      launchFinish(partial, stats, layout, { ...sums, eps });
      launchSpadeApply(x, gammaBeta, stats, y, layout, slope);
    }
    partial.dispose();
    return;
  }
  const params = { outer, groups, length: length / lanes, channels, eps, slope };
  fusedKernels.of(pace.workgroup)[lanes].launch({ x, gammaBeta, y, stats }, params, paceKey(pace));
}

/** Parts of a group that its workgroups add rather than wait for another dispatch. */
const FEW_PARTS = 256;

/** Software drivers pay for a sum in each workgroup, GPUs for a dispatch. */
const joins = ({ software }: Capabilities, parts: number) => !software && parts <= FEW_PARTS;
