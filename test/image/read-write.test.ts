import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readColourMask } from '../../train/data/image/mask.ts';
import { fromPlanar, type Picture, resizePicture, toPlanar } from '../../train/data/image/picture.ts';
import { readImage } from '../../train/data/image/read.ts';
import { assertWritable, writeImage } from '../../train/data/image/write.ts';
import { DataError, NonFiniteError, RequestError } from '../../train/errors.ts';

let folder = '';
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'miaobi-image-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const noise = (count: number, max = 255) =>
  Array.from({ length: count }, (_, i) => (i * 7919 + 13 * i * i) % (max + 1));
const bytes = (count: number) => Uint8Array.from(noise(count));
const words = (count: number) => Uint16Array.from(noise(count, 65535));
const picture8: Picture = { width: 5, height: 4, bitDepth: 8, rgb: bytes(60), alpha: bytes(20) };
const picture16: Picture = { width: 5, height: 4, bitDepth: 16, rgb: words(60), alpha: words(20) };
const raw = (samples: Uint8Array | Uint16Array, width: number, height: number, channels: 1 | 2 | 3 | 4) =>
  sharp(samples, { raw: { width, height, channels } });

/** A PNG with a colour profile put in as it is, without converting the pixels. */
async function tagged(name: string, png: Buffer): Promise<string> {
  const seen = raw(bytes(3), 1, 1, 3).withIccProfile('p3', { attach: true });
  const profile = (await sharp(await seen.png().toBuffer()).metadata()).icc!;
  const body = Buffer.concat([Buffer.from('iCCPp3\0\0'), deflateSync(profile)]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(body.length - 4, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  await writeFile(at(name), Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)]));
  return at(name);
}

