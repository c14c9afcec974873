import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { channelStatistics } from '../../train/data/image/channel-statistics.ts';
import { readImage } from '../../train/data/image/read.ts';
import { drawSet } from '../../train/data/synth/draw-set.ts';
import { SYNTH_KINDS, synthEntry } from '../../train/data/synth/kinds.ts';
import { command } from '../cli/in-process.ts';
import { folderOfFile } from '../cli/pictures.ts';

const folder = folderOfFile();
const style = synthEntry('style');
const bytes = (files: readonly string[]) => files.map((file) => readFileSync(file).toString('base64'));

describe('a drawn set', () => {
  it('has the same bytes in every run, with any number of threads, and more files change none', async () => {
    const request = { count: 3, size: 24, seed: 4 };
    const one = await drawSet(style, folder.at('one'), request, { workers: 0 });
    const two = await drawSet(style, folder.at('two'), { ...request, count: 4 }, { workers: 2 });
    expect(one).toHaveLength(6);
    expect(bytes(two.filter((file) => !file.endsWith('00003.png')))).toEqual(bytes(one));
    const other = await drawSet(style, folder.at('other'), { ...request, seed: 5 }, { workers: 0 });
    expect(bytes(other).some((picture) => bytes(one).includes(picture))).toBe(false);
  });

  it('has pictures that all differ, styles farther from each other than contents', async () => {
    const files = await drawSet(style, folder.at('spread'), { count: 16, size: 32, seed: 1 }, { workers: 0 });
    expect(new Set(bytes(files)).size).toBe(32);
    const means = async (part: string) =>
      Promise.all(
        files
          .filter((file) => file.includes(part))
          .map(async (file) => channelStatistics(await readImage(file)).reduce((sum, { mean }) => sum + mean / 3, 0)),
      );
    const deviation = (values: number[]) => {
      const mean = values.reduce((a, b) => a + b) / values.length;
      return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    };
    const [content, styles] = [await means('content'), await means('style')];
    expect(deviation(content)).toBeGreaterThan(0.02);
    expect(deviation(styles)).toBeGreaterThan(deviation(content));
    expect(Math.min(...content)).toBeGreaterThan(0.2);
  });
});

describe('miaobi synth-data', () => {
  it('writes the folders and names the command that trains on them', async () => {
    const out = folder.at('my set');
    const { code, stdout, stderr } = await command('synth-data', 'style', out, '--count', '2', '--size', '40');
    expect([code, stdout]).toEqual([0, `${out}\n`]);
    expect(stderr).toContain(`--content '${out}/content' --style '${out}/style' --load-size 40 --crop-size 32`);
    const { width, height } = await readImage(`${out}/style/00001.png`);
    expect([width, height]).toEqual([40, 40]);
  });

  it('leaves a folder that is not empty alone, unless told otherwise', async () => {
    const out = folder.at('my set');
    writeFileSync(`${out}/mine.txt`, 'keep me');
    const again = ['synth-data', 'style', out, '--count', '2', '--size', '40'];
    const refused = await command(...again);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('expected an empty folder or none, but it holds 3 entries');
    expect((await command(...again, '--overwrite')).code).toBe(0);
    expect(readFileSync(`${out}/mine.txt`, 'utf8')).toBe('keep me');
  });

  it('refuses what it cannot draw, and says what it can', async () => {
    const unknown = await command('synth-data', 'poems', folder.at('x'));
    expect(unknown.code).toBe(2);
    for (const { name } of SYNTH_KINDS) expect(unknown.stderr).toContain(name);
    const tiny = await command('synth-data', 'style', folder.at('x'), '--size', '8');
    expect(tiny.code).toBe(2);
    expect(tiny.stderr).toContain('--size 8: expected 16 to 4096 pixels for style');
    const file = await command('synth-data', 'style', folder.at('my set', 'mine.txt'));
    expect(file.stderr).toContain('but it is a file');
  });

  it('only says what it would do with --dry-run', async () => {
    const { code, stderr } = await command('synth-data', 'style', folder.at('dry'), '--count', '3', '--dry-run');
    expect([code, stderr]).toEqual([0, `Would draw 6 files of 256 x 256 pixels into ${folder.at('dry')}.\n`]);
  });
});
