/** `miaobi generate`: what it paints for label maps, and what it refuses. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Picture } from '../../train/data/image/picture.ts';
import { readImage } from '../../train/data/image/read.ts';
import * as p from '../checkpoint/pickle-writer.ts';
import { torchZip } from '../checkpoint/zip-writer.ts';
import { SMALL, specsOf, stateOf, writeGaugan } from './gaugan-weights.ts';
import { command } from './in-process.ts';
import { folderOfFile, scenePng } from './pictures.ts';

const { at } = folderOfFile();
const PLAIN = { ...SMALL, useVae: false };

/** Fields of classes, whose borders are not straight. */
async function labelPng(path: string, width: number, height: number, classes = 5): Promise<string> {
  const ids = Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return Math.floor(classes * (0.4 * (y / height) + 0.59 * Math.abs(Math.sin(0.1 * x + 0.05 * y))));
  });
  await sharp(ids, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toFile(path);
  return path;
}

beforeAll(async () => {
  await writeGaugan(at('vae'));
  await writeGaugan(at('plain'), PLAIN);
  await mkdir(at('maps'));
  await labelPng(at('maps', 'a.png'), 40, 30);
  await labelPng(at('maps', 'b.png'), 32, 32);
  await mkdir(at('photos'));
  await scenePng(at('photos', 'dusk.png'), 48, 40, 'dusk');
  await scenePng(at('photos', 'moss.png'), 36, 36, 'moss');
});

const run = (...args: string[]) => command('generate', '--no-color', ...args);

async function generate(...args: string[]) {
  const ended = await run(...args);
  expect(ended.code, ended.stderr).toBe(0);
  return ended;
}

const bytes = (...names: string[]) => readFile(at(...names));

function difference(a: Picture, b: Picture): number {
  expect([a.width, a.height]).toEqual([b.width, b.height]);
  return Array.from(a.rgb).reduce((sum, value, i) => sum + Math.abs(value - b.rgb[i]), 0) / a.rgb.length;
}

describe('a network with a latent', () => {
  it('paints the same bits for the same seed, and other pictures for others', async () => {
    const args = [at('maps', 'a.png'), '--weights', at('vae')];
    const { stdout, stderr } = await generate(...args, '-o', at('first.png'));
    expect(stdout).toBe(`${at('first.png')}\n`);
    expect(stderr).toMatch(/a\.png: 40 x 30, painted at 32 x 32, written at 40 x 30, manner drawn from seed 0, about/);
    const { stdout: three } = await generate(...args, '-o', at('three'), '--count', '3', '--z-seed', '0');
    expect(three.trim().split('\n')).toEqual([1, 2, 3].map((n) => at('three', `a_${n}.png`)));
    const [first, ...others] = await Promise.all(
      [at('first.png'), at('three', 'a_2.png'), at('three', 'a_3.png')].map((path) => readImage(path)),
    );
    expect(await bytes('three', 'a_1.png')).toEqual(await bytes('first.png'));
    for (const other of others) expect(difference(first, other)).toBeGreaterThan(1);
    expect([first.width, first.height]).toEqual([40, 30]);
  });

  it('paints nearly the same with --precision f16, in less memory', async () => {
    const args = [at('maps'), '--weights', at('vae'), '--style', at('photos', 'dusk.png'), '--json'];
    const [full, half] = [
      JSON.parse((await generate(...args, '-o', at('full'))).stdout),
      JSON.parse((await generate(...args, '-o', at('half'), '--precision', 'f16')).stdout),
    ];
    expect(half[0].forecastBytes).toBeLessThan(full[0].forecastBytes);
    for (const name of ['a.png', 'b.png']) {
      const [want, got] = [await readImage(at('full', name)), await readImage(at('half', name))];
      // a rounding of f16 is an eighth of a step of 8 bits at most; a dozen of layers add up like noise
      expect(difference(want, got)).toBeLessThan(0.5);
      expect(difference(want, got)).toBeGreaterThan(0);
    }
  });

  it('takes the manner of a reference: its mean, or what is drawn around it', async () => {
    await mkdir(at('twins'));
    for (const name of ['a.png', 'b.png', 'c.png']) await labelPng(at('twins', name), 32, 32);
    const list = at('label_to_img.json');
    await writeFile(list, JSON.stringify({ 'a.png': 'moss.jpg', 'b.png': 'dusk.jpg', 'c.png': 'dusk.jpg' }));
    const args = ['--weights', at('vae'), '--size', 'network'];
    await generate(at('twins'), ...args, '--style', at('photos'), '--label-to-img', list, '-o', at('listed'));
    const [moss, dusk, again] = await Promise.all(
      ['a', 'b', 'c'].map((name) => readImage(at('listed', `${name}.png`))),
    );
    expect(difference(dusk, again)).toBe(0);
    expect(difference(dusk, moss)).toBeGreaterThan(0.01);
    const one = [at('twins', 'b.png'), ...args, '--style', at('photos', 'dusk.png')];
    await generate(...one, '-o', at('dusk.png'), '--count', '1');
    expect(await bytes('dusk.png')).toEqual(await bytes('listed', 'b.png'));
    await generate(...one, '-o', at('dusk-3.png'), '--z-seed', '3');
    expect(difference(dusk, await readImage(at('dusk-3.png')))).toBeGreaterThan(1);
  });

  it('finds the reference of each map by its name, too', async () => {
    await mkdir(at('named'));
    await scenePng(at('named', 'b.png'), 36, 36, 'moss');
    const args = ['--weights', at('vae'), '--style', at('named'), '--dry-run'];
    const { stdout } = await generate(at('maps', 'b.png'), ...args);
    expect(stdout).toMatch(
      /b\.png: 32 x 32, painted at 32 x 32, in the manner of .*named.b\.png, about .* to out.b\.png\n$/,
    );
    const gone = await run(at('maps'), ...args);
    expect(gone.code).toBe(2);
    expect(gone.stderr).toMatch(/a\.png: expected a picture that lends its manner.*named names none/);
  });
});

