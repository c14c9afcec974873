import type { AdapterInfo } from '../../engine/index.ts';
import { hasStackedMemory, isCard } from './tile.ts';

/** When 3×3 convolutions are computed by Winograd's algorithm: on shapes alone, so that the same work gives the same bits. */

/** A convolution as a product of matrices, as `MatrixWork` describes it. */
interface Convolution {
  readonly kind: string;
  /** output channels, results of one channel, and terms of one result; of a weight gradient taps of all input channels, and pixels */
  readonly rows: number;
  readonly columns: number;
  readonly terms: number;
  readonly batch: number;
  readonly window?: {
    readonly kernel: readonly number[];
    readonly stride: readonly number[];
    readonly outStride: readonly number[];
    readonly dilation: readonly number[];
  };
}

const isGradient = ({ kind }: Convolution) => kind === 'conv2dWeightGrad';
const inputChannels = (work: Convolution) => (isGradient(work) ? work.columns : work.terms) / 9;
const pixels = (work: Convolution) => (isGradient(work) ? work.terms : work.columns);

/** Fewer channels, or tiles in a weight gradient, and the rounding errors of the transforms stand out from those of the sums. */
const LEAST_CHANNELS = 32;
const LEAST_TILES = 32;

/** Whether the algorithm computes it at all, and about as exactly as a sum of all its terms. */
export function fitsWinograd(work: Convolution): boolean {
  const { window, batch } = work;
  const channels = inputChannels(work);
  if (!window || batch !== 1) return false;
  const enough = isGradient(work) ? pixels(work) >= 16 * LEAST_TILES : channels >= LEAST_CHANNELS;
  const { kernel, stride, outStride, dilation } = window;
  const steps = [...stride, ...outStride, ...dilation.map(Math.abs)];
  return enough && kernel.every((extent) => extent === 3) && steps.every((step) => step === 1);
}

// Nanoseconds of a core under lavapipe with 8 lanes. For a pair of channels and a tile of 16 results: `lanes`, and the
// products; for a channel and a tile: the transforms; for a pair of channels: its weights.
const NS = { lanes: 10.5, product: 3.6, input: 103, output: 93, weights: 100 };
/** Products come in blocks of so many tiles; in a weight gradient, of input channels. */
const BLOCK = 64;
const blocked = (count: number) => Math.ceil(count / BLOCK) * BLOCK;
/** What the model leaves out costs up to a quarter, and a tenth must be gained. */
const GAIN = 1.4;

/** Whether it beats `lanes` on software drivers: products must outweigh the transforms, and tiles the weights. */
export function paysWinograd(work: Convolution): boolean {
  if (!fitsWinograd(work)) return false;
  const { rows } = work;
  const [tiles, channels] = [pixels(work) / 16, inputChannels(work)];
  const cells = isGradient(work) ? tiles * blocked(channels) : blocked(tiles) * channels;
  const products = NS.product * rows * cells;
  const transforms = tiles * (NS.input * channels + NS.output * rows) + NS.weights * rows * channels;
  return NS.lanes * tiles * rows * channels > GAIN * (products + transforms);
}

/** Channels below which transforms of small sums would make up the error, and tiles of matrices stay half empty. */
const LEAST_ON_GPUS = 32;
/** Operations at half of the peak in the time of one byte: 8 to 12 with stacked memory, 14 to 35 on cards since 2018, 20 to 30 on others. */
const FLOPS_PER_BYTE = { stacked: 10, other: 24 };
/** Operations in the time that three more dispatches take. */
const FLOPS_OF_DISPATCHES = { card: 5e8, other: 5e7 };
/** What must be gained by a model that was not measured. */
const GAIN_ON_GPUS = 1.3;

/**
 * Times that it is as fast as the sums of all terms on a GPU, if both reach the same share of the peak and every pass goes
 * to memory; 0 where it is out of the question.
 */
function gainOfWinograd(info: AdapterInfo, work: Convolution): number {
  const { rows } = work;
  const [count, channels] = [pixels(work), inputChannels(work)];
  if (!fitsWinograd(work) || Math.min(rows, channels) < LEAST_ON_GPUS) return 0;
  const tiles = count / 16;
  const pairs = rows * channels;
  const products = 72 * rows * (isGradient(work) ? tiles * blocked(channels) : blocked(tiles) * channels);
  // pictures once; at the 36 points, and those of pairs of channels, once each way
  const bytes = 4 * ((count + 72 * tiles) * (channels + rows) + (72 + 9) * pairs);
  const traffic = bytes * FLOPS_PER_BYTE[hasStackedMemory(info) ? 'stacked' : 'other'];
  return (18 * pairs * count) / (products + traffic + FLOPS_OF_DISPATCHES[isCard(info) ? 'card' : 'other']);
}

/** Whether it beats `tiled` on a GPU. */
export const paysOnGpu = (info: AdapterInfo, work: Convolution) => gainOfWinograd(info, work) > GAIN_ON_GPUS;
