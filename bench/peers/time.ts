import { processUs } from '../host-clock.ts';
import { type Summary, summarize } from '../statistics.ts';
import type { Prepared } from './library.ts';

export interface Timed {
  /** seconds of one run, waiting for the GPU shared among those of a sample */
  readonly seconds: Summary;
  /** microseconds of all threads on cores, for one run */
  readonly cpuUs: number;
}

const FEWEST_ROUNDS = 5;
const MOST_ROUNDS = 30;
/** A sample lasts as long as that, so that waiting once does not count. */
const SAMPLE_SECONDS = 0.02;
const MOST_RUNS = 50;

/** Times works in turns, so that a neighbour that works meets all of them alike. Each has run before. */
export async function timeInTurns(works: readonly Prepared[], seconds: number): Promise<Timed[]> {
  const once = async (work: Prepared, times: number) => {
    const began = { wall: performance.now(), cpu: processUs() };
    await work.run(times);
    const wall = (performance.now() - began.wall) / 1e3;
    return { seconds: wall / times, cpuUs: (processUs() - began.cpu) / times };
  };
  const samples = works.map((): { seconds: number; cpuUs: number }[] => []);
  const times: number[] = [];
  for (const work of works) {
    const { seconds: each } = await once(work, 1);
    times.push(Math.max(1, Math.min(MOST_RUNS, Math.ceil(SAMPLE_SECONDS / each))));
  }
  const spent = works.map(() => 0);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    for (const [i, work] of works.entries()) {
      if (round >= FEWEST_ROUNDS && spent[i] > seconds) continue;
      const sample = await once(work, times[i]);
      samples[i].push(sample);
      spent[i] += sample.seconds * times[i];
    }
  }
  return samples.map((all) => ({
    seconds: summarize(all.map((one) => one.seconds)),
    cpuUs: summarize(all.map((one) => one.cpuUs)).median,
  }));
}
