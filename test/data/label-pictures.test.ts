import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readLabelInput } from '../../train/data/datasets/label-input.ts';
import {
  type LabelPictureLoader,
  type LabelPictures,
  type LabelPicturesOptions,
  labelPictureLoader,
} from '../../train/data/datasets/label-pictures.ts';
import type { Preprocess } from '../../train/data/datasets/preprocess.ts';
import { instanceEdges } from '../../train/data/image/instance-edges.ts';
import { readImage } from '../../train/data/image/read.ts';
import { folderOfFile, scenePng } from '../cli/pictures.ts';
import { bands, idsPng, labelSet } from './label-scenes.ts';

const folder = folderOfFile();
const opened: LabelPictureLoader[] = [];
const warnings: string[] = [];

const CROP: Preprocess = { mode: 'resize_and_crop', loadSize: 30, cropSize: 24, aspectRatio: 1 };
const NONE: Preprocess = { mode: 'none', loadSize: 1, cropSize: 1, aspectRatio: 1 };

beforeAll(async () => {
  await labelSet(folder.at('set'), [
    [40, 32],
    [32, 40],
    [36, 36],
    [50, 30],
    [33, 47],
    [64, 32],
    [32, 32],
  ]);
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((loader) => loader.close()));
  warnings.length = 0;
});

async function open(options: Partial<LabelPicturesOptions> = {}): Promise<LabelPictureLoader> {
  const loader = await labelPictureLoader({
    ...{ mode: 'custom', data: folder.at('set'), instances: true, labelNc: 6 },
    ...{ batchSize: 2, preprocess: CROP, flips: true, seed: 5, workers: 0 },
    onWarning: (line) => warnings.push(line),
    ...options,
  });
  opened.push(loader);
  return loader;
}

function digest({ labels, image, edges, names, step }: LabelPictures): string {
  const hash = createHash('sha256').update(labels);
  for (const part of [image, edges]) if (part) hash.update(part);
  return hash.update(`${names} ${step}`).digest('hex');
}

