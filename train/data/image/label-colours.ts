/** How GauGAN shows label maps and pictures: the colours of class ids, bytes of the network's pictures, and tiles. */

/** A colour of each id: [N, 3], 8 bits. */
export type ColourMap = Uint8Array;

/** Classes of Cityscapes by id, from 0: red, green, blue. */
const CITYSCAPES =
  '000000 000000 000000 000000 000000 6f4a00 510051 804080 f423e8 faaaa0 e6968c 464646 66669c be9999 b4a5b4 966464 ' +
  '96785a 999999 999999 faaa1e dcdc00 6b8e23 98fb98 4682b4 dc143c ff0000 00008e 000046 003c64 00005a 00006e 005064 ' +
  '0000e6 770b20 00008e';

/** Classes of COCO-Stuff that have a colour like theirs, by id: clouds, grass, sea, sky, trees. */
const COCO: readonly (readonly [id: number, colour: string])[] = [
  [105, 'aaaaaa'],
  [123, '1dc331'],
  [154, '363ea7'],
  [156, '5fdbff'],
  [168, '8c682f'],
];

/**
 * The colours of `n` ids. The bits of id + 1 are dealt out in turn to red, green and blue, the lowest to the highest bits
 * of the colours. 35 ids are those of Cityscapes, and 182 those of COCO-Stuff, where a few classes have colours of their
 * own; with the unknown class and the edges counted in, neither number is met in the training of the original.
 *
 * @returns [n, 3]
 */
export function labelColourMap(n: number): ColourMap {
  const map = new Uint8Array(3 * n);
  if (n === 35) {
    CITYSCAPES.split(' ').forEach((colour, id) => {
      map.set(hexColour(colour), 3 * id);
    });
    return map;
  }
  for (let id = 0; id < n; id++) {
    for (let bits = id + 1, shift = 7; bits > 0 && shift > 0; bits >>= 3, shift--) {
      for (let c = 0; c < 3; c++) map[3 * id + c] |= ((bits >> c) & 1) << shift;
    }
  }
  if (n === 182) for (const [id, colour] of COCO) map.set(hexColour(colour), 3 * id);
  return map;
}

/** `1dc331` → [29, 195, 49]. */
export function hexColour(text: string): [number, number, number] {
  const value = Number.parseInt(text, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** The map of a network with `labelNc` classes, as the original shows it. */
export function coloursOfClasses(labelNc: number): ColourMap {
  return labelColourMap(labelNc + 2);
}

/**
 * Ids as colours; ids beyond the map are black.
 *
 * @param ids  any shape
 * @returns    that shape with 3 channels at its end
 */
export function colourLabels(ids: ArrayLike<number>, map: ColourMap): Uint8Array<ArrayBuffer> {
  const rgb = new Uint8Array(3 * ids.length);
  for (let i = 0; i < ids.length; i++) {
    const at = 3 * ids[i];
    if (at + 2 < map.length) for (let c = 0; c < 3; c++) rgb[3 * i + c] = map[at + c];
  }
  return rgb;
}

/**
 * Pictures as bytes: (v + 1) / 2 · 255, clipped to 0 … 255, the fraction cut off.
 *
 * @param planar  [B, 3, H, W] in [-1, 1]
 * @param plane   H · W
 * @returns       [B, H, W, 3]
 */
export function pictureBytes(planar: ArrayLike<number>, plane: number): Uint8Array<ArrayBuffer> {
  const { fround } = Math;
  const rgb = new Uint8Array(planar.length);
  for (let item = 0; item < planar.length; item += 3 * plane) {
    for (let c = 0; c < 3; c++) {
      for (let i = 0, from = item + c * plane, at = item + c; i < plane; i++, from++, at += 3) {
        const value = fround(fround(fround(planar[from] + 1) / 2) * 255);
        rgb[at] = value <= 0 ? 0 : value >= 255 ? 255 : Math.floor(value);
      }
    }
  }
  return rgb;
}

export interface Tiled {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3] */
  readonly rgb: Uint8Array<ArrayBuffer>;
}

/**
 * Pictures of one size side by side, `perRow` in a row; what is left of the last row is black.
 *
 * @param rgb  [B, height, width, 3]
 */
export function tilePictures(rgb: Uint8Array, width: number, height: number, perRow: number): Tiled {
  const count = rgb.length / (3 * width * height);
  const sheet = { width: width * perRow, height: height * Math.ceil(count / perRow) };
  const out = new Uint8Array(3 * sheet.width * sheet.height);
  for (let i = 0; i < count; i++) {
    for (let y = 0; y < height; y++) {
      const from = 3 * (i * height + y) * width;
      const row = Math.floor(i / perRow) * height + y;
      out.set(rgb.subarray(from, from + 3 * width), 3 * (row * sheet.width + (i % perRow) * width));
    }
  }
  return { ...sheet, rgb: out };
}
