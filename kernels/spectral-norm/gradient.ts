import * as d from 'typegpu/data';
import { defineKernel, defineOp, empty, type Op, read, write } from '../../engine/index.ts';
import { lanesFor, perLanes } from '../lib/lanes.ts';
import { isUnroll, perTeam, subgroupTeam, UNROLLS, unrollOf } from '../lib/team.ts';
import { matrixOf } from './layout.ts';
import { spectralNormGradRef } from './reference.ts';

const u = d.u32;
const WG = 256;

const dotKernels = perTeam((team) =>
  perLanes(({ lanes, suffix, lib }) =>
    defineKernel({
      name: `spectralNorm.gradDot${team.suffix}${suffix}`,
      wgsl: new URL('./grad-dot.wgsl', import.meta.url),
      lib: [lib, team.sum],
      params: d.struct({ count: u, segments: u, chunk: u }).$name('Params'),
      bindings: {
        dy: read(lanes === 4 ? 'vec4f' : 'f32'),
        y: read(lanes === 4 ? 'vec4f' : 'f32'),
        part: write('f32'),
      },
      keys: { UNROLL: UNROLLS, WG: team.sizes },
      valid: (key) => isUnroll(key),
      subgroups: team.subgroups,
      widths: (width, { WG: size }) => team.serves(width, size),
      grid: (p) => p.segments,
      cost: (p) => ({ flops: 2 * p.count * lanes, bytes: 8 * p.count * lanes }),
    }),
  ),
);

const applyKernels = perTeam((team) =>
  perLanes(({ lanes, suffix, lib }) =>
    defineKernel({
      name: `spectralNorm.gradApply${team.suffix}${suffix}`,
      wgsl: new URL('./grad-apply.wgsl', import.meta.url),
      lib: [lib, team.sum],
      params: d.struct({ count: u, chunk: u, outer: u, rows: u, inner: u, segments: u }).$name('Params'),
      bindings: {
        dy: read(lanes === 4 ? 'vec4f' : 'f32'),
        u: read('f32'),
        v: read(lanes === 4 ? 'vec4f' : 'f32'),
        sigma: read('f32'),
        part: read('f32'),
        dweight: write(lanes === 4 ? 'vec4f' : 'f32'),
      },
      keys: { UNROLL: UNROLLS, WG: team.sizes },
      valid: (key) => isUnroll(key),
      subgroups: team.subgroups,
      widths: (width, { WG: size }) => team.serves(width, size),
      grid: (p) => Math.ceil(p.count / p.chunk),
      cost: (p) => ({ flops: 4 * p.count * lanes, bytes: 8 * p.count * lanes }),
    }),
  ),
);

/** Values (or vectors of four) of a workgroup, and workgroups that share ⟨dy, y⟩ at most: of 256 threads each adds a part or a few. */
const CHUNK = 8 * WG;
const MOST_SEGMENTS = { software: WG, gpu: 4 * WG };

/** dweight of `spectralNorm` with u and v as constants: (dy − ⟨dy, y⟩ · u vᵀ) / σ. */
export const spectralNormGrad: Op<'dy' | 'y' | 'u' | 'v' | 'sigma', readonly ['dweight'], { transposed: boolean }> =
  defineOp({
    name: 'spectralNormGrad',
    inputs: ['dy', 'y', 'u', 'v', 'sigma'],
    outputs: ['dweight'],
    defaults: { transposed: false } as { transposed: boolean },
    shape: ({ dy }) => ({ dweight: { shape: dy.shape, dtype: 'f32' } }),
    forward: ({ dy, y, u, v, sigma }, { dweight }, { transposed }) => {
      const { outer, rows, inner } = matrixOf(dy.shape, transposed);
      const lanes = lanesFor(inner);
      const count = dy.size / lanes;
      const { capabilities } = dy.device;
      const most = MOST_SEGMENTS[capabilities.software ? 'software' : 'gpu'];
      const segments = Math.min(most, Math.ceil(count / CHUNK));
      const part = empty(dy.device, { shape: [segments], dtype: 'f32' });
      const chunk = Math.ceil(count / segments);
      const team = subgroupTeam(capabilities) ?? WG;
      const key = { WG: team, UNROLL: unrollOf(capabilities) };
      dotKernels.of(team)[lanes].launch({ dy, y, part }, { count, segments, chunk }, key);
      const params = { count, chunk: CHUNK, outer, rows, inner: inner / lanes, segments };
      applyKernels.of(team)[lanes].launch({ dy, u, v, sigma, part, dweight }, params, key);
      part.dispose();
    },
    reference: ({ dy, y, u, v, sigma }, { transposed }) => ({
      dweight: spectralNormGradRef(dy, y, u, v, sigma, transposed),
    }),
    reduction: ({ dy }) => dy.shape.reduce((a, b) => a * b, 1),
    samples: [
      {
        inputs: { dy: [5, 3, 3, 3], y: [5, 3, 3, 3], u: [5], v: [27], sigma: { shape: [1], kind: 'positive' } },
        dtypes: ['f32'],
      },
      {
        inputs: { dy: [6, 4, 2, 2], y: [6, 4, 2, 2], u: [4], v: [24], sigma: { shape: [1], kind: 'positive' } },
        attrs: { transposed: true },
        dtypes: ['f32'],
      },
      // ⟨dy, y⟩ in several segments
      {
        inputs: {
          ...{ dy: [10, 40, 5, 5], y: [10, 40, 5, 5], u: [40], v: [250] },
          sigma: { shape: [1], kind: 'positive' },
        },
        attrs: { transposed: true },
        dtypes: ['f32'],
      },
    ],
  });
