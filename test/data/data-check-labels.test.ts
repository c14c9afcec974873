import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { command } from '../cli/in-process.ts';
import { folderOfFile, scenePng } from '../cli/pictures.ts';
import { idsPng, labelSet } from './label-scenes.ts';

const folder = folderOfFile();
const SIZES = [
  [70, 66],
  [68, 72],
  [66, 66],
] as const;

beforeAll(async () => {
  for (const name of ['good', 'bad']) await labelSet(folder.at(name), SIZES);
  await idsPng(folder.at('good', 'labels', '2.png'), 68, 72, (x) => (x < 17 ? 255 : 9));
  await idsPng(folder.at('bad', 'labels', '1.png'), 70, 66, (x) => (x === 0 ? 40 : 2));
  const whole = readFileSync(folder.at('bad', 'images', '2.png'));
  writeFileSync(folder.at('bad', 'images', '2.png'), whole.subarray(0, 800));
  await scenePng(folder.at('bad', 'images', '3.png'), 60, 66, 'noon');
  await scenePng(folder.at('bad', 'images', '4.png'), 70, 70, 'noon');
});

const check = (...args: string[]) => command('data', 'check', ...args, '--model', 'gaugan', '--workers', '0');

describe('miaobi data check --model gaugan', () => {
  it('counts labels, suggests the number of classes, and names the command that trains', async () => {
    const { code, stdout } = await check(folder.at('good'), '--json');
    expect(code).toBe(0);
    const { folders, labels, problems, notes, suggestion } = JSON.parse(stdout);
    expect(problems).toEqual([]);
    expect(folders.map(({ name, pictures }: { name: string; pictures: number }) => [name, pictures])).toEqual([
      ['labels', 3],
      ['images', 3],
      ['instances', 3],
    ]);
    expect(folders[1].shorterSides).toMatchObject({ least: 66, most: 68 });
    expect([labels.labelNc, labels.dontCare]).toEqual([10, 255]);
    const seen = labels.shares.map(({ label }: { label: number }) => label);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 9, 255]);
    const nine = labels.shares.find(({ label }: { label: number }) => label === 9);
    expect(nine).toMatchObject({ pixels: 51 * 72, maps: 1 });
    expect(nine.share).toBeCloseTo((51 * 72) / (70 * 66 + 68 * 72 + 66 * 66), 12);
    expect(notes[0]).toContain('has the labels 6, 7, 8: 3 of the 10 classes');
    const dirs = ['label', 'image', 'instance'].map((kind) => `--${kind}-dir ${folder.at('good', `${kind}s`)}`);
    expect(suggestion).toBe(
      `miaobi train gaugan ${dirs.join(' ')} --label-nc 10 --dont-care 255 --load-size 72 --crop-size 64`,
    );
    const plain = await check(folder.at('good'), '--no-instance');
    expect(plain.stdout).toContain("don't care");
    expect(plain.stdout).toContain('--label-nc 10 --dont-care 255 --no-instance');
  });

  it('names every bad file, lists them, and ends with 4', async () => {
    const list = folder.at('bad.txt');
    const { code, stdout, stderr } = await check(folder.at('bad'), '--label-nc', '6', '--fix-list', list);
    expect(code).toBe(4);
    const lines = stdout.split('\n').filter((line) => line.startsWith('wrong: '));
    const at = (...names: string[]) => folder.at('bad', ...names);
    expect(lines).toHaveLength(4);
    expect(stdout).toContain(`wrong: ${at('labels', '1.png')}: expected labels from 0 to 5`);
    expect(stdout).toContain('have the label 40. Give --label-nc 41 if 40 is a class');
    expect(stdout).toContain(`wrong: ${at('images', '2.png')}: expected a whole 68 x 72 png`);
    expect(stdout).toContain(`wrong: ${at('images', '3.png')}: expected 66 x 66 pixels as in`);
    expect(stdout).toContain(`wrong: ${at('images', '4.png')}: expected a label map of the same name`);
    expect(stderr).toContain('4 things are wrong with it');
    const listed = readFileSync(list, 'utf8').trim().split('\n').sort();
    expect(listed).toEqual([2, 3, 4].map((i) => at('images', `${i}.png`)).concat(at('labels', '1.png')));
  });

  it('takes folders one by one, and another layout than it looks like', async () => {
    const dirs = ['--label-dir', folder.at('good', 'labels'), '--image-dir', folder.at('good', 'images')];
    expect((await check(...dirs)).code).toBe(0);
    expect((await check()).code).toBe(2);
    const asCoco = await check(folder.at('good'), '--dataset-mode', 'coco');
    expect([asCoco.code, asCoco.stderr.includes('expected train_label/ and train_img/ in it')]).toEqual([4, true]);
  });
});