describe('writing and reading back', () => {
  it.each(['png', 'tiff', 'tif'])('loses nothing in %s, 8 or 16 bits, with or without alpha', async (extension) => {
    for (const picture of [
      picture8,
      picture16,
      { ...picture8, alpha: undefined },
      { ...picture16, alpha: undefined },
    ]) {
      const path = at(`lossless.${extension}`);
      expect(await writeImage(path, picture, { overwrite: true })).toEqual([]);
      const back = await readImage(path);
      expect([back.width, back.height, back.bitDepth]).toEqual([5, 4, picture.bitDepth]);
      expect(back.rgb).toEqual(picture.rgb);
      expect(back.alpha).toEqual(picture.alpha);
    }
  });

  it('says that JPEG loses alpha and depth', async () => {
    const smooth: Picture = { ...picture16, rgb: new Uint16Array(60).fill(30000) };
    const notes = await writeImage(at('a.JPG'), smooth);
    expect(notes).toHaveLength(2);
    expect(notes.join()).toMatch(/16 bits to 8.*transparency left out/s);
    const back = await readImage(at('a.JPG'));
    expect(back.alpha).toBeUndefined();
    expect(Math.abs(back.rgb[0] - 30000 / 257)).toBeLessThanOrEqual(2);
  });

  it('keeps the alpha of WebP', async () => {
    await writeImage(at('a.webp'), picture8, { quality: 100 });
    expect((await readImage(at('a.webp'))).alpha).toEqual(picture8.alpha);
  });

  it('leaves an existing file alone without overwrite, and no temporary file behind', async () => {
    const path = at('taken.png');
    await writeFile(path, 'precious');
    await expect(writeImage(path, picture8)).rejects.toThrow(/already there.*--overwrite/s);
    await expect(assertWritable(path)).rejects.toThrow(RequestError);
    expect(await readFile(path, 'utf8')).toBe('precious');
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('makes missing folders', async () => {
    await writeImage(at('new/deep/a.png'), picture8);
    expect((await readImage(at('new/deep/a.png'))).width).toBe(5);
  });

  it('explains what it cannot write', async () => {
    await writeFile(at('file'), 'x');
    await expect(assertWritable(at('file/deep/a.png'))).rejects.toThrow(/part of the path is a file/);
    await expect(assertWritable(at('not/yet/there/a.png'))).resolves.toBeUndefined();
    await expect(writeImage(at('file/a.png'), picture8)).rejects.toThrow(
      /part of the path is a file.*Nothing was written/s,
    );
    await expect(writeImage(at('a.bmp'), picture8)).rejects.toThrow(/ends in .png .*but it ends in .bmp/);
    await expect(writeImage(at('noextension'), picture8)).rejects.toThrow(/no extension/);
    await mkdir(at('folder.png'));
    await expect(writeImage(at('folder.png'), picture8, { overwrite: true })).rejects.toThrow(/it is a folder/);
  });
});

describe('reading', () => {
  it('turns a photograph upright', async () => {
    // orientation 6: the camera was turned; rows become columns, clockwise
    const pixels = Uint8Array.from([1, 2, 3, 4, 5, 6].flatMap((v) => [v * 40, v * 40, v * 40]));
    await raw(pixels, 3, 2, 3).png().withMetadata({ orientation: 6 }).toFile(at('turned.png'));
    const picture = await readImage(at('turned.png'));
    expect([picture.width, picture.height]).toEqual([2, 3]);
    expect([...picture.rgb].filter((_, i) => i % 3 === 0)).toEqual([160, 40, 200, 80, 240, 120]);
  });

  it('gives grey pictures three equal channels, 8 and 16 bits, with alpha', async () => {
    await raw(bytes(6), 3, 2, 1).toColourspace('b-w').png().toFile(at('grey.png'));
    const grey = await readImage(at('grey.png'));
    expect(grey).toMatchObject({ wasGrey: true, bitDepth: 8, width: 3, height: 2 });
    expect([...grey.rgb]).toEqual([...bytes(6)].flatMap((v) => [v, v, v]));

    await raw(words(12), 3, 2, 2).toColourspace('grey16').png().toFile(at('grey16.png'));
    const deep = await readImage(at('grey16.png'));
    expect(deep).toMatchObject({ wasGrey: true, bitDepth: 16 });
    expect([...deep.alpha!]).toEqual([...words(12)].filter((_, i) => i % 2 === 1));
    expect(deep.rgb[3]).toBe(words(12)[2]);
  });

  it('converts a colour profile to sRGB, in 8 bits and in 16 alike', async () => {
    const colours = Uint8Array.from([0, 37, 74, 111, 148, 185, 200, 100, 50]);
    const png8 = await raw(colours, 3, 1, 3).png().toBuffer();
    const png16 = await raw(
      Uint16Array.from(colours, (v) => v * 257),
      3,
      1,
      3,
    )
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    const narrow = await readImage(await tagged('p3-8.png', png8));
    const deep = await readImage(await tagged('p3-16.png', png16));
    expect([narrow.hadIcc, deep.hadIcc, deep.bitDepth]).toEqual([true, true, 16]);
    // Display P3 (200, 100, 50) is more saturated in sRGB: red above 200, blue below 50
    expect(narrow.rgb[6]).toBeGreaterThan(206);
    expect(narrow.rgb[8]).toBeLessThan(44);
    for (let i = 0; i < 9; i++) expect(Math.abs(deep.rgb[i] / 257 - narrow.rgb[i])).toBeLessThan(2);
  });

  it('converts CMYK to RGB: light stays light, neutral neutral, red red', async () => {
    const read = async (...colour: number[]) => {
      const pixels = Uint8Array.from({ length: 192 }, (_, i) => colour[i % 3]);
      await raw(pixels, 8, 8, 3).toColourspace('cmyk').jpeg({ quality: 100 }).toFile(at('cmyk.jpg'));
      const picture = await readImage(at('cmyk.jpg'));
      expect(picture.rgb).toHaveLength(192);
      return [...picture.rgb.subarray(0, 3)];
    };
    for (const [level, least, most] of [
      [60, 30, 110],
      [200, 170, 230],
    ]) {
      const colour = await read(level, level, level);
      expect(Math.min(...colour)).toBeGreaterThan(least);
      expect(Math.max(...colour)).toBeLessThan(most);
      expect(Math.max(...colour) - Math.min(...colour)).toBeLessThan(16);
    }
    const [red, green, blue] = await read(200, 60, 60);
    expect(red - Math.max(green, blue)).toBeGreaterThan(90);
  });

  it('reads a 1 x 1 picture', async () => {
    await writeImage(at('one.png'), { width: 1, height: 1, bitDepth: 8, rgb: Uint8Array.of(1, 2, 3) });
    expect([...(await readImage(at('one.png'))).rgb]).toEqual([1, 2, 3]);
  });

  it('reads a file again after it was replaced', async () => {
    const plain = (value: number): Picture => ({
      width: 2,
      height: 1,
      bitDepth: 8,
      rgb: new Uint8Array(6).fill(value),
    });
    for (const value of [10, 20]) {
      await writeImage(at('again.png'), plain(value), { overwrite: true });
      expect((await readImage(at('again.png'))).rgb[0]).toBe(value);
    }
  });

  it('reads a picture over the limit only reduced', async () => {
    await writeImage(at('large.png'), { width: 40, height: 20, bitDepth: 8, rgb: new Uint8Array(2400).fill(9) });
    await expect(readImage(at('large.png'), { limitPixels: 799 })).rejects.toThrow(
      /40 x 20 is 800 pixels.*799.*--max-size/s,
    );
    const reduced = await readImage(at('large.png'), { limitPixels: 799, reduceTo: 10 });
    expect([reduced.width, reduced.height, reduced.rgb[7]]).toEqual([10, 5, 9]);
    expect(reduced.notes.join()).toMatch(/read reduced to 10 x 5/);
  });
});

describe('files that are no pictures', () => {
  it('missing', async () => {
    await expect(readImage(at('nowhere.png'))).rejects.toThrow(
      /nowhere.png: expected a picture, but there is no such file/,
    );
    await expect(readImage(at('nowhere.png'))).rejects.toThrow(RequestError);
    await expect(readImage(folder)).rejects.toThrow(/it is a folder/);
  });

  it('empty', async () => {
    await writeFile(at('empty.jpg'), '');
    await expect(readImage(at('empty.jpg'))).rejects.toThrow(/empty \(0 bytes\)/);
    await expect(readImage(at('empty.jpg'))).rejects.toThrow(DataError);
  });

  it('cut short', async () => {
    const whole = {
      jpg: await raw(bytes(30000), 100, 100, 3).jpeg().toBuffer(),
      png: await raw(bytes(30000), 100, 100, 3).png().toBuffer(),
    };
    for (const [extension, buffer] of Object.entries(whole)) {
      await writeFile(at(`cut.${extension}`), buffer.subarray(0, buffer.length / 2));
      await expect(readImage(at(`cut.${extension}`))).rejects.toThrow(
        /expected a whole 100 x 100 (jpeg|png), but it is cut short/,
      );
    }
  });

  it('text, or other bytes, under a name that ends in .png', async () => {
    await writeFile(at('text.png'), 'Dear reader,\nthis is no picture');
    await expect(readImage(at('text.png'))).rejects.toThrow(/is text that begins “Dear reader,”/);
    await writeFile(at('bytes.png'), Uint8Array.of(0, 1, 2, 253, 254));
    await expect(readImage(at('bytes.png'))).rejects.toThrow(/begins with the bytes 00 01 02 fd fe/);
    await writeFile(at('drawing.png'), '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(readImage(at('drawing.png'))).rejects.toThrow(/is text that begins “<svg/);
  });

  it('20000 x 20000 pixels, told from the header alone', async () => {
    const png = Buffer.from(await raw(bytes(3), 1, 1, 3).png().toBuffer());
    png.writeUInt32BE(20000, 16);
    png.writeUInt32BE(20000, 20);
    png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
    await writeFile(at('huge.png'), png);
    await expect(readImage(at('huge.png'))).rejects.toThrow(/20000 x 20000 is 400,000,000 pixels.*268,402,689/s);
  });
});

describe('planes', () => {
  it('are value / 255, channel by channel', () => {
    const planar = toPlanar({ width: 2, height: 1, bitDepth: 8, rgb: Uint8Array.from([255, 51, 0, 102, 153, 204]) });
    expect([...planar]).toEqual([1, 0.4, 0.2, 0.6, 0, 0.8].map(Math.fround));
  });

  it('come back as they went, 8 and 16 bits', () => {
    for (const picture of [picture8, picture16]) {
      const { bitDepth, alpha } = picture;
      expect(fromPlanar(toPlanar(picture), 5, 4, { bitDepth, alpha })).toEqual(picture);
    }
  });

  it('are clamped and rounded, or cut off on demand', () => {
    const planar = Float32Array.from([-0.5, 100.5 / 255, 1.5]);
    expect([...fromPlanar(planar, 1, 1).rgb]).toEqual([0, 101, 255]);
    expect([...fromPlanar(planar, 1, 1, { truncate: true }).rgb]).toEqual([0, 100, 255]);
  });

  it('never hide a NaN', () => {
    expect(() => fromPlanar(Float32Array.from([0, Number.NaN, 1]), 1, 1)).toThrow(NonFiniteError);
  });
});

describe('readColourMask', () => {
  it('gives labels at the size of the picture, from a mask of any size and depth', async () => {
    const colours = [255, 0, 0, 0, 255, 0, 2, 1, 250, 255, 255, 255]; // red, green, nearly blue, white
    await writeImage(at('mask.png'), { width: 2, height: 2, bitDepth: 8, rgb: Uint8Array.from(colours) });
    await writeImage(at('deep.png'), {
      width: 2,
      height: 2,
      bitDepth: 16,
      rgb: Uint16Array.from(colours, (v) => v * 257),
    });
    const expected = [4, 4, 2, 2, 3, 3, 1, 1];
    expect([...(await readColourMask(at('mask.png'), 4, 2))]).toEqual(expected);
    expect([...(await readColourMask(at('deep.png'), 4, 2))]).toEqual(expected);
  });
});

describe('resizePicture', () => {
  it('resizes colours and alpha apart', () => {
    const picture: Picture = {
      width: 2,
      height: 1,
      bitDepth: 8,
      rgb: Uint8Array.from([200, 100, 50, 0, 100, 50]),
      alpha: Uint8Array.from([255, 0]),
    };
    const half = resizePicture(picture, 1, 1, 'box');
    expect([[...half.rgb], [...half.alpha!]]).toEqual([[100, 100, 50], [128]]);
  });

  it('keeps 16 bits', () => {
    const half = resizePicture(
      { width: 2, height: 1, bitDepth: 16, rgb: Uint16Array.from([1000, 0, 65535, 2001, 0, 65535]) },
      1,
      1,
      'box',
    );
    expect([...half.rgb]).toEqual([1501, 0, 65535]); // 1500.5 rounds up
  });
});
