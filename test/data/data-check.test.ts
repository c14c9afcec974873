import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { command } from '../cli/in-process.ts';
import { folderOfFile, pixels, scene, scenePng } from '../cli/pictures.ts';

const folder = folderOfFile();

beforeAll(async () => {
  for (const name of [
    'good/content',
    'good/style',
    'bad/content',
    'bad/style',
    'half/style',
    'flat',
    'none',
    'hopeless',
  ]) {
    mkdirSync(folder.at(...name.split('/')), { recursive: true });
  }
  await scenePng(folder.at('good', 'content', 'a.png'), 300, 260, 'noon');
  await pixels(scene(280, 256, 'noon'))
    .toColourspace('b-w')
    .png()
    .toFile(folder.at('good', 'content', 'grey.png'));
  await pixels(scene(256, 290, 'dusk', 16))
    .png()
    .toFile(folder.at('good', 'style', 'deep.png'));
  await pixels(scene(270, 270, 'moss'))
    .ensureAlpha(0.5)
    .png()
    .toFile(folder.at('good', 'style', 'clear.png'));
  await scenePng(folder.at('bad', 'content', 'a.png'), 60, 70, 'noon');
  await scenePng(folder.at('bad', 'style', 'a.png'), 90, 50, 'dusk');
  const whole = readFileSync(folder.at('bad', 'content', 'a.png'));
  writeFileSync(folder.at('bad', 'content', 'cut.png'), whole.subarray(0, 900));
  writeFileSync(folder.at('bad', 'style', 'note.jpg'), 'buy milk');
  await scenePng(folder.at('half', 'style', 'a.png'), 64, 64, 'noon');
  for (let i = 0; i < 3; i++) await scenePng(folder.at('flat', `${i}.png`), 100 + i, 200, 'moss');
  writeFileSync(folder.at('hopeless', 'a.jpg'), 'no');
});

const check = (...args: string[]) => command('data', 'check', ...args, '--workers', '0');

describe('miaobi data check', () => {
  it('counts what a good set has, and proposes the sizes of the original', async () => {
    const { code, stdout } = await check(folder.at('good'), '--json');
    expect(code).toBe(0);
    const { folders, problems, suggestion } = JSON.parse(stdout);
    expect(folders).toMatchObject([
      {
        name: 'content',
        pictures: 2,
        bad: [],
        grey: 1,
        alpha: 0,
        sixteenBits: 0,
        shorterSides: { least: 256, most: 260 },
      },
      {
        name: 'style',
        pictures: 2,
        bad: [],
        grey: 0,
        alpha: 1,
        sixteenBits: 1,
        shorterSides: { least: 256, most: 270 },
      },
    ]);
    expect(problems).toEqual([]);
    expect(suggestion).toBe(
      `miaobi train cap-vstnet --content ${folder.at('good', 'content')} --style ${folder.at('good', 'style')}`,
    );
  });

  it('names every bad file, lists them, and ends with 4', async () => {
    const list = folder.at('bad.txt');
    const { code, stdout, stderr } = await check(folder.at('bad'), '--fix-list', list);
    expect(code).toBe(4);
    const bad = [folder.at('bad', 'content', 'cut.png'), folder.at('bad', 'style', 'note.jpg')];
    for (const path of bad) expect(stdout).toContain(`wrong: ${path}: expected`);
    expect(stderr).toContain('2 things are wrong with it');
    expect(readFileSync(list, 'utf8')).toBe(`${bad.join('\n')}\n`);
    const again = await check(folder.at('bad'), '--fix-list', list);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('a file is already there');
    expect((await check(folder.at('good'), '--fix-list', list, '--overwrite')).code).toBe(0);
    expect(readFileSync(list, 'utf8')).toBe('');
  });

  it('takes a folder without content/ and style/ as both, and proposes sizes that small pictures have', async () => {
    const { code, stdout } = await check(folder.at('flat'));
    expect(code).toBe(0);
    expect(stdout).toContain('3 of 3 pictures are smaller than a crop of 256 pixels');
    const path = folder.at('flat');
    expect(stdout).toContain(`--content ${path} --style ${path} --load-size 100 --crop-size 80`);
  });

  it.each([
    ['half', 'content/ is missing'],
    ['hopeless', 'none of its 1 can be read'],
    ['none', 'but found none: it is empty'],
  ])('ends with 4 for a set that is %s', async (name, reason) => {
    const { code, stdout, stderr } = await check(folder.at(name));
    expect(code).toBe(4);
    expect(stdout + stderr).toContain(reason);
  });

  it('ends with 2 for a folder that is not there, and a model without a check', async () => {
    expect((await check(folder.at('nowhere'))).code).toBe(2);
    expect((await check(folder.at('flat'), '--model', 'oil')).code).toBe(2);
  });
});
