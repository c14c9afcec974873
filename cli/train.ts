/** `miaobi train`: trains a model, and goes on where an earlier training stopped. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import { SYSTEMS } from '../train/recipes/index.ts';
import type { SettingName, System, SystemEntry, TrainSettings } from '../train/recipes/system.ts';
import type { RunPlan } from '../train/run/plan.ts';
import { kebabCase } from './aliases.ts';
import { addOwnLayers, type OwnLayer, resolvedConfig } from './config.ts';
import { CliError } from './errors.ts';
import { globalsOf, logOf } from './options.ts';
import { addTrainOptions, OWN_OPTIONS } from './train-options.ts';

export interface TrainFlags extends Partial<Omit<TrainSettings, 'seed' | 'precision'>> {
  readonly model?: string;
  readonly memoryLimit?: number;
  readonly name?: string;
  readonly runs: string;
  readonly resume?: true | string;
  readonly from?: string;
  readonly overwrite?: boolean;
  readonly printEvery: number;
  readonly sampleEvery: number;
  readonly saveEvery: number;
  readonly keepLast: number;
  readonly evalEvery: number;
  readonly tensorboard: boolean;
  readonly report: boolean;
}

export function registerTrain(program: Command, systems: readonly SystemEntry[] = SYSTEMS): void {
  const models = systems.map(({ model }) => model);
  const command = program
    .command('train')
    .description('train a model; a run folder keeps its checkpoints, curves and pictures')
    .addArgument(new Argument('[model]', 'what to train').choices(models))
    .addHelpText('after', EXAMPLES);
  addTrainOptions(command, systems);
  addOwnLayers(command, (self) => ownLayers(self, systems));
  command.action((_model: string | undefined, flags: TrainFlags, self: Command) => run(flags, self, systems));
}

const EXAMPLES = `
Examples:
  miaobi train cap-vstnet --content photos/ --style paintings/ --name evening
  miaobi train --resume runs/evening              goes on after a stop, with the options it had
  miaobi train -C runs/evening/config.yaml --name again`;

/** Options that concern one command and not the run: config.yaml leaves them out. */
const PASSING = new Set([
  ...['resume', 'overwrite', 'json', 'quiet', 'verbose', 'color', 'debug', 'dry-run', 'offline', 'name', 'runs'],
]);

/** Options that change how a run is watched and how long it goes on, not what a step computes. */
const WATCHING = new Set([
  ...[
    'steps',
    'print-every',
    'sample-every',
    'save-every',
    'keep-last',
    'eval-every',
    'tensorboard',
    'report',
    'workers',
  ],
  ...['device', 'backend', 'memory-limit', 'deterministic'],
]);

/** Below the flags: what the resumed run was trained with, then the model's preset. */
async function ownLayers(command: Command, systems: readonly SystemEntry[]): Promise<OwnLayer[]> {
  const [given] = command.args;
  if (given !== undefined) command.setOptionValueWithSource('model', given, 'cli');
  const flags = command.optsWithGlobals<TrainFlags & TrainSettings>();
  const layers: OwnLayer[] = [];
  const before = await configOfRun(flags);
  if (before) layers.push({ source: 'run', place: before.path, values: before.values });
  const model = flags.model ?? before?.values.model;
  const system = await systems.find((one) => one.model === model)?.load();
  if (system) {
    const values = { ...system.preset({ ...camelCased(before?.values ?? {}), ...chosen(command, flags) }) };
    layers.push({ source: 'preset', place: `preset of ${system.model}`, values });
  }
  return layers;
}

/** What the user chose, without what is a default. */
function chosen(command: Command, flags: TrainFlags & TrainSettings): Partial<TrainSettings> {
  const entries = Object.entries(flags).filter(([name]) => command.getOptionValueSource(name) !== 'default');
  return Object.fromEntries(entries);
}

const camelCased = (values: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key.replace(/-([a-z0-9])/g, (_, c: string) => c.toUpperCase()),
      value,
    ]),
  );

