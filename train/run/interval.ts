import type { StepReport } from '../recipes/recipe.ts';
import type { Best } from './checkpoint-state.ts';

/** What a print interval says. */
export interface IntervalReport {
  readonly step: number;
  /** steps of the whole run */
  readonly total: number;
  readonly epoch: number;
  readonly lr: number;
  /** means over the interval */
  readonly losses: Readonly<Record<string, number>>;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

/** Means over the steps since the last look. Skipped steps count for the time, not for the losses. */
export class Interval {
  readonly #imagesPerStep: number;
  readonly #sums = new Map<string, { sum: number; count: number }>();
  #steps = 0;
  #seconds = 0;
  /** the last evaluation in the interval, by `eval/name` */
  measured: Readonly<Record<string, number>> = {};

  constructor(imagesPerStep: number) {
    this.#imagesPerStep = imagesPerStep;
  }

  add({ losses, skipped }: StepReport, seconds: number): void {
    this.#steps++;
    this.#seconds += seconds;
    if (skipped !== undefined) return;
    for (const [name, value] of Object.entries(losses)) {
      const { sum, count } = this.#sums.get(name) ?? { sum: 0, count: 0 };
      this.#sums.set(name, { sum: sum + value, count: count + 1 });
    }
  }

  means(): Record<string, number> {
    return Object.fromEntries([...this.#sums].map(([name, { sum, count }]) => [name, sum / count]));
  }

  reset(): void {
    this.#sums.clear();
    this.#steps = 0;
    this.#seconds = 0;
    this.measured = {};
  }

  /** Means and speed, and the interval begins anew. */
  take(stepsLeft: number): Pick<IntervalReport, 'losses' | 'imagesPerSecond' | 'secondsLeft'> {
    const perStep = this.#seconds / this.#steps;
    const report = {
      losses: this.means(),
      imagesPerSecond: this.#imagesPerStep / perStep,
      secondsLeft: perStep * stepsLeft,
    };
    this.reset();
    return report;
  }

  /**
   * The best so far: this interval when its metric is lower, or higher where that is better, else the one before.
   *
   * @param metric  a loss, or `eval/` and the name of a measure; the sum of the losses when left out
   */
  better(before: Best | undefined, metric: string | undefined, step: number, higher = false): Best | undefined {
    const means = this.means();
    const value =
      metric === undefined
        ? Object.values(means).reduce((sum, mean) => sum + mean, 0)
        : (this.measured[metric] ?? means[metric]);
    if (value === undefined || Object.keys(means).length === 0) return before;
    const name = metric ?? 'sum of losses';
    if (before?.metric === name && (higher ? before.value >= value : before.value <= value)) return before;
    return { metric: name, value, step };
  }
}
