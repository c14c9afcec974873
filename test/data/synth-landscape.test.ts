import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { labelFiles } from '../../train/data/datasets/label-files.ts';
import { readCheckedLabels } from '../../train/data/datasets/label-input.ts';
import { channelStatistics } from '../../train/data/image/channel-statistics.ts';
import { readLabelIds } from '../../train/data/image/label-map.ts';
import { readPalette } from '../../train/data/image/palette.ts';
import { readImage } from '../../train/data/image/read.ts';
import { drawSet } from '../../train/data/synth/draw-set.ts';
import { synthEntry } from '../../train/data/synth/kinds.ts';
import { LAND, LAND_CLASSES } from '../../train/data/synth/land-classes.ts';
import { drawLandLabels, drawLandPicture, drawPlace } from '../../train/data/synth/land-picture.ts';
import { MOODS } from '../../train/data/synth/moods.ts';
import { folderOfFile } from '../cli/pictures.ts';

const folder = folderOfFile();
const landscape = synthEntry('landscape');
const place = (step: number) => drawPlace({ seed: 3, step, op: 0x5e710000 });
const bytes = (files: readonly string[]) => files.map((file) => readFileSync(file).toString('base64'));

describe('a drawn set of landscapes', () => {
  it('has all 29 classes, and no other', () => {
    const seen = new Set<number>();
    for (let i = 0; i < 120; i++) for (const id of drawLandLabels(place(i), 40)) seen.add(id);
    expect([...seen].sort((a, b) => a - b)).toEqual(LAND_CLASSES.map((_, id) => id));
    expect(LAND_CLASSES).toHaveLength(29);
  });

  it('is the same at every size, up to sampling', () => {
    for (const i of [0, 1, 2]) {
      const [small, large] = [drawLandLabels(place(i), 32), drawLandLabels(place(i), 96)];
      const same = small.filter((id, at) => id === large[(3 * Math.floor(at / 32) + 1) * 96 + 3 * (at % 32) + 1]);
      expect(same).toHaveLength(small.length);
    }
  });

  it('shows a class in a colour of its own, and a light in all of them', () => {
    const means = (mood: keyof typeof MOODS) => {
      const sums = LAND_CLASSES.map(() => [0, 0, 0, 0]);
      for (let i = 0; i < 12; i++) {
        const ids = drawLandLabels(place(i), 40);
        const { rgb } = drawLandPicture(place(i), MOODS[mood], 40);
        ids.forEach((id, at) => {
          for (let c = 0; c < 3; c++) sums[id][c] += rgb[3 * at + c];
          sums[id][3]++;
        });
      }
      return (name: keyof typeof LAND) => sums[LAND[name]].slice(0, 3).map((sum) => sum / sums[LAND[name]][3]);
    };
    const [noon, night] = [means('noon'), means('moonlight')];
    const [red, green, blue] = [0, 1, 2];
    expect(noon('sky')[blue]).toBeGreaterThan(noon('sky')[red] + 30);
    expect(noon('grass')[green]).toBeGreaterThan(noon('grass')[blue] + 20);
    expect(noon('sand')[red]).toBeGreaterThan(noon('sand')[blue] + 20);
    expect(noon('sea')[blue]).toBeGreaterThan(noon('sea')[red] + 20);
    for (const name of ['sky', 'grass', 'sand', 'tree', 'sea'] as const) {
      expect(Math.max(...night(name))).toBeLessThan(Math.max(...noon(name)) * 0.75);
    }
  });

  it('has the same bytes in every run, label maps of one channel, and a photo for each that others share', async () => {
    const request = { count: 3, size: 32, seed: 4 };
    const one = await drawSet(landscape, folder.at('one'), request, { workers: 0 });
    const two = await drawSet(landscape, folder.at('two'), { ...request, count: 18 }, { workers: 2 });
    const kept = (files: readonly string[]) => files.filter((file) => /0000[0-2]\.png|light-0[0-2]|palette/.test(file));
    expect(bytes(kept(two))).toEqual(bytes(kept(one)));
    expect(kept(one)).toHaveLength(10);
    const pairs = await labelFiles({ mode: 'landscape', data: folder.at('two'), instances: false });
    expect(pairs).toHaveLength(18);
    for (const { label, image } of pairs.slice(0, 4)) {
      const { width, height } = await readCheckedLabels(label, { labelNc: 29 });
      const picture = await readImage(image!);
      expect([width, height, picture.width, picture.height]).toEqual([32, 32, 32, 32]);
      expect(Math.max(...channelStatistics(picture).map(({ deviation }) => deviation))).toBeGreaterThan(0.05);
    }
    expect(pairs[17].reference).toBe(pairs[1].reference);
    expect(new Set(pairs.map(({ reference }) => reference)).size).toBe(16);
    const palette = await readPalette(folder.at('two', 'palette.json'));
    expect(palette.map(({ name }) => name)).toEqual(LAND_CLASSES.map(([name]) => name));
    expect(new Set((await readLabelIds(pairs[5].label)).ids).size).toBeGreaterThan(2);
  });

  it('names a command that fits its size', async () => {
    const { next } = await landscape.load();
    expect(next('data', { count: 1, size: 256, seed: 0 })).toContain(
      'train gaugan --label-dir data/labels --image-dir data/images --label-nc 29 --no-instance --use-vae',
    );
    expect(next('data', { count: 1, size: 140, seed: 0 })).toContain('--load-size 143 --crop-size 128');
  });
});
