import type { Capabilities } from '../../engine/index.ts';

/**
 * How the threads of a workgroup add up what they found: through memory that they share, behind barriers; or, where the
 * workgroup is one subgroup, by the subgroup's own sum. A barrier costs a software driver as much as reading a
 * hundred vectors, since it runs the threads of a workgroup one subgroup after the other.
 */
export interface Team {
  /** goes into the kernel's name */
  readonly suffix: '' | 'Subgroup';
  readonly subgroups: boolean;
  /** values of the key WG */
  readonly sizes: readonly number[];
  /** a workgroup of that size can be such a team where subgroups have `width` lanes */
  readonly serves: (width: number, workgroup: number) => boolean;
  /** defines workgroupSum */
  readonly sum: URL;
  /** defines workgroupMax */
  readonly max: URL;
}

/** Subgroup widths of software drivers. */
const WIDTHS = [4, 8, 16];

/** Sizes of workgroups whose threads need not meet, but follow the plan of those that do. */
export const TEAM_SIZES = [...WIDTHS, 64, 256];

const MEMORY: Team = {
  suffix: '',
  subgroups: false,
  sizes: [64, 256],
  serves: () => true,
  sum: new URL('./workgroup-sum.wgsl', import.meta.url),
  max: new URL('./workgroup-max.wgsl', import.meta.url),
};

const SUBGROUP: Team = {
  suffix: 'Subgroup',
  subgroups: true,
  sizes: WIDTHS,
  serves: (width, workgroup) => workgroup === width,
  sum: new URL('./subgroup-sum.wgsl', import.meta.url),
  max: new URL('./subgroup-max.wgsl', import.meta.url),
};

/** One kernel text for both kinds of team; `of` picks by the size of the workgroup. */
export function perTeam<K>(make: (team: Team) => K): { readonly of: (workgroup: number) => K } {
  const memory = make(MEMORY);
  const subgroup = make(SUBGROUP);
  return { of: (workgroup) => (WIDTHS.includes(workgroup) ? subgroup : memory) };
}

/** The workgroup that is one subgroup, where that is the faster one: on software drivers that have subgroups. */
export function subgroupTeam({ software, subgroupWidth }: Capabilities): number | undefined {
  return software && WIDTHS.includes(subgroupWidth) ? subgroupWidth : undefined;
}

/** Values that a thread loads before it uses the first; software drivers gain nothing from more than one. */
export const UNROLLS = [1, 4];
export const unrollOf = ({ software }: Capabilities): number => (software ? 1 : 4);
/** Workgroups that are one subgroup are those of software drivers. */
export const isUnroll = ({ WG, UNROLL }: { WG: number; UNROLL: number }): boolean => WG >= 64 || UNROLL === 1;