async function digests(loader: LabelPictureLoader, steps: readonly number[]): Promise<string[]> {
  const found: string[] = [];
  for (const step of steps) found.push(digest(await loader.batch(step)));
  return found;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** A copy of the set in which something can be broken. */
function copy(name: string): { at: (...names: string[]) => string } {
  rmSync(folder.at(name), { recursive: true, force: true });
  cpSync(folder.at('set'), folder.at(name), { recursive: true });
  return { at: (...names) => folder.at(name, ...names) };
}

describe("GauGAN's loader", () => {
  it('gives the same batches with any number of threads, kept samples or none', async () => {
    const expected = await digests(await open(), range(0, 8));
    expect(new Set(expected).size).toBe(8);
    for (const [workers, keepBytes, ahead] of [
      [0, 0, 1],
      [1, 20_000, 4],
      [2, undefined, 3],
    ] as const) {
      expect(await digests(await open({ workers, keepBytes, ahead }), range(0, 8))).toEqual(expected);
    }
    expect(await digests(await open({ ahead: 1 }), [5, 2, 7])).toEqual([5, 2, 7].map((step) => expected[step]));
    expect((await digests(await open({ seed: 6 }), [0]))[0]).not.toBe(expected[0]);
  });

  it('takes each pair once a pass, and drops the last batch that is not full', async () => {
    const loader = await open({ batchSize: 3 });
    expect([loader.pairs.length, loader.stepsPerEpoch]).toEqual([7, 2]);
    const passes: string[] = [];
    for (const pass of [0, 1, 2]) {
      const names = (await Promise.all([2 * pass, 2 * pass + 1].map((step) => loader.batch(step)))).flatMap(
        (b) => b.names,
      );
      expect(new Set(names).size).toBe(6);
      passes.push(names.join());
    }
    expect(new Set(passes).size).toBe(3);
  });

  it('cuts and mirrors labels, instances and picture alike', async () => {
    // a picture that shows its labels, and is large enough for the crop without resizing
    const set = folder.at('same');
    for (const name of ['labels', 'images', 'instances']) mkdirSync(join(set, name), { recursive: true });
    for (const i of range(1, 5)) {
      for (const name of ['labels', 'images', 'instances'])
        await idsPng(join(set, name, `${i}.png`), 40, 36, bands(i, 6));
    }
    const loader = await open({ data: set, batchSize: 4, preprocess: { ...CROP, mode: 'crop' } });
    let mirrored = 0;
    for (const step of range(0, 4)) {
      const { labels, image, edges, names, width, height } = await loader.batch(step);
      expect([width, height]).toEqual([24, 24]);
      expect(image!.filter((_, i) => i % 3 === 0)).toEqual(labels);
      for (const [slot, name] of names.entries()) {
        const own = labels.subarray(slot * 576, (slot + 1) * 576);
        expect(edges!.subarray(slot * 576, (slot + 1) * 576)).toEqual(instanceEdges(own, 24, 24));
        const { labels: whole } = await readLabelInput(join(set, 'labels', `${name}.png`), { labelNc: 6 });
        const at = (x: number, y: number) => whole.slice(y * 40 + x, y * 40 + x + 24);
        const rows = range(0, 13).flatMap((y) => range(0, 17).map((x) => at(x, y)));
        const isRow = (row: Uint8Array) => rows.some((one) => one.every((id, i) => id === row[i]));
        const first = own.slice(0, 24);
        if (!isRow(first)) {
          expect(isRow(first.slice().reverse())).toBe(true);
          mirrored++;
        }
      }
    }
    expect(mirrored).toBeGreaterThan(2);
    expect(mirrored).toBeLessThan(14);
  });

  it('holds out the pairs that the seed says, whole and not mirrored, and trains on none of them', async () => {
    const loader = await open({ holdOut: 2, batchSize: 1 });
    expect([loader.pairs.length, loader.heldOutPairs.length]).toEqual([5, 2]);
    const held = loader.heldOutPairs.map(({ name }) => name);
    expect((await open({ holdOut: 2 })).heldOutPairs).toEqual(loader.heldOutPairs);
    const seen = new Set((await Promise.all(range(0, 10).map((step) => loader.batch(step)))).flatMap((b) => b.names));
    expect([...seen, ...held].sort()).toEqual(range(1, 8).map(String));
    const batch = await loader.heldOut();
    expect([batch.step, batch.batchSize, batch.names]).toEqual([-1, 2, held]);
    const size = { width: 24, height: 24 };
    const { labels } = await readLabelInput(loader.heldOutPairs[1].label, { labelNc: 6, size });
    expect(batch.labels.subarray(576)).toEqual(labels);
    expect((await loader.heldOut(1, 1)).labels).toEqual(labels);
  });

  it('turns "don\'t care" into the class after the last, and leaves instances out when told to', async () => {
    const { at } = copy('unsure');
    await idsPng(at('labels', '1.png'), 40, 32, (x) => (x < 20 ? 255 : 5));
    const loader = await open({ data: at(), dontCare: 255, batchSize: 1, instances: false, maxItems: 1, flips: false });
    const { labels, edges } = await loader.batch(0);
    expect(edges).toBeUndefined();
    expect(new Set(labels)).toEqual(new Set([5, 6]));
  });

  it('shifts the labels of ADE20K when asked to, and not otherwise', async () => {
    const { at } = copy('shifted');
    await idsPng(at('labels', '1.png'), 40, 32, (x) => (x < 20 ? 0 : 6));
    const one = { data: at(), batchSize: 1, instances: false, maxItems: 1, dontCare: 255 };
    expect(new Set((await (await open({ ...one, shift: true })).batch(0)).labels)).toEqual(new Set([6, 5]));
    expect(new Set((await (await open(one)).batch(0)).labels)).toEqual(new Set([0, 6]));
  });

  it('gives the reference photos that label_to_img.json names, at the size of the sample', async () => {
    const { at } = copy('contest');
    mkdirSync(at('references'));
    await scenePng(at('references', 'photo.png'), 60, 50, 'dusk');
    const names = Object.fromEntries(range(1, 8).map((i) => [`${i}.png`, 'photo.jpg']));
    writeFileSync(at('label_to_img.json'), JSON.stringify(names));
    const loader = await open({ data: at(), mode: 'landscape', instances: false, references: true, holdOut: 1 });
    const { reference } = await loader.batch(0);
    expect(reference).toHaveLength(2 * 24 * 24 * 3);
    expect((await loader.heldOut()).reference).toEqual(reference!.slice(0, 24 * 24 * 3));
    const partly = { data: at(), mode: 'landscape', instances: false, references: true } as const;
    writeFileSync(at('label_to_img.json'), JSON.stringify({ '2.png': 'photo.png' }));
    await expect(open(partly)).rejects.toThrow(
      `${at('labels', '1.png')}: expected a reference photo for every label map`,
    );
    expect((await (await open({ ...partly, references: false })).batch(0)).reference).toBeUndefined();
    expect((await (await open({ references: true })).batch(0)).reference).toBeUndefined();
    writeFileSync(at('label_to_img.json'), JSON.stringify({ '1.png': 'lost.jpg' }));
    await expect(open({ data: at(), mode: 'landscape', instances: false })).rejects.toThrow(
      'lost.jpg, named for 1.png',
    );
  });

  it('refuses a batch of samples that are not of one size', async () => {
    await expect(open({ preprocess: NONE })).rejects.toThrow('--preprocess-mode none');
    const { width, height } = await (await open({ preprocess: NONE, batchSize: 1, maxItems: 1 })).batch(0);
    expect([width, height]).toEqual([32, 32]);
  });
});

describe('what is wrong with a data set', () => {
  const refused = async (at: (...names: string[]) => string, more: Partial<LabelPicturesOptions> = {}) => {
    const error = await open({ data: at(), ...more }).then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    expect(error?.name).toBe('DataError');
    return error!.message;
  };

  it('is told before the training: labels that have no class, with the value and the way out', async () => {
    const { at } = copy('high');
    await idsPng(at('labels', '3.png'), 36, 36, (x) => (x === 7 ? 9 : 1));
    const message = await refused(at);
    expect(message).toBe(
      `${at('labels', '3.png')}: expected labels from 0 to 5, for --label-nc is 6, but 36 pixels have the label 9. ` +
        'Give --label-nc 10 if 9 is a class, or mend the file.',
    );
    await idsPng(at('labels', '3.png'), 36, 36, (x) => (x === 7 ? 255 : 1));
    expect(await refused(at)).toContain(
      'have the label 255. Give --dont-care 255 if 255 means no class, or mend the file.',
    );
  });

  it('is told before the training: sizes, partners, instance maps', async () => {
    const { at } = copy('odd');
    await scenePng(at('images', '2.png'), 31, 40, 'moss');
    expect(await refused(at)).toContain(
      `${at('images', '2.png')}: expected 32 x 40 pixels as in ${at('labels', '2.png')}`,
    );
    rmSync(at('images', '2.png'));
    expect(await refused(at)).toContain(`${at('labels', '2.png')}: expected a picture of the same name`);
    rmSync(at('labels', '2.png'));
    rmSync(at('instances'), { recursive: true });
    expect(await refused(at)).toContain('or give --no-instance to train without');
    expect((await open({ data: at(), instances: false })).pairs).toHaveLength(6);
    await scenePng(at('images', '2.png'), 32, 40, 'moss');
    expect(await refused(at, { instances: false })).toContain(`${at('images', '2.png')}: expected a label map`);
  });

  it('is told before the training: colours without a palette, 16 bits, JPEG', async () => {
    const { at } = copy('kinds');
    await scenePng(at('labels', '1.png'), 40, 32, 'noon');
    expect(await refused(at)).toContain(`${at('labels', '1.png')}: expected a label map with one channel of class ids`);
    const { default: sharp } = await import('sharp');
    const words = new Uint16Array(40 * 32).fill(300);
    await sharp(words, { raw: { width: 40, height: 32, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toFile(at('labels', '1.png'));
    expect(await refused(at)).toContain('expected a label map of 8 bits a pixel, but it has 16');
    await sharp(new Uint8Array(40 * 32), { raw: { width: 40, height: 32, channels: 1 } })
      .jpeg()
      .toFile(at('labels', '1.jpg'));
    rmSync(at('labels', '1.png'));
    expect(await refused(at)).toContain(`${at('labels', '1.jpg')}: expected a label map, but it is a JPEG`);
  });

  it('names five files at most, and says how many others there are', async () => {
    const lines = (await refused(() => folder.at('set'), { labelNc: 3 })).split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[5]).toContain('And 2 other files are like that.');
  });

  it.each([0, 1])('may come in the middle of a pass: another pair takes the place (%i threads)', async (workers) => {
    const { at } = copy('cut');
    const whole = readFileSync(at('images', '4.png'));
    writeFileSync(at('images', '4.png'), whole.subarray(0, 700));
    writeFileSync(at('labels', '6.png'), 'buy milk');
    const found = await digests(await open({ data: at(), workers, batchSize: 1 }), range(0, 14));
    expect(warnings.map((line) => basename(line.split(':')[0])).sort()).toEqual(['4.png', '6.png']);
    expect(warnings[0]).toContain('Another picture takes its place.');
    const again = await open({ data: at(), workers: 0, ahead: 1, batchSize: 1 });
    expect(await digests(again, [9, 4])).toEqual([found[9], found[4]]);
    expect((await readImage(at('images', '1.png'))).width).toBe(40);
  });

  it.each([
    [{ labelNc: 0 }, '--label-nc 0: expected the number of classes'],
    [{ dontCare: 300 }, '--dont-care 300: expected the label'],
    [{ batchSize: 8 }, '--batch-size 8: expected no more than the 7 pairs'],
    [{ batchSize: 0 }, '--batch-size 0'],
    [{ holdOut: 7 }, '--hold-out 7: expected some of the 7 pictures'],
    [{ preprocess: { ...CROP, cropSize: 0 } }, '--crop-size 0'],
    [{ preprocess: { ...CROP, aspectRatio: 0 } }, '--aspect-ratio 0'],
    [{ data: undefined }, '--label-dir: expected the folder of label maps'],
    [{ mode: 'coco' as const, data: undefined }, '--data: expected the folder of the data set for --dataset-mode coco'],
  ])('can be the numbers: %o', async (options, message) => {
    const thrown = open(options);
    await expect(thrown).rejects.toThrow(message);
    await expect(thrown).rejects.toMatchObject({ name: 'RequestError' });
  });
});
