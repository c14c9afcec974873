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

/** What is read of each place of a group. */
export interface Reads {
  readonly dtype: DType;
  /** vectors: of the input alone, or of all that a gradient comes from */
  readonly inputs: 1 | 2 | 3;
  /** vectors that only the second pass reads */
  readonly beside?: number;
}

/** What a workgroup goes over. */
export interface Work extends Reads {
  /** vectors of a group, or of the segment of a workgroup */
  readonly vectors: number;
  /** it goes over them a second time, and may have kept some */
  readonly again: boolean;
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

/** Vectors of four f32 that a thread keeps in registers, in workgroups as large as there are. */
const KEPT = 8;
/** And that it has on their way. */
const LOADED = 4;

/** What cards are given: as many threads as there may be, that keep what they have registers for. */
export function cardPace({ capabilities }: Pick<Device, 'capabilities'>, work: Work): Pace {
  const { vectors, dtype, inputs, beside = 0, again } = work;
  const largest = again ? Math.min(1024, capabilities.maxWorkgroupSize) : 256;
  const workgroup = vectors >= 4 * largest ? largest : vectors < 1024 ? 64 : 256;
  const halves = dtype === 'f16' ? 2 : 1;
  // threads that keep halves while they wait for others are too few: SPADE of 64M of them took 190 us, not 156
  const keeps = again && !(beside > 0 && dtype === 'f16');
  const registers = KEPT / (beside > 0 ? 2 : 1);
  const kept = keeps ? Math.min((registers * halves) / inputs, vectors / workgroup) : 0;
  const held = HELD.findLast((count) => count <= kept) ?? 0;
  const loaded = (LOADED * halves) / (keeps ? inputs + beside : inputs);
  return { workgroup, held, unroll: UNROLL.findLast((count) => count <= Math.max(2, loaded)) ?? 1 };
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