describe('miaobi data labels', () => {
  const palette = folder.at('palette.txt');
  const labels = (...args: string[]) => command('data', 'labels', ...args);

  beforeAll(() => {
    writeFileSync(palette, ['0 10 20 30 night', '1 200 0 0 brick', '2 0 200 0 lawn', '3 0 0 200 pond'].join('\n'));
  });

  it('turns ids into colours and back, at another size', async () => {
    const ids = folder.at('ids');
    mkdirSync(ids);
    await idsPng(folder.at('ids', 'a.png'), 12, 8, (x, y) => (x + y) % 4);
    const before = readFileSync(folder.at('ids', 'a.png'));
    const [colours, again, twice] = ['colours', 'again', 'twice'].map((name) => folder.at(name));
    const sheet = folder.at('sheet.png');
    const first = await labels(
      ids,
      colours,
      '--to',
      'color',
      '--palette',
      palette,
      '--sheet',
      sheet,
      '--size',
      '24x16',
    );
    expect([first.code, first.stdout]).toEqual([0, `${colours}\n`]);
    expect((await labels(colours, again, '--palette', palette, '--size', '12x8')).code).toBe(0);
    const { readLabelIds } = await import('../../train/data/image/label-map.ts');
    expect((await readLabelIds(folder.at('again', 'a.png'))).ids).toEqual(
      (await readLabelIds(folder.at('ids', 'a.png'))).ids,
    );
    const { readImage } = await import('../../train/data/image/read.ts');
    expect((await readImage(sheet)).width).toBe(160);
    expect((await labels(ids, twice)).code).toBe(0);
    expect(readFileSync(folder.at('twice', 'a.png'))).toEqual(before);
    expect((await labels(ids, colours, '--to', 'color', '--palette', palette)).code).toBe(2);
  });

  it('mends maps whose three channels are equal, and takes nearest colours when told to', async () => {
    const { default: sharp } = await import('sharp');
    const save = (name: string, rgb: number[]) =>
      sharp(Uint8Array.from(rgb), { raw: { width: 2, height: 1, channels: 3 } })
        .png()
        .toFile(folder.at('mixed', name));
    mkdirSync(folder.at('mixed'));
    await save('equal.png', [3, 3, 3, 1, 1, 1]);
    await save('near.png', [201, 0, 3, 0, 199, 0]);
    const { code, stderr } = await labels(folder.at('mixed'), folder.at('mended'));
    expect(code).toBe(4);
    expect(stderr).toContain('near.png: expected a label map with one channel of class ids');
    const { readLabelIds } = await import('../../train/data/image/label-map.ts');
    expect([...(await readLabelIds(folder.at('mended', 'equal.png'))).ids]).toEqual([3, 1]);
    rmSync(folder.at('mixed', 'equal.png'));
    expect((await labels(folder.at('mixed'), folder.at('near'), '--palette', palette)).stderr).toContain(
      'the first #c90003',
    );
    expect((await labels(folder.at('mixed'), folder.at('near'), '--palette', palette, '--nearest')).code).toBe(0);
    expect([...(await readLabelIds(folder.at('near', 'near.png'))).ids]).toEqual([1, 2]);
  });

  it('refuses sizes that are none, and ids without a colour', async () => {
    expect((await labels(palette, folder.at('x'), '--size', '12x')).code).toBe(2);
    await idsPng(folder.at('high.png'), 3, 2, (x) => 5 * x);
    const high = await labels(folder.at('high.png'), folder.at('x'), '--to', 'color', '--palette', palette);
    expect([high.code, high.stderr.includes('(1, 0) has the label 5. Add it to the palette')]).toEqual([4, true]);
    const { stderr } = await labels(folder.at('high.png'), folder.at('x'), '--to', 'color', '--dry-run');
    expect(stderr).toContain('Would write 1 label maps as color');
  });
});
