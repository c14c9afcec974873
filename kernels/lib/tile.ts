import type { AdapterInfo, Device } from '../../engine/index.ts';

/** A matrix product in numbers: `batch` products of this size. */
export interface TileWork {
  readonly rows: number;
  readonly columns: number;
  readonly terms: number;
  readonly batch: number;
}

/** Rows by columns that a workgroup may own, from small to large. Each is a compilation for every kernel that has it. */
export const TILES = [
  [32, 32],
  [64, 64],
  [64, 128],
  [128, 128],
] as const;

/** The keys of a kernel with tiles; `isTile` says which pairs there are. UNROLL: terms that are written out. */
export const tileKeys = { TILE_M: [32, 64, 128], TILE_N: [32, 64, 128], UNROLL: [1, 16] } as const;
export type TileKey = { readonly [name in keyof typeof tileKeys]: number };
export const isTile = ({ TILE_M, TILE_N }: { TILE_M: number; TILE_N: number }) =>
  TILES.some(([m, n]) => m === TILE_M && n === TILE_N);

let written = false;
/** Writes terms out on software drivers, too: for tests of what GPUs run. */
export function writeTermsOut(everywhere: boolean): void {
  written = everywhere;
}

/** Software drivers gain nothing from terms that are written out, and take twice as long to compile them. */
export function tileKey({ software }: { software: boolean }, [TILE_M, TILE_N]: readonly number[]): TileKey {
  return { TILE_M, TILE_N, UNROLL: software && !written ? 1 : 16 };
}

/** Tiles in workgroup memory and blocks in registers, for kernels with `tileKeys`. */
export const tileWgsl = new URL('./tile.wgsl', import.meta.url);

/** Tiles of m × n that cover the work. */
export const tilesOf = ({ rows, columns, batch }: TileWork, [m, n]: readonly number[]) =>
  Math.ceil(rows / m) * Math.ceil(columns / n) * batch;

/** Workgroups that fill a large GPU: about one on each of its 60 to 150 processors. */
export const FILLING_TILES = 128;
/** And a small one: several on each of its 4 to 16. */
const FILLING_SMALL = 32;

/** What a name tells, found once: launches ask for it, thousands in a step. */
function onceForEach(tell: (info: AdapterInfo) => boolean): (info: AdapterInfo) => boolean {
  const told = new WeakMap<AdapterInfo, boolean>();
  return (info) => {
    let found = told.get(info);
    if (found === undefined) {
      found = tell(info);
      told.set(info, found);
    }
    return found;
  };
}

/**
 * A graphics card with memory of its own, as far as its name tells, in which Dawn writes `nvidia-h200` for NVIDIA H200;
 * browsers give no more than a vendor.
 */
export const isCard = onceForEach(({ vendor, device, description }) => {
  const name = `${device} ${description}`;
  return vendor === 'nvidia' || /radeon\W+(tm\W+)?(rx|pro)\b|instinct|\barc\b.*\b[ab]\d{3}/i.test(name);
});

/** A card for data centres, whose memory is several times as fast for its arithmetic. */
export const hasStackedMemory = onceForEach(({ device, description }) =>
  /instinct|\b(nvidia|tesla)\b.*\bg?[pvahb][1-9]00\b/i.test(`${device} ${description}`),
);

/** Workgroups that fill the device; software drivers, where kernels are tested, work as cards do. */
export function fillingTiles({ info }: Pick<Device, 'info'>): number {
  return info.software || isCard(info) ? FILLING_TILES : FILLING_SMALL;
}

/** Fewest terms that a slot is worth another pass over its results for. */
export const SLOT_TERMS = 512;
/** Partial sums stay below 64 MiB. */
const PARTIAL_VALUES = 1 << 24;

export interface CutTerms {
  readonly tile: readonly number[];
  /** parts that the terms of a sum are cut into; 1: not cut */
  readonly slots: number;
  /** terms in each, a multiple of the tile's step */
  readonly slotTerms: number;
}

/**
 * Cuts long sums into slots where there are too few tiles to fill the device, or where they are longer than `longest`. A
 * slot's sums are stored apart and added in order by a second pass, so two runs give the same bits.
 *
 * @param step     terms that a tile takes at once
 * @param longest  terms of a slot, SLOT_TERMS or more, as far as partial sums stay small
 */
