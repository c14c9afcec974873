/**
 * Where an option's value comes from: its default, then the config file, then `MIAOBI_*` of the environment, then
 * `--set`, then the flag itself; the later wins.
 */
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, type Option } from 'commander';
import { kebabCase } from './aliases.ts';
import { CliError } from './errors.ts';
import { META_OPTIONS } from './options.ts';

/** A layer's values by option, as text or as YAML gave them. */
type Layer = Map<string, { readonly value: unknown; readonly place: string }>;

/** Values that a command finds by itself, such as the preset of a model: stronger than defaults, weaker than the rest. */
export interface OwnLayer {
  readonly source: string;
  /** for messages: where the values stand */
  readonly place: string;
  readonly values: Readonly<Record<string, unknown>>;
}

const ownLayers = new WeakMap<Command, (command: Command) => Promise<readonly OwnLayer[]>>();

/** Has a command add layers of its own, the strongest first; they are asked for when all other layers are in. */
export function addOwnLayers(command: Command, find: (command: Command) => Promise<readonly OwnLayer[]>): void {
  ownLayers.set(command, find);
}

/** Commands whose `--set` speaks of more than options, and what it said of that. */
const ownSets = new WeakMap<Command, readonly string[]>();

/** Keeps assignments of `--set` to other names than those of options for the command itself. */
export function addOwnAssignments(command: Command): void {
  ownSets.set(command, []);
}

/** The assignments that name no option, as they were written. */
export function ownAssignments(command: Command): readonly string[] {
  return ownSets.get(command) ?? [];
}

type Owners = Map<string, { readonly command: Command; readonly option: Option }>;

/**
 * Fills a command's options, and the global ones, from the layers below the flags. Options that the user must give in
 * one way or another are to be checked by the command, after this has run: they cannot be `requiredOption`s.
 *
 * @throws CliError (usage) for a file that cannot be read, an unknown key, a value that the option refuses
 */
export async function applyLayers(command: Command, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const { config, set } = command.optsWithGlobals<{ config?: string; set?: string[] }>();
  const owners: Owners = new Map();
  for (let at: Command | null = command; at; at = at.parent) {
    for (const option of at.options) {
      const name = option.attributeName();
      if (!META_OPTIONS.has(name) && !owners.has(name)) owners.set(name, { command: at, option });
    }
  }
  const file: Layer = config === undefined ? new Map() : await fileLayer(config);
  const flagWins = (source: string | undefined) => source === 'cli';
  assign(command, owners, file, 'config', flagWins);
  assign(command, owners, environmentLayer(env, owners), 'env', flagWins);
  const isOption = (assignment: string) => owners.has(camelCase(assignment.split('=', 1)[0]));
  const isOwn = (assignment: string) => ownSets.has(command) && !isOption(assignment);
  if (ownSets.has(command)) ownSets.set(command, (set ?? []).filter(isOwn));
  assign(command, owners, assignmentLayer((set ?? []).filter((one) => !isOwn(one))), 'set', flagWins);
  const isSet = (source: string | undefined) => source !== undefined && source !== 'default';
  for (const { source, place, values } of (await ownLayers.get(command)?.(command)) ?? []) {
    const entries = Object.entries(values).filter(([, value]) => value !== undefined);
    const layer = entries.map(([key, value]) => [camelCase(key), { value, place: `${place}: ${key}` }] as const);
    assign(command, owners, new Map(layer), source, isSet);
  }
}

/** Sets the options of a layer, except where `stands` says of what is there that it is stronger. */
function assign(
  command: Command,
  owners: Owners,
  layer: Layer,
  source: string,
  stands: (source: string | undefined) => boolean,
): void {
  for (const [written, { value, place }] of layer) {
    const key = owners.has(written) ? written : withoutNo(written, owners);
    const owner = owners.get(key);
    if (!owner) throw new CliError(`${place}: no option of ${command.name()} has this name.${nearest(key, owners)}`);
    if (stands(owner.command.getOptionValueSource(key))) continue;
    if (
      value === false &&
      key === written &&
      owner.command.options.some((one) => one.negate && one.attributeName() === key)
    ) {
      owner.command.setOptionValueWithSource(key, false, source);
      continue;
    }
    const parsed = parse(owner.option, value, place);
    owner.command.setOptionValueWithSource(key, key === written ? parsed : !parsed, source);
  }
}

