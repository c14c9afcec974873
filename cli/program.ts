/** The command line as a whole: which commands there are, and how a run ends. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { readAliases } from './aliases.ts';
import { registerBench } from './bench.ts';
import { registerCkpt } from './ckpt.ts';
import { registerCompletion } from './completion.ts';
import { applyLayers, resolvedConfig } from './config.ts';
import { registerData } from './data.ts';
import { registerDevices } from './devices.ts';
import { registerDoctor } from './doctor.ts';
import { EXIT, type ExitCode, explain } from './errors.ts';
import { registerEval } from './eval.ts';
import { registerGenerate } from './generate.ts';
import { addGlobals, type Globals, logOf } from './options.ts';
import { registerPipeline } from './pipeline.ts';
import { registerRuns } from './runs.ts';
import { registerStylize } from './stylize.ts';
import { registerSynthData } from './synth-data.ts';
import { registerTrain } from './train.ts';

const description = `Repaints pictures with networks that train and run on any GPU, through WebGPU.

Results go to stdout, progress and log to stderr. Exit codes: 0 done, 1 internal error, 2 usage, \
3 no usable GPU, 4 bad data, 5 checkpoint, 6 memory, 7 diverged, 8 device lost, 9 missing tool.`;

/** Thrown to end a run early without a failure. */
class Stop extends Error {}

/** Every command, none of them run yet. Commands load what they need when they run, so that this stays quick. */
export function buildProgram(): Command {
  const program = new Command('miaobi').description(description).version(version(), '--version');
  addGlobals(program);
  registerDoctor(program);
  registerDevices(program);
  registerTrain(program);
  registerGenerate(program);
  registerStylize(program);
  registerPipeline(program);
  registerRuns(program);
  registerSynthData(program);
  registerData(program);
  registerEval(program);
  registerCkpt(program);
  registerBench(program);
  registerCompletion(program);
  settle(program);
  program.hook('preAction', async (_, command) => {
    await applyLayers(command);
    if (command.optsWithGlobals().printConfig) await printConfig(command);
  });
  return program;
}

/** Usage errors are thrown, not exits of their own, and help shows the global flags too; for nested commands as well. */
function settle(command: Command): void {
  command.exitOverride().configureHelp({ showGlobalOptions: true });
  for (const child of command.commands) settle(child);
}

/**
 * Runs one command line to its end.
 *
 * @param argv  the user's arguments, without node and the script
 * @returns     the exit code; what went wrong is on stderr
 */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  const program = buildProgram();
  if (argv.length === 0) {
    program.outputHelp();
    return EXIT.done;
  }
  const { argv: canonical, read } = readAliases(program, spreadSet(argv));
  const flags = earlyFlags(argv);
  const log = logOf(flags);
  if (read.length > 0) log.info(`Read ${read.map(([from, to]) => `${from} as ${to}`).join(', ')}.`);
  try {
    await program.parseAsync(canonical, { from: 'user' });
    return (process.exitCode as ExitCode | undefined) ?? EXIT.done;
  } catch (error) {
    if (error instanceof Stop) return EXIT.done;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    const { text, exitCode } = explain(error, flags.debug);
    log.error(text);
    return exitCode;
  }
}

/** `--set a=1 b=2` as `--set a=1 --set b=2`: what follows and is no assignment is an argument of the command. */
function spreadSet(argv: readonly string[]): string[] {
  let within = false;
  return argv.flatMap((token, i) => {
    const assignment = /^[A-Za-z][\w.-]*=/.test(token);
    const more = within && assignment && argv[i - 1] !== '--set';
    within = token === '--set' || token.startsWith('--set=') || (within && assignment);
    return more ? ['--set', token] : [token];
  });
}

/** What must be known even if the command line cannot be parsed. */
function earlyFlags(argv: readonly string[]): Partial<Globals> {
  const has = (...names: string[]) => argv.some((token) => names.includes(token));
  return { debug: has('--debug'), quiet: has('-q', '--quiet'), color: has('--no-color') ? false : undefined };
}

async function printConfig(command: Command): Promise<never> {
  const config = resolvedConfig(command);
  if (config.json) process.stdout.write(`${JSON.stringify(config, null, 2)}\n`);
  else process.stdout.write((await import('yaml')).stringify(config));
  throw new Stop();
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}
