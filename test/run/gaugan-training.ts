/** A small real training of GauGAN, with everything that a resume must bring back. */
import type { Device } from '../../engine/index.ts';
import { drawSet } from '../../train/data/synth/draw-set.ts';
import { synthEntry } from '../../train/data/synth/kinds.ts';
import { gaugan } from '../../train/recipes/gaugan-system.ts';
import type { Training, TrainSettings } from '../../train/recipes/system.ts';

/** Draws label maps, pictures and reference photos. */
export async function drawGauganData(folder: string): Promise<void> {
  await drawSet(synthEntry('landscape'), folder, { count: 6, size: 64, seed: 1 }, { workers: 0 });
}

/**
 * Spectral norms, running statistics, a latent's noise, averages, two rates that fall, and a generator that learns in
 * every second step: each is lost by a resume that forgets it.
 */
export const GAUGAN_SETTINGS = {
  ...{ datasetMode: 'landscape', preprocessMode: 'resize_and_crop', loadSize: 36, cropSize: 32, aspectRatio: 1 },
  ...{ seed: 3, precision: 'f32', batchSize: 2, accumulate: 1, workers: 0, lr: 2e-3, ema: 0.9, holdOut: 1 },
  ...{ ngf: 2, ndf: 2, nhidden: 4, zDim: 8, useVae: true, dSteps: 2, epochs: 2, decayEpochs: 2, lambdaVgg: 0 },
} as const satisfies TrainSettings;

export async function gauganTraining(
  device: Device,
  data: string,
  { within, ...changes }: Partial<TrainSettings> & { readonly within?: () => Promise<void> } = {},
): Promise<Training<unknown>> {
  const settings = { ...gaugan.preset({ datasetMode: 'landscape' }), ...GAUGAN_SETTINGS, data, ...changes };
  const training = await gaugan.make(device, settings, () => {});
  const { recipe } = training;
  return {
    ...training,
    recipe: {
      ...recipe,
      begin(batch, step) {
        const finish = recipe.begin(batch, step);
        return async () => {
          const report = finish();
          await within?.();
          return report;
        };
      },
    },
  };
}
