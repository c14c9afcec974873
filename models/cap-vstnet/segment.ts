/**
 * Label maps for masked transfer: colour masks to labels, nearest resizing, the remapping of labels between a content
 * and a style map, and the rule that says which labels have pixels enough to be transferred.
 *
 * A label map is row-major [H, W]; labels are integers from 0.
 */

/** A label map's storage. */
export type Labels = Uint8Array | Uint16Array | Uint32Array | Int32Array;

/**
 * The colours of a painted mask with their labels. The order decides ties: an off-palette colour that is equally far
 * from two entries takes the earlier one.
 */
export const MASK_PALETTE: readonly {
  readonly name: string;
  readonly rgb: readonly number[];
  readonly label: number;
}[] = [
  { name: 'blue', rgb: [0, 0, 255], label: 3 },
  { name: 'green', rgb: [0, 255, 0], label: 2 },
  { name: 'black', rgb: [0, 0, 0], label: 0 },
  { name: 'white', rgb: [255, 255, 255], label: 1 },
  { name: 'red', rgb: [255, 0, 0], label: 4 },
  { name: 'yellow', rgb: [255, 255, 0], label: 5 },
  { name: 'grey', rgb: [128, 128, 128], label: 6 },
  { name: 'cyan', rgb: [0, 255, 255], label: 7 },
  { name: 'magenta', rgb: [255, 0, 255], label: 8 },
];

/**
 * Gives each pixel the label of the palette colour nearest in L1 distance.
 *
 * @param rgb  [height, width, 3], 8 bits
 * @returns    [height, width]
 * @throws RangeError when `rgb` does not hold width · height · 3 values
 */
export function labelsFromColours(rgb: Uint8Array, width: number, height: number): Uint8Array {
  const count = width * height;
  if (rgb.length !== count * 3) {
    throw new RangeError(
      `labelsFromColours: expected ${width} x ${height} x 3 = ${count * 3} values, but rgb has ${rgb.length}. ` +
        'Split the alpha channel off first.',
    );
  }
  const labels = new Uint8Array(count);
  const known = new Map<number, number>(); // painted masks hold few colours: classify each one once
  for (let i = 0, at = 0; i < count; i++, at += 3) {
    const key = (rgb[at] << 16) | (rgb[at + 1] << 8) | rgb[at + 2];
    let label = known.get(key);
    if (label === undefined) {
      label = nearestLabel(rgb[at], rgb[at + 1], rgb[at + 2]);
      known.set(key, label);
    }
    labels[i] = label;
  }
  return labels;
}

function nearestLabel(r: number, g: number, b: number): number {
  let best = Number.POSITIVE_INFINITY;
  let label = 0;
  for (const entry of MASK_PALETTE) {
    const distance = Math.abs(r - entry.rgb[0]) + Math.abs(g - entry.rgb[1]) + Math.abs(b - entry.rgb[2]);
    if (distance < best) {
      best = distance;
      label = entry.label;
    }
  }
  return label;
}

/**
 * The source index of every output position under Pillow's NEAREST: floor((i + 0.5) · in / out), with the position
 * accumulated step by step in double precision as Pillow does, for that decides the cases that fall on a border.
 *
 * @param input   source length in pixels
 * @param output  target length in pixels
 * @returns       [output], each in 0 … input − 1
 */
export function nearestIndices(input: number, output: number): Uint32Array {
  const indices = new Uint32Array(output);
  const scale = input / output;
  let position = scale * 0.5;
  for (let i = 0; i < output; i++) {
    indices[i] = Math.min(Math.trunc(position), input - 1);
    position += scale;
  }
  return indices;
}

/**
 * Resizes a label map as Pillow's NEAREST does.
 *
 * @param labels  [height, width]
 * @returns       [outHeight, outWidth], the same storage type
 */
export function resizeLabels<T extends Labels>(
  labels: T,
  width: number,
  height: number,
  outWidth: number,
  outHeight: number,
): T {
  const columns = nearestIndices(width, outWidth);
  const rows = nearestIndices(height, outHeight);
  const resized = new (labels.constructor as new (length: number) => T)(outWidth * outHeight);
  for (let y = 0, at = 0; y < outHeight; y++) {
    const row = rows[y] * width;
    for (let x = 0; x < outWidth; x++, at++) resized[at] = labels[row + columns[x]];
  }
  return resized;
}

/** How often each label occurs, by label in ascending order. */
export function labelCounts(labels: Labels): Map<number, number> {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return new Map([...counts].sort((a, b) => a[0] - b[0]));
}

/**
 * Whether a label may be transferred, by its pixel counts in the full-size maps: more than 10 pixels on both sides,
 * and neither side 100 times the other or more.
 */
export function isValidLabel(contentCount: number, styleCount: number): boolean {
  return contentCount > 10 && styleCount > 10 && contentCount / styleCount < 100 && styleCount / contentCount < 100;
}

/** One label of the content map with its counts. */
export interface LabelMatch {
  readonly label: number;
  /** pixels in the full-size content map */
  readonly content: number;
  /** pixels in the full-size style map */
  readonly style: number;
  readonly valid: boolean;
}

/**
 * Matches the labels of a content map with those of a style map. Labels that only the style has are not listed.
 *
 * @param content  [h, w], full size
 * @param style    [h', w'], full size
 * @returns        one entry per label of the content map, ascending
 */
export function matchLabels(content: Labels, style: Labels): LabelMatch[] {
  const styleCounts = labelCounts(style);
  return [...labelCounts(content)].map(([label, count]) => {
    const other = styleCounts.get(label) ?? 0;
    return { label, content: count, style: other, valid: isValidLabel(count, other) };
  });
}
