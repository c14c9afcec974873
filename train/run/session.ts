/** One training from its plan to its report: memory, folder, resume, loop. */
import { join } from 'node:path';
import { type Device, mib, OutOfMemoryError } from '../../engine/index.ts';
import { RequestError } from '../errors.ts';
import type { Training } from '../recipes/system.ts';
import { point } from './checkpoint.ts';
import { loadCheckpoint, newestCheckpoint, openRunCheckpoint, supersede, takePlace } from './checkpoint-read.ts';
import { lockFolder, openFolder, type RunFacts, rewind } from './folder.ts';
import { runTraining } from './loop.ts';
import type { LoopOptions, LoopResult, Progress, Schedule } from './loop-options.ts';
import type { RunPlan } from './plan.ts';
import { writeReport } from './report.ts';
import { loadWeights } from './weights.ts';

export interface SessionOptions
  extends Pick<LoopOptions<unknown>, 'stopRequested' | 'onStep' | 'onInterval' | 'onPhase'> {
  readonly device: Device;
  readonly plan: RunPlan;
  readonly facts: RunFacts;
  readonly schedule: Schedule;
  /** weights to begin with */
  readonly from?: string;
  readonly tensorboard: boolean;
  readonly report: boolean;
  /** forecast and stop */
  readonly dryRun?: boolean;
  readonly say: (line: string) => void;
  readonly warn: (line: string) => void;
  /** before the first step: how many batches are left */
  readonly onStart?: (start: Progress, total: number) => void | Promise<void>;
}

export interface SessionResult extends LoopResult {
  readonly forecastBytes: number;
  readonly peakBytes: number;
  /** path of report.html, when one was asked for */
  readonly report?: string;
}

/**
 * Runs a training. Disposes of neither the training nor the device.
 *
 * @returns undefined after a dry run
 * @throws OutOfMemoryError before anything is written, when a step would not fit; else as `runTraining`
 */
export async function runSession<Batch>(
  training: Training<Batch>,
  options: SessionOptions,
): Promise<SessionResult | undefined> {
  const { device, plan, say, warn } = options;
  const { recipe, loader } = training;
  for (const note of training.notes) say(note);
  assertEvaluable(training, options.schedule);
  const first = await loader.batch(0);
  const sampleBatch = training.sampleBatch ?? first;
  const { peakBytes: forecastBytes, compile } = forecast(device, () => recipe.forecast(first), say);
  if (options.dryRun) return undefined;

  const locked = await lockFolder(plan);
  let start: Progress;
  try {
    if (locked.takenOver) warn(locked.takenOver);
    // all that a step runs compiles while a checkpoint is read
    const compiled = compile(true);
    compiled.catch(() => {}); // is waited for below
    start = await startOf(training, options);
    await waitedFor(compiled, say);
  } catch (error) {
    locked.release();
    throw error;
  }
  const folder = await openFolder(locked, options.facts, options.tensorboard);
  const noted = {
    say: (line: string) => {
      folder.log.info(line);
      say(line);
    },
    warn: (line: string) => {
      folder.log.warn(line);
      warn(line);
    },
  };
  let outcome: SessionResult;
  try {
    await options.onStart?.(start, recipe.totalSteps + start.skipped);
    folder.log.info({ start: start.step, total: recipe.totalSteps, forecastBytes }, 'started');
    const { stopRequested, onStep, onInterval, onPhase, schedule } = options;
    const { imagesPerStep, stepsPerEpoch, evaluation, bestMetric } = training;
    const metadata = new Map(Object.entries({ model: recipe.model, ...training.metadata }));
    const result = await runTraining(recipe, loader, {
      ...{ device, folder, start, schedule, imagesPerStep, stepsPerEpoch, metadata },
      ...{ sampleBatch, evaluation, bestMetric },
      ...{ stopRequested, onStep, onInterval, onPhase, ...noted },
    });
    const { peakAllocatedBytes: peakBytes } = device.pool.stats;
    folder.log.info({ end: result.end, step: result.progress.step, peakBytes, forecastBytes }, result.end);
    outcome = { ...result, forecastBytes, peakBytes };
  } catch (error) {
    const { name, message } = error as Error;
    folder.log.error({ end: name === 'DivergedError' ? 'diverged' : 'failed', error: name }, message);
    throw error;
  } finally {
    folder.close();
  }
  return options.report ? { ...outcome, report: await writeReport(folder.path) } : outcome;
}

