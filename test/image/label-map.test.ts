import { writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { instanceEdges } from '../../train/data/image/instance-edges.ts';
import { labelColourMap } from '../../train/data/image/label-colours.ts';
import {
  countLabels,
  networkIds,
  readInstanceIds,
  readLabelIds,
  wrongLabels,
} from '../../train/data/image/label-map.ts';
import { idsOfColours, paletteColours, paletteOf, readPalette } from '../../train/data/image/palette.ts';
import { readPngSamples } from '../../train/data/image/png-samples.ts';
import { folderOfFile } from '../cli/pictures.ts';

const folder = folderOfFile();
const [WIDTH, HEIGHT] = [19, 13];
const COUNT = WIDTH * HEIGHT;

/** Numbers with long runs and noise, so that an encoder uses several row filters. */
const ids = Uint8Array.from({ length: COUNT }, (_, i) => (i % 3 === 0 ? (i * 37) % 29 : Math.floor(i / 40)));
const grey = (pixels: Uint8Array | Uint16Array, channels: 1 | 2 | 3 | 4 = 1) =>
  sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels } });

async function saved(name: string, bytes: Promise<Buffer>): Promise<string> {
  writeFileSync(folder.at(name), await bytes);
  return folder.at(name);
}

describe('a PNG as it is stored', () => {
  it.each([false, true])('is read with every filter, interlaced: %s', async (progressive) => {
    const bytes = await grey(ids).toColourspace('b-w').png({ progressive, adaptiveFiltering: true }).toBuffer();
    const { samples, channels, bitDepth } = readPngSamples(bytes);
    expect([channels, bitDepth, samples]).toEqual([1, 8, ids]);
  });

  it.each([1, 2, 4] as const)('has samples of %i bits, and a palette’s indices', async (bits) => {
    const colours = 2 ** bits;
    const rgb = Uint8Array.from(
      { length: 3 * COUNT },
      (_, i) => (((Math.floor(i / 3) % colours) + 1) * 40 * ((i % 3) + 1)) % 251,
    );
    const bytes = await grey(rgb, 3).png({ palette: true, colours, dither: 0, effort: 1 }).toBuffer();
    const { samples, bitDepth, indexed } = readPngSamples(bytes);
    expect([indexed, bitDepth <= 4]).toEqual([true, true]);
    // each index is one colour, and each colour one index
    const pairs = new Set([...samples].map((index, i) => `${index} ${rgb.subarray(3 * i, 3 * i + 3)}`));
    expect(pairs.size).toBe(colours);
  });

  it('has 16 bits, and colours with alpha', async () => {
    const words = Uint16Array.from({ length: COUNT }, (_, i) => i * 250);
    const deep = await grey(words).toColourspace('grey16').png().toBuffer();
    expect(readPngSamples(deep).samples).toEqual(words);
    const rgba = Uint8Array.from({ length: 4 * COUNT }, (_, i) => (i * 7) % 256);
    expect(readPngSamples(await grey(rgba, 4).png().toBuffer())).toMatchObject({ channels: 4, samples: rgba });
  });

  it('is missed when it is cut short or altered', async () => {
    const bytes = await grey(ids).toColourspace('b-w').png().toBuffer();
    expect(() => readPngSamples(bytes.subarray(0, bytes.length - 30))).toThrow();
    const altered = Buffer.from(bytes);
    altered[altered.length - 20] ^= 0xff;
    expect(() => readPngSamples(altered)).toThrow();
  });
});

