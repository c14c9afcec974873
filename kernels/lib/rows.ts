import type { Capabilities } from '../../engine/index.ts';

/** Workgroup sizes of kernels whose workgroups lie along rows. */
export const ROW_WGS = [64, 256];

/** How workgroups lie along rows: their size, and the vectors of four that a thread takes, a workgroup's width apart. */
export interface RowShares {
  readonly workgroup: number;
  readonly span: number;
}

const MAX_GROUPS = 65535;

/**
 * Shares out [n0, n1, n2] as workgroups along n2 for each of n0 · n1 rows; undefined where rows are not of whole vectors,
 * shorter than a workgroup, or too many for a grid.
 */
export function shareRows(
  extents: readonly [number, number, number] | number[],
  { software }: Capabilities,
): RowShares | undefined {
  const [n0, n1, n2] = extents;
  const vectors = n2 / 4;
  if (n2 % 4 !== 0 || vectors < ROW_WGS[0] || n0 > MAX_GROUPS || n1 > MAX_GROUPS) return undefined;
  const span = software ? 4 : 1;
  const workgroup = vectors < 256 * span ? 64 : 256;
  return Math.ceil(vectors / (workgroup * span)) > MAX_GROUPS ? undefined : { workgroup, span };
}
