/** Label maps and instance maps: pictures whose pixels are numbers. */
import { readFile } from 'node:fs/promises';
import { DataError, RequestError } from '../../errors.ts';
import { idsOfColours, type Palette } from './palette.ts';
import { isPng, readPngSamples } from './png-samples.ts';
import { readImage } from './read.ts';

/** The value that means "no class" in the published data sets. */
export const DONT_CARE = 255;

/** A whole file, but none that can be trained on: what the user must mend, where a damaged one could be passed over. */
export class WrongMapError extends DataError {}

/** A map as its file has it: one number a pixel. */
export interface IdMap<T extends Uint8Array | Int32Array> {
  readonly width: number;
  readonly height: number;
  /** [height, width] */
  readonly ids: T;
}

/** How the numbers of label files become the classes of a network. */
export interface LabelRule {
  /** classes of the network, without "don't care" */
  readonly labelNc: number;
  /** the number in the files that means "don't care"; it becomes class `labelNc`. Left out: the network has no such class */
  readonly dontCare?: number;
  /**
   * ADE20K's numbers less one, and 0, "unknown", to class `labelNc`. The released code means to do this and does not, so
   * its weights are used without
   */
  readonly shift?: boolean;
}

/**
 * Reads the class ids of a label map: an 8-bit PNG with one channel (grey values, or the indices of a palette as Pillow
 * gives them), or a coloured picture and the palette of its colours. Grey of fewer bits is spread over 0 … 255.
 *
 * @throws RequestError when there is no such file
 * @throws DataError when it is no label map: damaged, coloured without a palette, of 16 bits, a JPEG
 */
export async function readLabelIds(
  path: string,
  palette?: Palette,
): Promise<IdMap<Uint8Array<ArrayBuffer>> & { /** read by the palette */ readonly coloured: boolean }> {
  const { width, height, channels, bitDepth, samples, lossy } = await readMapSamples(path, 'a label map');
  if (lossy) {
    throw new WrongMapError(
      `${path}: expected a label map, but it is a JPEG, which changes the numbers of its pixels. ` +
        'Save it as PNG from where it was painted.',
    );
  }
  if (bitDepth === 16) {
    throw new WrongMapError(
      `${path}: expected a label map of 8 bits a pixel, but it has 16. ` +
        'Save its class ids, 0 to 255, as an 8-bit grey PNG.',
    );
  }
  if (channels < 3) {
    const ids =
      channels === 1 ? Uint8Array.from(samples) : Uint8Array.from({ length: width * height }, (_, i) => samples[2 * i]);
    return { width, height, ids, coloured: false };
  }
  if (!palette) {
    throw new WrongMapError(
      `${path}: expected a label map with one channel of class ids, but it has colours. Say what they mean with ` +
        '--palette FILE, or convert the maps once: miaobi data labels IN OUT --palette FILE --to ids',
    );
  }
  const { ids, unknown } = idsOfColours(samples as Uint8Array, channels, palette);
  if (unknown) {
    const [x, y] = [unknown.first % width, Math.floor(unknown.first / width)];
    throw new WrongMapError(
      `${path}: expected the ${palette.length} colours of the palette, but ${unknown.pixels} of ${width * height} pixels ` +
        `have others, the first ${unknown.colour} at (${x}, ${y}). Add the colour to the palette, or take the nearest ` +
        'ones: miaobi data labels IN OUT --palette FILE --to ids --nearest',
    );
  }
  return { width, height, ids, coloured: true };
}

/**
 * Reads the ids of an instance map: one channel of 8 or 16 bits, or colours, each of which is an instance.
 *
 * @throws RequestError, DataError as {@link readLabelIds}
 */
export async function readInstanceIds(path: string): Promise<IdMap<Int32Array<ArrayBuffer>>> {
  const { width, height, channels, samples } = await readMapSamples(path, 'an instance map');
  const ids = new Int32Array(width * height);
  for (let i = 0, at = 0; i < ids.length; i++, at += channels) {
    ids[i] = channels < 3 ? samples[at] : samples[at] | (samples[at + 1] << 8) | (samples[at + 2] << 16);
  }
  return { width, height, ids };
}

export interface MapSamples {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly bitDepth: 8 | 16;
  readonly samples: Uint8Array | Uint16Array;
  readonly lossy: boolean;
}

