/** Label maps between colours and ids. */
import { type ColourMap, colourLabels } from '../image/label-colours.ts';
import { readLabelIds, readMapSamples, WrongMapError } from '../image/label-map.ts';
import { idsOfColours, type Palette } from '../image/palette.ts';
import { resizePlane, type Size } from './preprocess.ts';

export interface LabelConversion {
  /** of the colours of coloured maps; without it a map is ids already, or a picture of three equal channels that are */
  readonly palette?: Palette;
  /** takes the nearest colour of the palette in place of one that it does not have */
  readonly nearest?: boolean;
  /** resizes to the nearest pixel */
  readonly size?: Size;
}

export interface ConvertedLabels extends Size {
  /** [height, width] */
  readonly ids: Uint8Array<ArrayBuffer>;
}

/**
 * Reads a label map of any kind as ids.
 *
 * @throws RequestError, DataError as `readLabelIds`
 */
export async function labelsOf(path: string, { palette, nearest = false, size }: LabelConversion) {
  const map = await idsOf(path, palette, nearest);
  const source = { width: map.width, height: map.height, channels: 1, pixels: map.ids as Uint8Array };
  const { width, height, pixels } = size ? resizePlane(source, size) : source;
  return { width, height, ids: pixels as Uint8Array<ArrayBuffer> } satisfies ConvertedLabels;
}

async function idsOf(path: string, palette: Palette | undefined, nearest: boolean): Promise<ConvertedLabels> {
  const { width, height, channels, bitDepth, samples, lossy } = await readMapSamples(path, 'a label map');
  const coloured = channels >= 3;
  if (coloured && palette && nearest && bitDepth === 8) {
    return { width, height, ids: idsOfColours(samples as Uint8Array, channels, palette, true).ids };
  }
  if (lossy || (coloured && palette)) return readLabelIds(path, palette);
  const ids = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < ids.length; i++, at += channels) {
    const equal = !coloured || (samples[at] === samples[at + 1] && samples[at] === samples[at + 2]);
    // says what is wrong with it
    if (!equal || samples[at] > 255) return readLabelIds(path, palette);
    ids[i] = samples[at];
  }
  return { width, height, ids };
}

/**
 * The ids as colours.
 *
 * @throws WrongMapError when an id has no colour
 */
export function inColours(path: string, { width, height, ids }: ConvertedLabels, colours: ColourMap) {
  const strange = ids.findIndex((id) => 3 * id >= colours.length);
  if (strange >= 0) {
    throw new WrongMapError(
      `${path}: expected labels below ${colours.length / 3}, those that have a colour, but (${strange % width}, ` +
        `${Math.floor(strange / width)}) has the label ${ids[strange]}. Add it to the palette.`,
    );
  }
  return { width, height, bitDepth: 8 as const, rgb: colourLabels(ids, colours) };
}
