/** What `miaobi bench` runs: results to stdout, progress to stderr. */
import { appendFileSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { CliError, EXIT, explain } from '../cli/errors.ts';
import { rooflineLine } from '../cli/profile-table.ts';
import { acquireDevice, type NodeAcquireOptions } from '../engine/device/node.ts';
import type { Device, DType } from '../engine/index.ts';
import { measureRoofline } from '../kernels/index.ts';
import { deviceClass, type MeasuredVariants } from '../kernels/lib/variant.ts';
import { comparisonOf, comparisonTable, pairsOf } from './comparison.ts';
import { type Environment, environmentOf } from './environment.ts';
import { watchClock } from './gpu-clock.ts';
import { benchHost } from './host.ts';
import { benchInfer, inferCases } from './infer.ts';
import { benchKernels, groupsWith } from './kernels.ts';
import { networkTable } from './network-table.ts';
import { pageHtml } from './page.ts';
import { writePicture } from './picture.ts';
import { type Row, readRows, type SuiteName, titleOf } from './row.ts';
import { benchSteps, stepCases } from './step.ts';
import type { NetworkChoice } from './suite.ts';
import { tableOf } from './table.ts';
import { choose, entryOf, tune, tuneTable, variantsFile, writeVariants } from './tune.ts';
import { shapesFor } from './tune-shapes.ts';

const OPTIONS = {
  suite: { type: 'string', default: 'kernels' },
  filter: { type: 'string', default: '' },
  types: { type: 'string', default: 'f32,f16' },
  seconds: { type: 'string', default: '1' },
  size: { type: 'string' },
  batch: { type: 'string' },
  out: { type: 'string' },
  compare: { type: 'string', multiple: true },
  picture: { type: 'string' },
  page: { type: 'string' },
  tune: { type: 'boolean' },
  device: { type: 'string' },
  backend: { type: 'string' },
  json: { type: 'boolean' },
  quiet: { type: 'boolean' },
} as const;

async function main(argv: string[]): Promise<void> {
  const { values: flags } = parseArgs({ args: argv, options: OPTIONS });
  const { filter } = flags;
  const [before, now] = (flags.compare ?? []).map(readFile);
  if (before && now) {
    await show(compareFiles(before, now, filter), [...now.values()], flags, before);
    return;
  }
  const suite = flags.suite as SuiteName;
  const choice: NetworkChoice = {
    filter,
    types: flags.types.split(',') as DType[],
    sizes: (flags.size ?? DEFAULT_SIZES[suite]).split(',').map(Number),
    batch: flags.batch === undefined ? undefined : Number(flags.batch),
  };
  assertFlags(suite, flags);
  if (!flags.tune && rowsToCome(suite, choice) === 0) {
    throw new CliError(`--filter ${filter}: no row has this in its title. Try a part of an op's name.`);
  }
  const say = (line: string) => {
    if (!flags.quiet) process.stderr.write(`${line}\n`);
  };
  const device = await acquireDevice({
    device: flags.device,
    backend: flags.backend as NodeAcquireOptions['backend'],
  });
  watchClock(device);
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
  if (flags.tune) {
    await tuneDevice(device, environment, { seconds: Number(flags.seconds), filter, say });
    device.destroy();
    return;
  }
  const common = {
    ...{ device, roofline, environment, onRow, ...choice },
    seconds: Number(flags.seconds),
    onGroup: (index: number, count: number, title: string) => say(`${index}/${count} ${title}`),
  };
  const onSkip = (title: string, reason: string) => process.stderr.write(`skipped: ${title}: ${reason}\n`);
  if (suite === 'host') await benchHost(device, environment, onRow);
  else if (suite === 'step') await benchSteps(common);
  else if (suite === 'infer') await benchInfer(common);
  else await benchKernels({ ...common, onSkip });
  device.destroy();
  const table = suite === 'step' || suite === 'infer' ? networkTable(rows) : tableOf(rows, before);
  await show(flags.json ? '' : table, rows, flags, before);
  if (before) process.stderr.write(comparisonOf(pairsOf(rows, before)));
}

interface TuneOptions {
  readonly seconds: number;
  readonly filter: string;
  readonly say: (line: string) => void;
}

/** Finds the fastest variants of kernels on this device, and writes them into the table that kernels choose by. */
async function tuneDevice(device: Device, environment: Environment, { seconds, filter, say }: TuneOptions) {
  const shapes = shapesFor(device, filter);
  if (shapes.length === 0) {
    throw new CliError(`--filter ${filter}: no shape to tune has this in its line. Try "matmul" or "conv2d, wide".`);
  }
  const found = await tune(device, shapes, seconds, say);
  const chosen = choose(device, found);
  const before: Record<string, MeasuredVariants> = JSON.parse(readFileSync(variantsFile, 'utf8'));
  const name = deviceClass(device);
  const entry = entryOf(before[name], environment, found, chosen);
  const count = Object.keys(chosen).length;
  process.stdout.write(
    `${tuneTable(device, found, chosen)}` +
      `${name}: ${count === 0 ? 'the defaults are the fastest' : `beside the defaults ${count} found`}. ` +
      'To contribute, send this line of kernels/lib/variants.json, with the table:\n' +
      `${JSON.stringify({ [name]: entry })}\n`,
  );
  await writeVariants(variantsFile, before, device, entry);
}

/** Two files beside each other, without running anything: the table, and the paragraph below it. */
function compareFiles(before: ReadonlyMap<string, Row>, now: ReadonlyMap<string, Row>, filter: string): string {
  const rows = [...now.values()].filter((row) => titleOf(row).includes(filter));
  const pairs = pairsOf(rows, before);
  return (pairs.length > 0 ? comparisonTable(pairs) : '') + comparisonOf(pairs);
}

/** Prints what there is to print, and makes the picture and the page where they are asked for. */
async function show(
  text: string,
  rows: readonly Row[],
  { picture, page }: { picture?: string; page?: string },
  before?: ReadonlyMap<string, Row>,
): Promise<void> {
  process.stdout.write(text);
  if (picture !== undefined) await writePicture(picture, rows);
  if (page !== undefined) await writeFile(page, pageHtml(rows, before));
}

/** Pixels a side; empty where a suite has sizes of its own. */
const DEFAULT_SIZES: Readonly<Record<SuiteName, string>> = { kernels: '', host: '', step: '64', infer: '256,512' };

/** @throws CliError for a flag that the suite does not know */
function assertFlags(suite: SuiteName, { size, batch }: { size?: string; batch?: string }): void {
  if (size !== undefined && DEFAULT_SIZES[suite] === '') {
    throw new CliError(`--size ${size}: the suite ${suite} has sizes of its own. Leave it out.`);
  }
  if (batch !== undefined && suite !== 'step') {
    throw new CliError(`--batch ${batch}: only --suite step has batches. Leave it out.`);
  }
}

function rowsToCome(suite: SuiteName, choice: NetworkChoice): number {
  if (suite === 'kernels') return groupsWith(choice.filter).length;
  if (suite === 'step') return stepCases(choice).length;
  if (suite === 'infer') return inferCases(choice).length;
  return 1;
}

function readFile(file: string): Map<string, Row> {
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
