import { readFileSync } from 'node:fs';
import type { Environment } from './environment.ts';
import type { VariantName } from './variant.ts';

/** One line of a result file: all of it is repeated in each line, so that lines can be cut, joined and sorted. */
export interface Row extends VariantName, Environment {
  readonly suite: 'kernels' | 'host';
  /** microseconds: median, 95th percentile, shortest */
  readonly us: number;
  readonly p95: number;
  readonly min: number;
  /** distance of the quartiles as a share of the median */
  readonly spread: number;
  readonly runs: number;
  readonly clock: 'gpu' | 'wall' | 'host';
  readonly gflops?: number;
  readonly gbs?: number;
  /** of the roofline */
  readonly share?: number;
  readonly hostUs?: number;
  readonly firstMs?: number;
  readonly dispatches?: number;
  readonly checksum?: string;
}

export function titleOf({ op, sample, pass, dtype }: VariantName): string {
  return `${op} · ${sample} · ${pass} · ${dtype}`;
}

/** Reads a result file; of rows with one title the last counts. */
export function readRows(file: string): Map<string, Row> {
  const rows = new Map<string, Row>();
  readFileSync(file, 'utf8')
    .split('\n')
    .forEach((line, i) => {
      if (line.trim() === '') return;
      const row = parse(line);
      if (!row) throw new Error(`${file}:${i + 1}: expected a row of miaobi bench as JSON, got: ${line.slice(0, 60)}`);
      rows.set(titleOf(row), row);
    });
  return rows;
}

function parse(line: string): Row | undefined {
  try {
    const row = JSON.parse(line) as Row;
    return typeof row.op === 'string' && typeof row.us === 'number' ? row : undefined;
  } catch {
    return undefined;
  }
}
