/** Batches for a training loop, made ahead of time. */

/**
 * Batches as a function of the step: the same step gives the same batch, whatever was asked before, however many
 * threads work on it, in a new process too. So a resumed run needs no cursor but its step.
 */
export interface Loader<Batch> {
  /** @param step  from 0 */
  batch(step: number): Promise<Batch>;
  /** Ends the threads. Batches that were begun are dropped. */
  close(): Promise<void>;
}

export interface PrefetchOptions {
  /** batches made ahead of the one asked for; 3. Each is held in memory */
  readonly ahead?: number;
  /** what to end with the loader */
  readonly close?: () => Promise<void>;
}

/**
 * Begins the batches of the next steps while one is being used. At most `ahead` batches are held; a batch leaves when it
 * is handed over. A step before the window is made on its own and moves nothing, one beyond it moves the window there.
 *
 * @param make  a batch from its step alone
 */
export function prefetch<Batch>(
  make: (step: number) => Promise<Batch>,
  { ahead = 3, close }: PrefetchOptions = {},
): Loader<Batch> {
  const held = new Map<number, Promise<Batch>>();
  let next = -1; // the first step of the window
  let closed = false;

  const begin = (step: number): Promise<Batch> => {
    const batch = make(step);
    batch.catch(() => {}); // whoever asks for the step is told
    return batch;
  };

  return {
    batch(step) {
      if (!Number.isSafeInteger(step) || step < 0) {
        return Promise.reject(new RangeError(`batch: expected a step, a whole number from 0, but got ${step}.`));
      }
      if (closed) return Promise.reject(new Error(`batch: the loader was closed before step ${step} was asked for.`));
      const ready = held.get(step) ?? begin(step);
      if (step < next) return ready;
      next = step + 1;
      for (const other of held.keys()) if (other < next || other >= next + ahead) held.delete(other);
      for (let later = next; later < next + ahead; later++) if (!held.has(later)) held.set(later, begin(later));
      return ready;
    },
    async close() {
      closed = true;
      held.clear();
      await close?.();
    },
  };
}

/** Step s of the result takes the batches s · k … s · k + k − 1: those that an update is accumulated over. */
export function grouped<Batch>(loader: Loader<Batch>, k: number): Loader<readonly Batch[]> {
  return {
    batch: (step) => Promise.all(Array.from({ length: k }, (_, i) => loader.batch(step * k + i))),
    close: () => loader.close(),
  };
}
