/** `miaobi bench`: how fast the kernels are on this device, against what it was measured to allow. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CliError, EXIT, type ExitCode } from './errors.ts';
import { type Globals, globalsOf, numberIn, wholeNumber } from './options.ts';

interface BenchFlags {
  readonly suite: string;
  readonly filter?: string;
  readonly types: string;
  readonly seconds: number;
  readonly size?: readonly number[];
  readonly batch?: number;
  readonly out?: string;
  readonly compare?: readonly string[];
  readonly picture?: string;
  readonly page?: string;
  readonly tune?: boolean;
  readonly cold?: boolean;
}

export function registerBench(program: Command): void {
  program
    .command('bench')
    .description('time kernels, a training step or a transfer against the roofline measured on this device')
    .addOption(
      new Option('--suite <name>', 'what is timed').choices(['kernels', 'host', 'step', 'infer']).default('kernels'),
    )
    .option('--filter <text>', 'only rows with this in their title, for example "conv2d" or "backward · f32"')
    .addOption(new Option('--types <list>', 'storage types').choices(['f32', 'f16', 'f32,f16']).default('f32,f16'))
    .option('--seconds <s>', 'time to spend on a row', numberIn(0.01, 600), 1)
    .option('--size <list>', 'step, infer: sides of the pictures, as 256,512', sizes)
    .option('--batch <n>', 'step: pictures in a step; 2', wholeNumber(1, 64))
    .option('--out <file>', 'add the rows to this file, as JSON lines')
    .option('--compare <files...>', 'show the speed beside that of a file that --out wrote; of two, without running')
    .option('--picture <file>', 'draw the rows under the roofline, as .svg or .png', picture)
    .option('--page <file>', 'write a page of its own: picture, table to sort, environment')
    .option('--tune', 'find the fastest kernels for matrices here, and write kernels/lib/variants.json')
    .option(
      '--cold',
      "without the driver's cache of compiled shaders, so that the first run shows what compiling costs",
    )
    .addHelpText('after', EXAMPLES)
    .action(async (flags: BenchFlags, command: Command) => {
      process.exitCode = await runBench(flags, globalsOf(command));
    });
}

const EXAMPLES = `
Times are of the GPU where it has timestamps, else of the clock. "of roof" is the share of the roofline: the time that
arithmetic at the peak or memory at the speed of a copy would take, whichever is longer.

Examples:
  miaobi bench --filter conv2d
  miaobi bench --suite step --size 256 --types f32      # a training step of CAP-VSTNet: time, phases, memory, host
  miaobi bench --suite infer --size 512 --types f32     # a transfer and its parts
  miaobi bench --out before.jsonl        # then change a kernel
  miaobi bench --compare before.jsonl --page bench.html
  miaobi bench --compare before.jsonl after.jsonl       # of two files, without running

Marks of a comparison: + faster, - slower by more than the scatter of the runs (rank test, p < 0.01, and 2 % at least),
? too few runs to tell.`;

/** A name that says how to draw. */
function picture(file: string): string {
  if (/\.(svg|png)$/i.test(file)) return file;
  throw new InvalidArgumentError('Expected a name that ends in .svg or .png.');
}

/** One file to compare a run with, or two to compare with each other. */
function checkCompare(files: readonly string[] = []): void {
  if (files.length > 2) {
    throw new CliError(`--compare: expected one file or two, got ${files.length}. Put other arguments before it.`);
  }
}

/** `256,512` → [256, 512]. Sides are multiples of 4: two squeezes halve them. */
function sizes(text: string): number[] {
  const all = text.split(',').map(wholeNumber(8, 8192));
  if (all.every((size) => size % 4 === 0)) return all;
  throw new InvalidArgumentError('Expected multiples of 4.');
}

/** The suites are no layer that commands may import: they run in a process of their own. */
function runBench(flags: BenchFlags, globals: Globals): Promise<ExitCode> {
  const { suite, filter, types, seconds, out, compare = [], picture, page, size, batch } = flags;
  checkCompare(compare);
  const { device, backend } = globals;
  const values = { suite, filter, types, seconds: String(seconds), size, batch, out, picture, page, device, backend };
  const switches = { json: globals.json, quiet: globals.quiet, tune: flags.tune };
  const args = [
    ...Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...compare.map((file) => `--compare=${file}`),
    ...Object.entries(switches).flatMap(([name, on]) => (on ? [`--${name}`] : [])),
  ];
  const entry = fileURLToPath(new URL('../bench/main.ts', import.meta.url));
  const env = { ...process.env, ...(flags.cold ? { MESA_SHADER_CACHE_DISABLE: 'true' } : {}) };
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), entry, ...args], {
    stdio: 'inherit',
    env,
  });
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new CliError(`bench: ${error.message}`, EXIT.internal)));
    child.on('close', (code) => resolve((code ?? EXIT.internal) as ExitCode));
  });
}
