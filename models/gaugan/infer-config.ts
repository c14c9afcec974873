/** What a network is made of, read off the names and shapes of its state dict. */
import { CheckpointError } from '../../engine/errors.ts';
import {
  type DiscriminatorConfig,
  type EncoderConfig,
  type Flavour,
  type GeneratorConfig,
  type LayerNorm,
  type Pix2pixHdConfig,
  roundHalfEven,
  type Upsampling,
} from './config.ts';

/** Names of a file, by the release's rules, and shapes. */
export type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/**
 * What no shape shows: a generator without VAE has the same tensors for every crop, and `normal` and `more` differ in the
 * crop alone. With a VAE the first layer has as many rows as the latent grid has cells, but not its proportions.
 */
export interface Unseen {
  /** width of the picture; 256 without a VAE */
  readonly cropSize?: number | undefined;
  /** width / height; with a VAE the first of common proportions that fits, else 1 */
  readonly aspectRatio?: number | undefined;
  /** normal, unless a seventh doubling is in the file */
  readonly upsampling?: Upsampling | undefined;
  readonly flavour?: Flavour | undefined;
}

const DOUBLINGS = { normal: 5, more: 6, most: 7 } as const;

/** Proportions of pictures that networks are trained on. */
const ASPECTS = [1, 4 / 3, 2, 3 / 2, 16 / 9, 3 / 4, 1 / 2, 2 / 3, 9 / 16];

/** Whether a file holds the generator of pix2pixHD, a numbered Sequential, rather than SPADE's. */
export const isPix2pixHd = (tensors: Shapes): boolean => [...tensors.keys()].some((key) => /^model\.\d+\./.test(key));

/**
 * The configuration of a SPADE generator.
 *
 * @param unseen  what the file does not show; what contradicts it is refused
 * @throws CheckpointError when it is no SPADE generator, or nothing fits its first layer
 */
export function inferGeneratorConfig(tensors: Shapes, unseen: Unseen = {}): GeneratorConfig {
  const what = 'SPADE generator';
  const mlp = shapeOf(tensors, 'head_0.norm_0.mlp_shared.0.weight', 4, what);
  const first = convShape(tensors, 'head_0.conv_0', what)[0];
  const fc = shapeOf(tensors, 'fc.weight', undefined, what);
  const ngf = first / 16;
  const useVae = fc.length === 2;
  const upsampling = upsamplingOf(tensors, unseen.upsampling);
  const [hidden, semanticNc, kernel] = mlp;
  if (!Number.isInteger(ngf) || ngf < (upsampling === 'most' ? 2 : 1)) {
    throw new CheckpointError(
      `${what}: expected 16 times ngf channels in head_0, but it has ${first}. Check that the file is whole.`,
    );
  }
  return {
    ngf,
    ...(useVae ? gridOf(fc[0] / first, upsampling, unseen) : freeGrid(unseen)),
    upsampling,
    useVae,
    zDim: useVae ? fc[1] : 256,
    semanticNc,
    norm: {
      spectral: tensors.has('head_0.conv_0.weight_orig'),
      kind: tensors.has('head_0.norm_0.param_free_norm.running_mean') ? 'batch' : 'instance',
      kernel,
      counted: false,
    },
    hidden,
    flavour: unseen.flavour ?? 'pytorch',
  };
}

function upsamplingOf(tensors: Shapes, wanted: Upsampling | undefined): Upsampling {
  const most = [...tensors.keys()].some((key) => key.startsWith('up_4.'));
  if (wanted !== undefined && most !== (wanted === 'most')) {
    throw new CheckpointError(
      `num_upsampling_layers ${wanted}: expected ${most ? 'most' : 'normal or more'}, for the file ` +
        `${most ? 'has' : 'lacks'} the block up_4. Leave the option out.`,
    );
  }
  return most ? 'most' : (wanted ?? 'normal');
}

const freeGrid = ({ cropSize = 256, aspectRatio = 1 }: Unseen) => ({ cropSize, aspectRatio });

/** Crop and proportions whose grid has so many cells. Proportions that are guessed must give it without rounding. */
function gridOf(cells: number, upsampling: Upsampling, { cropSize, aspectRatio }: Unseen) {
  const factor = 2 ** DOUBLINGS[upsampling];
  const [width, height] =
    cropSize === undefined ? [] : [Math.floor(cropSize / factor), cells / Math.floor(cropSize / factor)];
  if (cropSize !== undefined && width && height && Number.isInteger(height)) {
    const aspect = aspectRatio ?? width / height;
    if (roundHalfEven(width / aspect) === height) return { cropSize, aspectRatio: aspect };
  }
  for (const aspect of cropSize !== undefined ? [] : aspectRatio === undefined ? ASPECTS : [aspectRatio]) {
    const near = Math.round(Math.sqrt(cells * aspect));
    const rounded = (w: number) => (aspectRatio === undefined ? w / aspect : roundHalfEven(w / aspect));
    const found = [near, near - 1, near + 1].find((w) => w >= 1 && Math.abs(w * rounded(w) - cells) < 1e-6);
    if (found !== undefined) return { cropSize: found * factor, aspectRatio: aspect };
  }
  throw new CheckpointError(
    `SPADE generator: expected a latent grid of ${cells} cells, for so wide is the first layer, but ` +
      `${cropSize === undefined ? 'no usual picture' : `a crop of ${cropSize}`}` +
      `${aspectRatio === undefined ? '' : ` at aspect ratio ${aspectRatio}`} with ${upsampling} upsampling has it. ` +
      `Give the crop_size and aspect_ratio of the training; each cell is ${factor} pixels wide.`,
  );
}

