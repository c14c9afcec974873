import * as d from 'typegpu/data';
import { type Capabilities, defineKernel, empty, read, type Tensor, write } from '../../engine/index.ts';
import { type Lanes, lanesFor, perLanes } from '../lib/lanes.ts';
import { ROW_WGS, shareRows } from '../lib/rows.ts';
import { perTeam, subgroupTeam } from '../lib/team.ts';
import type { Run } from './axes.ts';

const u = d.u32;

const rowsKernels = perTeam((team) =>
  perLanes(({ lanes, suffix, T, lib }) =>
    defineKernel({
      name: `reduce.rows${team.suffix}${suffix}`,
      wgsl: new URL('./rows.wgsl', import.meta.url),
      lib: [lib, team.sum],
      params: d.struct({ outer: u, length: u, segments: u, chunk: u, scale: d.f32 }).$name('Params'),
      bindings: { x: read(T), y: write('U') },
      keys: { WG: team.sizes },
      subgroups: team.subgroups,
      widths: (width, { WG }) => team.serves(width, WG),
      grid: (p) => p.outer * p.segments,
      cost: (p, bytes) => {
        const values = p.outer * p.length * lanes;
        return { flops: values, bytes: values * bytes };
      },
    }),
  ),
);

const TEAMS_WG = 64;
const ROWS_PER_TEAMS = TEAMS_WG / 8;
const teamsKernels = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `reduce.teams${suffix}`,
    wgsl: new URL('./teams.wgsl', import.meta.url),
    lib: [lib],
    params: d.struct({ outer: u, length: u, scale: d.f32 }).$name('Params'),
    bindings: { x: read(T), y: write('U') },
    keys: { WG: [TEAMS_WG] },
    grid: (p) => Math.ceil(p.outer / ROWS_PER_TEAMS),
    cost: (p, bytes) => {
      const values = p.outer * p.length * lanes;
      return { flops: values, bytes: values * bytes };
    },
  }),
);

const COLUMNS_WG = 64;
const columnsKernels = perLanes(({ lanes, suffix, T, U, lib }) =>
  defineKernel({
    name: `reduce.columns${suffix}`,
    wgsl: new URL('./columns.wgsl', import.meta.url),
    lib: [lib],
    params: d.struct({ outer: u, length: u, inner: u, segments: u, scale: d.f32 }).$name('Params'),
    bindings: { x: read(T), y: write(U) },
    keys: { WG: [COLUMNS_WG] },
    grid: (p) => Math.ceil((p.outer * p.segments * p.inner) / COLUMNS_WG),
    cost: (p, bytes) => {
      const values = p.outer * p.length * p.inner * lanes;
      return { flops: values, bytes: values * bytes + 4 * p.outer * p.segments * p.inner * lanes };
    },
  }),
);

/** The longest serial sum of one thread: what keeps rounding errors near those of a pairwise sum. */
const CHAIN = 16;
/** Runs of that length that a thread of `rows` adds. */
const RUNS = 16;
/** Rows shorter than this are summed by one thread each. */
const SHORT_ROW = 32;
/** Rows up to this many vectors are summed by eight threads each, where there are rows enough. */
const TEAM_ROW = 16 * CHAIN;

/** How one pass covers a run. Lengths, chunks and inner extents count vectors of `lanes` values. */
export interface Pass {
  kind: 'rows' | 'teams' | 'columns';
  lanes: Lanes;
  /** parts of the reduced run that are summed apart: a second pass joins them */
  segments: number;
  chunk: number;
  workgroup: number;
}

/** Chooses by shape and device class alone, so that the order of a sum never changes between runs. */
export function passOver({ outer, length, inner }: Run, capabilities: Capabilities): Pass {
  const { software } = capabilities;
  if (inner === 1 && length >= SHORT_ROW) {
    const lanes = lanesFor(length);
    const vectors = length / lanes;
    if (vectors <= TEAM_ROW && outer >= (software ? 64 : 4096) && !subgroupTeam(capabilities)) {
      return { kind: 'teams', lanes, segments: 1, chunk: vectors, workgroup: TEAMS_WG };
    }
    const workgroup = subgroupTeam(capabilities) ?? (vectors < 2048 ? 64 : 256);
    const wantedGroups = software ? 16 : 1024;
    const most = Math.ceil(vectors / (workgroup * 8));
    const wanted = Math.min(Math.ceil(wantedGroups / outer), most);
    const chunk = Math.ceil(vectors / Math.max(wanted, Math.ceil(vectors / (workgroup * CHAIN * RUNS))));
    return { kind: 'rows', lanes, segments: Math.ceil(vectors / chunk), chunk, workgroup };
  }
  const lanes = lanesFor(inner);
  const threads = outer * (inner / lanes);
  const wantedThreads = software ? 1024 : 65536;
  const wanted = Math.min(Math.ceil(wantedThreads / threads), Math.ceil(length / 8));
  const segments = Math.max(wanted, Math.ceil(length / CHAIN));
  return { kind: 'columns', lanes, segments, chunk: Math.ceil(length / segments), workgroup: COLUMNS_WG };
}

