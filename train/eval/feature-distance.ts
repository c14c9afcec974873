/** How far two sets of pictures are apart, by the features that an extractor sees in them. */
import { type Device, ShapeError, type Tensor, tensor } from '../../engine/index.ts';
import {
  LARGEST_RANDOM_BYTES,
  RANDOM_FEATURES,
  randomFeatures,
  randomFilters,
} from '../../models/random-features/network.ts';
import { type FeatureStatistics, type Features, statisticsOf } from './feature-statistics.ts';
import { type FrechetDistance, frechetDistance } from './frechet.ts';
import type { Planes } from './image-similarity.ts';

/** A network that turns a picture into a row of numbers. */
export interface FeatureExtractor {
  /** what a distance of its features may be called */
  readonly measure: string;
  /** which network with which weights, for the user: distances of different ones are not comparable */
  readonly description: string;
  /** numbers a picture */
  readonly dims: number;
  /** bytes of the largest tensor that a picture becomes on the way, whatever its size */
  readonly largestBytes: number;
  /** [N, 3, H, W], RGB in [0, 1] → [N, dims] */
  features(x: Tensor): Tensor;
  dispose(): void;
}

export const RANDOM_FEATURE_DISTANCE = 'random-feature distance';

/**
 * An extractor that needs no weights: random filters, the same for a seed. Its distance falls as pictures come nearer in
 * texture, sharpness, noise and colours, and knows nothing of objects. It is no FID.
 */
export function randomFeatureExtractor(device: Device, seed = 0): FeatureExtractor {
  const filters = randomFilters(device, seed);
  return {
    measure: RANDOM_FEATURE_DISTANCE,
    description: `${RANDOM_FEATURES} random features of seed ${seed}`,
    dims: RANDOM_FEATURES,
    largestBytes: LARGEST_RANDOM_BYTES,
    features: (x) => randomFeatures(filters, x),
    dispose() {
      filters.first.dispose();
      filters.second.dispose();
    },
  };
}

/** Pictures of a batch are at most so many bytes together on their way to the device. */
const MOST_BYTES = 2 ** 27;

export interface CollectOptions {
  /** at most so many pictures are computed together: neighbours of one size, as far as memory allows. Changes no result */
  readonly batchSize?: number;
  /** called after each batch */
  readonly onBatch?: (pictures: number) => void;
}

/**
 * The features of pictures, in their order. Sizes may differ.
 *
 * @param pictures  RGB planes in [0, 1]; pictures that are to be saved with 8 bits should be rounded to them before
 * @throws ShapeError when a picture has not three planes
 */
export async function collectFeatures(
  device: Device,
  pictures: Iterable<Planes> | AsyncIterable<Planes>,
  extractor: FeatureExtractor,
  { batchSize = 32, onBatch }: CollectOptions = {},
): Promise<Features> {
  const found: Float64Array[] = [];
  const binding = device.capabilities.maxBindingBytes;
  const most = ({ width, height }: Planes) =>
    Math.min(batchSize, binding / extractor.largestBytes, Math.min(MOST_BYTES, binding) / (12 * width * height));
  let batch: Planes[] = [];
  const finish = async () => {
    if (batch.length === 0) return;
    found.push(await featuresOf(device, batch, extractor));
    onBatch?.(batch.length);
    batch = [];
  };
  for await (const picture of pictures) {
    const [first] = batch;
    const alike = !first || (first.width === picture.width && first.height === picture.height);
    if (!alike || batch.length + 1 > most(picture)) await finish();
    batch.push(picture);
  }
  await finish();
  const values = new Float64Array(found.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of found) {
    values.set(part, at);
    at += part.length;
  }
  return { values, count: values.length / extractor.dims, dims: extractor.dims };
}

async function featuresOf(
  device: Device,
  batch: readonly Planes[],
  extractor: FeatureExtractor,
): Promise<Float64Array> {
  const [{ width, height }] = batch;
  const length = 3 * width * height;
  const values = new Float32Array(batch.length * length);
  batch.forEach(({ planes }, i) => {
    if (planes.length !== length) {
      throw new ShapeError(
        `collectFeatures: expected three planes of ${width} x ${height}, got ${planes.length} values. Convert to RGB.`,
      );
    }
    values.set(planes, i * length);
  });
  const x = tensor(device, values, [batch.length, 3, height, width]);
  const y = extractor.features(x);
  x.dispose();
  try {
    return Float64Array.from(await y.data());
  } finally {
    y.dispose();
  }
}

export interface FeatureDistance extends FrechetDistance {
  /** what the number may be called: the extractor's `measure` */
  readonly measure: string;
  /** pictures in each set */
  readonly counts: readonly [number, number];
  /** what the user should know about it */
  readonly warnings: readonly string[];
}

/**
 * The Fréchet distance of the features of two sets of pictures in memory: FID or the random-feature distance, by extractor.
 *
 * @param a, b  RGB planes in [0, 1], two pictures each at least, of any sizes
 * @throws RangeError for fewer than two pictures; ShapeError when a picture has not three planes
 */
export async function featureDistance(
  device: Device,
  a: Iterable<Planes> | AsyncIterable<Planes>,
  b: Iterable<Planes> | AsyncIterable<Planes>,
  extractor: FeatureExtractor,
  options: CollectOptions = {},
): Promise<FeatureDistance> {
  const p = statisticsOf(await collectFeatures(device, a, extractor, options));
  const q = statisticsOf(await collectFeatures(device, b, extractor, options));
  const counts = [p.count ?? 0, q.count ?? 0] as const;
  return { ...frechetDistance(p, q), measure: extractor.measure, counts, warnings: biasWarnings([p, q], extractor) };
}

/**
 * Why a distance of few pictures says little: n pictures span at most n − 1 directions, so that the distance of two samples
 * of one distribution is far from zero, and falls with n.
 */
export function biasWarnings(
  sets: readonly Pick<FeatureStatistics, 'count'>[],
  { measure, dims }: Pick<FeatureExtractor, 'measure' | 'dims'>,
): string[] {
  const counts = sets.map(({ count }) => count ?? Number.POSITIVE_INFINITY);
  const fewest = Math.min(...counts);
  if (fewest > dims) return [];
  return [
    `${fewest} pictures for ${dims} features: the ${measure} is too large by an amount that falls with the number of ` +
      'pictures. Compare only values of equally many.',
  ];
}