/**
 * The configuration of an image encoder.
 *
 * @throws CheckpointError when it is none
 */
export function inferEncoderConfig(tensors: Shapes, flavour: Flavour = 'pytorch'): EncoderConfig {
  const what = 'image encoder';
  const norm = layerNormOf(tensors, 'layer1');
  const [ngf] = convShape(tensors, norm.kind === 'none' ? 'layer1' : 'layer1.0', what);
  const [zDim] = shapeOf(tensors, 'fc_mu.weight', 2, what);
  return { ngf, norm, zDim, flavour };
}

/**
 * The configuration of a discriminator.
 *
 * @throws CheckpointError when it is none
 */
export function inferDiscriminatorConfig(tensors: Shapes, flavour: Flavour = 'pytorch'): DiscriminatorConfig {
  const what = 'discriminator';
  const [ndf, inputNc] = shapeOf(tensors, 'discriminator_0.model0.0.weight', 4, what);
  const numbers = (pattern: RegExp) => new Set([...tensors.keys()].flatMap((key) => pattern.exec(key)?.[1] ?? []));
  const layers = numbers(/^discriminator_0\.model(\d+)\./).size - 1;
  return {
    ...{ ndf, inputNc, layers, numD: numbers(/^discriminator_(\d+)\./).size },
    norm: layers > 1 ? layerNormOf(tensors, 'discriminator_0.model1.0') : { ...SPECTRAL_INSTANCE },
    features: true,
    flavour,
  };
}

const SPECTRAL_INSTANCE: LayerNorm = { spectral: true, kind: 'instance', counted: false };

/**
 * The configuration of pix2pixHD's generator, whose layers stand in one Sequential: convolutions, residual blocks, and as
 * many convolutions again.
 *
 * @throws CheckpointError when it is none
 */
export function inferPix2pixHdConfig(tensors: Shapes, flavour: Flavour = 'pytorch'): Pix2pixHdConfig {
  const what = 'pix2pixHD generator';
  const indexOf = (key: string) => Number(/^model\.(\d+)\./.exec(key)?.[1] ?? Number.NaN);
  const all = new Set([...tensors.keys()].map(indexOf).filter((index) => !Number.isNaN(index)));
  const inBlocks = new Set([...tensors.keys()].filter((key) => key.includes('.conv_block.')).map(indexOf));
  const [firstBlock, last] = [Math.min(...inBlocks), Math.max(...all)];
  const norm = layerNormOf(tensors, 'model.1');
  const inner = norm.kind === 'none' ? '' : '.0';
  const [ngf, inputNc, initialKernel] = convShape(tensors, `model.1${inner}`, what);
  const [, , kernel] = convShape(tensors, `model.${firstBlock}.conv_block.1${inner}`, what);
  const [outputNc] = shapeOf(tensors, `model.${last}.weight`, 4, what);
  return {
    ...{ ngf, inputNc, outputNc, kernel, initialKernel, norm, flavour },
    downsamplings: [...all].filter((index) => index < firstBlock).length - 1,
    blocks: inBlocks.size,
  };
}

/** A convolution alone has its weight under its own name; behind a norm it is index 0 of a pair, and loses its bias. */
function layerNormOf(tensors: Shapes, name: string): LayerNorm {
  const at = (inner: string) => ['weight_orig', 'weight'].find((leaf) => tensors.has(`${name}${inner}.${leaf}`));
  const [alone, paired] = [at(''), at('.0')];
  const kind = alone ? 'none' : tensors.has(`${name}.1.running_mean`) ? 'batch' : 'instance';
  return { spectral: (alone ?? paired) === 'weight_orig', kind, counted: false };
}

/** Shape of a convolution's weight [O, I, k, k], spectrally normalised or not. */
function convShape(tensors: Shapes, name: string, what: string): readonly number[] {
  const key = tensors.has(`${name}.weight_orig`) ? `${name}.weight_orig` : `${name}.weight`;
  return shapeOf(tensors, key, 4, what);
}

function shapeOf(tensors: Shapes, key: string, rank: number | undefined, what: string): readonly number[] {
  const shape = tensors.get(key)?.shape;
  if (shape && (rank === undefined ? [2, 4].includes(shape.length) : shape.length === rank)) return shape;
  throw new CheckpointError(
    `${what}: expected ${key}${rank === undefined ? '' : ` of rank ${rank}`} among its tensors, but ` +
      `${shape ? `its shape is [${shape}]` : 'there is none'}. Check that the file is the checkpoint of a ${what}.`,
  );
}
