import type { Device, DType, Roofline } from '../engine/index.ts';
import type { Environment } from './environment.ts';
import { processUs } from './host-clock.ts';
import type { Row } from './row.ts';

/** Which rows of whole networks there are to be. */
export interface NetworkChoice {
  readonly types: readonly DType[];
  /** sides of the square pictures, in pixels */
  readonly sizes: readonly number[];
  /** pictures in a training step; each network's own when left out */
  readonly batch: number | undefined;
  /** part of a row's title */
  readonly filter: string;
}

/** Where and how long one network is timed. */
export interface Timing {
  readonly device: Device;
  readonly roofline: Roofline;
  readonly environment: Environment;
  /** seconds to spend on repetitions; one is made in any case */
  readonly seconds: number;
}

/** What the suites of whole networks are told. */
export interface NetworkSuite extends NetworkChoice, Timing {
  readonly onRow: (row: Row) => void;
  readonly onGroup: (index: number, count: number, title: string) => void;
}

const ENOUGH_RUNS = 30;

/** Calls `once` until it has taken `seconds` in all, and once at least. */
export async function repeat<T>(seconds: number, once: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  const start = performance.now();
  do results.push(await once());
  while (performance.now() - start < seconds * 1e3 && results.length < ENOUGH_RUNS);
  return results;
}

/** What `run` gives, its wall time, and the microseconds of all threads on cores. */
export async function timed<T>(run: () => Promise<T>): Promise<{ result: T; seconds: number; cpuUs: number }> {
  const began = { wall: performance.now(), cpu: processUs() };
  const result = await run();
  return { result, seconds: (performance.now() - began.wall) / 1e3, cpuUs: processUs() - began.cpu };
}
