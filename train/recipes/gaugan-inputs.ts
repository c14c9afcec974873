/** What GauGAN's steps, samples and evaluations are fed. */
import { type Device, randomNormals, tensor } from '../../engine/index.ts';
import { generatorPlan } from '../../models/gaugan/config.ts';
import type { LabelPictures } from '../data/datasets/label-pictures.ts';
import { DataError, RequestError } from '../errors.ts';
import type { GauganInputs, GauganNetworks } from './gaugan-losses.ts';

/** Streams of the latents' noise, apart from those of the data and of the first weights. */
const NOISE_OP = { G: 1 << 20, D: (1 << 20) + 1 };

/**
 * Refuses batches of another size than the generator paints.
 *
 * @throws RequestError with the size that would fit
 */
export function checkSize(
  { width, height, batchSize, names }: LabelPictures,
  { generator }: Pick<GauganNetworks, 'generator'>,
): void {
  if (generator.net === 'pix2pixhd') {
    const unit = 2 ** generator.downsamplings;
    if (width % unit === 0 && height % unit === 0) return;
    throw new RequestError(
      `${names[0]}: expected sides that are multiples of ${unit}, for pix2pixhd halves them, but samples are ` +
        `${width} x ${height}. Try --crop-size ${unit * Math.max(1, Math.round(width / unit))}, with a mode that crops.`,
    );
  }
  const plan = generatorPlan(generator);
  if (generator.norm.kind === 'batch' && batchSize * plan.gridWidth * plan.gridHeight === 1) {
    throw new RequestError(
      `--batch-size 1: expected more than one value for the generator's batch norms, but --crop-size ${generator.cropSize} ` +
        'leaves a grid of 1 x 1. Take --batch-size 2, a larger --crop-size, or --norm-g spectralspadeinstance3x3.',
    );
  }
  if (plan.width === width && plan.height === height) return;
  const unit = plan.width / plan.gridWidth;
  throw new RequestError(
    `${names[0]}: expected samples of ${plan.width} x ${plan.height}, which is what the generator paints for --crop-size ` +
      `${generator.cropSize} and an aspect ratio of ${Number(generator.aspectRatio.toPrecision(4))}, but they are ` +
      `${width} x ${height}. Take a --crop-size that is a multiple of ${unit}, and with --preprocess-mode fixed an ` +
      `--aspect-ratio that gives a height that is one, too; or square crops, with --preprocess-mode resize_and_crop.`,
  );
}

/**
 * Uploads a batch.
 *
 * @param classes  of the labels, the unknown one among them
 * @param draw     which noise the latents get; left out: none
 * @throws DataError when the batch has no pictures
 */
export function inputsOf(
  device: Device,
  { batchSize, width, height, labels, image, reference, edges, names }: LabelPictures,
  { classes, encoder }: { readonly classes: number; readonly encoder: GauganNetworks['encoder'] },
  draw?: { readonly seed: number; readonly step: number },
): GauganInputs {
  if (!image) throw new DataError(`${names[0]}: expected a picture beside the label map, for training and samples.`);
  const plane = height * width;
  const picture = (pixels: Uint8Array) => tensor(device, signedPlanes(pixels, plane), [batchSize, 3, height, width]);
  const noiseOf = ({ zDim }: { zDim: number }, key: { seed: number; step: number }, op: number) =>
    tensor(device, randomNormals({ ...key, op }, batchSize * zDim), [batchSize, zDim]);
  return {
    map: {
      labels: tensor(device, labels, [batchSize, height, width], 'u32'),
      classes,
      edges: edges && tensor(device, edges, [batchSize, 1, height, width]),
    },
    image: picture(image),
    reference: reference && encoder ? picture(reference) : undefined,
    noise: encoder && draw && { G: noiseOf(encoder, draw, NOISE_OP.G), D: noiseOf(encoder, draw, NOISE_OP.D) },
  };
}

/**
 * 8-bit pictures as GauGAN reads them.
 *
 * @param pixels  [B, H, W, 3]
 * @param plane   H · W
 * @returns       [B, 3, H, W] in [−1, 1]
 */
export function signedPlanes(pixels: Uint8Array, plane: number): Float32Array {
  const planes = new Float32Array(pixels.length);
  for (let item = 0; item < pixels.length; item += 3 * plane) {
    for (let i = item, at = item; i < item + plane; i++) {
      for (let c = 0; c < 3; c++) planes[i + c * plane] = (pixels[at++] / 255 - 0.5) / 0.5;
    }
  }
  return planes;
}