/** y = scale · Σ over the run; y may have another storage type than x. Long runs take two or more passes. */
export function launchSum(x: Tensor, y: Tensor, run: Run, scale: number): void {
  const pass = passOver(run, x.device.capabilities);
  const { outer, length, inner } = run;
  const { lanes, segments, chunk, workgroup } = pass;
  const split = segments > 1;
  const part = split ? empty(x.device, { shape: [outer, segments, inner], dtype: 'f32' }) : y;
  const params = { outer, segments, scale: split ? 1 : scale };
  if (pass.kind === 'rows') {
    const all = { ...params, length: length / lanes, chunk };
    rowsKernels.of(workgroup)[lanes].launch({ x, y: part }, all, { WG: workgroup });
  } else if (pass.kind === 'teams') {
    teamsKernels[lanes].launch(
      { x, y: part },
      { outer, length: length / lanes, scale: params.scale },
      { WG: workgroup },
    );
  } else {
    columnsKernels[lanes].launch({ x, y: part }, { ...params, length, inner: inner / lanes }, { WG: workgroup });
  }
  if (!split) return;
  launchSum(part, y, { outer, length: segments, inner }, scale);
  part.dispose();
}

const BROADCAST_WG = 256;
const broadcastKernel = defineKernel({
  name: 'reduce.broadcast',
  wgsl: new URL('./broadcast.wgsl', import.meta.url),
  params: d.struct({ size: u, length: u, inner: u, scale: d.f32 }).$name('Params'),
  bindings: { x: read('T'), y: write('U4') },
  keys: { MODE: [0, 1, 2], WG: [BROADCAST_WG] },
  grid: (p) => Math.ceil(p.size / (4 * BROADCAST_WG)),
  cost: (p, bytes) => ({ flops: 0, bytes: p.size * bytes }),
});

const broadcastRowsKernel = <const T extends 'T' | 'T4'>(name: string, wgsl: URL, type: T) =>
  defineKernel({
    name: `reduce.${name}`,
    wgsl,
    params: d.struct({ outer: u, n1: u, n2: u, span: u, scale: d.f32 }).$name('Params'),
    bindings: { x: read(type), y: write('U4') },
    keys: { WG: ROW_WGS },
    grid: (p, { WG }) => [Math.ceil(p.n2 / (WG * p.span)), p.n1, p.outer],
    cost: (p, bytes) => ({ flops: 0, bytes: 4 * p.outer * p.n1 * p.n2 * bytes }),
  });
const perRowKernel = broadcastRowsKernel('broadcastPerRow', new URL('./broadcast-per-row.wgsl', import.meta.url), 'T');
const wholeRowsKernel = broadcastRowsKernel('broadcastRows', new URL('./broadcast-rows.wgsl', import.meta.url), 'T4');

/** y = scale · x repeated over the run. */
export function launchBroadcast(x: Tensor, y: Tensor, { outer, length, inner }: Run, scale: number): void {
  const [n1, n2] = inner === 1 ? [1, length] : [length, inner];
  const shares = n2 % 4 === 0 && shareRows([outer, n1, n2 / 4], y.device.capabilities);
  if (shares) {
    const params = { outer, n1, n2: n2 / 4, span: shares.span, scale };
    const kernel = inner === 1 ? perRowKernel : wholeRowsKernel;
    kernel.launch({ x, y }, params, { WG: shares.workgroup });
    return;
  }
  const mode = inner % 4 === 0 ? 0 : inner === 1 && length % 4 === 0 ? 1 : 2;
  broadcastKernel.launch({ x, y }, { size: y.size, length, inner, scale }, { MODE: mode, WG: BROADCAST_WG });
}
