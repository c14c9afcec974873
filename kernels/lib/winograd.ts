/** When 3×3 convolutions are computed by Winograd's algorithm: on shapes alone, so that the same work gives the same bits. */

/** A convolution as a product of matrices, as `MatrixWork` describes it. */
interface Convolution {
  /** output channels, results of one channel, and terms of one result */
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

const inputChannels = ({ terms }: Convolution) => terms / 9;

/** Fewer channels, and the rounding errors of the transforms stand out from those of the sums. */
const LEAST_CHANNELS = 32;

/** Whether the algorithm computes it at all, and about as exactly as a sum of all its terms. */
export function fitsWinograd(work: Convolution): boolean {
  const { window, batch } = work;
  if (!window || batch !== 1 || inputChannels(work) < LEAST_CHANNELS) return false;
  const { kernel, stride, outStride, dilation } = window;
  const steps = [...stride, ...outStride, ...dilation.map(Math.abs)];
  return kernel.every((extent) => extent === 3) && steps.every((step) => step === 1);
}

// Nanoseconds of a core under lavapipe with 8 lanes. For a pair of channels and a tile of 16 results: `lanes`, and the
// products; for a channel and a tile: the transforms; for a pair of channels: its weights.
const NS = { lanes: 13.4, product: 3.6, input: 103, output: 93, weights: 100 };
/** Products come in blocks of so many tiles. */
const BLOCK = 64;
/** What the model leaves out costs up to a fifth, and a tenth must be gained. */
const GAIN = 1.3;

/** Whether it beats `lanes` on software drivers: products must outweigh the transforms, and tiles the weights. */
export function paysWinograd(work: Convolution): boolean {
  if (!fitsWinograd(work)) return false;
  const tiles = work.columns / 16;
  const products = NS.product * Math.ceil(tiles / BLOCK) * BLOCK;
  const transforms = tiles * (NS.input / work.rows + NS.output / inputChannels(work)) + NS.weights;
  return NS.lanes * tiles > GAIN * (products + transforms);
}
