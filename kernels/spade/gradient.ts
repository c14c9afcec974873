import * as d from 'typegpu/data';
import { defineKernel, defineOp, empty, type Op, optional, read, readWrite, write } from '../../engine/index.ts';
import { perLanes } from '../lib/lanes.ts';
import { perTeam } from '../lib/team.ts';
import { onward, standardised } from '../normalize/launch.ts';
import { segmentsOf } from '../normalize/layout.ts';
import { fitsPace, heldKeys, isPace, onceKey, onceKeys, paceKey } from '../normalize/pace.ts';
import { layoutOf, type SpadeNorm } from './layout.ts';
import { spadeGradRef } from './reference.ts';

const u = d.u32;
const places = new URL('./places.wgsl', import.meta.url);
const terms = new URL('./grad-terms.wgsl', import.meta.url);
const applyRun = new URL('./grad-apply-run.wgsl', import.meta.url);

const fusedKernels = perTeam((team) =>
  perLanes(({ lanes, suffix, T, lib }) =>
    defineKernel({
      name: `spade.gradFused${team.suffix}${suffix}`,
      wgsl: new URL('./grad-fused.wgsl', import.meta.url),
      lib: [lib, team.sum, standardised, onward, places, terms, applyRun],
      params: d
        .struct({ outer: u, groups: u, length: u, channels: u, slope: d.f32, inverseCount: d.f32 })
        .$name('Params'),
      bindings: {
        dy: read(T),
        x: read(T),
        y: optional(read(T), 'ACTIVE'),
        gammaBeta: read(T),
        stats: read('vec4f'),
        dgammaBeta: readWrite(T),
        dx: write(T),
      },
      keys: { ACTIVE: [0, 1], ...heldKeys(team) },
      valid: (key) => isPace(key, { inputs: 3 }),
      needs: (capabilities, key) => fitsPace(capabilities, key),
      subgroups: team.subgroups,
      widths: (width, { WG }) => team.serves(width, WG),
      grid: (p) => p.groups,
      cost: (p, bytes, { ACTIVE }) => {
        const values = p.outer * p.groups * p.length * lanes;
        return { flops: 18 * values, bytes: (9 + ACTIVE) * values * bytes };
      },
    }),
  ),
);

const momentsKernels = perTeam((team) =>
  perLanes(({ lanes, suffix, T, lib }) =>
    defineKernel({
      name: `spade.gradMoments${team.suffix}${suffix}`,
      wgsl: new URL('./grad-moments.wgsl', import.meta.url),
      lib: [lib, team.sum, standardised, onward, places, terms],
      params: d
        .struct({ outer: u, groups: u, length: u, segments: u, chunk: u, channels: u, slope: d.f32 })
        .$name('Params'),
      bindings: {
        dy: read(T),
        x: read(T),
        y: optional(read(T), 'ACTIVE'),
        gammaBeta: read(T),
        stats: read('vec4f'),
        dgammaBeta: write(T),
        partial: write('vec2f'),
      },
      keys: { ACTIVE: [0, 1], ...onceKeys(team.sizes) },
      valid: (key) => isPace(key, { inputs: 3 }),
      subgroups: team.subgroups,
      widths: (width, { WG }) => team.serves(width, WG),
      grid: (p) => p.groups * p.segments,
      cost: (p, bytes, { ACTIVE }) => {
        const values = p.outer * p.groups * p.length * lanes;
        return { flops: 10 * values, bytes: (5 + ACTIVE) * values * bytes };
      },
    }),
  ),
);

