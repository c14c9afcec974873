import sharp from 'sharp';
import type { Picture } from '../image/picture.ts';

/** A picture of 8 bits without alpha as the bytes of a PNG file. */
export async function encodePng({ width, height, rgb }: Picture): Promise<Uint8Array> {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
