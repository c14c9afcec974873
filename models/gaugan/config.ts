import { ShapeError } from '../../engine/index.ts';

/** What a `norm_G` such as `spectralspadesyncbatch3x3` says. */
export interface SpadeNorm {
  readonly spectral: boolean;
  /** the parameter-free normalisation; `syncbatch` is batch on one device */
  readonly kind: 'batch' | 'instance';
  /** side of the three convolutions' kernels */
  readonly kernel: number;
  /** whether a batch norm counts its training passes; the release's synchronised one never does */
  readonly counted: boolean;
}

/** What a `norm_D`, `norm_E`, or the `norm_G` of pix2pixHD says: `spectralinstance`, `batch`, `none`… */
export interface LayerNorm {
  readonly spectral: boolean;
  readonly kind: 'none' | 'batch' | 'instance';
  /** as in `SpadeNorm` */
  readonly counted: boolean;
}

/**
 * Which code a network follows. Jittor's port computes spectral norms and throws them away, counts the zeros beyond the
 * borders in the discriminator's pyramid, resizes the map of the first layer bilinearly, and keeps biased running
 * variances.
 */
export type Flavour = 'pytorch' | 'jittor';

/** How far the latent grid is below the picture: 5, 6 or 7 doublings. */
export type Upsampling = 'normal' | 'more' | 'most';

export interface GeneratorConfig {
  readonly ngf: number;
  readonly cropSize: number;
  /** width / height of the picture */
  readonly aspectRatio: number;
  readonly upsampling: Upsampling;
  readonly useVae: boolean;
  readonly zDim: number;
  /** channels of the semantic map: classes, don't-care, edge */
  readonly semanticNc: number;
  readonly norm: SpadeNorm;
  /** width of the layer between map and gamma, beta; 128 in the original */
  readonly hidden: number;
  readonly flavour: Flavour;
}

export interface EncoderConfig {
  /** width of the first layer: the original takes the generator's ngf */
  readonly ngf: number;
  readonly norm: LayerNorm;
  /** mean and log-variance have this many numbers; 256 */
  readonly zDim: number;
  readonly flavour: Flavour;
}

export interface DiscriminatorConfig {
  readonly ndf: number;
  /** scales */
  readonly numD: number;
  /** convolutions of one scale, without the last */
  readonly layers: number;
  /** channels of the semantic map and of the picture together */
  readonly inputNc: number;
  readonly norm: LayerNorm;
  /** whether the features of all layers are returned, or the prediction alone */
  readonly features: boolean;
  readonly flavour: Flavour;
}

export interface Pix2pixHdConfig {
  readonly ngf: number;
  readonly inputNc: number;
  readonly outputNc: number;
  readonly downsamplings: number;
  readonly blocks: number;
  readonly kernel: number;
  readonly initialKernel: number;
  readonly norm: LayerNorm;
  readonly flavour: Flavour;
}

/** Side of the pictures that the encoder reads; others are resized to it. */
export const ENCODER_SIZE = 256;

/**
 * Reads the original's `norm_G`.
 *
 * @throws ShapeError when it names no SPADE normalisation
 * @see the SPADE release, class SPADE: "spade" + type + kernel "x" kernel
 */
export function parseSpadeNorm(text: string): SpadeNorm {
  const match = /^(spectral)?spade(sync_?batch|batch|instance)(\d)x\d$/.exec(text);
  if (!match) {
    throw new ShapeError(
      `norm_G ${text}: expected [spectral]spade(instance|batch|syncbatch)KxK. Try spectralspadesyncbatch3x3.`,
    );
  }
  const [, spectral, type, kernel] = match;
  const kind = type === 'instance' ? 'instance' : 'batch';
  return { spectral: spectral !== undefined, kind, kernel: Number(kernel), counted: type === 'batch' };
}

/**
 * Reads the original's norms of encoder and discriminator. Strings without "spectral" fail there; here they mean what
 * they say.
 *
 * @throws ShapeError for another word
 */
