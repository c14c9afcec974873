import * as d from 'typegpu/data';
import { defineKernel, empty, optional, read, type Tensor, write } from '../../engine/index.ts';
import { type Lanes, lanesFor, perLanes } from '../lib/lanes.ts';
import { isUnroll, perTeam, subgroupTeam, UNROLLS, unrollOf } from '../lib/team.ts';
import type { MatrixLayout } from './layout.ts';

const u = d.u32;
const WG = 256;
const tiny = new URL('./tiny.wgsl', import.meta.url);

/** Columns that a workgroup of columns.wgsl takes: 128 bytes of a row, or 512 where that leaves enough workgroups. */
const STRIPS = { 1: [32, 128], 4: [8, 32] } as const;

function stripOf(columns: number, lanes: Lanes, software: boolean): number {
  const [narrow, wide] = STRIPS[lanes];
  return columns / lanes / wide >= (software ? 8 : 1024) ? wide : narrow;
}

const columnsKernels = perLanes(({ lanes, suffix, lib }) =>
  defineKernel({
    name: `spectralNorm.columns${suffix}`,
    wgsl: new URL('./columns.wgsl', import.meta.url),
    lib: [lib, tiny],
    params: d.struct({ outer: u, rows: u, inner: u, isRaw: u }).$name('Params'),
    bindings: {
      weight: read(lanes === 4 ? 'vec4f' : 'f32'),
      u: read('f32'),
      raw: write(lanes === 4 ? 'vec4f' : 'f32'),
      part: write('f32'),
    },
    keys: { STRIP: STRIPS[lanes], UNROLL: UNROLLS, WG: [WG] },
    grid: (p, { STRIP }) => Math.ceil((p.outer * p.inner) / STRIP),
    cost: (p) => {
      const values = p.outer * p.rows * p.inner * lanes;
      return { flops: 2 * values, bytes: 4 * values };
    },
  }),
);

const rowsKernels = perTeam((team) =>
  perLanes(({ lanes, suffix, lib }) =>
    defineKernel({
      name: `spectralNorm.rows${team.suffix}${suffix}`,
      wgsl: new URL('./rows.wgsl', import.meta.url),
      lib: [lib, team.sum, tiny],
      params: d.struct({ outer: u, rows: u, inner: u, strips: u }).$name('Params'),
      bindings: {
        weight: read(lanes === 4 ? 'vec4f' : 'f32'),
        v: read(lanes === 4 ? 'vec4f' : 'f32'),
        part: optional(read('f32'), 'ITERATED'),
        s: write('f32'),
      },
      keys: { ITERATED: [0, 1], UNROLL: UNROLLS, WG: team.sizes },
      valid: (key) => isUnroll(key),
      subgroups: team.subgroups,
      widths: (width, { WG: size }) => team.serves(width, size),
      grid: (p) => p.rows,
      cost: (p) => {
        const values = p.outer * p.rows * p.inner * lanes;
        return { flops: 2 * values, bytes: 4 * values };
      },
    }),
  ),
);

/** Vectors of a workgroup of scale.wgsl: enough that finding σ is little beside them. */
const SCALE_CHUNK = 8 * WG;

const scaleKernels = perTeam((team) =>
  defineKernel({
    name: `spectralNorm.scale${team.suffix}`,
    wgsl: new URL('./scale.wgsl', import.meta.url),
    lib: [team.sum, tiny],
    params: d.struct({ count: u, chunk: u, rows: u, columns: u, strips: u }).$name('Params'),
    bindings: {
      weight: read('vec4f'),
      s: read('f32'),
      raw: read('vec4f'),
      part: optional(read('f32'), 'ITERATED'),
      given: optional(read('f32'), 'GIVEN'),
      y: write('vec4f'),
      u: write('f32'),
      v: write('vec4f'),
      sigma: write('f32'),
    },
    keys: { ITERATED: [0, 1], GIVEN: [0, 1], UNROLL: UNROLLS, WG: team.sizes },
    subgroups: team.subgroups,
    widths: (width, { WG: size }) => team.serves(width, size),
    valid: (key) => key.ITERATED !== key.GIVEN && isUnroll(key),
    grid: (p) => Math.ceil(p.count / p.chunk),
    cost: (p) => ({ flops: 4 * p.count, bytes: 32 * p.count }),
  }),
);

export interface SpectralOutputs {
  readonly y: Tensor;
  readonly u: Tensor;
  readonly v: Tensor;
  readonly sigma: Tensor;
}

/**
 * weight / σ, and u, v and σ. An iteration is two dispatches, for norms are found while vectors are made and divided by
 * where they are next read; the division of the weight is one more.
 */
export function launchSpectralNorm(
  weight: Tensor,
  u: Tensor,
  v: Tensor,
  outputs: SpectralOutputs,
  { outer, rows, inner }: MatrixLayout,
  iterations: number,
): void {
  const { device } = weight;
  const lanes = lanesFor(inner);
  const columns = outer * inner;
  const matrix = { outer, rows, inner: inner / lanes };
  const team = subgroupTeam(device.capabilities);
  const rowsWorkgroup = team ?? (columns / lanes < 1024 ? 64 : WG);
  const scaleWorkgroup = team ?? WG;
  const strip = stripOf(columns, lanes, device.capabilities.software);
  const strips = Math.ceil(columns / lanes / strip);
  const unroll = { UNROLL: unrollOf(device.capabilities) };
  const s = empty(device, { shape: [rows], dtype: 'f32' });
  const params = { count: Math.ceil(weight.size / 4), chunk: SCALE_CHUNK, rows, columns };
  if (iterations === 0) {
    rowsKernels
      .of(rowsWorkgroup)
      [lanes].launch({ weight, v, s }, { ...matrix, strips: 0 }, { ITERATED: 0, WG: rowsWorkgroup, ...unroll });
    const tensors = { weight, s, raw: v, given: u, ...outputs };
    const key = { ITERATED: 0, GIVEN: 1, WG: scaleWorkgroup, ...unroll };
    scaleKernels.of(scaleWorkgroup).launch(tensors, { ...params, strips: 0 }, key);
    s.dispose();
    return;
  }
  const raw = empty(device, { shape: [columns], dtype: 'f32' });
  const part = empty(device, { shape: [strips], dtype: 'f32' });
  for (let k = 0; k < iterations; k++) {
    const isRaw = k > 0 ? 1 : 0;
    const from = isRaw ? s : u;
    columnsKernels[lanes].launch({ weight, u: from, raw, part }, { ...matrix, isRaw }, { STRIP: strip, WG, ...unroll });
    rowsKernels
      .of(rowsWorkgroup)
      [lanes].launch({ weight, v: raw, part, s }, { ...matrix, strips }, { ITERATED: 1, WG: rowsWorkgroup, ...unroll });
  }
  const key = { ITERATED: 1, GIVEN: 0, WG: scaleWorkgroup, ...unroll };
  scaleKernels.of(scaleWorkgroup).launch({ weight, s, raw, part, ...outputs }, { ...params, strips }, key);
  for (const t of [s, raw, part]) t.dispose();
}