describe('the flags of the original', () => {
  it('are read as they are pasted, with a folder of its files', async () => {
    await mkdir(at('ckpt', 'land'), { recursive: true });
    const { G } = specsOf(PLAIN);
    const values = [...stateOf(G, 1)];
    const tensors = values.map(([key, own], i) => {
      return [key, p.tensor(p.storage(`${i}`, own.length), G[i].shape)] as const;
    });
    const storages = Object.fromEntries(values.map(([, own], i) => [`${i}`, own]));
    await writeFile(
      at('ckpt', 'land', '60_net_G.pth'),
      torchZip(p.pickle(p.dict(Object.fromEntries(tensors))), storages),
    );
    const pasted = [
      ...['--name', 'land', '--checkpoints_dir', at('ckpt'), '--dataset_mode', 'custom', '--label_dir', at('maps')],
      ...['--label_nc', '5', '--no_instance', '--results_dir', at('results'), '--which_epoch', '60', '--gpu_ids', '-1'],
      ...['--norm_G', 'spectralspadesyncbatch3x3', '--crop_size', '32', '--how_many', '1', '--nThreads', '2'],
    ];
    const { stdout, stderr } = await generate(...pasted);
    expect(stdout).toBe(`${at('results', 'a.png')}\n`);
    expect(stderr).toMatch(/Not needed here[^\n]*: --norm-g, --workers\./);
    expect(stderr).toMatch(/60_net_G\.pth \(SPADE, pytorch, ngf 2\)/);
    // the same weights with their shape written down
    await generate(at('maps', 'a.png'), '--weights', at('plain'), '-o', at('results', 'ours.png'));
    expect(await bytes('results', 'ours.png')).toEqual(await bytes('results', 'a.png'));
    const latest = await run(at('maps'), '--weights', at('ckpt', 'land'), '--epoch', '50', '-o', at('no'));
    expect([latest.code, latest.stderr]).toEqual([2, expect.stringMatching(/50_net_G\.pth.*only 60_net_G/)]);
    const wanted = await run(...pasted, '--use_vae');
    expect([wanted.code, wanted.stderr]).toEqual([
      2,
      expect.stringMatching(/--use-vae: expected a network with a latent/),
    ]);
  });
});

describe('instances', () => {
  const shape = { ...PLAIN, instance: true, dontCare: true };

  it('are seen where a network reads their edges', async () => {
    await writeGaugan(at('edges'), shape);
    await mkdir(at('inst'));
    await labelPng(at('inst', 'b.png'), 32, 32, 3);
    const args = [at('maps', 'b.png'), '--weights', at('edges'), '--contain_dontcare_label'];
    await generate(...args, '--instance-dir', at('inst'), '-o', at('with.png'));
    await generate(...args, '--no-instance', '-o', at('without.png'));
    expect(difference(await readImage(at('with.png')), await readImage(at('without.png')))).toBeGreaterThan(1);
    const silent = await run(...args, '-o', at('silent.png'));
    expect([silent.code, silent.stderr]).toEqual([
      2,
      expect.stringMatching(/--instance-dir: expected an instance map/),
    ]);
  });
});

