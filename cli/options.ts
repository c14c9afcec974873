/** The flags that every command takes. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Log, makeLog } from './log.ts';

export interface Globals {
  /** `auto`, `cpu`, `null` or part of an adapter's name */
  readonly device: string;
  readonly backend?: 'vulkan' | 'metal' | 'd3d12' | 'd3d11';
  readonly precision: 'f32' | 'f16';
  readonly seed: number;
  readonly deterministic?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color: boolean;
  readonly offline?: boolean;
  readonly dryRun?: boolean;
  readonly debug?: boolean;
}

/** Options about the options, which no config file holds. */
export const META_OPTIONS: ReadonlySet<string> = new Set(['config', 'set', 'printConfig', 'version', 'help']);

export function addGlobals(program: Command): Command {
  return program
    .option('-C, --config <file>', 'read options from a YAML file')
    .option('--set <key=value>', 'set an option as a config file would, above it and the environment', collect)
    .option('--print-config', 'print the options as they come out, and stop')
    .option('--device <name>', 'auto, cpu (software Vulkan), null (runs nothing) or part of a name', 'auto')
    .addOption(new Option('--backend <name>', 'graphics interface').choices(['vulkan', 'metal', 'd3d12', 'd3d11']))
    .addOption(new Option('--precision <type>', 'storage of tensors').choices(['f32', 'f16']).default('f32'))
    .option('--seed <n>', 'seed of all random numbers', wholeNumber(0, 2 ** 32 - 1), 0)
    .option('--deterministic', 'the same bits in every run (they are without it, too)')
    .option('--json', 'print results as JSON')
    .option('-q, --quiet', 'say nothing but warnings and errors')
    .option('-v, --verbose', 'say more')
    .option('--no-color', 'no colours (NO_COLOR does the same)')
    .option('--offline', 'never use the network')
    .option('--dry-run', 'say what would be done, and stop')
    .option('--debug', 'show the stack of errors');
}

/** Parser of an option that may be given several times. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** The global options as they stand for a command. */
export function globalsOf(command: Command): Globals {
  return command.optsWithGlobals<Globals>();
}

/** The log that these options ask for. */
export function logOf(globals: Partial<Globals>): Log {
  return makeLog({ quiet: globals.quiet, verbose: globals.verbose, color: globals.color });
}

/** Parser of a whole number in a range, for `option(…, wholeNumber(1, 100))`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

/** Parser of a number in a range, ends included. */
export function numberIn(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a number from ${least} to ${most}.`);
  };
}
