import type { Capabilities, DType, StorageTypes } from '../../engine/index.ts';

/** A matrix unit: it multiplies [M, K] by [K, N] operands and sums in f32. */
export interface MatrixUnit {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** type of the operands */
  readonly operands: 'f16' | 'f32';
  /** in plain arithmetic, for tests: no device is asked for it */
  readonly emulated: boolean;
}

interface UnitSize {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** lanes of the subgroups that have it */
  readonly widths: readonly number[];
}

/** Units that kernels are written for: Apple's (and, with 8 lanes, lavapipe's), Intel's, NVIDIA's (with 64 lanes, AMD's). */
const UNIT_SIZES: readonly UnitSize[] = [
  { M: 8, N: 8, K: 8, widths: [8, 32] },
  { M: 8, N: 16, K: 16, widths: [16, 32] },
  { M: 16, N: 16, K: 16, widths: [32, 64] },
];

/** Results a workgroup owns along either side. */
export const MATRIX_TILES = [64, 128] as const;

let substitute: MatrixUnit | undefined;
/**
 * Makes every device with subgroups of 8 lanes or more seem to have this unit and no other, for tests; `undefined` goes back
 * to the device's own.
 */
export function useMatrixUnit(unit: MatrixUnit | undefined): void {
  substitute = unit;
}

/**
 * The device's unit for tensors of one dtype; undefined where none fits. Halves are multiplied as halves, or as floats
 * where the device sums products of halves in halves; floats as floats alone, so that nothing is lost on the way. Floats
 * beside halves, no dtype: rounded to halves, as automatic mixed precision has them, or as floats where there are no units of
 * halves. Larger units come first.
 */
export function matrixUnitFor(capabilities: Capabilities, dtype: DType | undefined): MatrixUnit | undefined {
  const units = substitute
    ? [substitute].filter(() => capabilities.subgroupWidth >= 8)
    : capabilities.subgroupMatrix.flatMap((one) => unitOf(one, capabilities));
  const fitting = units.filter(({ operands }) => operands === 'f32' || dtype !== 'f32');
  const first = dtype === 'f32' ? 'f32' : 'f16';
  return fitting.sort((a, b) => rankOf(b, first) - rankOf(a, first))[0];
}

const rankOf = ({ operands, M, N, K }: MatrixUnit, first: MatrixUnit['operands']) =>
  (operands === first ? 1e6 : 0) + M * N * K;

function unitOf(config: Capabilities['subgroupMatrix'][number], { f16, subgroupWidth }: Capabilities): MatrixUnit[] {
  const { componentType, resultComponentType, M, N, K } = config;
  // where the width varies and cannot be asked for, it is 0: nobody knows how many subgroups a workgroup has
  if (resultComponentType !== 'f32' || !sizeOf(M, N, K)?.widths.includes(subgroupWidth)) return [];
  if (componentType === 'f32') return [{ operands: 'f32', M, N, K, emulated: false }];
  return componentType === 'f16' && f16 ? [{ operands: 'f16', M, N, K, emulated: false }] : [];
}

const sizeOf = (m: number, n: number, k: number) => UNIT_SIZES.find(({ M, N, K }) => M === m && N === n && K === k);

/**
 * How a tile is shared out on a device, as matrix-tile.wgsl has it: threads of a workgroup, terms of a step, packs of either
 * operand that a thread brings at each step.
 */
function shareOf({ UNIT_M, UNIT_N, TILE, DEEP }: UnitKey, operands: 'f16' | 'f32', width: number) {
  const units = (side: number) => Math.min(4, TILE / 2 / side);
  const blocks = (TILE / (units(UNIT_M) * UNIT_M)) * (TILE / (units(UNIT_N) * UNIT_N));
  const bytes = (TILE === 128 ? 32 : 64) << DEEP;
  const threads = blocks * width;
  return { threads, step: bytes / (operands === 'f16' ? 2 : 4), packs: (TILE * bytes) / 16 / threads };
}

/** Whether a workgroup may own the tile: a step must hold a unit's terms, and threads be neither too many nor too few. */
function fits(key: UnitKey, operands: 'f16' | 'f32', width: number): boolean {
  const { threads, step, packs } = shareOf(key, operands, width);
  return key.UNIT_K <= step && threads <= 256 && packs >= 1 && packs <= 8;
}

