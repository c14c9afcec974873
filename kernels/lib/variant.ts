import type { Capabilities, Device, DType } from '../../engine/index.ts';
import { MATRIX_TILES, matrixUnitFor, servesTile } from './matrix-unit.ts';
import { cutTerms, cutTiles, FILLING_TILES, fillingTiles, isCard, TILES, tilesOf } from './tile.ts';
import measured from './variants.json' with { type: 'json' };
import { fitsWinograd, paysOnGpu, paysWinograd } from './winograd.ts';

/** A variant that there is not was asked for. */
export class VariantError extends Error {
  override name = 'VariantError';
}

/** Kinds of matrix-like work that have several variants. */
export const KINDS = ['matmul', 'conv2d', 'conv2dWeightGrad'] as const;
export type Kind = (typeof KINDS)[number];

/** Work as a product of matrices: what a variant is chosen for. */
export interface MatrixWork {
  readonly kind: Kind;
  /** rows share what is loaded of the columns: output channels of a group, where there are channels */
  readonly rows: number;
  readonly columns: number;
  /** length of the sums */
  readonly terms: number;
  /** independent products of this size: items of a batch, groups, phases */
  readonly batch: number;
  /** storage type of what is multiplied, where both sides have the same */
  readonly dtype?: DType | undefined;
  /** of convolutions */
  readonly window?: WorkWindow | undefined;
}

/** Kernel, steps and distances of taps; a step below 0 walks the weight backwards. Transposed ones have outStride. */
export interface WorkWindow {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly outStride: readonly [number, number];
  readonly dilation: readonly [number, number];
}

/**
 * A way to compute: a family, which is an algorithm, and the tile that a workgroup owns where the family has several.
 * Its name is `FAMILY` or `FAMILY:TILE`; a family with tiles may be named alone, and then chooses the tile by the shape.
 *
 * `lanes` share values through subgroup shuffles (fastest on software drivers), `tiled` through workgroup memory (for
 * GPUs), `direct` not at all (small groups of channels, and anything else); `strips` keep a few output channels of
 * neighbouring pixels in registers (for GPUs); `matrix` multiplies on matrix units. `winograd` computes 3×3 convolutions
 * with a quarter of the products.
 */
export interface Variant {
  readonly name: string;
  readonly family: string;
  /** rows by columns */
  readonly tile: readonly number[];
  readonly kinds: readonly Kind[];
  /** whether the device can run it, for this work where there is one */
  readonly runs: (capabilities: Capabilities, work?: MatrixWork) => boolean;
}

function variant(name: string, rule: Partial<Pick<Variant, 'kinds' | 'runs'>> = {}): Variant {
  const [family, tile = ''] = name.split(':');
  const sides = tile === '' ? [] : tile.split('x').map(Number);
  return { kinds: KINDS, runs: () => true, ...rule, name, family, tile: sides };
}

/** Every variant there is. A new one takes a line here and a branch where its kinds of work are launched. */
export const VARIANTS: readonly Variant[] = [
  variant('lanes', { runs: ({ subgroupWidth }) => subgroupWidth >= 4 }),
  ...TILES.map(([m, n]) => variant(`tiled:${m}x${n}`)),
  ...MATRIX_TILES.map((tile) =>
    variant(`matrix:${tile}x${tile}`, {
      runs: (capabilities, work) => {
        const unit = matrixUnitFor(capabilities, work?.dtype);
        return unit !== undefined && servesTile(unit, tile, capabilities);
      },
    }),
  ),
  variant('direct'),
  variant('strips', {
    kinds: ['conv2d', 'conv2dWeightGrad'],
    runs: (_, work) => work === undefined || work.kind === 'conv2d' || isThreeByThree(work),
  }),
  variant('winograd', {
    kinds: ['conv2d', 'conv2dWeightGrad'],
    runs: (_, work) => work === undefined || fitsWinograd(work),
  }),
];

const FAMILIES = [...new Set(VARIANTS.map(({ family }) => family))];

/** What `bench --tune` found on one class of devices: variants by class of shape, where they are not the default. */
export interface MeasuredVariants {
  readonly adapter: string;
  readonly dawn: string;
  readonly date: string;
  readonly commit: string;
  readonly variants: Readonly<Record<string, string>>;
}

let table: Readonly<Record<string, MeasuredVariants>> = measured;
/** Chooses by another table, for tests; `undefined` goes back to the measured one. */
export function useVariants(other: Readonly<Record<string, MeasuredVariants>> | undefined): void {
  table = other ?? measured;
}

/** Names by kind of work that are used wherever device and shape allow. */
export type Choice = Readonly<Partial<Record<Kind, string>>>;

/**
 * Reads `NAME` for every kind of work, or `KIND=NAME,KIND=NAME`.
 *
 * @throws VariantError for a kind or a name that there is not
 */
