import * as d from 'typegpu/data';
import { defineKernel, read, type Tensor, write } from '../../engine/index.ts';
import { lanesFor, perLanes } from '../lib/lanes.ts';
import { perTeam, subgroupTeam } from '../lib/team.ts';
import type { Run } from '../reduce/axes.ts';

const u = d.u32;
const WG = 64;
const KEYS = { LOG: [0, 1], WG: [WG] } as const;

const RowParams = d.struct({ rows: u, length: u }).$name('Params');
const ColumnParams = d.struct({ outer: u, length: u, inner: u }).$name('Params');
const rowGrid = (p: { rows: number }) => p.rows;
const columnGrid = (p: { outer: number; inner: number }) => Math.ceil((p.outer * p.inner) / WG);
/** passes over the values: reads and writes */
const cost = (values: number, bytes: number, passes: number) => ({ flops: 8 * values, bytes: passes * values * bytes });

const forwardRows = perTeam((team) =>
  perLanes(({ lanes, suffix, T, lib }) =>
    defineKernel({
      name: `softmax.rows${team.suffix}${suffix}`,
      wgsl: new URL('./rows.wgsl', import.meta.url),
      lib: [lib, team.sum, team.max],
      params: RowParams,
      bindings: { x: read(T), y: write(T) },
      keys: { LOG: [0, 1], WG: team.sizes.filter((size) => size <= WG) },
      subgroups: team.subgroups,
      widths: (width, key) => team.serves(width, key.WG),
      grid: rowGrid,
      cost: (p, bytes) => cost(p.rows * p.length * lanes, bytes, 4),
    }),
  ),
);

const forwardColumns = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `softmax.columns${suffix}`,
    wgsl: new URL('./columns.wgsl', import.meta.url),
    lib: [lib],
    params: ColumnParams,
    bindings: { x: read(T), y: write(T) },
    keys: KEYS,
    grid: columnGrid,
    cost: (p, bytes) => cost(p.outer * p.length * p.inner * lanes, bytes, 4),
  }),
);

const gradRows = perTeam((team) =>
  perLanes(({ lanes, suffix, T, lib }) =>
    defineKernel({
      name: `softmax.gradRows${team.suffix}${suffix}`,
      wgsl: new URL('./grad-rows.wgsl', import.meta.url),
      lib: [lib, team.sum],
      params: RowParams,
      bindings: { dy: read(T), y: read(T), dx: write(T) },
      keys: { LOG: [0, 1], WG: team.sizes.filter((size) => size <= WG) },
      subgroups: team.subgroups,
      widths: (width, key) => team.serves(width, key.WG),
      grid: rowGrid,
      cost: (p, bytes) => cost(p.rows * p.length * lanes, bytes, 5),
    }),
  ),
);

const gradColumns = perLanes(({ lanes, suffix, T, lib }) =>
  defineKernel({
    name: `softmax.gradColumns${suffix}`,
    wgsl: new URL('./grad-columns.wgsl', import.meta.url),
    lib: [lib],
    params: ColumnParams,
    bindings: { dy: read(T), y: read(T), dx: write(T) },
    keys: KEYS,
    grid: columnGrid,
    cost: (p, bytes) => cost(p.outer * p.length * p.inner * lanes, bytes, 5),
  }),
);

/** Rows shorter than this are one thread's work. */
const SHORT_ROW = 64;
const byRows = ({ length, inner }: Run) => inner === 1 && length >= SHORT_ROW;

export function launchSoftmax(x: Tensor, y: Tensor, run: Run, log: boolean): void {
  const LOG = log ? 1 : 0;
  if (byRows(run)) {
    const lanes = lanesFor(run.length);
    const team = subgroupTeam(x.device.capabilities) ?? WG;
    forwardRows.of(team)[lanes].launch({ x, y }, { rows: run.outer, length: run.length / lanes }, { LOG, WG: team });
  } else {
    const lanes = lanesFor(run.inner);
    forwardColumns[lanes].launch({ x, y }, { ...run, inner: run.inner / lanes }, { LOG, WG });
  }
}

export function launchSoftmaxGrad(dy: Tensor, y: Tensor, dx: Tensor, run: Run, log: boolean): void {
  const LOG = log ? 1 : 0;
  if (byRows(run)) {
    const lanes = lanesFor(run.length);
    const team = subgroupTeam(dy.device.capabilities) ?? WG;
    gradRows.of(team)[lanes].launch({ dy, y, dx }, { rows: run.outer, length: run.length / lanes }, { LOG, WG: team });
  } else {
    const lanes = lanesFor(run.inner);
    gradColumns[lanes].launch({ dy, y, dx }, { ...run, inner: run.inner / lanes }, { LOG, WG });
  }
}