export function parseLayerNorm(text: string): LayerNorm {
  const match = /^(spectral)?(none|batch|sync_?batch|instance)?$/.exec(text);
  if (!match) {
    throw new ShapeError(`norm ${text}: expected [spectral](none|batch|sync_batch|instance). Try spectralinstance.`);
  }
  const [, spectral, type = 'none'] = match;
  const kind = type === 'none' || type === 'instance' ? type : 'batch';
  return { spectral: spectral !== undefined, kind, counted: type === 'batch' };
}

/** Rounds halves to even, as Python's round. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** A residual block of the generator, as the configuration implies it. */
export interface SpadeBlockSpec {
  readonly name: string;
  readonly input: number;
  readonly output: number;
  /** whether the picture doubles before it */
  readonly up: boolean;
}

export interface GeneratorPlan {
  /** sides of the latent grid */
  readonly gridHeight: number;
  readonly gridWidth: number;
  readonly height: number;
  readonly width: number;
  /** channels of the grid, and of the picture before the last convolution */
  readonly first: number;
  readonly last: number;
  readonly blocks: readonly SpadeBlockSpec[];
}

const DOUBLINGS = { normal: 5, more: 6, most: 7 } as const;

/**
 * Works out grid and blocks. The picture is the grid times a power of two, which can differ from the crop where that is
 * not divisible.
 *
 * @throws ShapeError when nothing is left of the grid, or `most` meets an ngf of 1
 * @see Park et al. 2019, arXiv:1903.07291, appendix A
 */
export function generatorPlan({ ngf, cropSize, aspectRatio, upsampling }: GeneratorConfig): GeneratorPlan {
  const doublings = DOUBLINGS[upsampling];
  const gridWidth = Math.floor(cropSize / 2 ** doublings);
  const gridHeight = roundHalfEven(gridWidth / aspectRatio);
  const last = upsampling === 'most' ? Math.floor(ngf / 2) : ngf;
  if (gridWidth < 1 || gridHeight < 1 || last < 1) {
    throw new ShapeError(
      `GauGAN: crops of ${cropSize} pixels at aspect ratio ${aspectRatio}, ${upsampling} upsampling and ngf ${ngf} leave ` +
        `a grid of ${gridWidth}×${gridHeight} and ${last} channels. Expected at least 1: take a crop of at least ` +
        `${2 ** doublings}, or fewer upsampling layers.`,
    );
  }
  const block = (name: string, input: number, output: number, up: boolean): SpadeBlockSpec => ({
    ...{ name, input: input * ngf, output: output * ngf, up },
  });
  return {
    gridHeight,
    gridWidth,
    height: gridHeight * 2 ** doublings,
    width: gridWidth * 2 ** doublings,
    first: 16 * ngf,
    last,
    blocks: [
      block('head_0', 16, 16, false),
      block('G_middle_0', 16, 16, true),
      block('G_middle_1', 16, 16, upsampling !== 'normal'),
      block('up_0', 16, 8, true),
      block('up_1', 8, 4, true),
      block('up_2', 4, 2, true),
      block('up_3', 2, 1, true),
      ...(upsampling === 'most' ? [{ name: 'up_4', input: ngf, output: last, up: true }] : []),
    ],
  };
}

/** Widths of the encoder's six layers, in multiples of its ngf. */
export const ENCODER_WIDTHS = [1, 2, 4, 8, 8, 8] as const;

/** A convolution of one scale of the discriminator. */
export interface DiscriminatorLayer {
  readonly name: string;
  readonly input: number;
  readonly output: number;
  readonly stride: number;
  /** the first and the last layer carry neither norm nor spectral norm */
  readonly normalised: boolean;
}

/** The layers of one scale: kernel 4, padding 2 everywhere. @see Park et al. 2019, arXiv:1903.07291, figure 12 */
export function discriminatorLayers({ ndf, layers, inputNc }: DiscriminatorConfig): DiscriminatorLayer[] {
  const found: DiscriminatorLayer[] = [{ name: 'model0', input: inputNc, output: ndf, stride: 2, normalised: false }];
  let width = ndf;
  for (let i = 1; i < layers; i++) {
    const output = Math.min(2 * width, 512);
    found.push({ name: `model${i}`, input: width, output, stride: i === layers - 1 ? 1 : 2, normalised: true });
    width = output;
  }
  found.push({ name: `model${layers}`, input: width, output: 1, stride: 1, normalised: false });
  return found;
}
