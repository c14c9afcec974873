import { newTable, number } from '../cli/profile-table.ts';
import { type Row, titleOf } from './row.ts';
import { LEVEL, rankTest } from './significance.ts';

/** What two runs say about one row. */
export type Verdict = 'faster' | 'slower' | 'same' | 'unknown';

export interface Pair {
  readonly row: Row;
  readonly old: Row;
  /** how many times as fast as before */
  readonly speed: number;
  readonly verdict: Verdict;
  /** of the rank test; absent where a file has no single times */
  readonly p?: number;
}

/** Medians that lie closer are the same to anyone, however sure the test is of the difference. */
const NOTICED = 1.02;

/** `+` faster, `-` slower, blank where no difference shows, `?` where there are too few runs to tell. */
export const MARKS: Readonly<Record<Verdict, string>> = { faster: '+', slower: '-', same: '', unknown: '?' };

export function pairOf(row: Row, old: Row): Pair {
  const speed = old.us / row.us;
  const seen = (sure: boolean): Verdict => {
    if (!sure || Math.max(speed, 1 / speed) < NOTICED) return 'same';
    return speed > 1 ? 'faster' : 'slower';
  };
  if (row.samples && old.samples) {
    const p = rankTest(row.samples, old.samples);
    return { row, old, speed, p, verdict: Number.isNaN(p) ? 'unknown' : seen(p < LEVEL) };
  }
  if (row.runs === 1 || old.runs === 1) return { row, old, speed, verdict: 'unknown' };
  // without single times: do the middle halves lie apart, with a tenth to spare?
  return { row, old, speed, verdict: seen(Math.max(speed, 1 / speed) > 1.1 + Math.max(row.spread, old.spread)) };
}

/** The rows that both runs have. */
export function pairsOf(rows: Iterable<Row>, before: ReadonlyMap<string, Row>): Pair[] {
  return [...rows].flatMap((row) => {
    const old = before.get(titleOf(row));
    return old ? [pairOf(row, old)] : [];
  });
}

/** Two result files beside each other. */
export function comparisonTable(pairs: readonly Pair[]): string {
  const table = newTable(['op · sample · pass · type', 'before µs', 'spread', 'µs', 'spread', 'speed', '', 'p']);
  for (const { row, old, speed, verdict, p = Number.NaN } of pairs) {
    const times = [old, row].flatMap(({ us, spread }) => [
      number(us, us < 100 ? 1 : 0),
      `${number(100 * spread, 0)} %`,
    ]);
    table.push([titleOf(row), ...times, `${number(speed, 2)} x`, MARKS[verdict], p < 1e-4 ? '<0.0001' : number(p, 4)]);
  }
  return `${table.toString()}\n`;
}

/** One paragraph about two runs: how the speeds compare in the mean, how many rows differ, and which got slower. */
export function comparisonOf(pairs: readonly Pair[]): string {
  if (pairs.length === 0) return 'No row of this run is in the other file.\n';
  const mean = Math.exp(pairs.reduce((sum, { speed }) => sum + Math.log(speed), 0) / pairs.length);
  const count = (verdict: Verdict) => pairs.filter((pair) => pair.verdict === verdict).length;
  const slower = pairs.filter(({ verdict }) => verdict === 'slower').sort((a, b) => a.speed - b.speed);
  const [{ row, old }] = pairs;
  return [
    ...(row.driver === old.driver ? [] : [`The other run is of another device: ${old.driver}.`]),
    `${pairs.length} rows in both; geometric mean of the speeds: ${number(mean, 2)} x.`,
    `${count('faster')} faster (+), ${count('slower')} slower (-), ${count('same')} without a difference` +
      `${count('unknown') > 0 ? `, ${count('unknown')} with too few runs to tell (?)` : ''}.`,
    ...slower.map((pair) => `slower: ${titleOf(pair.row)}: ${number(pair.old.us, 0)} → ${number(pair.row.us, 0)} µs`),
    '',
  ].join('\n');
}