export function cutTerms(
  device: Pick<Device, 'info'>,
  work: TileWork,
  tile: readonly number[],
  { step = 16, longest = Number.POSITIVE_INFINITY }: { step?: number; longest?: number } = {},
): CutTerms {
  const { terms } = work;
  const wanted = Math.max(fillingTiles(device) / tilesOf(work, tile), Math.ceil(terms / longest));
  const slots = Math.floor(Math.min(wanted, terms / SLOT_TERMS, mostSlots(work)));
  if (slots < 2) return { tile, slots: 1, slotTerms: terms };
  const slotTerms = Math.ceil(terms / slots / step) * step;
  return { tile, slots: Math.ceil(terms / slotTerms), slotTerms };
}

/** Threads of a tile's workgroup, as tile.wgsl has them. */
const threadsOf = ([m, n]: readonly number[]) => (m * n) / (m === 32 ? 16 : n === 128 ? 64 : 32);
/**
 * Threads that a processor must run for its arithmetic never to wait; with fewer it is slower in proportion. On an H200 one
 * workgroup of 256 reached 87 % of what several do.
 */
const BUSY_THREADS = 288;
/** Multiply-adds a second of each tile where there are many, of those of the best: on an H200, the smallest guessed. */
const SPEEDS: Readonly<Record<string, number>> = { '32x32': 0.6, '64x64': 0.9, '64x128': 0.98, '128x128': 1 };
/** Storing a partial sum and adding it takes a device as long as this many multiply-adds, in tiles. */
const PARTIAL_TERMS = 48;
/** And a second pass to begin as long as this many on one processor: some microseconds. */
const SECOND_PASS = 5e5;

/**
 * How long a product takes in tiles, in multiply-adds of one processor: rounds of workgroups, and the second pass where sums
 * are in slots.
 */
function timeInTiles(device: Pick<Device, 'info'>, work: TileWork, tile: readonly number[], slots: number): number {
  const processors = fillingTiles(device);
  // elsewhere what counts as a processor is a workgroup's share of one
  const least = isCard(device.info) ? BUSY_THREADS / threadsOf(tile) : 1;
  const rounds = Math.max(Math.ceil((tilesOf(work, tile) * slots) / processors), least);
  const sums = (rounds * tile[0] * tile[1] * Math.ceil(work.terms / slots)) / SPEEDS[tile.join('x')];
  if (slots === 1) return sums;
  return sums + SECOND_PASS + (slots * work.rows * work.columns * work.batch * PARTIAL_TERMS) / processors;
}

/** Terms that a tile takes at once, at most. */
const STEP = 16;
/** Rounds of workgroups that sums are cut for: beyond them slots cost more than they even out. */
const MOST_ROUNDS = 4;

/**
 * Cuts long sums into slots where a product in tiles then takes less time, or where they are longer than `longest`; as
 * `cutTerms` does for other kernels.
 */
export function cutTiles(
  device: Pick<Device, 'info'>,
  work: TileWork,
  tile: readonly number[],
  { longest = Number.POSITIVE_INFINITY }: { longest?: number } = {},
): CutTerms & { readonly time: number } {
  const { terms } = work;
  const processors = fillingTiles(device);
  const most = Math.floor(Math.min(terms / SLOT_TERMS, mostSlots(work)));
  const least = Math.max(1, Math.min(most, Math.ceil(terms / longest)));
  let best = { slots: least, time: timeInTiles(device, work, tile, least) };
  for (let rounds = 1; rounds <= MOST_ROUNDS; rounds++) {
    const slots = Math.min(most, Math.floor((rounds * processors) / tilesOf(work, tile)));
    if (slots <= best.slots) continue;
    const time = timeInTiles(device, work, tile, slots);
    if (time < best.time) best = { slots, time };
  }
  if (best.slots === 1) return { tile, slots: 1, slotTerms: terms, time: best.time };
  const slotTerms = Math.ceil(terms / best.slots / STEP) * STEP;
  return { tile, slots: Math.ceil(terms / slotTerms), slotTerms, time: best.time };
}

/** Slots whose partial sums there is room for. */
export const mostSlots = ({ rows, columns, batch }: Omit<TileWork, 'terms'>) =>
  PARTIAL_VALUES / (rows * columns * batch);