/** @throws RequestError when evaluations are asked for and there is nothing to evaluate on */
function assertEvaluable<Batch>({ recipe, evaluation }: Training<Batch>, { evalEvery }: Schedule): void {
  if (evalEvery === 0 || evaluation) return;
  throw new RequestError(
    `--eval-every ${evalEvery}: expected pictures that ${recipe.model} is not trained on, but there are none. ` +
      'Keep some out of training, with --hold-out 4 for example.',
  );
}

const SAID_AFTER_MS = 3000;

/** Waits for the compiler, and says so where that takes long. */
async function waitedFor(compiled: Promise<void>, say: (line: string) => void): Promise<void> {
  const timer = setTimeout(() => say('Compiling the shaders of a step, before the first…'), SAID_AFTER_MS);
  await compiled.finally(() => clearTimeout(timer));
}

type StepForecast = ReturnType<Training<unknown>['recipe']['forecast']>;

/** What a step takes, said and held against the budget. */
function forecast(device: Device, run: () => StepForecast, say: (line: string) => void): StepForecast {
  const { budgetBytes } = device.pool;
  const found = measured(run);
  const bytes = found.peakBytes;
  const budget = Number.isFinite(budgetBytes) ? `of ${mib(budgetBytes)}` : 'and the driver sets no bound';
  say(`Memory: a step takes about ${mib(bytes)} ${budget}`);
  if (bytes <= budgetBytes) return found;
  throw new OutOfMemoryError(
    `Memory: expected a step within ${mib(budgetBytes)}, but it would take ${mib(bytes)}. Nothing was run. ${SMALLER}`,
    bytes,
    budgetBytes,
  );
}

const SMALLER =
  'Try a smaller --batch-size (with --accumulate for the same effect), a smaller --crop-size, or --precision f16; ' +
  '--memory-limit moves the bound.';

/** A forecast that stops at the budget says so, and what to do. */
function measured(run: () => StepForecast): StepForecast {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
    const { message, neededBytes, budgetBytes } = error;
    throw new OutOfMemoryError(`${message} Nothing was run. ${SMALLER}`, neededBytes, budgetBytes);
  }
}

/** Brings the training and the folder to where the run goes on. */
async function startOf<Batch>({ recipe }: Training<Batch>, options: SessionOptions): Promise<Progress> {
  const { plan, from, say, warn } = options;
  const { path, mode } = plan;
  const checkpoint =
    mode !== 'resume'
      ? undefined
      : plan.checkpoint === undefined
        ? await newestCheckpoint(path, warn)
        : await openRunCheckpoint(plan.checkpoint);
  if (!checkpoint) {
    if (mode === 'resume') say(`${path}: no checkpoint was made yet; the run starts from its beginning`);
    await rewind(path, -1);
    if (from !== undefined) say(`Weights: ${await loadWeights(recipe, from, warn)}`);
    return { step: 0, skipped: 0, seconds: 0 };
  }
  const { state } = checkpoint;
  await loadCheckpoint(recipe, checkpoint);
  recipe.restore(state.counters);
  const later = await supersede(path, state.step);
  if (later.length > 0) {
    const aside = join(path, 'checkpoints', 'superseded');
    warn(`checkpoints of steps ${later.join(', ')} lie beyond step ${state.step}: moved to ${aside}`);
  }
  await takePlace(path, checkpoint);
  await rewind(path, state.step);
  await point(path, state);
  say(`Resuming at step ${state.step} from ${checkpoint.path}`);
  return { step: state.step, skipped: state.skipped, seconds: state.seconds, best: state.best };
}
