import sharp from 'sharp';

/**
 * A label map as the bytes of an 8-bit PNG with one channel.
 *
 * @param ids  [height, width]
 */
export async function encodeIds(ids: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  return sharp(ids, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
}
