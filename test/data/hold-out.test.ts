import { mkdirSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { holdOut } from '../../train/data/datasets/hold-out.ts';
import {
  capVstnetLoader,
  type StylePairsLoader,
  type StylePairsOptions,
} from '../../train/data/datasets/style-pairs.ts';
import { folderOfFile } from '../cli/pictures.ts';

const letters = [...'abcdefghij'];

describe('holding out', () => {
  it('splits the items, keeps the order of what is left, and leaves all when none is asked for', () => {
    const { kept, heldOut } = holdOut(letters, { count: 4, seed: 3, where: 'x' });
    expect([...kept, ...heldOut].sort()).toEqual(letters);
    expect(heldOut).toHaveLength(4);
    expect(kept).toEqual([...kept].sort());
    expect(holdOut(letters, { count: 0, seed: 3, where: 'x' })).toEqual({ kept: letters, heldOut: [] });
  });

  it('depends on the seed and the folder alone, and gives every item its turn', () => {
    const of = (seed: number, folder = 0) => holdOut(letters, { count: 3, seed, where: 'x', folder }).heldOut.join('');
    expect(of(1)).toBe(of(1));
    expect(new Set([of(1), of(2), of(1, 1)]).size).toBe(3);
    const counts = new Map(letters.map((letter) => [letter, 0]));
    for (let seed = 0; seed < 1000; seed++)
      for (const one of of(seed)) counts.set(one, (counts.get(one) as number) + 1);
    // binomial, mean 300 and deviation 14.5: five deviations
    for (const count of counts.values()) expect(Math.abs(count - 300)).toBeLessThan(73);
  });

  it('is refused where nothing would be left', () => {
    const all = () => holdOut(letters, { count: 10, seed: 0, where: 'photos' });
    expect(all).toThrow(/^--hold-out 10: expected some of the 10 pictures of photos to be left/);
  });
});

describe("CAP-VSTNet's held-out pairs", () => {
  const folder = folderOfFile();
  const opened: StylePairsLoader[] = [];
  const warnings: string[] = [];
  /** Each picture is of one colour, which tells it from all others. */
  const grey = (i: number) => 20 * (i + 1);

  beforeAll(async () => {
    for (const name of ['content', 'style', 'partly']) mkdirSync(folder.at(name));
    for (let i = 0; i < 6; i++) {
      const plain = (red: number) => ({
        create: { width: 24, height: 20, channels: 3 as const, background: { r: red, g: grey(i), b: 0 } },
      });
      await sharp(plain(255))
        .png()
        .toFile(folder.at('content', `${i}.png`));
      await sharp(plain(0))
        .png()
        .toFile(folder.at('style', `${i}.png`));
      if (i < 3)
        await sharp(plain(128))
          .png()
          .toFile(folder.at('partly', `${i}.png`));
      else writeFileSync(folder.at('partly', `${i}.png`), 'not a picture');
    }
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((loader) => loader.close()));
    warnings.length = 0;
  });

  async function open(options: Partial<StylePairsOptions> = {}): Promise<StylePairsLoader> {
    const loader = await capVstnetLoader({
      ...{ contentDir: folder.at('content'), styleDir: folder.at('style'), holdOut: 2 },
      ...{ batchSize: 2, loadSize: 16, cropSize: 16, seed: 11, workers: 0 },
      laplacian: { winRad: 1, eps: 1e-7 },
      onWarning: (line) => warnings.push(line),
      ...options,
    });
    opened.push(loader);
    return loader;
  }

  /** The pictures' numbers, by the green of their first pixels. */
  const numbers = (pixels: Uint8Array, count: number) =>
    Array.from({ length: count }, (_, i) => pixels[(i * pixels.length) / count + 1] / 20 - 1);
  const heldNumbers = ({ heldOut }: StylePairsLoader) =>
    heldOut.map(({ content, style }) => [...numbers(content, 1), ...numbers(style, 1)]);

  it('are in no batch, and everything else is', async () => {
    const loader = await open();
    const held = heldNumbers(loader);
    expect(held).toHaveLength(2);
    const seen: [Set<number>, Set<number>] = [new Set(), new Set()];
    for (let step = 0; step < 6; step++) {
      const { content, style } = await loader.batch(step);
      for (const one of numbers(content, 2)) seen[0].add(one);
      for (const one of numbers(style, 2)) seen[1].add(one);
    }
    for (const side of [0, 1]) {
      const all = [...seen[side], ...held.map((pair) => pair[side])];
      expect(all.sort()).toEqual([0, 1, 2, 3, 4, 5]);
    }
    expect([loader.contents, loader.styles]).toEqual([4, 4]);
    expect(loader.heldOut.map(({ batchSize, size, laplacian }) => [batchSize, size, laplacian.length])).toEqual([
      [1, 16, 1],
      [1, 16, 1],
    ]);
  });

  it('follow the seed, whatever the batches are like', async () => {
    const held = heldNumbers(await open());
    expect(heldNumbers(await open({ batchSize: 3, workers: 1 }))).toEqual(held);
    const others = [12, 13, 14].map(async (seed) => JSON.stringify(heldNumbers(await open({ seed }))));
    expect(new Set([JSON.stringify(held), ...(await Promise.all(others))]).size).toBeGreaterThan(1);
  });

  it('are neither contents nor styles of a training whose folders are one', async () => {
    const both = { contentDir: folder.at('content'), styleDir: `${folder.at('content')}/.` };
    const loader = await open(both);
    const held = heldNumbers(loader).flat();
    expect(new Set(held).size).toBe(4);
    const { content, style } = await loader.batch(0);
    for (const one of [...numbers(content, 2), ...numbers(style, 2)]) expect(held).not.toContain(one);
    await expect(open({ ...both, holdOut: 3 })).rejects.toThrow(/^--hold-out 3: expected some of the \d pictures/);
  });

  it('are fewer where one cannot be read', async () => {
    const loader = await open({ contentDir: folder.at('partly'), holdOut: 5 });
    expect(loader.heldOut.length).toBe(5 - warnings.length);
    expect(warnings.length).toBeGreaterThan(1);
    expect(warnings[0]).toMatch(/\d\.png: .*It was to be held out; its pair is left out\.$/s);
  });
});
