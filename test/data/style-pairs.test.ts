import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { lapTable } from '../../kernels/matting-laplacian/table.ts';
import {
  capVstnetLoader,
  planarBatch,
  type StylePairs,
  type StylePairsLoader,
  type StylePairsOptions,
} from '../../train/data/datasets/style-pairs.ts';
import { walkPictures } from '../../train/data/datasets/walk.ts';
import { folderOfFile, scenePng } from '../cli/pictures.ts';

const folder = folderOfFile();
const opened: StylePairsLoader[] = [];
const warnings: string[] = [];

beforeAll(async () => {
  for (const name of ['content/deep/er', 'style', 'broken', 'empty', 'tiny']) {
    mkdirSync(folder.at(...name.split('/')), { recursive: true });
  }
  const sizes = [
    [60, 48],
    [48, 70],
    [90, 90],
    [41, 33],
    [52, 100],
  ];
  for (const [i, [width, height]] of sizes.entries()) {
    await scenePng(folder.at('content', i < 3 ? 'deep/er' : '', `c${i}.png`), width, height, 'noon');
    await scenePng(folder.at('style', `s${i}.PNG`), height, width, i % 2 ? 'dusk' : 'moss');
    if (i < 3) await scenePng(folder.at('broken', `b${i}.png`), width, height, 'moss');
  }
  writeFileSync(folder.at('content', 'notes.txt'), 'no picture');
  writeFileSync(folder.at('content', '.hidden.png'), 'no picture');
  for (const name of ['x.jpg', 'y.png']) writeFileSync(folder.at('broken', name), 'not a picture at all');
  await scenePng(folder.at('tiny', 'line.png'), 400, 3, 'noon');
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((loader) => loader.close()));
  warnings.length = 0;
});

async function open(options: Partial<StylePairsOptions> = {}): Promise<StylePairsLoader> {
  const loader = await capVstnetLoader({
    contentDir: folder.at('content'),
    styleDir: folder.at('style'),
    ...{ batchSize: 2, loadSize: 40, cropSize: 24, seed: 11, workers: 0 },
    laplacian: { winRad: 1, eps: 1e-7 },
    onWarning: (line) => warnings.push(line),
    ...options,
  });
  opened.push(loader);
  return loader;
}

function digest({ content, style, laplacian, step }: StylePairs): string {
  const hash = createHash('sha256').update(content).update(style);
  for (const { pixels, factors } of laplacian) hash.update(pixels).update(factors);
  return hash.update(String(step)).digest('hex');
}

