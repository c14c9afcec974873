import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type LabelFilesOptions, labelFiles } from '../../train/data/datasets/label-files.ts';
import { guessDatasetMode } from '../../train/data/datasets/label-folders.ts';
import { naturalOrder } from '../../train/data/datasets/natural-order.ts';
import { folderOfFile } from '../cli/pictures.ts';

const folder = folderOfFile();

/** Empty files: listing looks at names alone. */
function touch(...paths: string[]): void {
  for (const path of paths) {
    const file = folder.at(...path.split('/'));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '');
  }
}

beforeAll(() => {
  touch('coco/train_label/2.png', 'coco/train_label/10.png', 'coco/train_img/2.jpg', 'coco/train_img/10.jpg');
  touch('coco/train_inst/2.png', 'coco/train_inst/10.png', 'coco/train_label_portrait/2.png');
  touch('coco/train_img_portrait/2.jpg', 'coco/train_inst_portrait/2.png');
  touch('coco/val_label/7.png', 'coco/val_img/7.jpg', 'coco/val_inst/7.png');
  touch('ade/a/ADE_train_1.png', 'ade/a/ADE_train_1.jpg', 'ade/b/ADE_train_2.png', 'ade/b/ADE_train_2.jpg');
  touch('ade/ADE_val_1.png', 'ade/ADE_val_1.jpg', 'ade/index_all.png');
  for (const frame of ['aachen_000001_000019', 'aachen_000000_000019']) {
    touch(
      `city/gtFine/train/aachen/${frame}_gtFine_labelIds.png`,
      `city/gtFine/train/aachen/${frame}_gtFine_color.png`,
    );
    touch(
      `city/gtFine/train/aachen/${frame}_gtFine_instanceIds.png`,
      `city/leftImg8bit/train/aachen/${frame}_leftImg8bit.png`,
    );
  }
  touch('facades/train_label/a.png', 'facades/train_img/a.jpg', 'facades/val_label/b.png', 'facades/val_img/b.jpg');
  touch('own/labels/deep/9.png', 'own/labels/deep/11.png', 'own/imgs/deep/9.webp', 'own/imgs/deep/11.jpeg');
  touch('twice/labels/x/1.png', 'twice/labels/y/1.png', 'twice/images/x/1.png', 'twice/images/y/1.png');
  touch('contest/labels/1.png', 'contest/imgs/1.jpg');
  writeFileSync(folder.at('contest', 'label_to_img.json'), '{"1.png": "1.jpg"}');
});

const list = async (data: string, options: Partial<LabelFilesOptions> = {}) => {
  const pairs = await labelFiles({ mode: 'custom', data: folder.at(data), instances: false, ...options });
  const below = (path?: string) => path?.slice(folder.at(data).length + 1).replaceAll('\\', '/');
  return pairs.map(({ label, image, instance, reference }) => [label, image, instance, reference].map(below));
};

