/** `miaobi stylize` on folders and patterns: what is written where, and what is said. */
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { command } from './in-process.ts';
import { folderOfFile, pixels, scene, scenePng, weightsFile } from './pictures.ts';

const { at } = folderOfFile();

beforeAll(async () => {
  await weightsFile(at('photo.safetensors'));
  await scenePng(at('dusk.png'), 24, 28, 'dusk');
});

/** Runs to its end and returns what was said. */
async function stylize(...args: string[]) {
  const ended = await command('stylize', '--weights', at('photo.safetensors'), '--no-color', ...args);
  expect(ended.code, ended.stderr).toBe(0);
  return ended;
}

describe('many pictures', () => {
  beforeAll(async () => {
    await mkdir(at('album'));
    await scenePng(at('album', 'a.png'), 16, 12, 'noon');
    await pixels(scene(12, 16, 'moss'))
      .jpeg()
      .toFile(at('album', 'b.JPG'));
    await pixels(scene(12, 12, 'moss'))
      .gif()
      .toFile(at('album', 'c.gif'));
  });

  it('come from folders and patterns and go to a folder, each in its format or PNG', async () => {
    const { stdout, stderr } = await stylize(at('album'), '--style', at('dusk.png'), '-o', at('album-out'));
    const names = ['a_dusk.png', 'b_dusk.jpg', 'c_dusk.png'];
    expect(stdout.trim().split('\n')).toEqual(names.map((name) => at('album-out', name)));
    expect((await readdir(at('album-out'))).sort()).toEqual(names);
    expect(stderr).toMatch(/^.*a\.png: 16 x 12, untiled, about \d+\.\d MiB of GPU memory$/m);
    expect(stderr).toMatch(/^3\/3 img in \d/m); // no terminal: lines, no bar
    const { stdout: one } = await stylize(at('album', '*.{JPG,gif}'), '--style', at('dusk.p*'), '-o', at('glob'));
    expect(one.trim().split('\n')).toEqual([at('glob', 'b_dusk.jpg'), at('glob', 'c_dusk.png')]);
  });

  it('are planned and no more with --dry-run', async () => {
    const { stdout } = await stylize(at('album'), '--style', at('dusk.png'), '-o', at('planned'), '--dry-run');
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/b\.JPG: 12 x 16, untiled, about .* MiB of GPU memory, to .*b_dusk\.jpg$/);
    expect(existsSync(at('planned'))).toBe(false);
  });

  it('are told of as JSON, failures too', async () => {
    await mkdir(at('some'));
    await scenePng(at('some', 'a.png'), 16, 12, 'noon');
    await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
      .png()
      .toFile(at('some', 'b.png'));
    const args = [at('some'), '--style', at('dusk.png'), '--weights', at('photo.safetensors'), '--json', '--quiet'];
    const { code, stdout, stderr } = await command('stylize', ...args, '-o', at('json'));
    expect(code).toBe(4);
    const [good, bad] = JSON.parse(stdout);
    expect(good).toMatchObject({ output: at('json', 'a_dusk.png'), width: 16, height: 12, tiles: 1 });
    expect(good.seconds).toBeGreaterThan(0);
    expect(bad).toMatchObject({ content: at('some', 'b.png'), exitCode: 4, error: expect.stringContaining('1 x 1') });
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/error: .*b\.png: /),
      'error: 1 of 2 pictures failed.',
    ]);
  });
});