export function parseChoice(text: string): Choice {
  const choice: Partial<Record<Kind, string>> = {};
  for (const part of text.split(',').map((one) => one.trim())) {
    if (part === '') continue;
    const [kind, name] = part.includes('=') ? part.split('=') : [undefined, part];
    const kinds = KINDS.filter((one) => kind === undefined || one === kind);
    const known = VARIANTS.filter((one) => one.name === name || one.family === name);
    if (kinds.length === 0 || known.length === 0) {
      throw new VariantError(
        `MIAOBI_KERNELS=${text}: expected a variant of kernels, or KIND=VARIANT with commas between, got "${part}".\n` +
          `  variants  ${[...FAMILIES, ...VARIANTS.map((one) => one.name).filter((one) => one.includes(':'))].join(', ')}\n` +
          `  kinds     ${KINDS.join(', ')}`,
      );
    }
    for (const one of kinds) choice[one] = name;
  }
  return choice;
}

let forced: Choice = {};
/**
 * Makes kernels use what `parseChoice` reads, where device and shape allow, before the device's own choice and the table;
 * for tests and benches. `undefined` goes back to choosing.
 */
export function forceVariants(choice: string | undefined): void {
  forced = choice === undefined ? {} : parseChoice(choice);
}

/** What a choice needs to know of a device. */
export type ChosenFor = Pick<Device, 'capabilities' | 'info'> & Partial<Pick<Device, 'kernels'>>;

const choices = new Map<string, Choice>();
function choiceOf({ kernels }: ChosenFor): Choice {
  if (!kernels) return {};
  let choice = choices.get(kernels);
  if (!choice) {
    choice = parseChoice(kernels);
    choices.set(kernels, choice);
  }
  return choice;
}

/** Devices that one choice serves: of one vendor, with subgroups of one width. */
export function deviceClass({ info, capabilities: { software, subgroupWidth } }: ChosenFor): string {
  return `${info.vendor || 'unknown'}${software ? ' software' : ''}, ${subgroupWidth === 0 ? 'no fixed subgroup' : `subgroups of ${subgroupWidth}`}`;
}

/** A sum of this length is worth cutting where there are too few tiles. */
const LONG_SUM = 1024;

/**
 * Shapes that one choice serves: the storage type, where floats beside halves count as halves; whether there are rows
 * enough to share what is loaded, and columns; whether a tile of 64 × 64 would be full; whether there are enough of those
 * to fill a GPU, and even of 128 × 128, and if not, whether sums are long.
 */
export function shapeClass(work: MatrixWork): string {
  const { rows, columns, terms } = work;
  const kind = work.dtype === 'f32' ? work.kind : `${work.kind} f16`;
  const sides = `${kind}, ${rows < 8 ? 'below 8' : '8 or more'} rows, ${columns <= 4 ? 'up to 4' : 'over 4'} columns`;
  if (rows < 8 || columns <= 4) return sides;
  const narrow = `${kind}, ${Math.min(rows, columns) < 64 ? 'narrow' : 'wide'}`;
  if (tilesOf(work, [128, 128]) >= FILLING_TILES) return `${narrow}, many tiles`;
  if (tilesOf(work, [64, 64]) >= FILLING_TILES) return `${narrow}, enough tiles`;
  return `${narrow}, few tiles, sums ${terms < LONG_SUM ? 'below' : 'of'} ${LONG_SUM}${terms < LONG_SUM ? '' : ' or more'}`;
}

/** A matrix unit's side: below it most of what the unit computes is thrown away. */
const LEAST_ON_UNITS = 16;

/** Input channels of a convolution, which is what its steps on matrix units are made of. */
function channelsOf({ kind, terms, window }: MatrixWork): number | undefined {
  if (kind !== 'conv2d' || !window) return undefined;
  const [taps, phases] = [window.kernel, window.outStride].map(([y, x]) => y * x);
  return (terms * phases) / taps;
}

/**
 * Time of a term of a tile on matrix units, by its side, where many tiles keep a processor busy. A small tile has a quarter of
 * the results and loads its operands twice as often: 212 and 133 TFLOP/s on an H200.
 */
const TERM_TIME: Readonly<Record<number, number>> = { 64: 0.4, 128: 1 };

/** Relative time of work in tiles of this side: processors take turns until all tiles are done, sums cut into slots included. */
function timeOnUnits(device: ChosenFor, work: MatrixWork, side: number): number {
  const { slots } = cutTerms(device, work, [side, side]);
  const turns = Math.ceil((tilesOf(work, [side, side]) * slots) / fillingTiles(device));
  return (turns * work.terms * TERM_TIME[side]) / slots;
}

/** On matrix units, where the device has some for the dtype and the shape is large enough, in the tile that takes less time. */
function onUnits(device: ChosenFor, work: MatrixWork): Variant | undefined {
  if (device.capabilities.software) return undefined; // lavapipe has some, a quarter as fast as lanes
  if (Math.min(work.rows, work.columns, channelsOf(work) ?? work.terms) < LEAST_ON_UNITS) return undefined;
  const suits = timeOnUnits(device, work, 128) <= timeOnUnits(device, work, 64);
  return (suits ? named('matrix:128x128', device, work) : undefined) ?? named('matrix', device, work);
}

