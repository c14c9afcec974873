/** How the steps of a training follow each other: the host works on the next while the GPU works on the last. */
import type { Recipe, StepReport } from '../recipes/recipe.ts';

export interface StepsAhead<Batch> {
  /** a step was finished by the host, and its report has not come yet */
  readonly running: boolean;
  /** Begins a step, hears of the one before, and finishes it: the GPU then has it, and resolves. */
  next(batch: Batch, step: number): Promise<void>;
  /** Hears of the last step: then nothing is begun, and tensors and counters are those after it. */
  settle(): Promise<void>;
}

/**
 * Steps of a recipe, one after the other. A step has two parts, and between them comes the report of the step before, which
 * decides on what follows it (counters, rates, whether there is to be an update at all):
 *
 *     host   begin 1 · finish 1 · begin 2 ·········· report 1 · finish 2 · begin 3 ·········· report 2 · finish 3
 *     GPU             step 1 ····························     step 2 ····························     step 3
 *
 * What is recorded, and its order, is the same as if each report were waited for at once.
 *
 * @param hear  is given each report, in order; where it throws, the step that was begun is not finished
 */
export function stepsAhead<Batch>(
  recipe: Recipe<Batch>,
  hear: (report: StepReport) => void | Promise<void>,
): StepsAhead<Batch> {
  let running: Promise<StepReport> | undefined;
  const settle = async () => {
    const last = running;
    running = undefined;
    if (last) await hear(await last);
  };
  return {
    get running() {
      return running !== undefined;
    },
    async next(batch, step) {
      if (recipe.needsReport?.()) await settle();
      const finish = recipe.begin(batch, step);
      await settle();
      running = finish();
      running.catch(() => {}); // whoever settles is told
    },
    settle,
  };
}

/** A step from its beginning to its report. */
export function wholeStep<Batch>(recipe: Recipe<Batch>, batch: Batch, step: number): Promise<StepReport> {
  return recipe.begin(batch, step)();
}
