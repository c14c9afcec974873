import type { Device } from '../../engine/index.ts';
import { bestOf } from './best-of.ts';
import { type MultiplyAdds, multiplyAdds } from './multiply-add.ts';

/** What a GPU that idled needs at most until its clock is up: measured 100 to 300 ms. */
const WARM_AFTER_MS = 400;
/** Long beside the time from a submit to its result: the clock falls where the work has gaps. */
const BURN_SECONDS = 0.008;
const FEWEST_STEPS = 4;
const MOST_STEPS = 1 << 14;
/** Of the best rate so far: clocks go up and down in steps of about one in a hundred. */
const AS_GOOD = 0.98;

interface Burner {
  readonly adds: MultiplyAdds;
  /** of a burn that takes `BURN_SECONDS` */
  steps: number;
  /** steps a second that were the most so far */
  best: number;
}

/** They keep their memory, so that what counts the memory of a network counts none of theirs. */
const burners = new WeakMap<Device, Burner>();

/**
 * Makes a GPU compute until its clock is up: a GPU that idles slows down, to a third in a second, and what is timed before
 * it has come back seems to take twice its time. Where a burn is as fast as the fastest so far on this device, that is at
 * once; the first time it takes 400 ms. Software drivers know no such thing and are left alone.
 */
export async function warmUp(device: Device): Promise<void> {
  if (device.info.software) return;
  const known = burners.get(device);
  const burner = known ?? { adds: multiplyAdds(device, 'f32'), steps: FEWEST_STEPS, best: 0 };
  burners.set(device, burner);
  if (!known) await burn(device, burner); // compiles
  const start = performance.now();
  while (performance.now() - start < WARM_AFTER_MS) {
    const rate = await burn(device, burner);
    const isWarm = known !== undefined && rate >= AS_GOOD * burner.best;
    burner.best = Math.max(burner.best, rate);
    if (isWarm) return;
  }
}

/** Steps a second of one burn; the next has as many steps as take `BURN_SECONDS` at this rate. */
async function burn(device: Device, burner: Burner): Promise<number> {
  const { adds, steps } = burner;
  const { seconds } = await bestOf(device, () => adds.record(steps), 1);
  burner.steps = Math.max(FEWEST_STEPS, Math.min(MOST_STEPS, Math.round((steps / seconds) * BURN_SECONDS)));
  return steps / seconds;
}

/**
 * Records work to go before what is timed in the same submit, so that the pause before it costs no clock.
 *
 * @returns once the GPU has finished it: how fast it was, 1 at the speed of the fastest on this device; NaN where nothing
 *   tells
 */
export function recordBurn(device: Device): () => Promise<number> {
  const burner = burners.get(device);
  if (!burner) return async () => Number.NaN;
  const { profiler: outer } = device.recorder;
  const profiler = device.profile();
  const { adds, steps, best } = burner;
  adds.record(steps);
  device.recorder.profiler = outer;
  return async () => {
    const [{ ms }] = await profiler.results();
    return steps / (ms / 1e3) / best;
  };
}
