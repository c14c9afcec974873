import { readFileSync } from 'node:fs';
import type { Environment } from './environment.ts';
import type { Summary } from './statistics.ts';
import type { VariantName } from './variant.ts';

export type SuiteName = 'kernels' | 'host' | 'step' | 'infer';

/** What tells rows of a file apart. */
export type RowName = VariantName;

/** One line of a result file: all of it is repeated in each line, so that lines can be cut, joined and sorted. */
export interface Row extends RowName, Environment {
  readonly suite: SuiteName | 'peers';
  /** microseconds: median, 95th percentile, shortest */
  readonly us: number;
  readonly p95: number;
  readonly min: number;
  /** distance of the quartiles as a share of the median */
  readonly spread: number;
  readonly runs: number;
  /** the times that these are of, in microseconds, from the shortest to the longest; absent in old files */
  readonly samples?: readonly number[];
  readonly clock: 'gpu' | 'wall' | 'host';
  readonly gflops?: number;
  readonly gbs?: number;
  /** of the roofline */
  readonly share?: number;
  /** of steps of which each is waited for before the next is recorded, where `us` is of steps that follow each other */
  readonly aloneUs?: number;
  /** until everything is recorded and submitted */
  readonly hostUs?: number;
  /** of it on a core, where the system tells */
  readonly hostCpuUs?: number;
  /** of all threads on cores, a software driver's too: holds on a busy machine */
  readonly cpuUs?: number;
  readonly firstMs?: number;
  /** pipelines compiled for the first step and in it, their compile times together, and how long it was until all were there */
  readonly pipelines?: number;
  readonly compileMs?: number;
  readonly compileWallMs?: number;
  readonly dispatches?: number;
  readonly checksum?: string;
  /** of what a GPU did before its runs to keep its clock up: 1 where it was as fast as ever on that device */
  readonly speed?: number;
  /** of the GPU in the last of the steps, where the vendor's tool tells */
  readonly mhz?: number;
  /** largest sums of all buffers, and of those in use, since before the network was made */
  readonly peakBytes?: number;
  readonly liveBytes?: number;
  /** what the peak was forecast to be */
  readonly forecastBytes?: number;
  /** buffers and bind groups made in the steps from the third on */
  readonly created?: number;
  readonly misses?: number;
}

/** Seconds as a row has them. */
export function timesOf({ median, p95, min, spread, runs, sorted }: Summary) {
  return { us: median * 1e6, p95: p95 * 1e6, min: min * 1e6, spread, runs, samples: samplesOf(sorted, 1e6) };
}

const MOST_SAMPLES = 100;

/** The times that a row keeps: all, or as many as there is room for, evenly through their order. */
export function samplesOf(sorted: readonly number[], scale: number): number[] {
  const count = Math.min(sorted.length, MOST_SAMPLES);
  const at = (i: number) => sorted[Math.round((i * (sorted.length - 1)) / Math.max(1, count - 1))];
  return Array.from({ length: count }, (_, i) => Number((at(i) * scale).toPrecision(6)));
}

export function titleOf({ op, sample, pass, dtype }: RowName): string {
  return `${op} · ${sample} · ${pass} · ${dtype}`;
}

/** Reads a result file; of rows with one title the last counts. What could not be timed is passed over. */
export function readRows(file: string): Map<string, Row> {
  const rows = new Map<string, Row>();
  readFileSync(file, 'utf8')
    .split('\n')
    .forEach((line, i) => {
      if (line.trim() === '') return;
      const row = parse(line);
      if (row === 'untimed') return;
      if (!row) throw new Error(`${file}:${i + 1}: expected a row of miaobi bench as JSON, got: ${line.slice(0, 60)}`);
      rows.set(titleOf(row), row);
    });
  return rows;
}

function parse(line: string): Row | 'untimed' | undefined {
  try {
    const row = JSON.parse(line) as Row & { readonly status?: unknown };
    if (typeof row.op === 'string' && typeof row.status === 'string') return 'untimed';
    return typeof row.op === 'string' && typeof row.us === 'number' ? row : undefined;
  } catch {
    return undefined;
  }
}
