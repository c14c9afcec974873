/** `miaobi ckpt merge|strip|prune`: checkpoints averaged, made small, made fewer. */
import { type Command, InvalidArgumentError } from 'commander';
import { globalsOf, logOf, wholeNumber } from './options.ts';

interface OutputFlags {
  readonly output?: string;
  readonly overwrite?: boolean;
}

export function registerCkptEdits(ckpt: Command, guarded: <T>(run: () => Promise<T>) => Promise<T>): void {
  ckpt
    .command('merge')
    .description('weighted average of checkpoints of one kind, each network with its like')
    .argument('<file...>', 'checkpoints, run folders, or folders that strip wrote')
    .option('--weights <shares>', 'one a file, such as 0.7,0.3; equal by default', shares)
    .option('-o, --output <path>', 'what to write; merged.safetensors, or the folder merged for several networks')
    .option('--overwrite', 'replace it when it exists')
    .action(async (files: string[], flags: OutputFlags & { weights?: number[] }, command: Command) =>
      guarded(async () => {
        const { mergeWeights } = await import('../train/run/merge.ts');
        const { weights, output, overwrite } = flags;
        const warn = (line: string) => logOf(globalsOf(command)).warn(line);
        const report = await mergeWeights(files, { output, shares: weights, overwrite, warn });
        print(command, report, report.output);
      }),
    );
  ckpt
    .command('strip')
    .description('copy the weights of a run that inference needs, without optimiser and discriminator')
    .argument('<run>', 'run folder, or one of its checkpoints')
    .option('-o, --output <path>', 'what to write; RUN.safetensors, or the folder RUN for several networks')
    .option('--overwrite', 'replace it when it exists')
    .action(async (run: string, flags: OutputFlags, command: Command) =>
      guarded(async () => {
        const { stripRun } = await import('../train/run/strip.ts');
        const report = await stripRun(run, { ...flags, warn: (line) => logOf(globalsOf(command)).warn(line) });
        print(command, report, report.output);
      }),
    );
  ckpt
    .command('prune')
    .description('remove the checkpoints of a run but for the last and the best')
    .argument('<run>', 'run folder')
    .option('--keep-last <n>', 'how many of the last to keep', wholeNumber(1, Number.MAX_SAFE_INTEGER), 3)
    .action(async (run: string, { keepLast }: { keepLast: number }, command: Command) =>
      guarded(async () => {
        const { pruneRun } = await import('../train/run/strip.ts');
        const { dryRun } = globalsOf(command);
        const removed = await pruneRun(run, keepLast, dryRun);
        print(
          command,
          { run, removed, dryRun: dryRun === true },
          removed.map((step) => `step ${step}`).join('\n') || undefined,
        );
      }),
    );
}

function print(command: Command, facts: object, text: string | undefined): void {
  if (globalsOf(command).json) process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
  else if (text !== undefined) process.stdout.write(`${text}\n`);
}

function shares(text: string): number[] {
  const values = text.split(',').map(Number);
  if (text.trim() !== '' && values.every((value) => value >= 0 && Number.isFinite(value))) return values;
  throw new InvalidArgumentError('Expected numbers from 0 with commas between them.');
}
