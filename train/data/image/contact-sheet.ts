import { type Picture, to8Bit } from './picture.ts';

const GAP = 8;

/** Pictures in one row on white, 8 pixels apart, tops aligned. 16-bit pictures are rounded to 8. */
export function sideBySide(pictures: readonly Picture[]): Picture {
  const height = Math.max(...pictures.map((picture) => picture.height));
  const width = pictures.reduce((sum, picture) => sum + picture.width + GAP, -GAP);
  const rgb = new Uint8Array(3 * width * height).fill(255);
  let left = 0;
  for (const picture of pictures.map(to8Bit)) {
    for (let y = 0; y < picture.height; y++) {
      const row = picture.rgb.subarray(3 * y * picture.width, 3 * (y + 1) * picture.width);
      rgb.set(row, 3 * (y * width + left));
    }
    left += picture.width + GAP;
  }
  return { width, height, bitDepth: 8, rgb };
}