const applyKernels = perTeam((team) =>
  perLanes(({ lanes, suffix, T, lib }) =>
    defineKernel({
      name: `spade.gradApply${team.suffix}${suffix}`,
      wgsl: new URL('./grad-apply.wgsl', import.meta.url),
      lib: [lib, team.sum, standardised, onward, places, applyRun],
      params: d
        .struct({ outer: u, groups: u, length: u, segments: u, chunk: u, channels: u, inverseCount: d.f32 })
        .$name('Params'),
      bindings: {
        dgammaBeta: read(T),
        x: read(T),
        gammaBeta: read(T),
        stats: read('vec4f'),
        partial: read('vec2f'),
        dx: write(T),
      },
      keys: onceKeys(team.sizes),
      valid: (key) => isPace(key, { inputs: 3 }),
      subgroups: team.subgroups,
      widths: (width, { WG }) => team.serves(width, WG),
      grid: (p) => p.groups * p.segments,
      cost: (p, bytes) => {
        const values = p.outer * p.groups * p.length * lanes;
        return { flops: 9 * values, bytes: 4 * values * bytes };
      },
    }),
  ),
);

export interface SpadeGradAttrs {
  norm: SpadeNorm;
  /** factor of negative results: 1 for no activation, and then y is not needed */
  slope: number;
  /** statistics are constants that pass no gradient */
  fixedStatistics: boolean;
}

/** dx and dgammaBeta of `spade`; the formula is in grad-fused.wgsl. */
export const spadeGrad: Op<'dy' | 'x' | 'y' | 'gammaBeta' | 'stats', readonly ['dx', 'dgammaBeta'], SpadeGradAttrs> =
  defineOp({
    name: 'spadeGrad',
    inputs: ['dy', 'x', 'y', 'gammaBeta', 'stats'],
    optional: ['y'],
    outputs: ['dx', 'dgammaBeta'],
    defaults: { norm: 'instance', slope: 1, fixedStatistics: false } as SpadeGradAttrs,
    shape: ({ x, gammaBeta }) => ({
      dx: { shape: x.shape, dtype: x.dtype },
      dgammaBeta: { shape: gammaBeta.shape, dtype: gammaBeta.dtype },
    }),
    forward: ({ dy, x, y, gammaBeta, stats }, { dx, dgammaBeta }, { norm, slope, fixedStatistics }) => {
      const layout = layoutOf(x.shape, norm);
      const { outer, groups, length, channels } = layout;
      const { lanes, segments, chunk, pace } = segmentsOf(layout, x.device, { dtype: x.dtype, inputs: 3 });
      const common = { outer, groups, length: length / lanes, channels };
      const inverseCount = fixedStatistics ? 0 : 1 / (outer * length);
      const active = { ACTIVE: slope === 1 ? 0 : 1 };
      const tensors = { dy, x, y, gammaBeta, stats, dgammaBeta };
      if (segments === 1) {
        const params = { ...common, slope, inverseCount };
        fusedKernels.of(pace.workgroup)[lanes].launch({ ...tensors, dx }, params, { ...active, ...paceKey(pace) });
        return;
      }
      const partial = empty(x.device, { shape: [groups, segments, 2], dtype: 'f32' });
      const split = { ...common, segments, chunk };
      const summed = { ...tensors, partial };
      momentsKernels.of(pace.workgroup)[lanes].launch(summed, { ...split, slope }, { ...active, ...onceKey(pace) });
      const known = { dgammaBeta, x, gammaBeta, stats, partial, dx };
      applyKernels.of(pace.workgroup)[lanes].launch(known, { ...split, inverseCount }, onceKey(pace));
      partial.dispose();
    },
    reference: ({ dy, x, y, gammaBeta, stats }, attrs) => spadeGradRef(dy, x, y, gammaBeta, stats, attrs),
    reduction: ({ x }, { norm }) => {
      const { outer, length } = layoutOf(x.shape, norm);
      return outer * length;
    },
    samples: [
      {
        inputs: {
          dy: [2, 3, 5, 7],
          x: [2, 3, 5, 7],
          gammaBeta: [2, 6, 5, 7],
          stats: { shape: [6, 4], kind: 'positive' },
        },
        dtypes: ['f32'],
      },
      {
        inputs: {
          ...{ dy: [2, 3, 4, 4], x: [2, 3, 4, 4], y: [2, 3, 4, 4], gammaBeta: [2, 6, 4, 4] },
          stats: { shape: [3, 4], kind: 'positive' },
        },
        attrs: { norm: 'batch', slope: 0.2, fixedStatistics: true },
        dtypes: ['f32'],
      },
    ],
  });