export async function readMapSamples(path: string, what: string): Promise<MapSamples> {
  const bytes = await readFile(path).catch(() => undefined);
  if (!bytes || !isPng(bytes)) {
    // also says what is wrong with a file that is no picture
    const { width, height, rgb, bitDepth, wasGrey } = await readImage(path);
    const samples = wasGrey ? rgb.filter((_, i) => i % 3 === 0) : rgb;
    return { width, height, channels: wasGrey ? 1 : 3, bitDepth, samples, lossy: bytes?.[0] === 0xff };
  }
  try {
    const { width, height, channels, bitDepth, indexed, samples } = readPngSamples(bytes);
    if (bitDepth < 8 && !indexed) {
      const spread = 255 / (2 ** bitDepth - 1);
      for (let i = 0; i < samples.length; i++) samples[i] *= spread;
    }
    return { width, height, channels, bitDepth: bitDepth === 16 ? 16 : 8, samples, lossy: false };
  } catch (error) {
    throw new DataError(
      `${path}: expected ${what}, but the PNG file is cut short or damaged (${(error as Error).message}). ` +
        'Copy or download the file again.',
    );
  }
}

/** The classes of a network, from the numbers of a file. Nothing is checked: see {@link wrongLabels}. */
export function networkIds(ids: Uint8Array, rule: LabelRule): Uint8Array<ArrayBuffer> {
  const table = Uint8Array.from({ length: 256 }, (_, value) => networkId(value, rule));
  return Uint8Array.from(ids, (value) => table[value]);
}

function networkId(value: number, { labelNc, dontCare, shift }: LabelRule): number {
  if (value === dontCare) return labelNc;
  if (!shift) return value;
  return value === 0 ? labelNc : value - 1;
}

/** The numbers, ascending, that no class of the network has. @param counts  pixels by number, [256] */
export function wrongLabels(counts: ArrayLike<number>, rule: LabelRule): number[] {
  const classes = rule.labelNc + (rule.dontCare === undefined ? 0 : 1);
  return Array.from({ length: 256 }, (_, value) => value).filter(
    (value) => counts[value] > 0 && networkId(value, rule) >= classes,
  );
}

/** Pixels by number, [256]. */
export function countLabels(ids: Uint8Array): Uint32Array<ArrayBuffer> {
  const counts = new Uint32Array(256);
  for (let i = 0; i < ids.length; i++) counts[ids[i]]++;
  return counts;
}

/**
 * One sentence about the numbers that a network with `rule` has no class for, with what to do.
 *
 * @param path    of the file
 * @param values  from {@link wrongLabels}, at least one
 */
export function wrongLabelMessage(path: string, values: readonly number[], counts: ArrayLike<number>, rule: LabelRule) {
  const { labelNc, dontCare } = rule;
  const worst = values[values.length - 1];
  const others = values.filter((value) => value !== DONT_CARE);
  const largest = Math.max(labelNc - 1, ...others);
  const remedy = [
    ...(others.length > 0 ? [`--label-nc ${largest + (rule.shift ? 0 : 1)} if ${largest} is a class`] : []),
    ...(worst === DONT_CARE && dontCare === undefined
      ? [`--dont-care ${DONT_CARE} if ${DONT_CARE} means no class`]
      : []),
  ].join(' and ');
  const shown = values.length > 3 ? `${values.slice(0, 3).join(', ')}, …, ${worst}` : values.join(', ');
  const pixels = values.reduce((sum, value) => sum + counts[value], 0);
  return (
    `${path}: expected labels from 0 to ${labelNc - (rule.shift ? 0 : 1)}` +
    `${dontCare === undefined ? '' : ` and ${dontCare} (don't care)`}, for --label-nc is ${labelNc}, but ${pixels} ` +
    `${pixels === 1 ? 'pixel has' : 'pixels have'} the ${values.length === 1 ? 'label' : 'labels'} ${shown}. ` +
    `Give ${remedy}, or mend the file.`
  );
}

/** @throws RequestError when the numbers of a rule are out of range */
export function checkLabelRule({ labelNc, dontCare }: LabelRule): void {
  if (!Number.isInteger(labelNc) || labelNc < 1 || labelNc > 255) {
    throw new RequestError(
      `--label-nc ${labelNc}: expected the number of classes, 1 to 255, for label maps have 8 bits. Try --label-nc 29.`,
    );
  }
  if (dontCare !== undefined && (!Number.isInteger(dontCare) || dontCare < 0 || dontCare > 255)) {
    throw new RequestError(
      `--dont-care ${dontCare}: expected the label, 0 to 255, that means no class. Try --dont-care ${DONT_CARE}.`,
    );
  }
}
