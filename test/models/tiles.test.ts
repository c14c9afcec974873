import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../engine/errors.ts';
import { clip, cropPlanar, cutTiles, pastePlanar, type Rect, reflectTo } from '../../models/cap-vstnet/tiles.ts';

const bottom = ({ top, height }: Rect) => top + height;
const right = ({ left, width }: Rect) => left + width;

/** Sizes, tiles and halos of all kinds: untiled, barely tiled, many tiles, tall, wide. */
const CUTS = [
  [64, 64, 64, 8],
  [64, 68, 64, 8],
  [1024, 1024, 832, 240],
  [2160, 3840, 1024, 240],
  [100, 1000, 72, 32],
  [500, 24, 96, 24],
] as const;

describe('cutTiles', () => {
  it.each(CUTS)('covers every pixel of %i × %i once with tiles of at most %i', (height, width, tile, halo) => {
    const tiles = cutTiles({ height, width }, tile, 4, halo);
    const covered = new Uint8Array(height * width);
    for (const { core, padded } of tiles) {
      for (let y = core.top; y < bottom(core); y++) {
        for (let x = core.left; x < right(core); x++) covered[y * width + x]++;
      }
      expect(Math.max(padded.height, padded.width)).toBeLessThanOrEqual(tile);
      for (const value of [core.top, core.left, padded.top, padded.left, padded.height, padded.width]) {
        expect(value % 4).toBe(0);
      }
    }
    expect(covered.every((times) => times === 1)).toBe(true);
  });

  it.each(CUTS)('gives each core of %i × %i in tiles of %i a halo of %i, less only at the edges', (...cut) => {
    const [height, width, tile, halo] = cut;
    for (const { core, padded } of cutTiles({ height, width }, tile, 4, halo)) {
      expect(padded.top).toBe(height <= tile ? 0 : Math.max(0, core.top - halo));
      expect(padded.left).toBe(width <= tile ? 0 : Math.max(0, core.left - halo));
      expect(bottom(padded)).toBe(Math.min(height, bottom(core) + halo));
      expect(right(padded)).toBe(Math.min(width, right(core) + halo));
    }
  });

  it('takes the fewest tiles that fit, with cores as even as can be', () => {
    const rows = (height: number, tile: number) =>
      cutTiles({ height, width: 64 }, tile, 4, 240).map(({ core }) => [core.top, core.height]);
    expect(rows(1024, 752)).toEqual([
      [0, 512],
      [512, 512],
    ]);
    expect(rows(1020, 744).map(([, size]) => size)).toEqual([256, 256, 256, 252]);
  });

  it('refuses a tile that its halo fills, and says how large it must be', () => {
    expect(() => cutTiles({ height: 500, width: 500 }, 480, 4, 240)).toThrow(ShapeError);
    expect(() => cutTiles({ height: 500, width: 500 }, 480, 4, 240)).toThrow(/Expected at least 484/);
    expect(cutTiles({ height: 480, width: 480 }, 480, 4, 240)).toHaveLength(1);
  });
});

describe('planar pictures', () => {
  const planar = Float32Array.from({ length: 2 * 5 * 7 }, (_, i) => i);

  it('come back from their parts', () => {
    const whole = new Float32Array(planar.length);
    for (const rect of [
      { top: 0, left: 0, height: 2, width: 7 },
      { top: 2, left: 0, height: 3, width: 4 },
      { top: 2, left: 4, height: 3, width: 3 },
    ]) {
      pastePlanar(whole, 2, 5, 7, rect, cropPlanar(planar, 2, 5, 7, rect));
    }
    expect(whole).toEqual(planar);
  });

  it('grow by reflection, the edge not repeated, as often as it takes', () => {
    const row = Float32Array.from([1, 2, 3]);
    const grown = reflectTo(row, 1, { height: 1, width: 3 }, { height: 2, width: 8 });
    expect([...grown.subarray(0, 8)]).toEqual([1, 2, 3, 2, 1, 2, 3, 2]);
    expect(grown.subarray(8)).toEqual(grown.subarray(0, 8)); // a single row can only be repeated
    expect(reflectTo(row, 1, { height: 1, width: 3 }, { height: 1, width: 3 })).toBe(row);
  });

  it('know which part of a rectangle is theirs', () => {
    const size = { height: 10, width: 6 };
    expect(clip({ top: 8, left: 0, height: 4, width: 4 }, size)).toEqual({ top: 0, left: 0, height: 2, width: 4 });
    expect(clip({ top: 12, left: 0, height: 4, width: 4 }, size)).toBeUndefined();
  });
});
