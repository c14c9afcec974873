import type { Device } from '../../engine/index.ts';
import { type Lanes, lanesFor } from '../lib/lanes.ts';
import { subgroupTeam } from '../lib/team.ts';
import { isCard } from '../lib/tile.ts';
import { type Pace, paceOf, type Reads } from './pace.ts';

/**
 * A tensor seen as [outer, groups, length]: a group is normalised together. Instance norm: [1, N·C, H·W]; batch norm:
 * [N, C, H·W]; layer norm: [1, rows, values].
 */
export interface Layout {
  readonly outer: number;
  readonly groups: number;
  readonly length: number;
}

/** Where weight and bias vary: nowhere, with the group (modulo `channels`), or with the value's place in its group. */
export type Affine = 'none' | 'group' | 'value';

/** How the statistics of groups are found. Lengths and chunks count vectors of `lanes` values. */
export interface Plan {
  readonly lanes: Lanes;
  /** one workgroup does all of a group; workgroups do segments of it; or threads do columns of short slabs */
  readonly kind: 'fused' | 'segments' | 'columns';
  readonly segments: number;
  readonly chunk: number;
  /** of a workgroup over its group or segment */
  readonly pace: Pace;
  /** partial sums of each group */
  readonly parts: number;
}

/** Slabs of fewer vectors are read in columns: a group's workgroup would read them in crumbs. */
const SHORT_SLAB = 32;
/** Values a thread adds at most, where a workgroup adds segments (by runs of 64), and where threads add columns. */
const CHAIN = 8192;
const COLUMN_CHAIN = 64;
/** Workgroups that groups are shared among where they are too few for one each. */
const SHARES = { software: 8, card: 4096, other: 512 };
/** Groups that are one each. */
const ENOUGH_GROUPS = { software: 8, card: 512, other: 512 };

/** Chooses by shape and device class alone, so that the order of a sum never changes between runs. */
export function planOf(layout: Layout, device: Device, reads: Reads): Plan {
  const { outer, groups, length } = layout;
  const { capabilities } = device;
  const lanes = lanesFor(length);
  const slab = length / lanes;
  if (outer > 1 && slab < SHORT_SLAB) {
    const wanted = Math.min(Math.ceil((capabilities.software ? 1024 : 65536) / (groups * slab)), Math.ceil(outer / 8));
    const segments = Math.max(wanted, Math.ceil(outer / COLUMN_CHAIN));
    return {
      lanes,
      kind: 'columns',
      segments,
      chunk: Math.ceil(outer / segments),
      pace: { workgroup: subgroupTeam(capabilities) ?? 64, held: 0, unroll: 1 },
      parts: segments * slab,
    };
  }
  return segmentsOf(layout, device, reads);
}

/** The plan of groups that workgroups own or share, however short their slabs are. */
export function segmentsOf({ outer, groups, length }: Layout, device: Device, reads: Reads): Plan {
  const { capabilities, info } = device;
  const lanes = lanesFor(length);
  const vectors = (outer * length) / lanes;
  const kind = capabilities.software ? 'software' : isCard(info) ? 'card' : 'other';
  const team = subgroupTeam(capabilities) ?? (vectors < 2048 ? 64 : 256);
  const shares = groups >= ENOUGH_GROUPS[kind] ? 1 : Math.ceil(SHARES[kind] / groups);
  const wanted = Math.min(shares, Math.ceil(vectors / (team * 8)));
  const chunk = Math.ceil(vectors / Math.max(wanted, Math.ceil(vectors / (team * CHAIN))));
  const segments = Math.ceil(vectors / chunk);
  const isFused = outer === 1 && segments === 1;
  const pace = paceOf(device, { ...reads, vectors: chunk, again: segments === 1 });
  return { lanes, kind: isFused ? 'fused' : 'segments', segments, chunk, pace, parts: segments };
}
