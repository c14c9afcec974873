/** The loop that every training runs in: steps, metrics, samples, checkpoints, and a way to stop that loses nothing. */
import { DeviceLostError } from '../../engine/index.ts';
import type { Loader } from '../data/loader.ts';
import { DivergedError } from '../errors.ts';
import type { Recipe, StepReport } from '../recipes/recipe.ts';
import { type Checkpoint, pruneCheckpoints, writeCheckpoint } from './checkpoint.ts';
import type { Best } from './checkpoint-state.ts';
import { diskError, writable } from './disk.ts';
import { writeEvaluation } from './evaluations.ts';
import { Interval, type IntervalReport } from './interval.ts';
import type { LoopOptions, LoopResult, Progress } from './loop-options.ts';
import { hasSamples, writeSamples } from './samples.ts';
import { SkipGuard, stuckError } from './skip-guard.ts';
import { type StepsAhead, stepsAhead } from './steps-ahead.ts';

/**
 * Trains from `start` until the recipe has made all its updates, or until a stop is asked for; saves at the end.
 *
 * @throws DivergedError when a loss is NaN or infinite, naming the first bad tensor; the last checkpoint is good then
 * @throws DeviceLostError with the way to go on; RequestError when the disk refuses
 */
export async function runTraining<Batch>(
  recipe: Recipe<Batch>,
  loader: Loader<Batch>,
  options: LoopOptions<Batch>,
): Promise<LoopResult> {
  const run = new Run(recipe, options);
  try {
    return await run.toTheEnd(loader);
  } catch (error) {
    throw run.explained(error);
  }
}

class Run<Batch> {
  readonly #recipe: Recipe<Batch>;
  readonly #options: LoopOptions<Batch>;
  readonly #skips: SkipGuard;
  readonly #sinceSave: Interval;
  readonly #sincePrint: Interval;
  readonly #steps: StepsAhead<Batch>;
  /** steps that were begun, at most one more than those that were heard of */
  #begun: number;
  #step: number;
  /** when the time of the step that runs began to count, in milliseconds */
  #since = 0;
  #skipped: number;
  #seconds: number;
  #best: Best | undefined;
  #saved: Checkpoint | undefined;

  constructor(recipe: Recipe<Batch>, options: LoopOptions<Batch>) {
    const { start, warn = () => {} } = options;
    this.#recipe = recipe;
    this.#options = options;
    this.#skips = new SkipGuard(warn);
    this.#sinceSave = new Interval(options.imagesPerStep);
    this.#sincePrint = new Interval(options.imagesPerStep);
    this.#steps = stepsAhead(recipe, (report) => this.#heard(report));
    this.#begun = start.step;
    this.#step = start.step;
    this.#skipped = start.skipped;
    this.#seconds = start.seconds;
    this.#best = start.best;
  }

  get #progress(): Progress {
    return { step: this.#step, skipped: this.#skipped, seconds: this.#seconds, best: this.#best };
  }