/** The options of the run that is resumed; undefined when nothing is, or there is no run yet. */
async function configOfRun({
  resume,
  runs,
  name,
  model,
}: TrainFlags): Promise<{ path: string; values: Record<string, unknown> } | undefined> {
  if (resume === undefined) return undefined;
  const { findRun, CONFIG_FILE } = await import('../train/run/plan.ts');
  const { parse } = await import('yaml');
  const folder = typeof resume === 'string' ? (await findRun(runs, resume)).path : join(runs, name ?? model ?? '');
  const path = join(folder, CONFIG_FILE);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const values: unknown = text === undefined ? undefined : parse(text);
  return values ? { path, values: values as Record<string, unknown> } : undefined;
}

async function run(flags: TrainFlags, command: Command, systems: readonly SystemEntry[]): Promise<void> {
  const globals = globalsOf(command);
  const log = logOf(globals);
  const system = await systemOf(flags, systems);
  checkFlags(flags, command, system);
  const { planRun } = await import('../train/run/plan.ts');
  const plan = await planRun({ ...flags, name: flags.name ?? system.model });
  const before =
    plan.mode === 'resume' ? await configOfRun({ ...flags, resume: plan.path }).catch(() => undefined) : undefined;
  const config = runConfig(command, system);
  for (const line of changes(before?.values, config)) log.warn(line);
  const { trainOnce } = await import('./train-once.ts');
  const settings = { ...flags, seed: globals.seed, precision: globals.precision } as TrainSettings;
  await trainOnce({ system, settings, flags, plan: plan as RunPlan, config, globals, log });
}

/** @throws CliError when no model was named, or it is another than the run's */
async function systemOf({ model }: TrainFlags, systems: readonly SystemEntry[]): Promise<System> {
  const system = systems.find((one) => one.model === model);
  if (system) return system.load();
  const known = systems.map((one) => one.model).join(', ');
  throw new CliError(
    `train: expected a model, one of ${known}, but none was named. Try: miaobi train ${systems[0].model}`,
  );
}

function checkFlags(flags: TrainFlags, command: Command, system: System): void {
  const flagOf = (name: SettingName) => `--${kebabCase(name)}`;
  for (const [name] of OWN_OPTIONS) {
    const source = command.getOptionValueSource(name);
    if (system.takes.includes(name) || source === undefined || source === 'env' || source === 'default') continue;
    throw new CliError(
      `${flagOf(name)}: ${system.model} has no such option. It takes ${system.takes.map(flagOf).join(' ')}.`,
    );
  }
  for (const name of system.needs) {
    if (flags[name as keyof TrainFlags] !== undefined) continue;
    throw new CliError(
      `${flagOf(name)}: expected it, for ${system.model} trains on nothing without. See miaobi train --help.`,
    );
  }
  if (flags.from !== undefined && flags.resume !== undefined && command.getOptionValueSource('from') === 'cli') {
    throw new CliError('--from and --resume: a resumed run has its weights already. Give one of them.');
  }
}

/** What config.yaml keeps. */
function runConfig(command: Command, { takes }: System): Record<string, unknown> {
  const others = OWN_OPTIONS.map(([name]) => name).filter((name) => !takes.includes(name));
  const left = new Set([...PASSING, ...others.map(kebabCase)]);
  return Object.fromEntries(Object.entries(resolvedConfig(command)).filter(([name]) => !left.has(name)));
}

/** A line for each option that a resumed run had otherwise. */
function changes(
  before: Readonly<Record<string, unknown>> | undefined,
  now: Readonly<Record<string, unknown>>,
): string[] {
  if (!before) return [];
  const names = Object.keys(now).filter((name) => !WATCHING.has(name));
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]));
  return changed.map(
    (name) =>
      `--${name} was ${before[name] ?? 'not given'} in this run and is ${now[name]} now: it becomes another training`,
  );
}