/** Lanes that emulated units take for a subgroup, whatever the device has. */
const EMULATED_WIDTH = 32;
/** Workgroup memory of a tile with deep steps: more than WebGPU's default. */
const DEEP_BYTES = 20480;

/** Whether workgroups on this device can own a tile of this side. */
export function servesTile(unit: MatrixUnit, tile: number, capabilities: Capabilities): boolean {
  return fits(
    unitKey(unit, tile, capabilities),
    unit.operands,
    unit.emulated ? EMULATED_WIDTH : capabilities.subgroupWidth,
  );
}

/** Terms that a workgroup of this tile brings at a step. */
export function stepOf(unit: MatrixUnit, tile: number, capabilities: Capabilities): number {
  return shareOf(unitKey(unit, tile, capabilities), unit.operands, EMULATED_WIDTH).step;
}

/** Neighbours that are brought at once: 16 bytes of them. */
export const packOf = ({ operands }: Pick<MatrixUnit, 'operands'>) => (operands === 'f16' ? 8 : 4);

/** What a kernel on matrix units adds to its definition. */
export interface UnitDefinition {
  readonly operands: 'f16' | 'f32';
  /** ends the kernel's name */
  readonly suffix: string;
  readonly lib: readonly URL[];
  readonly keys: typeof UNIT_KEYS;
  readonly valid: (key: UnitKey) => boolean;
  readonly widths: (width: number, key: UnitKey) => boolean;
  readonly needs: (capabilities: Capabilities, key: UnitKey) => boolean;
  readonly storage: (types: StorageTypes) => boolean;
  readonly subgroups: true;
  readonly subgroupMatrix: boolean;
}

/** DEEP: steps are twice as long, for devices with more workgroup memory than WebGPU's default. */
const UNIT_KEYS = { TILE: MATRIX_TILES, DEEP: [0, 1], UNIT_M: [8, 16], UNIT_N: [8, 16], UNIT_K: [8, 16] } as const;
export type UnitKey = { readonly [name in keyof typeof UNIT_KEYS]: number };

const HALF = new URL('./matrix-half.wgsl', import.meta.url);
const FULL = new URL('./matrix-full.wgsl', import.meta.url);
const EMULATED = new URL('./matrix-emulated.wgsl', import.meta.url);
const NATIVE = new URL('./matrix-native.wgsl', import.meta.url);
const TILE_TEXT = new URL('./matrix-tile.wgsl', import.meta.url);

/** One kernel text over the names of matrix-native.wgsl, as kernels of both types of operands, native and emulated. */
export function perUnit<K>(make: (definition: UnitDefinition) => K): (unit: MatrixUnit) => K {
  const of = (operands: 'f16' | 'f32', emulated: boolean) =>
    make({
      operands,
      suffix: `${operands === 'f16' ? '.half' : '.full'}${emulated ? '.emulated' : ''}`,
      lib: [operands === 'f16' ? HALF : FULL, emulated ? EMULATED : NATIVE, TILE_TEXT],
      keys: UNIT_KEYS,
      valid: (key) =>
        sizeOf(key.UNIT_M, key.UNIT_N, key.UNIT_K) !== undefined && key.DEEP <= (operands === 'f16' ? 1 : 0),
      // any width can be emulated; that of the software driver is what is tested
      widths: (width, key) =>
        emulated
          ? width === 8 && fits(key, operands, EMULATED_WIDTH)
          : sizeOf(key.UNIT_M, key.UNIT_N, key.UNIT_K)?.widths.includes(width) === true && fits(key, operands, width),
      needs: ({ maxWorkgroupBytes }, { DEEP }) => DEEP === 0 || maxWorkgroupBytes >= DEEP_BYTES,
      storage: ({ T, U }) => operands === 'f32' || (T === 'f16' && U === 'f16'),
      subgroups: true,
      subgroupMatrix: !emulated,
    });
  const kernels = {
    f16: { native: of('f16', false), emulated: of('f16', true) },
    f32: { native: of('f32', false), emulated: of('f32', true) },
  };
  return ({ operands, emulated }) => kernels[operands][emulated ? 'emulated' : 'native'];
}

export function unitKey({ M, N, K, operands }: MatrixUnit, tile: number, { maxWorkgroupBytes }: Capabilities): UnitKey {
  const DEEP = operands === 'f16' && maxWorkgroupBytes >= DEEP_BYTES ? 1 : 0;
  return { TILE: tile, DEEP, UNIT_M: M, UNIT_N: N, UNIT_K: K };
}
