import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandInputs } from '../../train/data/image/expand.ts';
import { DataError, RequestError } from '../../train/errors.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'miaobi-expand-'));
  await Promise.all(['sub/deep', 'notes', 'nothing'].map((name) => mkdir(join(folder, name), { recursive: true })));
  const files = [
    'b.JPG',
    'a.png',
    'c.txt',
    '.hidden.png',
    'sub/d.webp',
    'sub/deep/e.tif',
    'sub/[1].png',
    'notes/n.txt',
  ];
  await Promise.all(files.map((name) => writeFile(join(folder, name), '')));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const expand = async (...names: string[]) =>
  (await expandInputs(names.map((name) => join(folder, name)))).map((path) => relative(folder, path));

describe('expandInputs', () => {
  it('takes a file whatever its name', async () => {
    expect(await expand('c.txt')).toEqual(['c.txt']);
  });

  it('takes the pictures directly in a folder, sorted, hidden ones left out', async () => {
    expect(await expand('.')).toEqual(['a.png', 'b.JPG']);
  });

  it('names a picture once, where it is first met', async () => {
    expect(await expand('b.JPG', '.', '*.png')).toEqual(['b.JPG', 'a.png']);
  });

  it('knows *, ?, [ ], { } and **', async () => {
    expect(await expand('*')).toEqual(['a.png', 'b.JPG']);
    expect(await expand('?.p*g')).toEqual(['a.png']);
    expect(await expand('[!a].JPG')).toEqual(['b.JPG']);
    expect(await expand('{a,x}.{png,gif}')).toEqual(['a.png']);
    expect(await expand('**')).toEqual(['a.png', 'b.JPG', 'sub/[1].png', 'sub/d.webp', 'sub/deep/e.tif']);
    expect(await expand('**/*.tif')).toEqual(['sub/deep/e.tif']);
    expect(await expand('s*/d*')).toEqual(['sub/d.webp']);
  });

  it('prefers a file whose name looks like a pattern', async () => {
    expect(await expand('sub/[1].png')).toEqual(['sub/[1].png']);
  });

  it('says what a folder without pictures holds', async () => {
    await expect(expand('notes')).rejects.toThrow(/holds 1 other file and 0 folders\. Name another folder/);
    await expect(expand('nothing')).rejects.toThrow(DataError);
  });

  it('refuses paths and patterns that lead nowhere', async () => {
    await expect(expand('missing.png')).rejects.toThrow(/missing.png: .*no such file/);
    await expect(expand('*.gif')).rejects.toThrow(/nothing matches/);
    await expect(expand('*.txt')).rejects.toThrow(/none of the 1 matching files is a picture/);
    await expect(expand('*.gif')).rejects.toThrow(RequestError);
  });
});
