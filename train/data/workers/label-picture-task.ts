/** The job of a worker thread: one sample of label map, picture and instances, preprocessed together. */
import type { LabelPair } from '../datasets/label-files.ts';
import { readCheckedLabels, readPictureAt } from '../datasets/label-input.ts';
import {
  centrePlacement,
  drawPlacement,
  type Plane,
  type Preprocess,
  placeSample,
  resizedSize,
  resizePlane,
  type Samples,
  type Size,
} from '../datasets/preprocess.ts';
import { instanceEdges } from '../image/instance-edges.ts';
import { type LabelRule, networkIds, readInstanceIds, WrongMapError } from '../image/label-map.ts';
import type { Palette } from '../image/palette.ts';
import { to8Bit } from '../image/picture.ts';
import { readImage } from '../image/read.ts';
import type { Task } from './pool.ts';

/** Labels, picture and instances at the size before the crop, in memory that all threads see. */
export interface KeptSample {
  /** of the label map's file */
  readonly size: Size;
  readonly labels: Plane<Uint8Array>;
  readonly image?: Plane<Uint8Array>;
  readonly instances?: Plane<Int32Array>;
}

export interface LabelPictureJob {
  readonly pair: LabelPair;
  readonly preprocess: Preprocess;
  readonly rule: LabelRule;
  readonly palette?: Palette;
  /** three random words for the crop and the mirror; left out: the middle, not mirrored */
  readonly words?: readonly number[];
  readonly flips: boolean;
  /** asks for the reference photo, at the sample's size */
  readonly reference: boolean;
  /** the sample, when it was kept before: its files are not read */
  readonly kept?: KeptSample;
  /** asks for the whole sample when it takes at most this many bytes */
  readonly keepBytes: number;
}

export interface LabelPictureSample extends Size {
  /** [height, width] classes of the network */
  readonly labels: Uint8Array<ArrayBuffer>;
  /** [height, width, 3] */
  readonly image?: Uint8Array<ArrayBuffer>;
  /** [height, width] of 0 and 1 */
  readonly edges?: Uint8Array<ArrayBuffer>;
  /** [height, width, 3] */
  readonly reference?: Uint8Array<ArrayBuffer>;
  readonly kept?: KeptSample;
}

export type LabelPictureResult =
  | LabelPictureSample
  | { /** why one of the files cannot be read */ readonly unreadable: string };

export const run: Task<LabelPictureJob, LabelPictureResult> = async (job) => {
  try {
    const sample = await sampleOf(job);
    const { labels, image, edges, reference } = sample;
    const buffers = [labels, image, edges, reference].flatMap((part) => (part ? [part.buffer] : []));
    return { result: sample, transfer: buffers };
  } catch (error) {
    const ofTheFile = error instanceof Error && ['DataError', 'RequestError'].includes(error.name);
    if (!ofTheFile || error instanceof WrongMapError) throw error;
    return { result: { unreadable: error.message }, transfer: [] };
  }
};

async function sampleOf(job: LabelPictureJob): Promise<LabelPictureSample> {
  const { preprocess, words, flips } = job;
  const { size, labels, image, instances } = job.kept ?? (await resizedSample(job));
  const placement = words ? drawPlacement(preprocess, size, words, flips) : centrePlacement(preprocess, size);
  const place = <T extends Samples>(plane: Plane<T>) => placeSample(preprocess, plane, placement);
  const { width, height, pixels } = place(labels);
  const photo = job.reference ? job.pair.reference : undefined;
  const kept = job.kept ? undefined : keep({ size, labels, image, instances }, job.keepBytes);
  return {
    width,
    height,
    labels: networkIds(pixels, job.rule),
    image: image && (place(image).pixels as Uint8Array<ArrayBuffer>),
    edges: instances && instanceEdges(place(instances).pixels, width, height),
    reference: photo === undefined ? undefined : await readPictureAt(photo, { width, height }),
    kept,
  };
}

async function resizedSample({ pair, preprocess, rule, palette }: LabelPictureJob): Promise<KeptSample> {
  const labels = await readCheckedLabels(pair.label, rule, palette);
  const image = pair.image === undefined ? undefined : to8Bit(await readImage(pair.image));
  const instances = pair.instance === undefined ? undefined : await readInstanceIds(pair.instance);
  const size = { width: labels.width, height: labels.height };
  assertSameSize(pair, size, image, instances);
  const target = resizedSize(preprocess, size);
  const resize = <T extends Samples>(pixels: T, channels: number) => resizePlane({ ...size, channels, pixels }, target);
  return {
    size,
    labels: resize(labels.ids as Uint8Array, 1),
    image: image && resize(image.rgb as Uint8Array, 3),
    instances: instances && resize(instances.ids as Int32Array, 1),
  };
}

/** @throws WrongMapError when the files of a pair are not of one size */
export function assertSameSize(
  pair: LabelPair,
  label: Size,
  image: Size | undefined,
  instance: Size | undefined,
): void {
  for (const [path, other, remedy] of [
    [pair.image, image, `miaobi data labels LABELS OUT --to ids --size ${image?.width}x${image?.height}`],
    [pair.instance, instance, 'save the instances at the size of the labels'],
  ] as const) {
    if (!other || (other.width === label.width && other.height === label.height)) continue;
    throw new WrongMapError(
      `${path}: expected ${label.width} x ${label.height} pixels as in ${pair.label}, but it has ` +
        `${other.width} x ${other.height}. Bring both to one size: ${remedy}`,
    );
  }
}

function keep(sample: KeptSample, bytes: number): KeptSample | undefined {
  const planes = [sample.labels, sample.image, sample.instances];
  if (planes.reduce((sum, plane) => sum + (plane?.pixels.byteLength ?? 0), 0) > bytes) return undefined;
  return {
    size: sample.size,
    labels: shared(sample.labels),
    image: sample.image && shared(sample.image),
    instances: sample.instances && shared(sample.instances),
  };
}

function shared<T extends Samples>(plane: Plane<T>): Plane<T> {
  const make = plane.pixels.constructor as new (buffer: SharedArrayBuffer) => T;
  const pixels = new make(new SharedArrayBuffer(plane.pixels.byteLength));
  pixels.set(plane.pixels);
  return { ...plane, pixels };
}
