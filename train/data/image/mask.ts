/** Painted masks: pictures whose colours are labels. */
import { labelsFromColours } from '../../../models/cap-vstnet/segment.ts';
import { resizePicture, to8Bit } from './picture.ts';
import { readImage } from './read.ts';

/**
 * Reads a colour mask at the size of the picture that it belongs to: resized to the nearest pixel, then each colour
 * becomes the label of the nearest palette colour.
 *
 * @returns [height, width], labels 0 to 8
 * @throws RequestError, DataError as {@link readImage}
 */
export async function readColourMask(path: string, width: number, height: number): Promise<Uint8Array> {
  const { rgb } = resizePicture(to8Bit(await readImage(path)), width, height, 'nearest');
  return labelsFromColours(rgb as Uint8Array, width, height);
}
