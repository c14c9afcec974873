/** Trainings as `miaobi train` makes them, with their first batch, on pictures that are drawn for them. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Device } from '../engine/index.ts';
import { writeImage } from '../train/data/image/write.ts';
import { drawSet } from '../train/data/synth/draw-set.ts';
import { synthEntry } from '../train/data/synth/kinds.ts';
import { drawLandscape } from '../train/data/synth/landscape.ts';
import { capVstnet } from '../train/recipes/cap-vstnet-system.ts';
import { gaugan } from '../train/recipes/gaugan-system.ts';
import type { Recipe } from '../train/recipes/recipe.ts';
import type { System, TrainSettings } from '../train/recipes/system.ts';

/** What a training is timed with. */
export interface TimedTraining {
  readonly system: 'cap-vstnet' | 'gaugan';
  readonly size: number;
  readonly batchSize: number;
  readonly precision: 'f32' | 'f16';
  /** beyond the system's own */
  readonly settings?: Partial<TrainSettings>;
}

export interface MadeTraining {
  readonly recipe: Recipe<unknown>;
  readonly batch: unknown;
}

/** Draws the data, makes the training and its first batch. Nothing decodes in the background while it is timed. */
export async function makeTraining(device: Device, timed: TimedTraining): Promise<MadeTraining> {
  const folder = await mkdtemp(join(tmpdir(), 'miaobi-bench-'));
  try {
    const { size, batchSize, precision } = timed;
    const [system, data] = await SYSTEMS[timed.system](folder, timed);
    const settings = {
      ...{ precision, batchSize, loadSize: size, cropSize: size, seed: 1, accumulate: 1, workers: 0 },
      ...{ steps: Number.MAX_SAFE_INTEGER, ...data, ...timed.settings },
    } as TrainSettings;
    const { recipe, loader } = await system.make(device, { ...system.preset(settings), ...settings }, () => {});
    const batch = await loader.batch(0);
    await loader.close();
    return { recipe, batch };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const SYSTEMS: Readonly<
  Record<TimedTraining['system'], (folder: string, timed: TimedTraining) => Promise<[System, Partial<TrainSettings>]>>
> = {
  async 'cap-vstnet'(folder, { size }) {
    const [content, style] = [join(folder, 'content'), join(folder, 'style')];
    for (const each of [content, style]) await mkdir(each);
    await writeImage(join(content, 'noon.png'), drawLandscape(size, size, 1, 'noon'));
    await writeImage(join(style, 'dusk.png'), drawLandscape(size, size, 2, 'dusk'));
    return [capVstnet, { content, style, temporalSteps: 0 }];
  },
  async gaugan(folder, { size, batchSize }) {
    await drawSet(synthEntry('landscape'), folder, { count: batchSize, size, seed: 1 }, { workers: 1 });
    const labelDir = join(folder, 'labels');
    // areas of classes stand for instances: their edges are what the network sees
    const imageDir = join(folder, 'images');
    return [gaugan, { datasetMode: 'custom', labelDir, imageDir, instanceDir: labelDir }];
  },
};
