import { newTable, number, percent } from '../cli/profile-table.ts';
import { type Row, titleOf } from './row.ts';

/** Rows for people; with rows of another run, also how many times faster or slower this one is. */
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
  const table = newTable(before ? [...head, 'before µs', 'speed'] : head);
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
    if (before) cells.push(number(old?.us ?? Number.NaN, 0), old ? `${number(old.us / row.us, 2)} x` : '-');
    table.push(cells);
  }
  return `${table.toString()}\n`;
}

/** One paragraph about two runs: how the speeds compare in the mean, and what got slower beyond its own spread. */
export function comparisonOf(rows: readonly Row[], before: ReadonlyMap<string, Row>): string {
  const pairs = rows.flatMap((row) => {
    const old = before.get(titleOf(row));
    return old ? [{ row, old, speed: old.us / row.us }] : [];
  });
  if (pairs.length === 0) return 'No row of this run is in the other file.\n';
  const mean = Math.exp(pairs.reduce((sum, { speed }) => sum + Math.log(speed), 0) / pairs.length);
  const slower = pairs
    .filter(({ speed, row, old }) => speed < 1 / (1.1 + Math.max(row.spread, old.spread)))
    .sort((a, b) => a.speed - b.speed);
  const [{ row, old }] = pairs;
  return [
    ...(row.driver === old.driver ? [] : [`The other run is of another device: ${old.driver}.`]),
    `${pairs.length} rows in both; geometric mean of the speeds: ${number(mean, 2)} x.`,
    ...slower.map((pair) => `slower: ${titleOf(pair.row)}: ${number(pair.old.us, 0)} → ${number(pair.row.us, 0)} µs`),
    '',
  ].join('\n');
}
