import type { Capabilities } from '../../engine/index.ts';
import { type Lanes, lanesFor } from '../lib/lanes.ts';

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
  /** one workgroup does all of a group */
  readonly fused: boolean;
  readonly segments: number;
  readonly chunk: number;
  readonly workgroup: 64 | 256;
}

/** Slabs of fewer vectors are left to elementwise kernels: a group's workgroup would read them in crumbs. */
export const SHORT_SLAB = 32;

/** Terms a thread adds in series at most. */
const CHAIN = 256;

/** Chooses by shape and device class alone, so that the order of a sum never changes between runs. */
export function planOf({ outer, groups, length }: Layout, { software }: Capabilities): Plan {
  const lanes = lanesFor(length);
  const vectors = (outer * length) / lanes;
  const workgroup = vectors < 2048 ? 64 : 256;
  const wantedGroups = software ? 8 : 512;
  const most = Math.ceil(vectors / (workgroup * 8));
  const wanted = Math.min(Math.ceil(wantedGroups / groups), most);
  const chunk = Math.ceil(vectors / Math.max(wanted, Math.ceil(vectors / (workgroup * CHAIN))));
  const segments = Math.ceil(vectors / chunk);
  return { lanes, fused: outer === 1 && segments === 1, segments, chunk, workgroup };
}
