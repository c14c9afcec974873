import { DivergedError } from '../errors.ts';

const WARN_AFTER = 5;
const STOP_AFTER = 50;
/** Steps in a row without an update and without finite losses. */
const DIVERGED_AFTER = 10;

/** Watches for batches in a row that update nothing: a few happen, many mean that the training is stuck. */
export class SkipGuard {
  readonly #warn: (line: string) => void;
  #inARow = 0;
  #notFinite = 0;

  constructor(warn: (line: string) => void) {
    this.#warn = warn;
  }

  /** Nothing has been updated for some time: there is nothing new to save, and the weights may be beyond help. */
  get stuck(): boolean {
    return this.#inARow >= WARN_AFTER;
  }

  /** Counts a step that updated something. */
  pass(): void {
    this.#inARow = 0;
    this.#notFinite = 0;
  }

  /**
   * Counts a step that updated nothing.
   *
   * @param reason  why
   * @param finite  whether its losses were numbers: a factorisation may fail for the pictures, NaN is the weights' fault
   * @returns       whether it is time to stop
   */
  skip(step: number, reason: string, finite: boolean): boolean {
    this.#inARow++;
    this.#notFinite = finite ? 0 : this.#notFinite + 1;
    if (this.#inARow >= STOP_AFTER || this.#notFinite >= DIVERGED_AFTER) return true;
    if (this.#inARow === WARN_AFTER) {
      this.#warn(`step ${step}: the last ${WARN_AFTER} batches updated nothing: ${reason}`);
    }
    return false;
  }
}

/** What to say when nothing has been updated for too long. */
export function stuckError(step: number, reason: string, badTensor: string | undefined): DivergedError {
  return new DivergedError(
    `Step ${step}: expected a batch that updates the model now and then, but the last ones in a row did not: ${reason}. ` +
      `${badTensor === undefined ? '' : `The first tensor that is not finite is the ${badTensor}. `}` +
      'Checkpoints are as they were. Resume with a smaller --lr, or look at the pictures: flat ones have no statistics.',
  );
}
