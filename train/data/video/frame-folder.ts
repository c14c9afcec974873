/** A folder of pictures as a film. */
import { basename, extname } from 'node:path';
import { DataError } from '../../errors.ts';
import type { Picture } from '../image/picture.ts';

/**
 * The pictures from number `from` on.
 *
 * @param read  reads one, at the size that it is painted in
 * @param size  that all must have
 * @throws DataError when a picture has another size
 */
export async function* readFrames(
  files: readonly string[],
  read: (file: string) => Promise<Picture>,
  size: { readonly width: number; readonly height: number },
  from: number,
): AsyncGenerator<Picture> {
  for (const file of files.slice(from)) {
    const picture = await read(file);
    if (picture.width !== size.width || picture.height !== size.height) {
      throw new DataError(
        `${file}: expected a frame of ${size.width} x ${size.height} as the first one, but it is ` +
          `${picture.width} x ${picture.height}. Frames of one film have one size: resize it, or leave it out.`,
      );
    }
    yield picture;
  }
}

const KEPT = new Set(['.png', '.jpg', '.jpeg', '.webp', '.tif', '.tiff']);

/** The name of a painted frame: as it was, with an extension that can be written. */
export function frameName(file: string): string {
  const extension = extname(file);
  return KEPT.has(extension.toLowerCase()) ? basename(file) : `${basename(file, extension)}.png`;
}
