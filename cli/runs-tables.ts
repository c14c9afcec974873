import Table from 'cli-table3';
import { formatNumber } from '../train/run/curves.ts';
import type { Globals } from './options.ts';

type Row = Readonly<Record<string, string | number>>;

/** Rows as a table on a terminal, as TSV through a pipe, as JSON when asked; columns are those of any row. */
export function printTable(
  rows: readonly Row[],
  { json }: Pick<Globals, 'json'>,
  stream: Pick<NodeJS.WriteStream, 'write' | 'isTTY'> = process.stdout,
): void {
  stream.write(tableText(rows, json ? 'json' : stream.isTTY ? 'table' : 'tsv'));
}

export function tableText(rows: readonly Row[], form: 'json' | 'table' | 'tsv'): string {
  if (form === 'json') return `${JSON.stringify(rows, null, 2)}\n`;
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) => columns.map((column) => cell(row[column], form)));
  if (form === 'tsv') return [columns, ...cells].map((line) => `${line.join('\t')}\n`).join('');
  if (rows.length === 0) return '';
  const table = new Table({ head: columns, style: { head: [], border: [], compact: true } });
  table.push(...cells);
  return `${table.toString()}\n`;
}

/** Full precision for programs, four digits for people. */
function cell(value: string | number | undefined, form: 'table' | 'tsv'): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value.replaceAll(/[\t\n]/g, ' ');
  return form === 'tsv' || Number.isInteger(value) ? String(value) : formatNumber(value);
}
