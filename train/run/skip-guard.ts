import { DivergedError } from '../errors.ts';

const WARN_AFTER = 5;
const STOP_AFTER = 50;

/** Watches for batches in a row that update nothing: a few happen, many mean that the training is stuck. */
export class SkipGuard {
  readonly #warn: (line: string) => void;
  #inARow = 0;

  constructor(warn: (line: string) => void) {
    this.#warn = warn;
  }

  /**
   * @param reason  why the step updated nothing; undefined when it did
   * @throws DivergedError after 50 in a row
   */
  see(step: number, reason: string | undefined): void {
    this.#inARow = reason === undefined ? 0 : this.#inARow + 1;
    if (this.#inARow === WARN_AFTER) {
      this.#warn(`step ${step}: the last ${WARN_AFTER} batches updated nothing: ${reason}`);
    }
    if (this.#inARow < STOP_AFTER) return;
    throw new DivergedError(
      `Step ${step}: expected a batch that updates the model now and then, but the last ${STOP_AFTER} in a row did not: ` +
        `${reason}. Checkpoints are as they were. Look at the pictures (flat ones have no statistics), or resume with ` +
        'a smaller --lr.',
    );
  }
}
