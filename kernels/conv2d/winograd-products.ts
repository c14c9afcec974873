import { type Device, empty, type Tensor } from '../../engine/index.ts';
import { type BlockSize, cutRows } from '../lib/blocks.ts';
import { isCard } from '../lib/tile.ts';
import { type MatrixWork, variantFor } from '../lib/variant.ts';
import { launchMatmul } from '../matmul/launch.ts';
import { type ParamValues, POINTS, productKernel, WG } from './winograd-kernels.ts';

/** How the passes of a device are written and cut. */
export interface Passes {
  /** products on `lanes`, between transforms for software drivers; else as `matmul` multiplies, between those for GPUs */
  readonly onLanes: boolean;
  /** bytes that values of pairs of channels at the 36 points may take */
  readonly pairBytes: number;
  /** bytes that one part of the tiles may take beside so many of pairs: in the convolution, and in the weight gradient */
  readonly tileBytes: (pairBytes: number) => number;
  readonly gradientTileBytes: number;
  /** a part of the tiles, but the last, is a multiple of so many */
  readonly step: number;
}

/** Parts that stay in the caches of a CPU. */
const ON_LANES: Passes = {
  ...{ onLanes: true, pairBytes: 2 ** 25, tileBytes: () => 2 ** 24, gradientTileBytes: 2 ** 25 },
  step: WG,
};

/** Few large parts, for a GPU wants many threads at once and drains between dispatches. Cards have memory of their own for them. */
const CARD_BYTES = 2 ** 28;
const SMALL_BYTES = 2 ** 26;
/** What is read of a row at once: rows start at whole lines of a cache. */
const LINE = 32;

let substitute: number | undefined;
/** Keeps the workspace of GPUs within so many bytes, for tests; `undefined` goes back to the device's own. */
export function limitWorkspace(bytes: number | undefined): void {
  substitute = bytes;
}

/** On lanes where products of matrices are. */
export function passesFor(device: Device): Passes {
  const work: MatrixWork = { kind: 'matmul', rows: 64, columns: 64, terms: 64, batch: POINTS, dtype: 'f32' };
  if (variantFor(device, work).family === 'lanes') return ON_LANES;
  const all = substitute ?? (isCard(device.info) ? CARD_BYTES : SMALL_BYTES);
  const most = device.capabilities.maxBindingBytes;
  const pairBytes = Math.min(0.5625 * all, most);
  return {
    onLanes: false,
    pairBytes,
    tileBytes: (pairs) => Math.min(all - pairs, most),
    gradientTileBytes: all / 2,
    step: LINE,
  };
}

export const floats = (device: Device, ...shape: number[]): Tensor => empty(device, { shape, dtype: 'f32' });

/** Output channels in parts of at most so many rows, so that the workspace of pairs with `inChannels` stays bounded. */
export function channelParts(
  { pairBytes }: Passes,
  outChannels: number,
  inChannels: number,
): { firstChannel: number; rows: number }[] {
  const most = Math.max(16, Math.floor(pairBytes / (4 * POINTS * inChannels) / 16) * 16);
  const count = Math.ceil(outChannels / most);
  const each = Math.ceil(outChannels / count / 16) * 16;
  return Array.from({ length: Math.ceil(outChannels / each) }, (_, part) => {
    const firstChannel = part * each;
    return { firstChannel, rows: Math.ceil(Math.min(each, outChannels - firstChannel) / 8) * 8 };
  });
}

// Relative times of one block of channels, measured on lavapipe with 8 lanes.
const BLOCKS: readonly BlockSize[] = [
  { size: 16, time: 1 },
  { size: 8, time: 0.66 },
];

type Products = Record<'u' | 'v' | 'm', Tensor>;

/** Appends the 36 products m = uᵀ · v on lanes: u [36, terms, rows], v [36, terms, width], m [36, rows, width]. */
export function multiplyOnLanes(tensors: Products, params: ParamValues): void {
  for (const { size, start, end } of cutRows(params.rows, BLOCKS)) {
    productKernel.launch(tensors, { ...params, startRow: start, endRow: end }, { TILE_K: size });
  }
}

/**
 * Appends the 36 products m = uᵀ · v as `matmul` multiplies: u [36, terms, rows], v [36, terms, width], m [36, rows, width];
 * or, with `alongTerms`, m = u · vᵀ of u [36, rows, terms] and v [36, width, terms].
 *
 * @param longest  terms beyond which tiles sum in slots
 */
export function multiply(
  { u, v, m }: Products,
  {
    rows,
    width,
    terms,
    alongTerms,
    longest,
  }: Record<'rows' | 'width' | 'terms', number> & {
    alongTerms: boolean;
    longest?: number;
  },
): void {
  const product = { batch: POINTS, m: rows, n: width, k: terms, leading: [POINTS] };
  launchMatmul(
    { a: u, b: v, y: m },
    { ...product, transposeA: !alongTerms, transposeB: alongTerms, aShared: false, bShared: false },
    { biasByRow: false, activation: 'none', slope: 0 },
    undefined,
    longest,
  );
}
