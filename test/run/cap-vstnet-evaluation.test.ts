/** CAP-VSTNet measured on pairs, on a tiny network. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, leaves, type Tensor } from '../../engine/index.ts';
import { lapTable } from '../../kernels/index.ts';
import type { StylePairs } from '../../train/data/datasets/style-pairs.ts';
import { ssim } from '../../train/eval/image-similarity.ts';
import { type CapVstnetRecipe, capVstnetRecipe, setUpCapVstnet } from '../../train/recipes/cap-vstnet.ts';
import { LOSS_WEIGHTS } from '../../train/recipes/cap-vstnet-losses.ts';
import { wholeStep } from '../../train/run/steps-ahead.ts';
import { testDevice } from '../support/device.ts';
import { planarScene, SMALL } from '../support/small-vstnet.ts';

const SIZE = 16;
let device: Device;
const opened: { dispose(): void }[] = [];
beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => {
  for (const one of opened) one.dispose();
});

async function training(): Promise<CapVstnetRecipe> {
  const [config, weights] = [SMALL.deep, LOSS_WEIGHTS.photo];
  const { initial, setting } = await setUpCapVstnet(device, { config, weights, vgg: undefined, seed: 4 });
  const numbers = { seed: 4, lr: 1e-3, lrDecay: 5e-5, betas: [0.9, 0.999], clipNorm: 5, ema: undefined } as const;
  const recipe = capVstnetRecipe(device, initial, { config, setting, ...numbers, steps: 9, temporalSteps: 0 });
  const parameters = [initial, setting.vgg.params].flatMap((tree) => leaves(tree as never));
  opened.push(recipe, ...parameters.map(([, leaf]) => leaf as Tensor));
  return recipe;
}

function pair(seed: number): StylePairs {
  const area = SIZE * SIZE;
  const bytes = (from: number) => {
    const { planar } = planarScene(SIZE, SIZE, from);
    return Uint8Array.from({ length: 3 * area }, (_, i) => 255 * planar[(i % 3) * area + Math.floor(i / 3)]);
  };
  const content = bytes(seed);
  const common = { step: 0, batchSize: 1, size: SIZE };
  return { ...common, content, style: bytes(seed + 50), laplacian: [lapTable(content, SIZE, SIZE)] };
}

describe("CAP-VSTNet's evaluation", () => {
  it('measures what a step on the same pairs reports, as a mean, and how alike content and result are', async () => {
    const recipe = await training();
    const [one, two] = [pair(3), pair(4)];
    const measured = [await recipe.evaluate([one]), await recipe.evaluate([two])];
    const both = await recipe.evaluate([one, two]);
    for (const [name, value] of Object.entries(both)) {
      expect(value).toBeCloseTo((measured[0][name] + measured[1][name]) / 2, 12);
    }
    const [[content, , stylized]] = await recipe.sample([one]);
    const planes = (planar: Float32Array) => ({ planes: planar, width: SIZE, height: SIZE });
    const shown = stylized.planar.map((x) => Math.min(1, Math.max(0, x)));
    expect(measured[0].ssim).toBeCloseTo(ssim(planes(shown), planes(content.planar)), 5);
    expect(measured[0].ssim).toBeLessThan(0.999);
    const { losses } = await wholeStep(recipe, [one], 0);
    for (const name of ['total', 'style', 'cycle', 'laplacian']) expect(measured[0][name]).toBe(losses[name]);
    expect((await recipe.evaluate([one])).total).not.toBe(measured[0].total);
  });

  it('is of a recipe that begins its temporal steps when it knows that there were updates enough', async () => {
    const recipe = await training();
    const needsReport = (updates: number) => {
      recipe.restore({ updates });
      return recipe.needsReport?.();
    };
    expect([7, 8, 9].map(needsReport)).toEqual([false, true, false]);
  });

  it('is of a recipe that frees a step that was begun and not finished', async () => {
    const freed = async (begins: boolean) => {
      const recipe = await training();
      const live = device.liveTensors;
      if (begins) recipe.begin([pair(3)], 0);
      expect(device.liveTensors > live).toBe(begins);
      recipe.dispose();
      return live - device.liveTensors;
    };
    expect(await freed(true)).toBe(await freed(false));
  });

  it('changes nothing of what the next step is made from', async () => {
    const [plain, evaluated] = [await training(), await training()];
    for (let step = 0; step < 2; step++) {
      const want = await wholeStep(plain, [pair(step)], step);
      await evaluated.evaluate([pair(7)]);
      expect(await wholeStep(evaluated, [pair(step)], step)).toEqual(want);
    }
  });
});
