import { ShapeError } from '../../engine/index.ts';

/** In pixels. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

export interface Rect {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** One tile: the core that it answers for, and what it must see to do so. Both in pixels of the padded picture. */
export interface Tile {
  readonly core: Rect;
  readonly padded: Rect;
}

/**
 * Cuts a picture into tiles of at most `tile` pixels a side, halo included. Cores partition the picture; a halo on
 * every inner side makes a tile's core independent of the cut, while outer sides are those of the picture.
 *
 * @param tile      largest side of a padded tile
 * @param multiple  sides and positions are multiples of it, where the picture's own sides are
 * @param halo      a multiple of `multiple`
 * @throws ShapeError when the halo leaves no core
 */
export function cutTiles({ height, width }: Size, tile: number, multiple: number, halo: number): Tile[] {
  const rows = cutAxis(height, tile, multiple, halo);
  const columns = cutAxis(width, tile, multiple, halo);
  return rows.flatMap((row) =>
    columns.map((column) => ({
      core: { top: row.start, height: row.end - row.start, left: column.start, width: column.end - column.start },
      padded: { top: row.from, height: row.to - row.from, left: column.from, width: column.to - column.from },
    })),
  );
}

interface Span {
  start: number;
  end: number;
  from: number;
  to: number;
}

/** Spans of one axis: the fewest that fit, cores as even as `multiple` allows. */
function cutAxis(size: number, tile: number, multiple: number, halo: number): Span[] {
  if (size <= tile) return [{ start: 0, end: size, from: 0, to: size }];
  if (tile - 2 * halo < multiple) {
    throw new ShapeError(
      `A tile of ${tile} pixels a side has no core: a halo of ${halo} lies on each side. Expected at least ` +
        `${2 * halo + multiple} for a picture larger than the tile.`,
    );
  }
  for (let count = 2; ; count++) {
    const step = Math.ceil(size / count / multiple) * multiple;
    const spans: Span[] = [];
    for (let start = 0; start < size; start += step) {
      const end = Math.min(size, start + step);
      spans.push({ start, end, from: Math.max(0, start - halo), to: Math.min(size, end + halo) });
    }
    if (spans.every(({ from, to }) => to - from <= tile)) return spans;
  }
}

/** Copies a rectangle of a planar picture [C, H, W]. */
export function cropPlanar(
  planar: Float32Array,
  channels: number,
  height: number,
  width: number,
  rect: Rect,
): Float32Array {
  if (rect.height === height && rect.width === width) return planar;
  const out = new Float32Array(channels * rect.height * rect.width);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < rect.height; y++) {
      const from = (c * height + rect.top + y) * width + rect.left;
      out.set(planar.subarray(from, from + rect.width), (c * rect.height + y) * rect.width);
    }
  }
  return out;
}

/** Writes `part` [C, rect] into a planar picture [C, H, W]. */
export function pastePlanar(
  into: Float32Array,
  channels: number,
  height: number,
  width: number,
  rect: Rect,
  part: Float32Array,
): void {
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < rect.height; y++) {
      const row = part.subarray((c * rect.height + y) * rect.width, (c * rect.height + y + 1) * rect.width);
      into.set(row, (c * height + rect.top + y) * width + rect.left);
    }
  }
}

/** Extends a planar picture to the right and below by reflection (the edge pixel is not repeated). */
export function reflectTo(planar: Float32Array, channels: number, from: Size, to: Size): Float32Array {
  if (from.height === to.height && from.width === to.width) return planar;
  const reflect = (i: number, size: number) => {
    const period = Math.max(1, 2 * (size - 1));
    const folded = i % period;
    return folded < size ? folded : period - folded;
  };
  const out = new Float32Array(channels * to.height * to.width);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < to.height; y++) {
      const source = (c * from.height + reflect(y, from.height)) * from.width;
      const target = (c * to.height + y) * to.width;
      for (let x = 0; x < to.width; x++) out[target + x] = planar[source + reflect(x, from.width)];
    }
  }
  return out;
}

/** The part of `rect` that lies inside a picture of `size`, in coordinates of `rect`; undefined when there is none. */
export function clip(rect: Rect, size: Size): Rect | undefined {
  const height = Math.min(rect.height, size.height - rect.top);
  const width = Math.min(rect.width, size.width - rect.left);
  return height > 0 && width > 0 ? { top: 0, left: 0, height, width } : undefined;
}

/** The same rectangle where `scale` pixels are one. */
export function scaled(rect: Rect, scale: number): Rect {
  return { top: rect.top / scale, left: rect.left / scale, height: rect.height / scale, width: rect.width / scale };
}

/** The size where `scale` pixels are one and a rest counts. */
export function ceilSize({ height, width }: Size, scale: number): Size {
  return { height: Math.ceil(height / scale), width: Math.ceil(width / scale) };
}

export const area = ({ height, width }: Size): number => height * width;
