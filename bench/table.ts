import { newTable, number, percent } from '../cli/profile-table.ts';
import { MARKS, pairOf } from './comparison.ts';
import { type Row, titleOf } from './row.ts';

/** Rows for people; with rows of another run, also how many times as fast this one is, and whether that is beyond chance. */
export function tableOf(rows: readonly Row[], before?: ReadonlyMap<string, Row>): string {
  const head = [
    'op · sample · pass · type',
    'µs',
    'p95',
    'min',
    'spread',
    'GFLOP/s',
    'GB/s',
    'of roof',
    'host µs',
    'first ms',
  ];
  const table = newTable(before ? [...head, 'before µs', 'speed', ''] : head);
  for (const row of rows) {
    const cells = [
      titleOf(row),
      ...[row.us, row.p95, row.min].map((us) => number(us, us < 100 ? 1 : 0)),
      percent(row.spread),
      ...[row.gflops, row.gbs].map((value) => number(value ?? Number.NaN, 1)),
      percent(row.share ?? Number.NaN),
      number(row.hostUs ?? Number.NaN, 0),
      number(row.firstMs ?? Number.NaN, 0),
    ];
    const old = before?.get(titleOf(row));
    const pair = old && pairOf(row, old);
    if (before) cells.push(number(old?.us ?? Number.NaN, 0), pair ? `${number(pair.speed, 2)} x` : '-');
    if (before) cells.push(pair ? MARKS[pair.verdict] : '');
    table.push(cells);
  }
  return `${table.toString()}\n`;
}
