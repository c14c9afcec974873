/** How a stage goes on after a stop, with a stage that needs no device. */
import { mkdtempSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeLog } from '../../cli/log.ts';
import { runPictureStage, type StageRun } from '../../cli/pipeline-stages.ts';
import type { Item } from '../../train/pipeline/items.ts';
import { readManifest } from '../../train/pipeline/manifest.ts';
import { mix } from '../../train/pipeline/merge-stage.ts';
import type { Recipe } from '../../train/pipeline/recipe.ts';
import type { PictureStage } from '../../train/pipeline/stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'miaobi-stages-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const output = join(folder, 'out');

const items: Item[] = ['a', 'b', 'c', 'd'].map((name) => ({ name, label: join(folder, name) }));

/** Copies names into files, and keeps a list of what it did. */
function copying(done: string[], version = 1, failAt?: string): PictureStage {
  return {
    ...{ name: 'generate', version, settings: {}, description: 'copies', extension: '.png', reads: [] },
    inputs: ({ label }) => ({ label }),
    open: async () => ({
      async paint({ name }, _, path) {
        if (name === failAt) throw new Error('out of luck');
        await writeFile(path, name);
        done.push(name);
        return [];
      },
      dispose() {},
    }),
  };
}

async function run(stage: PictureStage, stopped = () => false) {
  const manifest = { current: await readManifest(output) };
  const device = () => Promise.reject(new Error('no device is needed'));
  const order: StageRun = {
    ...{ recipe: { output } as Recipe, items, seed: 0, force: false, dryRun: false, debug: false },
    ...{ log: makeLog({ quiet: true }), device, stopped, manifest, planned: new Set() },
  };
  return runPictureStage(stage, new Map(), order);
}

describe('a stage', () => {
  it('stops after the picture at hand, and goes on with the next', async () => {
    for (const { label, name } of items) await writeFile(label, name);
    const done: string[] = [];
    const { outcome } = await run(copying(done), () => done.length === 2);
    expect([done, outcome.made]).toEqual([['a', 'b'], 2]);
    expect((await readManifest(output)).stages.generate).toMatchObject({ finished: false });
    const { outcome: rest, files } = await run(copying(done));
    expect(done).toEqual(['a', 'b', 'c', 'd']);
    expect(rest).toMatchObject({ made: 2, skipped: 2 });
    expect([...files.keys()].sort()).toEqual(['a', 'b', 'c', 'd']);
    expect((await readManifest(output)).stages.generate).toMatchObject({ finished: true });
  });

  it('keeps what was made before a bug', async () => {
    const done: string[] = [];
    await expect(run(copying(done, 2, 'c'))).rejects.toThrow('out of luck');
    await run(copying(done, 2));
    expect(done).toEqual(['a', 'b', 'c', 'd']);
  });

  it('makes all anew for another version of the program, and leaves no older picture, nor touches others', async () => {
    const done: string[] = [];
    await writeFile(join(output, 'generate', 'mine.png'), 'mine');
    await run(copying(done, 3), () => done.length === 1);
    expect((await readdir(join(output, 'generate'))).sort()).toEqual(['a.png', 'mine.png']);
    await run(copying(done, 3));
    expect(done).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('merging', () => {
  it('mixes by shares, and rounds', () => {
    const grey = (value: number) => ({ width: 1, height: 1, bitDepth: 8 as const, rgb: Uint8Array.of(value, 0, 255) });
    expect([...mix(grey(10), grey(20), 0.25).rgb]).toEqual([13, 0, 255]);
    expect(() => mix(grey(1), { ...grey(1), width: 2 }, 0.5)).toThrow(/expected one size/);
  });
});
