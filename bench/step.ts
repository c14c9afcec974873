import { type Device, type PhaseProfile, throughputOf } from '../engine/index.ts';
import type { Recipe } from '../train/recipes/recipe.ts';
import { processUs, threadMs } from './host-clock.ts';
import { type Row, timesOf, titleOf } from './row.ts';
import { summarize } from './statistics.ts';
import { type NetworkChoice, type NetworkSuite, repeat, type Timing } from './suite.ts';
import { makeTraining, type TimedTraining } from './training.ts';

export interface NetworkToTime extends Pick<TimedTraining, 'system' | 'settings'> {
  /** pictures in a batch as published */
  readonly batch: number;
}

/** A small network of the published one's build, and the published ones. GauGAN's VGG has random weights. */
export const NETWORKS = {
  'photo 2,2,2 of 8,32,128': {
    system: 'cap-vstnet',
    batch: 2,
    settings: { nBlocks: [2, 2, 2], nChannels: [8, 32, 128] },
  },
  photo: { system: 'cap-vstnet', batch: 2 },
  'ngf 16, 29 classes': {
    system: 'gaugan',
    batch: 1,
    settings: { ngf: 16, ndf: 16, nhidden: 32, labelNc: 29, instance: false },
  },
  'ngf 64, 182 classes, unknown and edges': {
    system: 'gaugan',
    batch: 1,
    settings: { labelNc: 182, dontCare: 255, instance: true },
  },
  'ngf 64, 29 classes, VAE': {
    system: 'gaugan',
    batch: 1,
    settings: { labelNc: 29, instance: false, useVae: true },
  },
} satisfies Readonly<Record<string, NetworkToTime>>;

/** Rows of a step: the whole by the clock, its phases by timestamps on the GPU. */
const PASSES = ['step', 'forward', 'backward', 'optimiser'];

/** Steps before the first that is timed: pipelines compile in the first; from the third on nothing is created. */
const WARM_UP = 2;

export const stepSample = (name: string, size: number, batch: number): string => `${name}, ${size}², batch ${batch}`;

export interface StepCase {
  readonly sample: string;
  readonly network: NetworkToTime;
  readonly size: number;
  readonly batchSize: number;
  readonly dtype: 'f32' | 'f16';
}

/** What there is to time: that of which a row's title contains the filter. */
export function stepCases({ sizes, batch, types, filter }: NetworkChoice): StepCase[] {
  const cases: StepCase[] = [];
  for (const [name, network] of Object.entries<NetworkToTime>(NETWORKS)) {
    const batchSize = batch ?? network.batch;
    for (const size of sizes) {
      for (const dtype of types) {
        const sample = stepSample(name, size, batchSize);
        const title = (pass: string) => titleOf({ op: network.system, sample, pass, dtype });
        if (dtype !== 'u32' && PASSES.some((pass) => title(pass).includes(filter))) {
          cases.push({ sample, network, size, batchSize, dtype });
        }
      }
    }
  }
  return cases;
}

/** Times steps of trainings: upload, losses, sweep, Adam, reading the losses back. */
export async function benchSteps(suite: NetworkSuite): Promise<void> {
  const cases = stepCases(suite);
  for (const [i, one] of cases.entries()) {
    if (one.dtype === 'f16' && !suite.device.capabilities.f16) continue;
    suite.onGroup(i + 1, cases.length, `${one.sample} · ${one.dtype}`);
    for (const row of await stepRows(suite, one)) suite.onRow(row);
  }
}

/** The rows of one training: the whole step first, then its phases. */
export async function stepRows({ device, environment, roofline, seconds }: Timing, one: StepCase): Promise<Row[]> {
  await device.finish();
  device.pool.trim();
  const { sample, network, dtype, size, batchSize } = one;
  const start = device.pool.stats.allocatedBytes;
  const { recipe, batch } = await makeTraining(device, { ...network, size, batchSize, precision: dtype });
  const { wall, phases, facts } = await timeSteps(device, recipe, batch, seconds, start);
  recipe.dispose();
  const common = { suite: 'step', op: network.system, sample, dtype, ...environment } as const;
  const total = (pick: 'flops' | 'bytes') => phases.reduce((sum, phase) => sum + phase[pick], 0);
  const times = summarize(wall);
  const whole: Row = {
    ...{ ...common, pass: 'step', clock: 'wall', ...timesOf(times) },
    ...throughputOf(roofline, { flops: total('flops'), bytes: total('bytes') }, times.median),
    ...facts,
  };
  const timed = phases.filter(({ ms }) => Number.isFinite(ms));
  const parts = timed.map(
    (phase): Row => ({
      ...{ ...common, pass: phase.phase, clock: 'gpu', ...timesOf(summarize([phase.ms / 1e3])) },
      ...{ ...throughputOf(roofline, phase, phase.ms / 1e3), dispatches: phase.calls },
    }),
  );
  return [whole, ...parts];
}

export interface StepsFound {
  /** seconds of each timed step */
  readonly wall: readonly number[];
  /** of one more step, under the profiler */
  readonly phases: readonly PhaseProfile[];
  readonly facts: Partial<Row>;
}

/**
 * Makes steps until `seconds` are spent on timed ones.
 *
 * @param start  allocated bytes before the training was made: peaks and forecast count from there
 */
export async function timeSteps<Batch>(
  device: Device,
  recipe: Recipe<Batch>,
  batch: Batch,
  seconds: number,
  start: number,
): Promise<StepsFound> {
  const forecastBytes = recipe.forecastBytes(batch) - start;
  device.pool.resetPeaks();
  let step = 0;
  const once = async () => {
    const began = { wall: performance.now(), cpu: threadMs(), all: processUs() };
    const done = recipe.step(batch, step++);
    // the call returns when all is recorded and submitted, and waits for the losses alone
    const recorded = { wall: performance.now(), cpu: threadMs() };
    await done;
    return {
      seconds: (performance.now() - began.wall) / 1e3,
      hostUs: (recorded.wall - began.wall) * 1e3,
      hostCpuUs: (recorded.cpu - began.cpu) * 1e3,
      cpuUs: processUs() - began.all,
    };
  };
  const { compiled, compileMs } = device.pipelines;
  const first = await once();
  const cold = {
    pipelines: device.pipelines.compiled - compiled,
    compileMs: device.pipelines.compileMs - compileMs,
  };
  while (step < WARM_UP) await once();
  const before = { created: device.pool.stats.created, misses: device.bindGroupMisses };
  const runs = await repeat(seconds, once);
  const profiler = device.profile();
  await once();
  device.recorder.profiler = undefined;
  const phases = await profiler.phases();
  const { peakAllocatedBytes, peakUsedBytes, created } = device.pool.stats;
  const hostCpuUs = summarize(runs.map((run) => run.hostCpuUs)).median;
  return {
    wall: runs.map((run) => run.seconds),
    phases,
    facts: {
      hostUs: summarize(runs.map((run) => run.hostUs)).median,
      cpuUs: summarize(runs.map((run) => run.cpuUs)).median,
      ...(Number.isFinite(hostCpuUs) ? { hostCpuUs } : {}),
      firstMs: first.seconds * 1e3,
      ...cold,
      dispatches: phases.reduce((sum, { calls }) => sum + calls, 0),
      ...{ peakBytes: peakAllocatedBytes - start, liveBytes: peakUsedBytes - start, forecastBytes },
      ...{ created: created - before.created, misses: device.bindGroupMisses - before.misses },
    },
  };
}
