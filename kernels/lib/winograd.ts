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
/** What the model leaves out costs up to a quarter, and a tenth must be gained. */
const GAIN = 1.4;

/** Whether it beats `lanes` on software drivers: products must outweigh the transforms, and tiles the weights. */
export function paysWinograd(work: Convolution): boolean {
  if (!fitsWinograd(work)) return false;
  const { rows } = work;
  const [tiles, channels] = [pixels(work) / 16, inputChannels(work)];
  const blocked = (count: number) => Math.ceil(count / BLOCK) * BLOCK;
  const cells = isGradient(work) ? tiles * blocked(channels) : blocked(tiles) * channels;
  const products = NS.product * rows * cells;
  const transforms = tiles * (NS.input * channels + NS.output * rows) + NS.weights * rows * channels;
  return NS.lanes * tiles * rows * channels > GAIN * (products + transforms);
}
