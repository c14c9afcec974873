import type { Capabilities } from '../../engine/index.ts';

/**
 * Families of matrix-like kernels: `lanes` share values through subgroup shuffles (fastest on software drivers), `tiled`
 * through workgroup memory (for GPUs), `direct` not at all (small groups of channels, and anything else).
 */
export type Family = 'lanes' | 'tiled' | 'direct';

let forced: Family | undefined;
/** Makes every kernel that has the family use it, for tests and benches; `undefined` goes back to choosing. */
export function forceFamily(family: Family | undefined): void {
  forced = family;
}

/** The family for a device and a number of rows (or channels) that share what is loaded. */
export function familyFor(capabilities: Capabilities, rows: number): Family {
  if (forced) return forced;
  if (capabilities.software && capabilities.subgroupWidth >= 4) return 'lanes';
  return rows >= 8 ? 'tiled' : 'direct';
}