/** `noInstance` is a way to write `instance`, the other way round, where the flag is `--no-instance`. */
function withoutNo(key: string, owners: ReadonlyMap<string, { readonly option: Option }>): string {
  const positive = key.charAt(2).toLowerCase() + key.slice(3);
  return /^no[A-Z]/.test(key) && owners.get(positive)?.option.negate ? positive : key;
}

/** The options of a command by their canonical names, sorted, as `--print-config` shows them. */
export function resolvedConfig(command: Command): Record<string, unknown> {
  const options = Object.entries(command.optsWithGlobals()).filter(([name]) => !META_OPTIONS.has(name));
  return Object.fromEntries(
    options.map(([name, value]) => [kebabCase(name), value]).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

async function fileLayer(path: string): Promise<Layer> {
  const { parse: parseYaml } = await import('yaml');
  let document: unknown;
  try {
    document = parseYaml(await readFile(path, 'utf8'));
  } catch (error) {
    throw new CliError(
      `--config ${path}: expected a YAML file, but it cannot be read: ${(error as Error).message.trim()}`,
    );
  }
  if (document === null) return new Map();
  if (typeof document !== 'object' || Array.isArray(document)) {
    throw new CliError(
      `--config ${path}: expected lines of "option: value", but it holds ${JSON.stringify(document)}.`,
    );
  }
  return new Map(Object.entries(document).map(([key, value]) => [camelCase(key), { value, place: `${path}: ${key}` }]));
}

function environmentLayer(env: NodeJS.ProcessEnv, owners: ReadonlyMap<string, unknown>): Layer {
  const layer: Layer = new Map();
  for (const name of owners.keys()) {
    const variable = `MIAOBI_${kebabCase(name).replaceAll('-', '_').toUpperCase()}`;
    const value = env[variable];
    if (value !== undefined && value !== '') layer.set(name, { value, place: variable });
  }
  return layer;
}

function assignmentLayer(assignments: readonly string[]): Layer {
  const layer: Layer = new Map();
  for (const assignment of assignments) {
    const at = assignment.indexOf('=');
    if (at < 1) throw new CliError(`--set ${assignment}: expected key=value, such as --set max-size=1280.`);
    const key = assignment.slice(0, at);
    layer.set(camelCase(key), { value: assignment.slice(at + 1), place: `--set ${key}` });
  }
  return layer;
}

function parse(option: Option, value: unknown, place: string): unknown {
  if (option.isBoolean() || option.negate) {
    if (value === true || value === 'true' || value === '1') return true;
    if (value === false || value === 'false' || value === '0') return false;
    throw new CliError(`${place}: expected true or false, but got ${JSON.stringify(value)}.`);
  }
  // a list is several values of a variadic option, or "1,2,3" of any other
  const values = !Array.isArray(value) ? [value] : option.variadic ? value : [value.join(',')];
  let result: unknown;
  try {
    for (const one of values) {
      if (one === null || typeof one === 'object') throw new InvalidArgumentError(`Expected ${option.flags}.`);
      if (option.parseArg) result = option.parseArg(String(one), result as string);
      else result = option.variadic ? [...((result as string[]) ?? []), String(one)] : String(one);
    }
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new CliError(`${place}: ${JSON.stringify(value)} does not fit. ${error.message}`);
  }
  return result;
}

function camelCase(key: string): string {
  return kebabCase(key).replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function nearest(key: string, owners: ReadonlyMap<string, unknown>): string {
  const scored = [...owners.keys()].map((name) => [distance(key, name), kebabCase(name)] as const);
  const [best] = scored.sort(([a], [b]) => a - b);
  return best && best[0] <= Math.max(2, key.length / 3) ? ` Did you mean ${best[1]}?` : ' See --help for the names.';
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
