import type { Capabilities } from '../../engine/index.ts';

/** Workgroup sizes of kernels whose workgroups lie along rows. */
export const ROW_WGS = [64, 256];

/** How workgroups lie along rows: their size, and the values that a thread takes, a workgroup's width apart. */
export interface RowShares {
  readonly workgroup: number;
  readonly span: number;
}

const MAX_GROUPS = 65535;
/** Values (or vectors) from which on GPUs begin workgroups more slowly than these write. */
export const MANY_VECTORS = 1 << 20;

/**
 * Shares out values (or vectors) in [n0, n1, n2] as workgroups along n2 for each of n0 · n1 rows; undefined where rows are
 * shorter than a workgroup, or too many for a grid.
 */
export function shareRows([n0, n1, n2]: readonly number[], { software }: Capabilities): RowShares | undefined {
  if (n2 < ROW_WGS[0] || n0 > MAX_GROUPS || n1 > MAX_GROUPS) return undefined;
  const span = software || n0 * n1 * n2 >= MANY_VECTORS ? 4 : 1;
  const workgroup = n2 < 256 * span ? 64 : 256;
  return Math.ceil(n2 / (workgroup * span)) > MAX_GROUPS ? undefined : { workgroup, span };
}
