/** Checkpoints as text for people. Names come from files, so they are escaped. */
import Table from 'cli-table3';
import { printable } from '../models/checkpoint/printable.ts';
import type { CheckpointDiff, Inspection } from '../train/checkpoint/inspect.ts';

const plain = { head: [], border: [], compact: true };

const number = (value: number) => value.toLocaleString('en');

function table(head: string[], rows: readonly (readonly string[])[]): string {
  const result = new Table({ head, style: plain });
  for (const row of rows) result.push([...row]);
  return `${result.toString()}\n`;
}

function modelLine(model: Inspection['model']): string {
  if (!model) return 'none that is known';
  if (model.complete) return `${model.name}: ${model.title}`;
  const wrong = `${model.missing.length} tensors missing, ${model.wrongShape.length} of another shape`;
  return `${model.name}, but not whole: ${wrong}`;
}

/** Facts, one a line, then the table of tensors. */
export function inspectionText(found: Inspection): string {
  const facts: [string, string][] = [
    ['file', printable(found.path)],
    ['format', found.format],
    ['size', `${number(found.bytes)} bytes`],
    ['sha256', found.sha256],
    ['tensors', number(found.tensors.length)],
    ['parameters', number(found.parameters)],
    ['model', modelLine(found.model)],
    ...Object.entries(found.metadata).map(([key, value]): [string, string] => [printable(key), printable(value)]),
    ...found.notes.map((note): [string, string] => ['note', note]),
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
  const rows = found.tensors.map(({ name, dtype, shape }) => [printable(name), dtype, `[${shape.join(', ')}]`]);
  return lines + table(['tensor', 'dtype', 'shape'], rows);
}

/** One row for every tensor that differs. */
export function differenceText(first: string, second: string, found: CheckpointDiff): string {
  const rows = [
    ...found.onlyInFirst.map((name) => [printable(name), `only in ${printable(first)}`]),
    ...found.onlyInSecond.map((name) => [printable(name), `only in ${printable(second)}`]),
    ...found.reshaped.map(({ name, first: a, second: b }) => [printable(name), `${a} and ${b}`]),
    ...found.changed.map(({ name, maxAbs }) => [
      printable(name),
      maxAbs === null ? 'values differ, some not finite' : `values differ by up to ${maxAbs.toPrecision(4)}`,
    ]),
  ];
  const summary = `${number(found.equal)} tensors equal, ${number(rows.length)} different\n`;
  return rows.length === 0 ? summary : summary + table(['tensor', 'difference'], rows);
}
