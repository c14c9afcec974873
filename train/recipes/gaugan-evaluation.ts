/** What GauGAN paints for label maps: to look at, and in numbers. */
import { type Device, scope, type Tensor } from '../../engine/index.ts';
import type { LabelPictures } from '../data/datasets/label-pictures.ts';
import { labelColourMap } from '../data/image/label-colours.ts';
import { featureDistance, randomFeatureExtractor } from '../eval/feature-distance.ts';
import { type Planes, ssim } from '../eval/image-similarity.ts';
import { vggPerceptualLoss } from '../losses/perceptual.ts';
import { inputsOf, signedPlanes } from './gaugan-inputs.ts';
import { type GauganSetting, type GauganState, paint } from './gaugan-losses.ts';
import type { SamplePicture } from './recipe.ts';

export interface Painting {
  readonly setting: GauganSetting;
  /** of the labels, the unknown one among them */
  readonly classes: number;
}

/** The measures of `evaluatePictures` where more is better. */
export const HIGHER_IS_BETTER = ['ssim'];

/** One row a pair: labels in colours, the reference where there is one, what the generator paints, the real picture. */
export async function sampleRows(
  device: Device,
  state: GauganState,
  painting: Painting,
  batches: readonly LabelPictures[],
): Promise<SamplePicture[][]> {
  const { encoder } = painting.setting.networks;
  const colours = labelColourMap(painting.classes + 1);
  const rows: SamplePicture[][] = [];
  for (const batch of batches) {
    const { width, height, labels, image, reference } = batch;
    const { fake } = await painted(device, state, painting, batch);
    const plane = width * height;
    for (let i = 0; i < batch.batchSize; i++) {
      const own = (pixels: Uint8Array) =>
        unsigned(signedPlanes(pixels.subarray(i * 3 * plane, (i + 1) * 3 * plane), plane));
      const map = new Float32Array(3 * plane);
      for (let p = 0; p < 3 * plane; p++) {
        const [c, pixel] = [Math.floor(p / plane), p % plane];
        map[p] = colours[3 * labels[i * plane + pixel] + c] / 255;
      }
      const pictures: Record<string, Float32Array> = {
        label: map,
        ...(reference && encoder ? { reference: own(reference) } : {}),
        fake: unsigned(fake.subarray(i * 3 * plane, (i + 1) * 3 * plane)),
        real: own(image as Uint8Array),
      };
      rows.push(Object.entries(pictures).map(([name, planar]) => ({ name, planar, width, height })));
    }
  }
  return rows;
}

/**
 * Means over pairs of how far a painted picture is from the real one:
 *
 *     l1               mean |fake − real|, of values in [0, 1]
 *     ssim             structural similarity
 *     vgg              the perceptual loss of the training, unweighted, where it has one
 *     random_features  distance of all painted pictures from all real ones by random features, of two pairs or more;
 *                      no mean over pairs
 */
export async function evaluatePictures(
  device: Device,
  state: GauganState,
  painting: Painting,
  batches: readonly LabelPictures[],
): Promise<Record<string, number>> {
  const sums: Record<string, number> = { l1: 0, ssim: 0 };
  const sets: [Planes[], Planes[]] = [[], []];
  let pairs = 0;
  for (const batch of batches) {
    const { width, height, batchSize } = batch;
    const { fake, real, vgg } = await painted(device, state, painting, batch);
    const planesOf = (planes: Float32Array) => ({ planes: unsigned(planes), width, height });
    for (const [i, planes] of [fake, real].entries()) sets[i].push(...itemsOf(planesOf(planes), batchSize));
    const l1 = fake.reduce((sum, x, i) => sum + Math.abs(x - real[i]), 0) / 2 / fake.length;
    const measures = { l1, ssim: ssim(planesOf(fake), planesOf(real)), ...(vgg === undefined ? {} : { vgg }) };
    for (const [name, value] of Object.entries(measures)) sums[name] = (sums[name] ?? 0) + value * batchSize;
    pairs += batchSize;
  }
  const means = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / pairs]));
  return pairs < 2 ? means : { ...means, random_features: await randomFeatureDistance(device, sets) };
}

async function randomFeatureDistance(device: Device, [fake, real]: [Planes[], Planes[]]): Promise<number> {
  const extractor = randomFeatureExtractor(device);
  try {
    return (await featureDistance(device, fake, real, extractor)).distance;
  } finally {
    extractor.dispose();
  }
}

/** The pictures of a batch. */
function itemsOf({ planes, width, height }: Planes, count: number): Planes[] {
  const size = planes.length / count;
  return Array.from({ length: count }, (_, i) => ({ planes: planes.slice(i * size, (i + 1) * size), width, height }));
}

const unsigned = (planes: Float32Array): Float32Array => planes.map((x) => (x + 1) / 2);

/** Paints a batch, latents at their means, and compares by the training's encoder. Planes [B, 3, H, W] in [−1, 1]. */
async function painted(
  device: Device,
  state: GauganState,
  { setting, classes }: Painting,
  batch: LabelPictures,
): Promise<{ fake: Float32Array; real: Float32Array; vgg: number | undefined }> {
  const { networks, vgg } = setting;
  const made = scope(() => {
    const inputs = inputsOf(device, batch, { classes, encoder: networks.encoder });
    const { fake } = paint(state, networks, inputs, undefined, { training: false });
    return { fake, real: inputs.image, distance: vgg && vggPerceptualLoss(vgg, fake, inputs.image) };
  });
  const [fake, real] = [await taken(made.fake), await taken(made.real)];
  return { fake, real, vgg: made.distance && (await taken(made.distance))[0] };
}

/** A tensor's values; it is freed. */
async function taken(t: Tensor): Promise<Float32Array> {
  const values = (await t.data()) as Float32Array;
  t.dispose();
  return values;
}
