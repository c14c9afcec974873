/** The state dicts of GauGAN's networks as files have them: names of ports and of old versions, tensors that they lack. */
import { CheckpointError } from '../../engine/errors.ts';
import {
  type DiscriminatorConfig,
  type EncoderConfig,
  type GeneratorConfig,
  parseLayerNorm,
  parseSpadeNorm,
} from './config.ts';
import {
  inferDiscriminatorConfig,
  inferEncoderConfig,
  inferGeneratorConfig,
  inferPix2pixHdConfig,
  isPix2pixHd,
  type Shapes,
} from './infer-config.ts';
import { discriminatorSpecs, encoderSpecs, generatorSpecs, pix2pixHdSpecs, type StateSpec } from './state.ts';

/** The networks of the release, trained on COCO-Stuff: what a file is held against that shows nothing of its own. */
const COCO: GeneratorConfig = {
  ...{ ngf: 64, cropSize: 256, aspectRatio: 1, upsampling: 'normal', useVae: false, zDim: 256, semanticNc: 184 },
  ...{ norm: parseSpadeNorm('spectralspadesyncbatch3x3'), hidden: 128, flavour: 'pytorch' },
};
const ENCODER: EncoderConfig = { ngf: 64, norm: parseLayerNorm('spectralinstance'), zDim: 256, flavour: 'pytorch' };
const DISCRIMINATOR: DiscriminatorConfig = {
  ...{ ndf: 64, numD: 2, layers: 4, inputNc: 187, norm: parseLayerNorm('spectralinstance') },
  ...{ features: true, flavour: 'pytorch' },
};

export type GauganNet = 'G' | 'E' | 'D';

/**
 * The entries that a network must have, by what the file shows of its configuration.
 *
 * @param tensors  of the file, under the release's names; a file that is of no such network meets the published one
 */
export function stateSpecs(net: GauganNet, tensors: Shapes): StateSpec[] {
  switch (net) {
    case 'G':
      return orElse(() => ownGenerator(tensors), generatorSpecs(COCO));
    case 'E':
      return orElse(() => encoderSpecs(inferEncoderConfig(tensors)), encoderSpecs(ENCODER));
    case 'D':
      return orElse(() => discriminatorSpecs(inferDiscriminatorConfig(tensors)), discriminatorSpecs(DISCRIMINATOR));
  }
}

const ownGenerator = (tensors: Shapes): StateSpec[] =>
  isPix2pixHd(tensors) ? pix2pixHdSpecs(inferPix2pixHdConfig(tensors)) : generatorSpecs(inferGeneratorConfig(tensors));

function orElse(own: () => StateSpec[], published: StateSpec[]): StateSpec[] {
  try {
    return own();
  } catch (error) {
    if (error instanceof CheckpointError) return published;
    throw error;
  }
}

/**
 * The release's name for a tensor; null for what nobody needs. Jittor's Sequential is a level of its own; PyTorch before
 * 0.4.1 stores a spectrally normalised weight beside the one that it is made of.
 */
export function releaseName(key: string, tensors: { has(key: string): boolean }): string | null {
  if (key.endsWith('.weight') && tensors.has(`${key}_orig`)) return null;
  return key.replace(/(^|\.)sequential(?=\.)/g, '').replace(/^\./, '');
}

/** A tensor that old files and ports lack, and what it is made of. */
export interface Derived {
  /** names of the tensors that `make` is given, in this order */
  readonly from: readonly string[];
  make(values: readonly Float32Array[], shapes: readonly (readonly number[])[]): Float32Array;
}

/** How to make a tensor that a file lacks; undefined for those that cannot be made. */
export function derivedTensor(key: string): Derived | undefined {
  if (key.endsWith('.num_batches_tracked')) return { from: [], make: () => new Float32Array(1) };
  if (!key.endsWith('.weight_v')) return undefined;
  const name = key.slice(0, -'_v'.length);
  return { from: [`${name}_orig`, `${name}_u`], make: ([weight, u], [shape]) => rightVector(weight, shape, u) };
}

/**
 * The vector that belongs to a stored u: v = Mᵀu / ‖Mᵀu‖, half a power iteration, after which σ = uᵀMv = ‖Mᵀu‖ lies between
 * the σ of the last training step and the largest singular value; for a trained network all three agree. M is the weight
 * [O, I·k·k]; of a transposed convolution [I, O, k, k] its output channels come first.
 *
 * @see Miyato et al. 2018, arXiv:1802.05957, algorithm 1
 */
function rightVector(weight: Float32Array, shape: readonly number[], u: Float32Array): Float32Array {
  return Float32Array.from(unit(matrixOver(weight, shape, u.length).transposedTimes(u)));
}

/** σ moves by less than this in the last of the iterations, relative to itself. */
const SETTLED = 1e-6;
const MOST_ITERATIONS = 100;

/**
 * The singular vectors of a spectrally normalised weight, by power iterations until σ stands still; a network that was
 * trained to the end has them so.
 *
 * @param weight  [O, I, k, k]; of a transposed convolution [I, O, k, k]
 * @param u       [O], where to begin
 * @see Miyato et al. 2018, arXiv:1802.05957, algorithm 1
 */
export function spectralVectors(
  weight: Float32Array,
  shape: readonly number[],
  u: Float32Array,
): { u: Float32Array; v: Float32Array } {
  const matrix = matrixOver(weight, shape, u.length);
  let left: ArrayLike<number> = u;
  let right = unit(matrix.transposedTimes(left));
  for (let i = 0, sigma = 0; i < MOST_ITERATIONS; i++) {
    const image = matrix.times(right);
    const before = sigma;
    sigma = norm(image);
    left = unit(image);
    right = unit(matrix.transposedTimes(left));
    if (Math.abs(sigma - before) <= SETTLED * sigma) break;
  }
  return { u: Float32Array.from(left), v: Float32Array.from(right) };
}

const norm = (x: Float64Array): number => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));

function unit(x: Float64Array): Float64Array {
  const length = Math.max(norm(x), 1e-12);
  return x.map((value) => value / length);
}

/** A weight as the matrix M [rows, columns] of its spectral norm, in float64. */
function matrixOver(weight: Float32Array, shape: readonly number[], u: number) {
  const [rows, columns] = matrixOf(shape, u);
  const area = shape.slice(2).reduce((product, extent) => product * extent, 1);
  const transposed = rows !== shape[0];
  const at = (row: number, c: number) =>
    transposed ? (Math.floor(c / area) * rows + row) * area + (c % area) : row * columns + c;
  return {
    times(x: ArrayLike<number>): Float64Array {
      const y = new Float64Array(rows);
      for (let row = 0; row < rows; row++) {
        let sum = 0;
        for (let c = 0; c < columns; c++) sum += weight[at(row, c)] * x[c];
        y[row] = sum;
      }
      return y;
    },
    transposedTimes(x: ArrayLike<number>): Float64Array {
      const y = new Float64Array(columns);
      for (let row = 0; row < rows; row++) for (let c = 0; c < columns; c++) y[c] += weight[at(row, c)] * x[row];
      return y;
    },
  };
}

function matrixOf(shape: readonly number[], rows: number): [number, number] {
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (rows === shape[0] || rows === shape[1]) return [rows, size / rows];
  throw new CheckpointError(
    `spectral norm: expected a vector u of ${shape[0]} numbers for a weight [${shape}], got ${rows}. ` +
      'The file is damaged, or of another network.',
  );
}