async function digests(loader: StylePairsLoader, steps: readonly number[]): Promise<string[]> {
  const found: string[] = [];
  for (const step of steps) found.push(digest(await loader.batch(step)));
  return found;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe("CAP-VSTNet's loader", () => {
  it('gives the same batches with any number of threads, kept pictures or none', async () => {
    const expected = await digests(await open(), range(0, 8));
    expect(new Set(expected).size).toBe(8);
    for (const [workers, keepBytes, ahead] of [
      [0, 0, 1],
      [1, 20_000, 4],
      [2, undefined, 3],
    ] as const) {
      expect(await digests(await open({ workers, keepBytes, ahead }), range(0, 8))).toEqual(expected);
    }
  });

  it('continues at any step as if it had never stopped, and gives a step again', async () => {
    const expected = await digests(await open(), range(0, 9));
    expect(await digests(await open({ ahead: 1 }), range(5, 9))).toEqual(expected.slice(5));
    expect(await digests(await open(), [7, 2, 7, 8, 0])).toEqual([7, 2, 7, 8, 0].map((step) => expected[step]));
  });

  it('gives other batches for other seeds', async () => {
    const [one] = await digests(await open({ seed: 1 }), [0]);
    const [two] = await digests(await open({ seed: 2 }), [0]);
    expect(one).not.toBe(two);
  });

  it('describes its batch, with the Laplacian of each content crop', async () => {
    const loader = await open();
    expect([loader.contents, loader.styles]).toEqual([5, 5]);
    const { content, style, laplacian, size, batchSize } = await loader.batch(3);
    expect([size, batchSize, content.length, style.length]).toEqual([24, 2, 2 * 24 * 24 * 3, 2 * 24 * 24 * 3]);
    for (const [i, table] of laplacian.entries()) {
      const expected = lapTable(content.subarray(i * 1728, (i + 1) * 1728), 24, 24, 1, 1e-7);
      expect(table.factors).toEqual(expected.factors);
      expect(table.pixels).toEqual(expected.pixels);
    }
  });

  it.each([0, 1])(
    'puts another picture in the place of one that cannot be read, always the same (%i threads)',
    async (workers) => {
      const bad = { contentDir: folder.at('broken'), workers };
      const found = await digests(await open(bad), range(0, 10));
      expect(warnings.map((line) => basename(line.split(':')[0])).sort()).toEqual(['x.jpg', 'y.png']);
      expect(warnings[0]).toContain('Another picture takes its place.');
      expect(await digests(await open({ ...bad, workers: 0, ahead: 1 }), [9, 4])).toEqual([found[9], found[4]]);
    },
  );

  it('says so when nothing can be read, and when there is nothing', async () => {
    mkdirSync(folder.at('hopeless'), { recursive: true });
    writeFileSync(folder.at('hopeless', 'a.jpg'), 'GIF89');
    const hopeless = await open({ styleDir: folder.at('hopeless') });
    await expect(hopeless.batch(0)).rejects.toMatchObject({ name: 'DataError' });
    await expect(open({ contentDir: folder.at('empty') })).rejects.toThrow('but found none: it is empty');
    await expect(open({ contentDir: folder.at('nowhere') })).rejects.toMatchObject({ name: 'RequestError' });
  });

  it('takes crops from pictures that are far smaller and far longer than the crop', async () => {
    const loader = await open({ contentDir: folder.at('tiny'), loadSize: 64, cropSize: 64 });
    const { content } = await loader.batch(0);
    expect(new Set(content).size).toBeGreaterThan(20);
  });

  it('uses the first files alone when it is told to', async () => {
    const loader = await open({ maxItems: 2 });
    expect([loader.contents, loader.styles]).toEqual([2, 2]);
  });

  it.each([
    [{ cropSize: 26, loadSize: 64 }, '--crop-size 26: expected a multiple of 4'],
    [{ cropSize: 64, loadSize: 40 }, '--load-size 40: expected a whole number of at least --crop-size 64'],
    [{ batchSize: 0 }, '--batch-size 0: expected a whole number from 1'],
    [{ laplacian: { winRad: 12, eps: 1e-7 } }, '--win-rad 12: expected windows that fit into a crop of 24 pixels'],
  ])('refuses sizes that do not fit together: %o', async (options, message) => {
    await expect(open(options)).rejects.toThrow(message);
  });
});

describe('the walk through a folder', () => {
  it('finds pictures at any depth, in one order, and no hidden or other files', async () => {
    const found = await walkPictures(folder.at('content'));
    expect(found).toEqual(
      ['c3.png', 'c4.png', 'deep/er/c0.png', 'deep/er/c1.png', 'deep/er/c2.png'].map((path) =>
        folder.at('content', ...path.split('/')),
      ),
    );
  });

  it('follows links, and no circle of them', async () => {
    mkdirSync(folder.at('linked'));
    symlinkSync(folder.at('content', 'deep'), folder.at('linked', 'in'), 'dir');
    symlinkSync(folder.at('linked'), folder.at('linked', 'back'), 'dir');
    expect(await walkPictures(folder.at('linked'))).toHaveLength(3);
  });
});

describe('planes', () => {
  it('are the bytes over 255, one colour after the other', () => {
    const pixels = Uint8Array.from([0, 51, 255, 102, 153, 204, 1, 2, 3, 4, 5, 6]);
    const expected = [0, 102, 51, 153, 255, 204, 1, 4, 2, 5, 3, 6].map((v) => Math.fround(v / 255));
    expect([...planarBatch(pixels, 2)]).toEqual(expected);
  });
});
