/** `miaobi ckpt`: what checkpoints hold, and their conversion to safetensors. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { type Command, Option } from 'commander';
import { MODEL_NAMES } from '../models/checkpoint/model-names.ts';
import type { Renames } from '../models/checkpoint/rename-keys.ts';
import { registerCkptEdits } from './ckpt-edit.ts';
import { CliError } from './errors.ts';
import { globalsOf, logOf } from './options.ts';

const MODELS = [...MODEL_NAMES, 'none'];
const OUTPUTS = ['.safetensors', '.npz'];

export function registerCkpt(program: Command): void {
  const ckpt = program.command('ckpt').description('look into checkpoints and convert them');
  ckpt
    .command('inspect')
    .description('tensors, parameters, format, hash and model of a checkpoint')
    .argument('<file>', '.safetensors .pt .pth .pkl .npz .npy')
    .option('--diff <other>', 'compare with another checkpoint instead')
    .action(async (file: string, { diff }: { diff?: string }, command: Command) => {
      const { json } = globalsOf(command);
      const text = await readable(() => (diff === undefined ? inspect(file, json) : compare(file, diff, json)));
      process.stdout.write(text);
    });
  ckpt
    .command('convert')
    .description('write a checkpoint as .safetensors (or .npz), checked against its model; pickles execute nothing')
    .argument('<in>', '.safetensors .pt .pth .pkl .npz .npy')
    .argument('<out>', OUTPUTS.join(' or '))
    .addOption(new Option('--model <name>', 'the model; left out, the names decide; none: keep all').choices(MODELS))
    .option('--map <file>', 'JSON of {"name in the file": "name in the model" or null}; "prefix*" for many')
    .option('--strict', 'refuse tensors that the model does not know')
    .option('--overwrite', 'replace OUT when it exists')
    .action(async (input: string, output: string, options: ConvertFlags, command: Command) => {
      await readable(() => convert(input, output, options, command));
    });
  registerCkptEdits(ckpt, readable);
}

interface ConvertFlags {
  readonly model?: string;
  readonly map?: string;
  readonly strict?: boolean;
  readonly overwrite?: boolean;
}

async function inspect(file: string, json = false): Promise<string> {
  const { inspectCheckpoint } = await import('../train/checkpoint/inspect.ts');
  const inspection = await inspectCheckpoint(file);
  if (json) return `${JSON.stringify(inspection, null, 2)}\n`;
  return (await import('./ckpt-tables.ts')).inspectionText(inspection);
}

async function compare(first: string, second: string, json = false): Promise<string> {
  const { diffCheckpoints } = await import('../train/checkpoint/inspect.ts');
  const difference = await diffCheckpoints(first, second);
  if (json) return `${JSON.stringify(difference, null, 2)}\n`;
  return (await import('./ckpt-tables.ts')).differenceText(first, second, difference);
}

async function convert(input: string, output: string, flags: ConvertFlags, command: Command): Promise<void> {
  if (!OUTPUTS.includes(extname(output))) {
    throw new CliError(
      `${output}: expected a name that ends in ${OUTPUTS.join(' or ')}, the formats that are written. ` +
        `Try ${output.slice(0, output.length - extname(output).length)}.safetensors`,
    );
  }
  const globals = globalsOf(command);
  const log = logOf(globals);
  const renames = flags.map === undefined ? undefined : await readRenames(flags.map);
  const { convertCheckpoint } = await import('../train/checkpoint/convert.ts');
  const { model, strict, overwrite } = flags;
  const report = await convertCheckpoint(input, output, { model, strict, overwrite, renames, dryRun: globals.dryRun });
  for (const note of report.notes) log.info(`${input}: ${note}`);
  const fitting = report.model === undefined ? '' : ` for ${report.model}`;
  log.info(`${report.tensors} tensors, ${report.parameters.toLocaleString('en')} parameters${fitting}`);
  process.stdout.write(globals.json ? `${JSON.stringify(report, null, 2)}\n` : `${output}\n`);
}

/** @throws CliError (usage) when the file is not a JSON object of texts and nulls */
async function readRenames(path: string): Promise<Renames> {
  const { z } = await import('zod');
  const text = await readFile(path, 'utf8');
  let found = 'it is not JSON';
  try {
    const parsed = z.record(z.string(), z.string().nullable()).safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    found = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)[0];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new CliError(
    `--map ${path}: expected a JSON object of {"name in the file": "name in the model"}, but ${found}.`,
  );
}

const REASONS: Record<string, string> = {
  ENOENT: 'expected a file here, but there is none. Check the path; folders of outputs must exist.',
  ENOTDIR: 'expected a folder on the way, but one part of the path is a file. Check the path.',
  EACCES: 'expected a path that may be read or written, but access is denied. Check its permissions.',
  EPERM: 'expected a path that may be read or written, but access is denied. Check its permissions.',
  EROFS: 'expected a path that may be written, but the file system is read-only. Choose another folder.',
  ENOSPC: 'expected room for the file, but the disk is full. Free some, or choose another folder.',
};

/** Gives the file system's refusals the exit code of usage, and words. */
async function readable<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const { code, path, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'EISDIR') throw new CliError(message);
    if (code === undefined || !Object.hasOwn(REASONS, code)) throw error;
    throw new CliError(`${path ?? message}: ${REASONS[code]}`);
  }
}