  /** Batches that the whole run takes, as it looks now. */
  get #lastStep(): number {
    return this.#recipe.totalSteps + this.#skipped;
  }

  get #epoch(): number {
    const { stepsPerEpoch } = this.#options;
    return stepsPerEpoch === undefined ? 0 : Math.floor(Math.max(0, this.#step - 1) / stepsPerEpoch);
  }

  async toTheEnd(loader: Loader<Batch>): Promise<LoopResult> {
    const { start, folder, stopRequested = () => undefined } = this.#options;
    let signal = stopRequested();
    if (start.step === 0 && signal === undefined) {
      await this.#sample();
      await this.#evaluate();
    }
    signal = stopRequested();
    while (this.#begun < this.#lastStep && signal === undefined) {
      await this.#one(loader);
      signal = stopRequested();
    }
    await this.#steps.settle();
    const finished = this.#step >= this.#lastStep;
    const resumedHere = start.step > 0 && this.#step === start.step;
    if (!resumedHere && this.#saved?.state.step !== this.#step) await this.#save();
    if (finished && !(await hasSamples(folder.path, this.#step))) await this.#sample();
    const end = finished ? 'finished' : 'interrupted';
    return { end, progress: this.#progress, signal: finished ? undefined : signal, checkpoint: this.#saved };
  }

  /** Takes a batch to the GPU. The report of the batch before is heard meanwhile, its own now if something is due after it. */
  async #one(loader: Loader<Batch>): Promise<void> {
    if (!this.#steps.running) this.#since = performance.now();
    const batch = await loader.batch(this.#begun).catch((error) => this.#saveAndThrow(error));
    await this.#steps.next(batch, this.#begun++);
    if (this.#pausesAfter(this.#begun)) await this.#steps.settle();
  }

  /** Whether no other step may be begun before what is due after this one. */
  #pausesAfter(step: number): boolean {
    const { evalEvery, sampleEvery, saveEvery } = this.#options.schedule;
    return step >= this.#lastStep || [evalEvery, sampleEvery, saveEvery].some((every) => isDue(every, step));
  }

  /** What a step did, and what is due after it. */
  async #heard(report: StepReport): Promise<void> {
    const { schedule, onStep } = this.#options;
    const now = performance.now();
    const seconds = (now - this.#since) / 1000;
    this.#since = now;
    this.#step++;
    this.#seconds += seconds;
    if (report.skipped !== undefined) this.#skipped++;
    else await this.#assertFinite(report);
    const due = (every: number) => isDue(every, this.#step);
    const measured = due(schedule.evalEvery) || this.#step >= this.#lastStep ? await this.#evaluate() : {};
    this.#sinceSave.measured = { ...this.#sinceSave.measured, ...tagged('eval', measured) };
    this.#note(report, seconds, measured);
    onStep?.(this.#step);
    if (due(schedule.printEvery) || this.#step === this.#options.start.step + 1) this.#print(report);
    await this.#watchSkips(report);
    if (due(schedule.sampleEvery)) await this.#sample();
    if (due(schedule.saveEvery) && this.#step < this.#lastStep && !this.#skips.stuck) await this.#save();
  }

  #note(report: StepReport, seconds: number, measured: Readonly<Record<string, number>>): void {
    const { device, folder, imagesPerStep } = this.#options;
    for (const interval of [this.#sinceSave, this.#sincePrint]) interval.add(report, seconds);
    folder.metrics.append({
      step: this.#step,
      epoch: this.#epoch,
      time: Date.now() / 1000,
      lr: report.lr,
      losses: finiteOf(report.losses),
      img_per_s: Number((imagesPerStep / seconds).toPrecision(4)),
      mem_bytes: device.pool.stats.peakAllocatedBytes,
      ...(report.skipped === undefined ? {} : { skipped: report.skipped }),
      ...(Object.keys(measured).length === 0 ? {} : { eval: { ...measured } }),
    });
  }

  /** @throws DivergedError when too many batches in a row updated nothing */
  async #watchSkips({ skipped, losses }: StepReport): Promise<void> {
    if (skipped === undefined) return this.#skips.pass();
    const finite = Object.values(losses).every(Number.isFinite);
    if (!this.#skips.skip(this.#step, skipped, finite)) return;
    throw stuckError(this.#step, skipped, await this.#recipe.firstBadTensor());
  }

  /** @throws DivergedError when a loss is not finite */
  async #assertFinite({ losses }: StepReport): Promise<void> {
    const bad = Object.entries(losses).filter(([, value]) => !Number.isFinite(value));
    if (bad.length === 0) return;
    const tensor = await this.#recipe.firstBadTensor();
    const values = bad.map(([name, value]) => `${name} ${value}`).join(', ');
    throw new DivergedError(
      `Step ${this.#step}: expected finite losses, but got ${values}. ` +
        `${tensor === undefined ? 'Every parameter is finite still' : `The first bad tensor is ${tensor}`}. ` +
        `${this.#lastGood()} Resume with a smaller --lr, or with --clip-grad.`,
    );
  }

  #lastGood(): string {
    if (this.#saved) return `The last good checkpoint is ${this.#saved.path}.`;
    const { start } = this.#options;
    return start.step > 0 ? `The last good checkpoint is that of step ${start.step}.` : 'No checkpoint was made yet.';
  }

  /** Measures and notes it; nothing where no evaluations are made. */
  async #evaluate(): Promise<Readonly<Record<string, number>>> {
    const { evaluation, folder, schedule, say } = this.#options;
    if (!evaluation || schedule.evalEvery === 0) return {};
    const found = await evaluation.measure();
    const write = () => writeEvaluation(folder.path, this.#step, found, evaluation);
    const { measures } = await writable(folder.path, write);
    folder.events?.write({ wallTime: Date.now() / 1000, step: this.#step, scalars: tagged('eval', measures) });
    const values = Object.entries(measures).map(([name, value]) => `${name} ${Number(value.toPrecision(3))}`);
    say?.(`evaluation at step ${this.#step}: ${values.join('  ')}`);
    return measures;
  }

  /** What `best.json` follows: a measure when evaluations are made and name one, else a loss. */
  #better(): Best | undefined {
    const { evaluation, schedule, bestMetric } = this.#options;
    const measure = schedule.evalEvery > 0 ? evaluation?.best : undefined;
    if (measure === undefined) return this.#sinceSave.better(this.#best, bestMetric, this.#step);
    const higher = evaluation?.higherIsBetter?.includes(measure);
    return this.#sinceSave.better(this.#best, `eval/${measure}`, this.#step, higher);
  }

  #print({ lr }: StepReport): void {
    const { folder, onInterval } = this.#options;
    const report: IntervalReport = {
      step: this.#step,
      total: this.#lastStep,
      epoch: this.#epoch,
      lr,
      ...this.#sincePrint.take(this.#lastStep - this.#step),
    };
    const scalars = { ...tagged('loss', report.losses), lr, img_per_s: report.imagesPerSecond };
    folder.events?.write({ wallTime: Date.now() / 1000, step: this.#step, scalars });
    folder.log.info(report, 'progress');
    onInterval?.(report);
  }

  async #sample(): Promise<void> {
    const { folder, sampleBatch } = this.#options;
    const rows = await this.#recipe.sample(sampleBatch);
    if (rows.length === 0) return;
    const sheet = await writable(folder.path, () => writeSamples(folder.path, this.#step, rows));
    folder.events?.write({ wallTime: Date.now() / 1000, step: this.#step, images: { samples: sheet } });
  }

  /** No data is no fault of the model's: what it learned is kept. */
  async #saveAndThrow(error: unknown): Promise<never> {
    await this.#steps.settle();
    const known = this.#saved?.state.step ?? this.#options.start.step;
    if (this.#step > known && !this.#skips.stuck) await this.#save();
    throw error;
  }

  async #save(): Promise<void> {
    const { folder, schedule, metadata, onPhase } = this.#options;
    const recipe = this.#recipe;
    this.#best = this.#better();
    folder.sync();
    const state = {
      model: recipe.model,
      step: this.#step,
      total_steps: recipe.totalSteps,
      skipped: this.#skipped,
      epoch: this.#epoch,
      seconds: this.#seconds,
      finished: this.#step >= this.#lastStep,
      best: this.#best,
      counters: recipe.counters() as never,
    };
    this.#saved = await writeCheckpoint(folder.path, recipe.tensors(), state, { metadata, onPhase });
    folder.log.info({ step: this.#step, checkpoint: this.#saved.path }, 'saved');
    await pruneCheckpoints(folder.path, schedule.keepLast, this.#best);
    onPhase?.('pruned');
    this.#sinceSave.reset();
  }

  /** What went wrong, with what is left and how to go on. */
  explained(error: unknown): unknown {
    const { folder } = this.#options;
    const again = `go on with: miaobi train --resume ${folder.path}`;
    if (error instanceof DeviceLostError) {
      return new DeviceLostError(`${error.message.split('. ')[0]}. ${this.#lastGood()} To ${again}`, { cause: error });
    }
    return diskError(folder.path, error, `${this.#lastGood()} Mend that, then ${again}`);
  }
}

const isDue = (every: number, step: number): boolean => every > 0 && step % every === 0;

/** A skipped step may have losses that are no numbers; JSON has none either. */
function finiteOf(losses: StepReport['losses']): Record<string, number> {
  return Object.fromEntries(Object.entries(losses).filter(([, value]) => Number.isFinite(value)));
}

function tagged(group: string, values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${group}/${name}`, value]));
}
