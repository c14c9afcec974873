import { type Device, type PhaseProfile, throughputOf } from '../engine/index.ts';
import { warmUp } from '../kernels/index.ts';
import type { Recipe } from '../train/recipes/recipe.ts';
import { stepsAhead, wholeStep } from '../train/run/steps-ahead.ts';
import { clockFact } from './gpu-clock.ts';
import { processUs, threadMs } from './host-clock.ts';
import { type Row, timesOf, titleOf } from './row.ts';
import { summarize } from './statistics.ts';
import { type NetworkChoice, type NetworkSuite, repeat, type Timing, timed } from './suite.ts';
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

/** Times steps of trainings as they follow each other there: upload, losses, sweep, Adam, reading the losses back. */
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
  await warmUp(device);
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
 * Makes steps until `seconds` are spent on timed ones, in the order of a training: the next is begun while the GPU works on
 * the last. A few are made alone, too, each waited for before the next.
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
  const forecast = recipe.forecast(batch);
  const forecastBytes = forecast.peakBytes - start;
  device.pool.resetPeaks();
  const host = onHost(recipe);
  const steps = stepsAhead(host.recipe, () => {});
  let step = 0;
  /** One more step recorded, and the one before it ended: once there is one before, what a step takes in a training. */
  const next = async () => {
    const began = { wall: performance.now(), all: processUs() };
    host.reset();
    await steps.next(batch, step++);
    return {
      ...host.spent(),
      seconds: (performance.now() - began.wall) / 1e3,
      cpuUs: processUs() - began.all,
    };
  };
  const alone = () => timed(() => wholeStep(recipe, batch, step++));
  const { compiled, compileMs } = device.pipelines;
  // as a training does it: everything compiles at once, before the first step
  const compiling = await timed(() => forecast.compile(true));
  const first = await alone();
  const cold = {
    firstMs: (compiling.seconds + first.seconds) * 1e3,
    compileWallMs: compiling.seconds * 1e3,
    pipelines: device.pipelines.compiled - compiled,
    compileMs: device.pipelines.compileMs - compileMs,
  };
  while (step < WARM_UP) await alone();
  await warmUp(device);
  const before = { created: device.pool.stats.created, misses: device.bindGroupMisses };
  const waited = await repeat(seconds / 4, alone);
  await next();
  const runs = await repeat(seconds, next);
  await steps.settle();
  const clock = clockFact();
  await warmUp(device);
  const profiler = device.profile();
  await alone();
  device.recorder.profiler = undefined;
  const phases = await profiler.phases();
  const { peakAllocatedBytes, peakUsedBytes, created } = device.pool.stats;
  const median = (pick: (run: (typeof runs)[number]) => number) => summarize(runs.map(pick)).median;
  const hostCpuUs = median((run) => run.cpuMs * 1e3);
  return {
    wall: runs.map((run) => run.seconds),
    phases,
    facts: {
      aloneUs: summarize(waited.map((run) => run.seconds)).median * 1e6,
      hostUs: median((run) => run.wallMs * 1e3),
      cpuUs: median((run) => run.cpuUs),
      ...(Number.isFinite(hostCpuUs) ? { hostCpuUs } : {}),
      ...cold,
      ...clock,
      dispatches: phases.reduce((sum, { calls }) => sum + calls, 0),
      ...{ peakBytes: peakAllocatedBytes - start, liveBytes: peakUsedBytes - start, forecastBytes },
      ...{ created: created - before.created, misses: device.bindGroupMisses - before.misses },
    },
  };
}

/** A recipe, and how long its two calls of a step take: they return when all is recorded and submitted. */
function onHost<Batch>(recipe: Recipe<Batch>) {
  let spent = { wallMs: 0, cpuMs: 0 };
  const counted = <R>(fn: () => R): R => {
    const [wall, cpu] = [performance.now(), threadMs()];
    const result = fn();
    spent = { wallMs: spent.wallMs + performance.now() - wall, cpuMs: spent.cpuMs + threadMs() - cpu };
    return result;
  };
  const begin: Recipe<Batch>['begin'] = (batch, step) => {
    const finish = counted(() => recipe.begin(batch, step));
    return () => counted(finish);
  };
  return {
    recipe: { ...recipe, begin },
    spent: () => spent,
    reset() {
      spent = { wallMs: 0, cpuMs: 0 };
    },
  };
}
