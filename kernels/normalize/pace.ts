import type { Device, DType } from '../../engine/index.ts';
import { subgroupTeam, type Team } from '../lib/team.ts';
import { isCard } from '../lib/tile.ts';

/** How the threads of a workgroup go over the values of a group, counted in vectors of their lanes. */
export interface Pace {
  readonly workgroup: number;
  /** values that a thread keeps in registers from one pass over its group to the next */
  readonly held: number;
  /** values that a thread loads before it uses the first */
  readonly unroll: number;
}

/** What a group is gone over for; `inputs` are what each place has to be kept of it. */
export interface Work {
  /** vectors of a group, or of the segment of a workgroup */
  readonly vectors: number;
  readonly dtype: DType;
  /** values to keep of each place, in vectors of the storage type; none where there is one pass only */
  readonly kept: number;
}

const HELD = [0, 1, 2, 4, 8, 16] as const;
const UNROLL = [1, 2, 4] as const;
/** Workgroups that only cards are given. */
const LARGE = [512, 1024] as const;

type PaceOf = (device: Device, work: Work) => Pace | undefined;
let substitute: PaceOf | undefined;
/** Goes at another pace where `pace` says one: for tests of what other devices run, and for measurements. */
export function substitutePace(pace: PaceOf | undefined): void {
  substitute = pace;
}

/** The pace of a workgroup that goes over its group twice, or once. */
export function paceOf(device: Device, work: Work): Pace {
  const { vectors } = work;
  const team = subgroupTeam(device.capabilities);
  const plain = { workgroup: team ?? (vectors < 2048 ? 64 : 256), held: 0, unroll: 1 };
  return substitute?.(device, work) ?? (isCard(device.info) ? cardPace(device, work) : plain);
}

/** Registers of four words that a thread has for what it keeps, in workgroups as large as there are. */
const KEPT_REGISTERS = 8;

/** What cards are given: as many threads as there may be, that keep what they have registers for. */
export function cardPace({ capabilities }: Device, { vectors, dtype, kept }: Work): Pace {
  const largest = kept > 0 ? Math.min(1024, capabilities.maxWorkgroupSize) : 256;
  const workgroup = vectors >= 4 * largest ? largest : vectors < 1024 ? 64 : 256;
  const most = kept > 0 ? Math.min((KEPT_REGISTERS * (dtype === 'f16' ? 2 : 1)) / kept, vectors / workgroup) : 0;
  const held = HELD.findLast((count) => count <= most) ?? 0;
  return { workgroup, held, unroll: 4 };
}

/** Keys of a kernel whose workgroups are such teams and keep values. */
export const heldKeys = ({ sizes, subgroups }: Team) => ({
  WG: subgroups ? sizes : [...sizes, ...LARGE],
  HELD,
  UNROLL,
});

/** Of one that goes over values once. */
export const onceKeys = (sizes: readonly number[]) => ({ WG: sizes, UNROLL });

/** Keys at which there is such a pace. */
export const isPace = ({ WG, HELD, UNROLL }: { WG: number; HELD?: number; UNROLL: number }) =>
  WG >= 64 || ((HELD ?? 0) === 0 && UNROLL === 1);

export const fitsPace = ({ maxWorkgroupSize }: { maxWorkgroupSize: number }, { WG }: { WG: number }) =>
  WG <= maxWorkgroupSize;

export const paceKey = ({ workgroup, held, unroll }: Pace) => ({ WG: workgroup, HELD: held, UNROLL: unroll });
export const onceKey = ({ workgroup, unroll }: Pace) => ({ WG: workgroup, UNROLL: unroll });
