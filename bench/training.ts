import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Device } from '../engine/index.ts';
import { writeImage } from '../train/data/image/write.ts';
import { drawLandscape } from '../train/data/synth/landscape.ts';
import { capVstnet } from '../train/recipes/cap-vstnet-system.ts';
import type { Recipe } from '../train/recipes/recipe.ts';
import type { TrainSettings } from '../train/recipes/system.ts';

/** What a training is timed with. */
export interface TimedTraining {
  readonly size: number;
  readonly batchSize: number;
  readonly precision: 'f32' | 'f16';
  readonly nBlocks?: readonly number[];
  readonly nChannels?: readonly number[];
}

/**
 * CAP-VSTNet's training as `miaobi train` makes it, with its first batch, on pictures that are drawn for it. Nothing
 * decodes in the background while it is timed.
 */
export async function makeTraining(
  device: Device,
  { size, batchSize, precision, nBlocks, nChannels }: TimedTraining,
): Promise<{ recipe: Recipe<unknown>; batch: unknown }> {
  const folder = await mkdtemp(join(tmpdir(), 'miaobi-bench-'));
  try {
    const [content, style] = [join(folder, 'content'), join(folder, 'style')];
    for (const each of [content, style]) await mkdir(each);
    await writeImage(join(content, 'noon.png'), drawLandscape(size, size, 1, 'noon'));
    await writeImage(join(style, 'dusk.png'), drawLandscape(size, size, 2, 'dusk'));
    const settings = {
      ...{ content, style, precision, batchSize, nBlocks, nChannels, loadSize: size, cropSize: size },
      ...{ seed: 1, steps: Number.MAX_SAFE_INTEGER, temporalSteps: 0, accumulate: 1, lr: 1e-4, workers: 0 },
    } as const satisfies TrainSettings;
    const { recipe, loader } = await capVstnet.make(device, settings, () => {});
    const batch = await loader.batch(0);
    await loader.close();
    return { recipe, batch };
  } finally {
    await rm(folder, { recursive: true });
  }
}
