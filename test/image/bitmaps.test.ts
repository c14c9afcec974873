import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readImage } from '../../train/data/image/read.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'miaobi-bitmaps-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(content: Uint8Array | string) {
  const path = join(folder, 'picture');
  await writeFile(path, content);
  return readImage(path);
}

describe('netpbm', () => {
  const binary = (header: string, ...pixels: number[]) => Buffer.concat([Buffer.from(header), Buffer.from(pixels)]);

  it('reads binary colour with comments in the header', async () => {
    const picture = await read(binary('P6 # made by hand\n2 1\n# more\n255\n', 1, 2, 3, 4, 5, 6));
    expect(picture).toMatchObject({ width: 2, height: 1, bitDepth: 8, wasGrey: false });
    expect([...picture.rgb]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('reads text colour and scales to the largest value', async () => {
    expect([...(await read('P3\n1 1\n15\n0 7 15\n')).rgb]).toEqual([0, 119, 255]);
  });

  it('reads 16-bit grey as 16 bits', async () => {
    const picture = await read(binary('P5\n2 1\n65535\n', 0x12, 0x34, 0xff, 0xff));
    expect(picture).toMatchObject({ bitDepth: 16, wasGrey: true });
    expect([...picture.rgb]).toEqual([0x1234, 0x1234, 0x1234, 65535, 65535, 65535]);
  });

  it('reads black and white, text and packed', async () => {
    const first = (rgb: ArrayLike<number>) => Array.from(rgb).filter((_, i) => i % 3 === 0);
    expect(first((await read('P1\n3 2\n101\n0 1 0\n')).rgb)).toEqual([0, 255, 0, 255, 0, 255]);
    expect(first((await read(binary('P4\n9 1\n', 0b10100000, 0b10000000))).rgb)).toEqual([
      0, 255, 0, 255, 255, 255, 255, 255, 0,
    ]);
  });

  it('names what is missing', async () => {
    await expect(read(binary('P6\n2 2\n255\n', 1, 2, 3))).rejects.toThrow(
      /cut short or damaged \(9 bytes are missing\)/,
    );
    await expect(read('P3\n1 1\n255\n1 2')).rejects.toThrow(/value 3 of 3 is missing/);
    await expect(read('P6\n99999 99999\n255\n')).rejects.toThrow(/9,999,800,001 pixels/);
  });
});

describe('Windows bitmaps', () => {
  /** A bitmap with a 40-byte header; `rows` are written as given. */
  function bmp(width: number, height: number, bits: number, rows: number[][], palette: number[][] = []): Buffer {
    const start = 54 + palette.length * 4;
    const header = Buffer.alloc(54);
    header.write('BM');
    header.writeUInt32LE(start, 10);
    header.writeUInt32LE(40, 14);
    header.writeInt32LE(width, 18);
    header.writeInt32LE(height, 22);
    header.writeUInt16LE(1, 26);
    header.writeUInt16LE(bits, 28);
    header.writeUInt32LE(palette.length, 46);
    return Buffer.concat([header, Buffer.from(palette.flat()), Buffer.from(rows.flat())]);
  }

  it('reads 24 bits, bottom row first, rows padded to 4 bytes', async () => {
    const rows = [
      [3, 2, 1, 0],
      [6, 5, 4, 0],
    ];
    expect([...(await read(bmp(1, 2, 24, rows))).rgb]).toEqual([4, 5, 6, 1, 2, 3]);
    expect([...(await read(bmp(1, -2, 24, rows))).rgb]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('reads a palette', async () => {
    const palette = [
      [30, 20, 10, 0],
      [60, 50, 40, 0],
    ];
    expect([...(await read(bmp(2, 1, 1, [[0b01000000, 0, 0, 0]], palette))).rgb]).toEqual([10, 20, 30, 40, 50, 60]);
    expect([...(await read(bmp(2, 1, 8, [[1, 0, 0, 0]], palette))).rgb]).toEqual([40, 50, 60, 10, 20, 30]);
    await expect(read(bmp(1, 1, 8, [[9, 0, 0, 0]], palette))).rejects.toThrow(/colour 9, but the palette ends at 1/);
  });

  it('ignores the fourth byte of plain 32 bits', async () => {
    const picture = await read(bmp(1, 1, 32, [[3, 2, 1, 77]]));
    expect([[...picture.rgb], picture.alpha]).toEqual([[1, 2, 3], undefined]);
  });

  it('reads 16 bits as 5 a channel', async () => {
    const value = (31 << 10) | (0 << 5) | 16;
    expect([...(await read(bmp(1, 1, 16, [[value & 255, value >> 8, 0, 0]]))).rgb]).toEqual([255, 0, 132]);
  });

  it('names what is missing', async () => {
    await expect(read(bmp(4, 4, 24, [[1, 2, 3]]))).rejects.toThrow(/45 bytes are missing/);
  });
});