/**
 * Whether tiles suit a device without fast lanes: rows enough to share columns; or, on GPUs, a product with sums that many
 * threads together, and slots, should walk along rather than one thread a result.
 */
function suitsTiles({ software }: Capabilities, { kind, rows, terms }: MatrixWork): boolean {
  return rows >= 8 || (!software && kind === 'matmul' && terms >= 64);
}

const isThreeByThree = ({ window }: MatrixWork) => window?.kernel[0] === 3 && window.kernel[1] === 3;

/** Sums of a convolution that a tile would hardly begin: 64 inputs and the taps of few channels. */
const SHORT_SUM = 64;
/** Sums and products that strips keep up with tiles in, where half of a tile's rows are empty. */
const STRIPS_SUM = 1024;

/**
 * Whether strips suit a GPU: with rows below 8 most of a tile would be empty, and short sums are bound by memory, as
 * weight gradients of few channels are. Up to 16 rows, where kernels are three wide, they take half a tile's time, of floats
 * as measured; units would compute 64 rows of halves. Rows of a single channel, in groups, share nothing.
 */
function suitsStrips({ software }: Capabilities, work: MatrixWork): boolean {
  const { kind, rows, columns, terms, batch, window } = work;
  if (software || kind === 'matmul' || (rows === 1 && batch > 1 && terms < SHORT_SUM)) return false;
  const half = rows <= 16;
  if (kind === 'conv2d') {
    return (
      rows < 8 || (window?.kernel[1] === 3 && (terms < SHORT_SUM || (half && terms <= STRIPS_SUM && isDense(window))))
    );
  }
  return isThreeByThree(work) && (rows < 8 || rows * columns <= 1024 || (half && columns <= STRIPS_SUM));
}

/** Whether a window moves by single pixels, and its taps are neighbours. */
const isDense = ({ stride, outStride, dilation }: WorkWindow) =>
  stride[1] === 1 && outStride[1] === 1 && Math.abs(dilation[1]) === 1;

/** The variant where nothing was measured. */
export function defaultVariant(device: ChosenFor, work: MatrixWork): Variant {
  if (suitsStrips(device.capabilities, work)) return variantNamed('strips');
  const { capabilities } = device;
  const onLanes = paysWinograd(work) ? 'winograd' : 'lanes';
  const onTiles = suitsTiles(capabilities, work) ? 'tiled' : 'direct';
  const fewer = !capabilities.software && work.dtype === 'f32' && paysOnGpu(device.info, work);
  const onOthers = fewer ? 'winograd' : onTiles;
  const others = capabilities.software && capabilities.subgroupWidth >= 4 ? onLanes : onOthers;
  return onUnits(device, work) ?? named(others, device, work) ?? variantNamed('direct');
}

/**
 * The tile in which the work takes the least time, sums in slots included. Tiles above 64 × 64 are for cards, where registers
 * are many.
 */
export function defaultTile(device: ChosenFor, work: MatrixWork): readonly number[] {
  const [smallest] = TILES;
  if (device.capabilities.software) return smallest;
  const tiles = isCard(device.info) ? TILES : TILES.slice(0, 2);
  const times = tiles.map((tile) => cutTiles(device, work, tile).time);
  return tiles[times.indexOf(Math.min(...times))];
}

type Watcher = (variant: Variant, work: MatrixWork) => void;
let watcher: Watcher | undefined;
/** Calls `fn` with every variant that is chosen, for tests; `undefined` ends that. */
export function watchVariants(fn: Watcher | undefined): void {
  watcher = fn;
}

/**
 * The variant for a device and a shape: what was asked for, that which was measured to be the fastest, or the default,
 * the first that can run.
 */
export function variantFor(device: ChosenFor, work: MatrixWork): Variant {
  const wanted = [
    forced[work.kind],
    choiceOf(device)[work.kind],
    table[deviceClass(device)]?.variants[shapeClass(work)],
  ];
  let chosen: Variant | undefined;
  for (const name of wanted) {
    if (name !== undefined) chosen ??= named(name, device, work);
  }
  chosen ??= defaultVariant(device, work);
  watcher?.(chosen, work);
  return chosen;
}

/** The variant of this name, of the tile that suits where it is a family's; undefined where it cannot run. */
function named(name: string, device: ChosenFor, work: MatrixWork): Variant | undefined {
  const able = variantsOn(device, work.kind, work);
  if (name === 'tiled') return able.find((one) => one.name === `tiled:${defaultTile(device, work).join('x')}`);
  return able.find((one) => one.name === name) ?? able.find((one) => one.family === name);
}

function variantNamed(name: string): Variant {
  return VARIANTS.find((one) => one.name === name) as Variant;
}

/** Variants that a device can run for a kind of work. */
export function variantsOn({ capabilities }: ChosenFor, kind: Kind, work?: MatrixWork): readonly Variant[] {
  return VARIANTS.filter(({ kinds, runs }) => kinds.includes(kind) && runs(capabilities, work));
}