describe('label maps that the network cannot read', () => {
  it('are named before anything runs, and the others are painted', async () => {
    await mkdir(at('mixed'));
    await labelPng(at('mixed', 'a.png'), 32, 32, 9);
    await labelPng(at('mixed', 'b.png'), 16, 16);
    await scenePng(at('mixed', 'c.png'), 16, 16, 'noon');
    await sharp(new Uint16Array(64), { raw: { width: 8, height: 8, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toFile(at('mixed', 'd.png'));
    await writeFile(at('mixed', 'e.png'), 'no picture');
    const args = [at('mixed'), '--weights', at('plain')];
    const ended = await run(...args, '-o', at('mixed-out'), '--json', '--quiet', '--size', '8x12', '--format', 'jpg');
    expect(ended.code).toBe(4);
    const facts = JSON.parse(ended.stdout) as { label: string; error?: string; exitCode?: number }[];
    expect(facts.map(({ label, exitCode }) => [label, exitCode])).toEqual([
      ...['a', 'c', 'd', 'e'].map((name) => [at('mixed', `${name}.png`), 4]),
      [at('mixed', 'b.png'), undefined],
    ]);
    expect(facts[0].error).toMatch(/a\.png: expected labels from 0 to 4, for --label-nc is 5/);
    expect(facts[1].error).toMatch(/c\.png.*has colours.*--palette/s);
    expect(facts[2].error).toMatch(/d\.png.*8 bits a pixel, but it has 16/);
    expect(await readdir(at('mixed-out'))).toEqual(['b.jpg']);
    expect(await readImage(at('mixed-out', 'b.jpg'))).toMatchObject({ width: 8, height: 12 });
    // no device is asked for when there is nothing to paint
    const alone = await run(
      at('mixed', 'a.png'),
      '--weights',
      at('plain'),
      '-o',
      at('alone.png'),
      '--device',
      'nonesuch',
    );
    expect([alone.code, alone.stderr]).toEqual([4, expect.not.stringMatching(/Device|nonesuch/)]);
  });

  it('may be coloured where a palette says what the colours mean', async () => {
    const colours = ['#000000', '#0000ff', '#00ff00', '#ff0000', '#ffffff'];
    await writeFile(at('palette.json'), JSON.stringify(colours));
    const { data, info } = await sharp(at('maps', 'b.png')).raw().toBuffer({ resolveWithObject: true });
    const rgb = [...data]
      .filter((_, i) => i % info.channels === 0)
      .flatMap((id) => {
        return [16, 8, 0].map((shift) => (Number.parseInt(colours[id].slice(1), 16) >> shift) & 255);
      });
    await sharp(Uint8Array.from(rgb), { raw: { width: 32, height: 32, channels: 3 } })
      .png()
      .toFile(at('coloured.png'));
    const both = [at('coloured.png'), at('maps', 'b.png')];
    await generate(...both, '--weights', at('plain'), '--palette', at('palette.json'), '--batch-stats', '-o', at('p'));
    expect(await bytes('p', 'coloured.png')).toEqual(await bytes('p', 'b.png'));
  });
});

describe('requests that cannot be met', () => {
  it.each([
    [['maps/a.png'], /--weights: expected the weights/],
    [['--weights', 'plain'], /LABEL: expected label maps/],
    [['maps/a.png', '--weights', 'plain', '--style', 'photos/dusk.png'], /--style: expected a network with a latent/],
    [['maps/a.png', '--weights', 'plain', '--count', '2'], /--count: expected a network with a latent/],
    [['maps/a.png', '--weights', 'plain', '--label-nc', '6'], /--label-nc 6: expected 5, with which/],
    [['maps/a.png', '--weights', 'vae', '--crop-size', '64'], /--crop-size 64: expected 32/],
    [['maps/a.png', '--weights', 'none'], /none: expected weights of a GauGAN.*nothing/],
    [['maps/a.png', '--weights', 'photos'], /latest_net_G\.pth in it, but there is neither/],
    [['maps', '--weights', 'plain', '-o', 'one.png'], /expected a folder for 2 pictures/],
    [['maps/a.png', '--weights', 'plain', '-o', 'photos/dusk.png'], /a file is already there/],
  ])('end with 2 and a reason: %j', async (args, reason) => {
    const inPlace = args.map((word) =>
      /^(maps|photos|vae|plain|none|one\.png)/.test(word) ? at(...word.split('/')) : word,
    );
    const ended = await run(...inPlace);
    expect([ended.code, ended.stdout]).toEqual([2, '']);
    expect(ended.stderr).toMatch(reason);
    expect(existsSync('out')).toBe(false);
  });
});
