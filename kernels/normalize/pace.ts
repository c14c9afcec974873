import type { Capabilities, Device, DType } from '../../engine/index.ts';
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

const HELD = [0, 1, 2, 4, 8] as const;
const UNROLL = [1, 2, 4] as const;
/** A workgroup that only cards are given. */
const LARGE = 1024;

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

/**
 * Vectors of four f32 that a thread keeps in registers, in workgroups as large as there are. Of halves it keeps as many of each
 * input: with sixteen it kept all of a plane of 256², and its processor only read or only wrote: 134 us for 64M values.
 */
const KEPT = 8;
/** And that it has on their way. */
const LOADED = 4;

/** What cards are given: as many threads as there may be, that keep what they have registers for. */
export function cardPace(
  { capabilities }: { readonly capabilities: Pick<Capabilities, 'maxWorkgroupSize'> },
  work: Work,
): Pace {
  const { vectors, dtype, inputs, beside = 0, again } = work;
  const largest = again ? Math.min(LARGE, capabilities.maxWorkgroupSize) : 256;
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
  WG: subgroups ? sizes : [...sizes, LARGE],
  HELD,
  UNROLL,
});

/** Of one that goes over values once. */
export const onceKeys = (sizes: readonly number[]) => ({ WG: sizes, UNROLL });

/** Whether a kernel that reads so much of each place may be launched with a key: at a plain pace, or at one of a card's. */
export function isPace(key: { WG: number; HELD?: number; UNROLL: number }, reads: Omit<Reads, 'dtype'>): boolean {
  const { WG, HELD: held = 0, UNROLL: unroll } = key;
  if (held === 0 && unroll === 1) return WG <= 256;
  const again = key.HELD !== undefined;
  const paces = (['f32', 'f16'] as const).flatMap((dtype) =>
    [256, LARGE].flatMap((maxWorkgroupSize) =>
      GROUPS.map((vectors) => cardPace({ capabilities: { maxWorkgroupSize } }, { ...reads, dtype, vectors, again })),
    ),
  );
  return paces.some((pace) => pace.workgroup === WG && pace.held === held && pace.unroll === unroll);
}

/** Vectors of groups of every size that a card's pace tells apart. */
const GROUPS = Array.from({ length: 20 }, (_, k) => 2 ** k);

export const fitsPace = ({ maxWorkgroupSize }: { maxWorkgroupSize: number }, { WG }: { WG: number }) =>
  WG <= maxWorkgroupSize;

export const paceKey = ({ workgroup, held, unroll }: Pace) => ({ WG: workgroup, HELD: held, UNROLL: unroll });
export const onceKey = ({ workgroup, unroll }: Pace) => ({ WG: workgroup, UNROLL: unroll });
