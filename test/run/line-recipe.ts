import { type Device, grad, hold, leaves, overwrite, randomNormals, type Tensor, tensor } from '../../engine/index.ts';
import { add, matmul, mean, square, sub } from '../../kernels/index.ts';
import type { Loader } from '../../train/data/loader.ts';
import { adam } from '../../train/optim/adam.ts';
import { readPacked } from '../../train/recipes/pack.ts';
import type { FinishStep, Json, Recipe } from '../../train/recipes/recipe.ts';
import type { Training } from '../../train/recipes/system.ts';

/** Points of a line, [rows, FEATURES] and what to expect there. */
export interface Points {
  readonly x: Float32Array;
  readonly t: Float32Array;
}

const ROWS = 8;
const FEATURES = 3;
const SLOPES = [1.5, -0.5, 0.25];

export interface LineOptions {
  readonly steps?: number;
  readonly seed?: number;
  /** steps that are skipped */
  readonly skip?: (step: number) => boolean;
  /** called within each step, when its update is recorded */
  readonly within?: (step: number) => void | Promise<void>;
  readonly forecastBytes?: number;
  readonly model?: string;
}

/**
 * A small real training: a linear regression by Adam, whose inputs are shaken by noise that depends on the step. Its
 * counters decide the learning rate, so a resume that lost them would be seen in the weights.
 */
export function lineTraining(device: Device, options: LineOptions = {}): Training<Points> {
  const { steps = 20, seed = 5 } = options;
  return {
    recipe: lineRecipe(device, { ...options, steps, seed }),
    loader: pointLoader(seed),
    imagesPerStep: ROWS,
    stepsPerEpoch: 10,
    notes: [],
  };
}

function pointLoader(seed: number): Loader<Points> {
  return {
    batch: async (step) => {
      const x = Float32Array.from(randomNormals({ seed, step, op: 0 }, ROWS * FEATURES));
      const t = Float32Array.from({ length: ROWS }, (_, row) =>
        SLOPES.reduce((sum, slope, k) => sum + slope * x[row * FEATURES + k], 0.75),
      );
      return { x, t };
    },
    close: async () => {},
  };
}

type Line = { weight: Tensor; bias: Tensor };

function loss({ weight, bias }: Line, x: Tensor, t: Tensor): Tensor {
  return mean(square(sub(add(matmul(x, weight), bias), t)));
}

function lineRecipe(device: Device, options: LineOptions & { steps: number; seed: number }): Recipe<Points> {
  const { steps, seed, skip = () => false, within } = options;
  const initial: Line = {
    weight: tensor(device, new Float32Array(FEATURES), [FEATURES, 1]),
    bias: tensor(device, [0], [1]),
  };
  const optimiser = adam(initial);
  for (const [, leaf] of leaves(initial)) leaf.dispose();
  const files: Record<string, () => [string, Tensor][]> = {
    net: () => leaves(optimiser.params),
    optim: () => [
      ...leaves(optimiser.moment1).map(([name, leaf]): [string, Tensor] => [`moment1.${name}`, leaf]),
      ...leaves(optimiser.moment2).map(([name, leaf]): [string, Tensor] => [`moment2.${name}`, leaf]),
    ],
  };
  let updates = 0;
  let open: { dispose(): void } | undefined;
  return {
    model: options.model ?? 'line',
    totalSteps: steps,
    forecast: () => ({ peakBytes: options.forecastBytes ?? 4096, compile: async () => {} }),
    begin({ x, t }, step): FinishStep {
      const lr = () => 0.05 / (1 + 0.1 * updates);
      if (skip(step)) return async () => ({ losses: {}, lr: lr(), skipped: 'the points lie on each other' });
      const noise = randomNormals({ seed, step, op: 1 }, x.length);
      const shaken = x.map((value, i) => value + 0.05 * noise[i]);
      const begun = hold(() => {
        const inputs = [tensor(device, shaken, [ROWS, FEATURES]), tensor(device, t, [ROWS, 1])] as const;
        return grad(loss)(optimiser.params, ...inputs);
      });
      open = begun;
      device.submit();
      return async () => {
        const rate = lr();
        const error = readPacked(() => {
          const { value, grads } = begun.take();
          optimiser.update(grads, rate, updates + 1);
          return [value];
        });
        error.catch(() => {}); // heard of below
        await within?.(step);
        updates++;
        return { losses: { error: (await error)[0] }, lr: rate };
      };
    },
    tensors: () => Object.fromEntries(Object.entries(files).map(([file, list]) => [file, new Map(list())])),
    load(file, values) {
      for (const [name, leaf] of files[file]()) overwrite(leaf, values.get(name) as Float32Array);
    },
    counters: () => ({ updates }),
    restore(counters: Json) {
      ({ updates } = counters as { updates: number });
    },
    async sample() {
      const shade = Float32Array.from({ length: 3 * 4 * 6 }, (_, i) => (i % 24) / 24);
      return [[{ name: 'line', planar: shade, width: 6, height: 4 }]];
    },
    async firstBadTensor() {
      for (const [name, leaf] of leaves(optimiser.params)) {
        if ((await leaf.data()).some((value) => !Number.isFinite(value))) return name;
      }
      return undefined;
    },
    dispose() {
      open?.dispose();
      optimiser.dispose();
    },
  };
}