describe('a label map', () => {
  it('is a grey PNG, a palette’s indices, or a grey picture of another kind', async () => {
    const plain = await saved('a.png', grey(ids).toColourspace('b-w').png().toBuffer());
    expect((await readLabelIds(plain)).ids).toEqual(ids);
    const pgm = Buffer.concat([Buffer.from(`P5 ${WIDTH} ${HEIGHT} 255\n`), ids]);
    expect((await readLabelIds(await saved('a.pgm', Promise.resolve(pgm)))).ids).toEqual(ids);
    const two = ids.map((id) => (id > 3 ? 255 : 0));
    const bits = await grey(two).toColourspace('b-w').png({ palette: true, colours: 2, dither: 0 }).toBuffer();
    const found = (await readLabelIds(await saved('two.png', Promise.resolve(bits)))).ids;
    expect(new Set(found)).toEqual(new Set([0, 1]));
  });

  it('is a coloured picture with its palette', async () => {
    const map = labelColourMap(30);
    const rgb = Uint8Array.from({ length: 3 * COUNT }, (_, i) => map[3 * ids[Math.floor(i / 3)] + (i % 3)]);
    const path = await saved('rgb.png', grey(rgb, 3).png().toBuffer());
    await expect(readLabelIds(path)).rejects.toThrow('it has colours. Say what they mean with --palette FILE');
    expect((await readLabelIds(path, paletteOf(map))).ids).toEqual(ids);
    rgb.set([1, 2, 3], 3 * (2 * WIDTH + 5));
    const strange = await saved('strange.png', grey(rgb, 3).png().toBuffer());
    await expect(readLabelIds(strange, paletteOf(map))).rejects.toThrow(
      '1 of 247 pixels have others, the first #010203 at (5, 2)',
    );
    const near = idsOfColours(rgb, 3, paletteOf(map), true);
    expect(near.unknown).toBeUndefined();
    expect(near.ids.filter((id, i) => id !== ids[i])).toHaveLength(1);
  });

  it('has the classes of a network, or has not', () => {
    const values = Uint8Array.of(0, 5, 6, 255);
    const rule = { labelNc: 6 };
    expect(wrongLabels(countLabels(values), rule)).toEqual([6, 255]);
    expect(wrongLabels(countLabels(values), { ...rule, dontCare: 255 })).toEqual([]);
    expect(networkIds(values, { ...rule, dontCare: 255 })).toEqual(Uint8Array.of(0, 5, 6, 6));
    expect(networkIds(values, { ...rule, dontCare: 255, shift: true })).toEqual(Uint8Array.of(6, 4, 5, 6));
    expect(wrongLabels(countLabels(Uint8Array.of(7, 6)), { labelNc: 6, dontCare: 255, shift: true })).toEqual([]);
  });
});

describe('an instance map', () => {
  it('has numbers of 8 or 16 bits, or colours', async () => {
    const words = Uint16Array.from({ length: COUNT }, (_, i) => 24000 + (i % 7));
    const deep = await saved('deep.png', grey(words).toColourspace('grey16').png().toBuffer());
    expect((await readInstanceIds(deep)).ids).toEqual(Int32Array.from(words));
    const shallow = await saved('shallow.png', grey(ids).toColourspace('b-w').png().toBuffer());
    expect((await readInstanceIds(shallow)).ids).toEqual(Int32Array.from(ids));
    const rgb = Uint8Array.from({ length: 3 * COUNT }, (_, i) => (i % 3 === 2 ? 1 : i % 3 === 1 ? 2 : 3));
    const coloured = await saved('coloured.png', grey(rgb, 3).png().toBuffer());
    expect(new Set((await readInstanceIds(coloured)).ids)).toEqual(new Set([3 + 2 * 256 + 65536]));
  });

  it('has edges on both sides of a border, and none at the picture’s', () => {
    const map = [1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1];
    expect([...instanceEdges(map, 4, 3)]).toEqual([0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0]);
    expect([...instanceEdges([9, 9], 1, 2)]).toEqual([0, 0]);
  });
});

describe('a palette', () => {
  const write = (name: string, text: string) => {
    writeFileSync(folder.at(name), text);
    return folder.at(name);
  };

  it.each([
    ['lines.txt', '# classes\n0 95 219 255 sky\n\n3,29,195,49,grass land # green\n'],
    [
      'objects.json',
      '[{"id": 0, "name": "sky", "color": "#5fdbff"}, {"id": 3, "name": "grass land", "colour": [29, 195, 49]}]',
    ],
    [
      'classes.json',
      '{"classes": [{"name": "sky", "color": "5fdbff"}, {"id": 3, "name": "grass land", "color": "#1dc331"}]}',
    ],
  ])('is read from %s', async (name, text) => {
    expect(await readPalette(write(name, text))).toEqual([
      { id: 0, name: 'sky', rgb: [95, 219, 255] },
      { id: 3, name: 'grass land', rgb: [29, 195, 49] },
    ]);
  });

  it('is a list of colours by id', async () => {
    const palette = await readPalette(write('list.json', '[[1, 2, 3], "#ffffff"]'));
    expect([...paletteColours(palette)]).toEqual([1, 2, 3, 255, 255, 255]);
  });

  it.each([
    ['{"a": 1}', 'neither a list nor'],
    ['[[1, 2]]', 'entry 0 has no colour'],
    ['0 1 2', 'line 1 is not ID R G B NAME'],
    ['0 1 2 3\n0 1 2 3', 'it has the id 0 twice'],
    ['700 1 2 3', 'it has the id 700'],
    ['', 'it has no colours'],
    ['[', 'but'],
  ])('is not %j', async (text, message) => {
    const path = write('bad.json', text);
    await expect(readPalette(path)).rejects.toThrow(message);
    await expect(readPalette(path)).rejects.toMatchObject({ name: 'DataError' });
  });
});
