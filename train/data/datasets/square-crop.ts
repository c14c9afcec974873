/** A square crop of a picture whose shorter side was brought to a size first, as the style transfer networks train. */
import { multiplyHigh } from '../../../engine/random.ts';
import { type Picture, to8Bit } from '../image/picture.ts';
import { pillowResize, type Raster, type Region } from '../image/pillow-resize.ts';

/** Where a crop lies, as random words: offset = ⌊word · choices / 2³²⌋. */
export interface CropDraw {
  readonly x: number;
  readonly y: number;
}

/**
 * The size after the shorter side has become `load`: the longer is ⌊load · longer / shorter⌋ as in torchvision's Resize.
 * Smaller pictures are enlarged.
 */
export function shorterSideTo(load: number, width: number, height: number): { width: number; height: number } {
  const longer = Math.trunc((load * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? { width: load, height: longer } : { width: longer, height: load };
}

/** A square of `side` pixels in a picture; every position is as likely. `side` may not exceed the picture's sides. */
export function cropRegion(width: number, height: number, side: number, draw: CropDraw): Region {
  const left = multiplyHigh(draw.x, width - side + 1);
  const top = multiplyHigh(draw.y, height - side + 1);
  return { left, top, width: side, height: side };
}

/** The picture's colours with the shorter side brought to `load`, Pillow's bilinear filter; a region of it, or all. */
export function resizeShorter(
  picture: Picture,
  load: number,
  regionOf?: (size: { width: number; height: number }) => Region,
) {
  const { width, height, rgb } = to8Bit(picture);
  const source: Raster<Uint8Array> = { width, height, channels: 3, pixels: rgb as Uint8Array };
  const size = shorterSideTo(load, width, height);
  return pillowResize(source, size.width, size.height, 'bilinear', regionOf?.(size));
}