describe('the files of a data set', () => {
  it('are those of COCO, portraits last, and the folders called val for the test', async () => {
    expect(await list('coco', { mode: 'coco', instances: true })).toEqual([
      ['train_label/2.png', 'train_img/2.jpg', 'train_inst/2.png', undefined],
      ['train_label/10.png', 'train_img/10.jpg', 'train_inst/10.png', undefined],
      ['train_label_portrait/2.png', 'train_img_portrait/2.jpg', 'train_inst_portrait/2.png', undefined],
    ]);
    expect(await list('coco', { mode: 'coco', noPortraits: true })).toHaveLength(2);
    const val = await list('coco', { mode: 'coco', phase: 'test', instances: true });
    expect(val).toEqual([['val_label/7.png', 'val_img/7.jpg', 'val_inst/7.png', undefined]]);
  });

  it('are those of ADE20K that the phase is in the name of', async () => {
    const pair = (name: string) => [`${name}.png`, `${name}.jpg`, undefined, undefined];
    expect(await list('ade', { mode: 'ade20k' })).toEqual([pair('a/ADE_train_1'), pair('b/ADE_train_2')]);
    expect(await list('ade', { mode: 'ade20k', phase: 'test' })).toEqual([pair('ADE_val_1')]);
  });

  it('belong together in Cityscapes by the first three words of their names', async () => {
    const pairs = await list('city', { mode: 'cityscapes', instances: true });
    expect(pairs[0]).toEqual([
      'gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png',
      'leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png',
      'gtFine/train/aachen/aachen_000000_000019_gtFine_instanceIds.png',
      undefined,
    ]);
    expect(pairs).toHaveLength(2);
  });

  it('are those of the facades, and of folders of one’s own, with digits as numbers', async () => {
    expect(await list('facades', { mode: 'facades', phase: 'test' })).toEqual([
      ['val_label/b.png', 'val_img/b.jpg', undefined, undefined],
    ]);
    expect((await list('own')).map(([, image]) => image)).toEqual(['imgs/deep/9.webp', 'imgs/deep/11.jpeg']);
    expect(await list('own', { maxItems: 1 })).toHaveLength(1);
    expect(await list('own', { images: false, data: undefined, labelDir: folder.at('own', 'labels') })).toHaveLength(2);
    expect(await list('twice')).toEqual([
      ['labels/x/1.png', 'images/x/1.png', undefined, undefined],
      ['labels/y/1.png', 'images/y/1.png', undefined, undefined],
    ]);
    expect(await list('contest', { mode: 'landscape' })).toEqual([
      ['labels/1.png', 'imgs/1.jpg', undefined, 'imgs/1.jpg'],
    ]);
  });

  it('may have any names, when that is said', async () => {
    touch('any/labels/a.png', 'any/labels/b.png', 'any/images/1.png', 'any/images/2.png');
    await expect(list('any')).rejects.toThrow(
      /a.png: expected a picture of the same name.*\n.*b.png: expected a picture.*\n.*1.png: expected a label map/,
    );
    expect((await list('any', { anyNames: true })).map(([, image]) => image)).toEqual(['images/1.png', 'images/2.png']);
    touch('any/images/3.png');
    await expect(list('any', { anyNames: true })).rejects.toThrow('there are 3 to 2');
  });

  it.each([
    ['own', { mode: 'cityscapes' }, 'expected gtFine/train/ and leftImg8bit/train/ in it'],
    ['own', { mode: 'coco' }, 'expected train_label/ and train_img/ in it'],
    ['own', { mode: 'ade20k' }, "expected ADE20K's label maps"],
    ['ade', { mode: 'custom' }, 'expected a folder labels/ in it'],
    ['own', { instances: true }, 'give --no-instance'],
  ] as const)('are missed in %s as %o', async (data, options, message) => {
    await expect(list(data, options)).rejects.toThrow(message);
    await expect(list(data, options)).rejects.toMatchObject({ name: 'DataError' });
  });

  it.each([
    ['coco', 'coco'],
    ['ade', 'ade20k'],
    ['city', 'cityscapes'],
    ['own', 'custom'],
    ['contest', 'landscape'],
  ])('tell what they are: %s', async (data, mode) => {
    expect(await guessDatasetMode(folder.at(data))).toBe(mode);
  });
});

describe('the natural order', () => {
  it('compares digits as numbers of any length, and everything else by code units', () => {
    const sorted = [
      'a1',
      'a01',
      'a2',
      'a9b',
      'a9c',
      'a10',
      'a99999999999999999998',
      'a99999999999999999999',
      'b1',
      'z',
    ];
    sorted.splice(0, 2, 'a01', 'a1');
    expect([...sorted].reverse().sort(naturalOrder)).toEqual(sorted);
    expect(['10', '9', 'a'].sort(naturalOrder)).toEqual(['9', '10', 'a']);
  });
});
