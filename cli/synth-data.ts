/** `miaobi synth-data`: small data sets that the program draws itself, to try everything without a picture of one's own. */
import { Argument, type Command } from 'commander';
import { SYNTH_KINDS, synthEntry } from '../train/data/synth/kinds.ts';
import { globalsOf, logOf, wholeNumber } from './options.ts';
import { startProgress } from './progress.ts';

interface SynthFlags {
  readonly count: number;
  readonly size: number;
  readonly workers?: number;
  readonly overwrite?: boolean;
}

export function registerSynthData(program: Command): void {
  const kinds = SYNTH_KINDS.map(({ name }) => name);
  program
    .command('synth-data')
    .description('draw a small data set: the same seed, the same files')
    .addArgument(new Argument('<kind>', 'which').choices(kinds))
    .argument('<out>', 'its folder: new, or empty')
    .option('--count <n>', 'pictures of each sort', wholeNumber(1, 1_000_000), 64)
    .option('--size <pixels>', 'their sides', wholeNumber(1, 65536), 256)
    .option('--workers <n>', 'threads that draw; left out: as many as there are cores', wholeNumber(0, 256))
    .option('--overwrite', 'draw into a folder that is not empty, over files of the same names')
    .addHelpText(
      'after',
      `\nKinds:\n${SYNTH_KINDS.map(({ name, description }) => `  ${name}  ${description}`).join('\n')}`,
    )
    .addHelpText('after', '\nFor example: miaobi synth-data style data/ --count 16 --seed 1')
    .action(run);
}

async function run(name: string, out: string, flags: SynthFlags, command: Command): Promise<void> {
  const globals = globalsOf(command);
  const log = logOf(globals);
  const entry = synthEntry(name);
  const kind = await entry.load();
  const request = { count: flags.count, size: flags.size, seed: globals.seed };
  const planned = kind.files(request).length;
  if (globals.dryRun) {
    log.info(`Would draw ${planned} files of ${flags.size} x ${flags.size} pixels into ${out}.`);
    return;
  }
  const { drawSet } = await import('../train/data/synth/draw-set.ts');
  const progress = await startProgress({ total: planned, log });
  const files = await drawSet(entry, out, request, { ...flags, onFile: () => progress.advance(1) });
  const finished = await kind.finish?.(out, { overwrite: flags.overwrite === true });
  progress.finish();
  for (const note of finished?.notes ?? []) log.warn(note);
  files.push(...(finished?.files ?? []));
  log.info(`Next: ${kind.next(out, request)}`);
  process.stdout.write(
    globals.json ? `${JSON.stringify({ kind: name, out, ...request, files }, null, 2)}\n` : `${out}\n`,
  );
}
