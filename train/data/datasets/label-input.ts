/** One label map or picture at a given size, for networks that paint. */
import { instanceEdges } from '../image/instance-edges.ts';
import {
  countLabels,
  type LabelRule,
  networkIds,
  readInstanceIds,
  readLabelIds,
  WrongMapError,
  wrongLabelMessage,
  wrongLabels,
} from '../image/label-map.ts';
import type { Palette } from '../image/palette.ts';
import { to8Bit } from '../image/picture.ts';
import { readImage } from '../image/read.ts';
import { resizePlane, type Size } from './preprocess.ts';

export interface LabelInput extends Size {
  /** of the file, before it was resized */
  readonly fileSize: Size;
  /** [height, width] classes of the network */
  readonly labels: Uint8Array<ArrayBuffer>;
  /** [height, width], 1 where instances meet; where an instance map was named */
  readonly edges?: Uint8Array<ArrayBuffer>;
}

export interface LabelInputOptions extends LabelRule {
  /** of coloured label maps */
  readonly palette?: Palette;
  /** path of the instance map */
  readonly instance?: string;
  /** resizes to the nearest pixel; left out: as the file is */
  readonly size?: Size;
}

/**
 * Reads a label map, and its instance map, for a network.
 *
 * @throws RequestError when a file is not there
 * @throws DataError when it is no label map, or has labels that the network has no class for
 */
export async function readLabelInput(path: string, options: LabelInputOptions): Promise<LabelInput> {
  const { width, height, ids } = await readCheckedLabels(path, options, options.palette);
  const fileSize = { width, height };
  const size = options.size ?? fileSize;
  const { pixels } = resizePlane({ ...fileSize, channels: 1, pixels: ids as Uint8Array }, size);
  return { ...size, fileSize, labels: networkIds(pixels, options), edges: await readEdges(options.instance, size) };
}

async function readEdges(path: string | undefined, size: Size): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (path === undefined) return undefined;
  const { width, height, ids } = await readInstanceIds(path);
  const { pixels } = resizePlane({ width, height, channels: 1, pixels: ids as Int32Array }, size);
  return instanceEdges(pixels, size.width, size.height);
}

/**
 * Reads the numbers of a label map, all of which the network has classes for.
 *
 * @throws WrongMapError when one has none; RequestError, DataError as `readLabelIds`
 */
export async function readCheckedLabels(path: string, rule: LabelRule, palette?: Palette) {
  const map = await readLabelIds(path, palette);
  const counts = countLabels(map.ids);
  const wrong = wrongLabels(counts, rule);
  if (wrong.length > 0) throw new WrongMapError(wrongLabelMessage(path, wrong, counts, rule));
  return map;
}

/**
 * Reads a picture and brings it to a size with Pillow's bicubic filter.
 *
 * @returns [height, width, 3]
 * @throws RequestError, DataError as `readImage`
 */
export async function readPictureAt(path: string, size: Size): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, rgb } = to8Bit(await readImage(path));
  const plane = resizePlane({ width, height, channels: 3, pixels: rgb as Uint8Array }, size);
  return plane.pixels as Uint8Array<ArrayBuffer>;
}
