/**
 * The flags of the Python projects, so that their command lines can be pasted: `--batchSize 4`, `--label_dir a`,
 * `--no_instance`. Canonical flags are kebab-case; what is read otherwise is told in one line.
 */
import type { Command } from 'commander';

/** Other projects' names for what is called differently here, snake_case and camelCase spelled in kebab-case. */
const renamed: Readonly<Record<string, string>> = {
  niter: 'epochs',
  'n-epochs': 'epochs',
  'niter-decay': 'decay-epochs',
  'n-epochs-decay': 'decay-epochs',
  'continue-train': 'resume',
  'which-epoch': 'from',
  epoch: 'from',
  'gpu-ids': 'device',
  'n-threads': 'workers',
  'num-threads': 'workers',
  'checkpoints-dir': 'runs',
  'result-dir': 'runs',
  dataroot: 'data',
  'input-path': 'data',
  'fine-size': 'crop-size',
  iteration: 'steps',
  ckpoint: 'weights',
  ckpt: 'weights',
  'pretrained-weights': 'weights',
  'no-vgg-loss': 'no-vgg',
  'no-gan-feat-loss': 'no-gan-feat',
  'd-steps-per-g': 'd-steps',
  datasetmode: 'dataset-mode',
  'max-dataset-size': 'max-items',
  'contain-dontcare-label': 'dont-care',
  'print-freq': 'print-every',
  'display-freq': 'sample-every',
  'save-latest-freq': 'save-every',
};

const ofCommand = new WeakMap<Command, Readonly<Record<string, string>>>();

/** Adds names that mean something for one command alone: `{ 'out-dir': 'output' }`, both without dashes before. */
export function addAliases(command: Command, aliases: Readonly<Record<string, string>>): void {
  ofCommand.set(command, { ...ofCommand.get(command), ...aliases });
}

export interface ReadArguments {
  readonly argv: string[];
  /** each flag that was read as another: ['--batchSize', '--batch-size'] */
  readonly read: readonly (readonly [string, string])[];
}

/**
 * Rewrites the flags that a command knows under another spelling. Flags that nothing explains stay as they are, for the
 * parser to refuse with its suggestion.
 *
 * @param argv  the user's arguments, without node and the script
 */
export function readAliases(program: Command, argv: readonly string[]): ReadArguments {
  const chain = commandChain(program, argv);
  const known = new Set(chain.flatMap((command) => command.options.map((option) => option.long)));
  known.add('--help');
  const names = Object.assign({}, renamed, ...chain.map((command) => ofCommand.get(command)));
  const read: [string, string][] = [];
  const out: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const token = argv[i];
    if (token === '--') {
      out.push(...argv.slice(i));
      break;
    }
    const [flag, value] = splitFlag(token);
    const target = flag.startsWith('--') && !known.has(flag) ? resolve(flag, known, names) : undefined;
    if (target === undefined) out.push(token);
    else {
      read.push([flag, target]);
      out.push(value === undefined ? target : `${target}=${value}`);
      if (flag.replaceAll('_', '-') === '--gpu-ids') mapGpuIds(out, argv[i + 1], () => i++);
    }
  }
  return { argv: out, read };
}

function resolve(flag: string, known: ReadonlySet<string | undefined>, names: Record<string, string>) {
  const kebab = kebabCase(flag.slice(2));
  for (const name of [names[kebab], kebab]) {
    if (name !== undefined && known.has(`--${name}`)) return `--${name}`;
  }
  return undefined;
}

/** `gpu_ids` holds numbers: -1 is the processor, anything else the GPU that is found. */
function mapGpuIds(out: string[], next: string | undefined, consume: () => void): void {
  const [flag, inline] = splitFlag(out[out.length - 1]);
  const device = (ids: string) => (ids.trim() === '-1' ? 'cpu' : 'auto');
  if (inline !== undefined) out[out.length - 1] = `${flag}=${device(inline)}`;
  else if (next !== undefined && /^-?\d+(,\d+)*$/.test(next)) {
    out.push(device(next));
    consume();
  }
}

/** The program and the nested commands that the arguments name. */
function commandChain(program: Command, argv: readonly string[]): Command[] {
  const chain = [program];
  for (const token of argv) {
    if (token === '--') break;
    const next = chain[chain.length - 1].commands.find((c) => c.name() === token || c.aliases().includes(token));
    if (next) chain.push(next);
  }
  return chain;
}

function splitFlag(token: string): [string, string | undefined] {
  const at = token.startsWith('--') ? token.indexOf('=') : -1;
  return at < 0 ? [token, undefined] : [token.slice(0, at), token.slice(at + 1)];
}

/** `batchSize`, `batch_size` and `nThreads` as `batch-size` and `n-threads`. */
export function kebabCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase();
}
