/** What `miaobi bench` runs: results to stdout, progress to stderr. */
import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CliError, EXIT, explain } from '../cli/errors.ts';
import { rooflineLine } from '../cli/profile-table.ts';
import { acquireDevice, type NodeAcquireOptions } from '../engine/device/node.ts';
import type { DType } from '../engine/index.ts';
import { measureRoofline } from '../kernels/index.ts';
import { environmentOf } from './environment.ts';
import { benchHost } from './host.ts';
import { benchKernels, groupsWith } from './kernels.ts';
import { type Row, readRows } from './row.ts';
import { comparisonOf, tableOf } from './table.ts';

const OPTIONS = {
  suite: { type: 'string', default: 'kernels' },
  filter: { type: 'string', default: '' },
  types: { type: 'string', default: 'f32,f16' },
  seconds: { type: 'string', default: '1' },
  out: { type: 'string' },
  compare: { type: 'string' },
  device: { type: 'string' },
  backend: { type: 'string' },
  json: { type: 'boolean' },
  quiet: { type: 'boolean' },
} as const;

async function main(argv: string[]): Promise<void> {
  const { values: flags } = parseArgs({ args: argv, options: OPTIONS });
  const { suite, filter } = flags;
  if (suite === 'kernels' && groupsWith(filter).length === 0) {
    throw new CliError(`--filter ${filter}: no row has this in its title. Try a part of an op's name.`);
  }
  const before = flags.compare === undefined ? undefined : rowsBefore(flags.compare);
  const say = (line: string) => {
    if (!flags.quiet) process.stderr.write(`${line}\n`);
  };
  const device = await acquireDevice({
    device: flags.device,
    backend: flags.backend as NodeAcquireOptions['backend'],
  });
  const roofline = await measureRoofline(device);
  const environment = environmentOf(device, roofline);
  say(`Device: ${device.info.description}${device.info.software ? ' (software: slow)' : ''}`);
  say(rooflineLine(roofline));
  const rows: Row[] = [];
  const onRow = (row: Row) => {
    rows.push(row);
    const line = `${JSON.stringify(row)}\n`;
    if (flags.json) process.stdout.write(line);
    // row by row, so that what was measured stays when the run is interrupted
    if (flags.out !== undefined) appendFileSync(flags.out, line);
  };
  if (suite === 'host') await benchHost(device, environment, onRow);
  else {
    await benchKernels({
      ...{ device, roofline, environment, filter, onRow },
      types: flags.types.split(',') as DType[],
      seconds: Number(flags.seconds),
      onSkip: (title, reason) => process.stderr.write(`skipped: ${title}: ${reason}\n`),
      onGroup: (index, count, title) => say(`${index}/${count} ${title}`),
    });
  }
  device.destroy();
  if (!flags.json) process.stdout.write(tableOf(rows, before));
  if (before) process.stderr.write(comparisonOf(rows, before));
}

function rowsBefore(file: string): Map<string, Row> {
  try {
    return readRows(file);
  } catch (error) {
    throw new CliError(`--compare: ${(error as Error).message}`, EXIT.data);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const { text, exitCode } = explain(error, process.argv.includes('--debug'));
  process.stderr.write(`${text}\n`);
  process.exitCode = exitCode;
}
