import { describe, expect, it } from 'vitest';
import { type PictureFolderOptions, pictureFolder } from '../../train/data/datasets/picture-folder.ts';
import type { CropJob, CropResult } from '../../train/data/workers/crop-task.ts';

/** A pool that decodes nothing: every picture takes 100 bytes, and `bad` ones give none. */
function bookkeeper(bad: readonly string[] = []) {
  const jobs: CropJob[] = [];
  const pool = {
    async run(job: CropJob): Promise<CropResult> {
      jobs.push(job);
      await Promise.resolve();
      if (bad.includes(job.path)) return { unreadable: `${job.path}: damaged.` };
      const rgb = new Uint8Array([Number(job.path)]);
      const keeps = !job.resized && job.keepBytes >= 100;
      return keeps ? { rgb, resized: { width: 1, height: 1, rgb: new SharedArrayBuffer(100) } } : { rgb };
    },
    close: async () => {},
  };
  return { jobs, pool };
}

const files = Array.from({ length: 10 }, (_, i) => String(i));

/** Five pictures a step: no step lies in two passes. */
function folder(options: Pick<PictureFolderOptions, 'pool' | 'budget'> & Partial<PictureFolderOptions>) {
  const sizes = { batchSize: 5, loadSize: 8, cropSize: 4 };
  return pictureFolder({ files, folder: 0, seed: 3, ...sizes, onUnreadable: () => {}, ...options });
}

async function filesOf(crops: ReturnType<typeof pictureFolder>, steps: number): Promise<number[]> {
  const taken: number[] = [];
  for (let step = 0; step < steps; step++) taken.push(...(await crops(step)).map(({ rgb }) => rgb[0]));
  return taken;
}

describe('the pictures of a folder', () => {
  it('come once a pass each', async () => {
    const taken = await filesOf(folder({ ...bookkeeper(), budget: { bytes: 0 } }), 12);
    for (let pass = 0; pass < 6; pass++) {
      expect(taken.slice(10 * pass, 10 * (pass + 1)).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
  });

  it('are read once when all of them may be kept', async () => {
    const { jobs, pool } = bookkeeper();
    await filesOf(folder({ pool, budget: { bytes: 1000 } }), 12);
    expect(jobs.filter(({ resized }) => !resized)).toHaveLength(10);
  });

  it('are kept within the budget', async () => {
    const { jobs, pool } = bookkeeper();
    const budget = { bytes: 450 };
    await filesOf(folder({ pool, budget }), 12);
    expect(budget.bytes).toBe(50);
    expect(new Set(jobs.filter(({ resized }) => resized).map(({ path }) => path)).size).toBe(4);
    // six passes of ten files, four of them read only in the first
    expect(jobs.filter(({ resized }) => !resized)).toHaveLength(60 - 5 * 4);
  });

  it('stay the same ones, whatever was found unreadable before', async () => {
    const bad = ['2', '5', '6'];
    const said: string[] = [];
    const budget = { bytes: 0 };
    const first = folder({ ...bookkeeper(bad), budget, onUnreadable: (line) => said.push(line) });
    const expected = await filesOf(first, 12);
    expect(said.sort()).toEqual(bad.map((file) => `${file}: damaged.`));
    expect(expected.some((file) => bad.includes(String(file)))).toBe(false);
    for (const step of [11, 3, 0]) {
      const fresh = folder({ ...bookkeeper(bad), budget });
      expect((await fresh(step)).map(({ rgb }) => rgb[0])).toEqual(expected.slice(5 * step, 5 * step + 5));
    }
  });

  it('end with a message when none can be read', async () => {
    const crops = folder({ ...bookkeeper(files), budget: { bytes: 0 } });
    await expect(crops(0)).rejects.toThrow('64 others of the 10 files could be read');
  });
});
