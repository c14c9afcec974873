/** Training steps, transfers and painting of whole networks. */
import { GENERATE, generateRow } from '../generate.ts';
import { type InferCase, inferRows } from '../infer.ts';
import type { Row } from '../row.ts';
import { NETWORKS, type StepCase, stepRows, stepSample } from '../step.ts';
import type { Timing } from '../suite.ts';
import type { Stage, Task } from './stage.ts';

type Precision = 'f32' | 'f16';

/** A network in a report, on its way to being timed here and in PyTorch. */
export interface NetworkStep {
  readonly name: keyof typeof NETWORKS;
  readonly size: number;
  readonly batch: number;
}

const STEPS: readonly NetworkStep[] = [
  { name: 'ngf 64, 182 classes, unknown and edges', size: 256, batch: 1 },
  { name: 'photo', size: 256, batch: 2 },
  { name: 'ngf 64, 182 classes, unknown and edges', size: 256, batch: 8 },
];
const SMALL_STEPS: readonly NetworkStep[] = [
  { name: 'photo 2,2,2 of 8,32,128', size: 64, batch: 2 },
  { name: 'ngf 16, 29 classes', size: 64, batch: 1 },
];

export interface Transfer {
  readonly sample: string;
  readonly width: number;
  readonly height: number;
}

const TRANSFERS: readonly Transfer[] = [
  { sample: 'photo, 1024²', width: 1024, height: 1024 },
  { sample: 'photo, 3840×2160', width: 3840, height: 2160 },
];
const SMALL_TRANSFERS: readonly Transfer[] = [{ sample: 'photo, 64²', width: 64, height: 64 }];

export const stepsOf = (small: boolean): readonly NetworkStep[] => (small ? SMALL_STEPS : STEPS);
export const transfersOf = (small: boolean): readonly Transfer[] => (small ? SMALL_TRANSFERS : TRANSFERS);

/** Seconds of repetitions; compiling and warming up come before. */
const SECONDS = 1.5;

export function networkStage(software: boolean, types: readonly Precision[]): Stage {
  const steps = stepsOf(software).flatMap((one) => types.map((dtype) => stepTask(one, dtype)));
  const inferences = transfersOf(software).flatMap((one) => types.map((dtype) => transferTask({ ...one, dtype })));
  const paint = GENERATE[software ? 'small' : 'coco'];
  const painting = types.map((dtype) =>
    task(`gaugan · ${paint.sample} · generate · ${dtype}`, 8, async (timing) => [
      await generateRow(timing, paint, dtype),
    ]),
  );
  const [first, second, ...rest] = steps;
  return { name: 'networks', share: 6, tasks: [first, second, ...inferences, ...painting, ...rest] };
}

function stepTask({ name, size, batch }: NetworkStep, dtype: Precision): Task {
  const sample = stepSample(name, size, batch);
  const one: StepCase = { sample, network: NETWORKS[name], size, batchSize: batch, dtype };
  return task(`${one.network.system} · ${sample} · step · ${dtype}`, 12, (timing) => stepRows(timing, one));
}

function transferTask(one: InferCase): Task {
  return task(`cap-vstnet · ${one.sample} · transfer · ${one.dtype}`, 8, (timing) => inferRows(timing, one));
}

function task(title: string, estimate: number, rows: (timing: Timing) => Promise<readonly Row[]>): Task {
  return {
    id: `networks: ${title}`,
    estimate,
    run: async ({ device, measured, onRow, seconds }) => {
      const on = await device();
      for (const row of await rows({ device: on, ...measured(), seconds: Math.min(SECONDS, seconds / 4) })) onRow(row);
      await on.finish();
      on.pool.trim();
      return undefined;
    },
  };
}
