import { newTable, number, percent } from '../cli/profile-table.ts';
import { mib } from '../engine/index.ts';
import { type Row, titleOf } from './row.ts';

const MISSING = Number.NaN;

/** Rows of whole networks for people. Memory and counters are of the row that is the whole. */
export function networkTable(rows: readonly Row[]): string {
  const head = [
    ...[
      'op · sample · pass · type',
      's',
      'min',
      'alone',
      'runs',
      'clock',
      'core s',
      'GFLOP/s',
      'of roof',
      'first s',
      'pipelines',
      'host ms',
      'on core',
    ],
    ...['of step', 'dispatches', 'peak', 'forecast', 'live', 'created', 'misses'],
  ];
  const table = newTable(head);
  for (const row of rows) {
    const host = row.hostCpuUs ?? row.hostUs ?? MISSING;
    table.push([
      titleOf(row),
      ...[row.us, row.min, row.aloneUs ?? MISSING].map((us) => number(us / 1e6, 3)),
      ...[row.runs, row.clock],
      number((row.cpuUs ?? MISSING) / 1e6, 2),
      number(row.gflops ?? MISSING, 1),
      percent(row.share ?? MISSING),
      number((row.firstMs ?? MISSING) / 1e3, 1),
      row.pipelines ?? '-',
      ...[row.hostUs, row.hostCpuUs].map((us) => number((us ?? MISSING) / 1e3, 0)),
      percent(host / row.us),
      row.dispatches ?? '-',
      ...[row.peakBytes, row.forecastBytes, row.liveBytes].map((bytes) => (bytes === undefined ? '-' : mib(bytes))),
      ...[row.created, row.misses].map((count) => count ?? '-'),
    ]);
  }
  return `${table.toString()}\n`;
}
