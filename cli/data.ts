/** `miaobi data`: looks after data sets. */
import { type Command, Option } from 'commander';
import { DATA_CHECKS, type DataCheck } from '../train/data/datasets/check.ts';
import type { FolderFacts } from '../train/data/datasets/inspect-folder.ts';
import { CliError, EXIT } from './errors.ts';
import { globalsOf, logOf, wholeNumber } from './options.ts';
import { type Progress, startProgress } from './progress.ts';

interface CheckFlags {
  readonly model: string;
  readonly fixList?: string;
  readonly overwrite?: boolean;
  readonly workers?: number;
}

export function registerData(program: Command): void {
  const data = program.command('data').description('look after data sets');
  data
    .command('check')
    .description('read every picture of a data set: sizes, channels, files that are damaged, a command that trains')
    .argument('<data>', 'folder with content/ and style/, or of pictures that are both')
    .addOption(new Option('--model <name>', 'what it is for').choices(Object.keys(DATA_CHECKS)).default('cap-vstnet'))
    .option('--fix-list <file>', 'write the paths of the bad files, one a line')
    .option('--overwrite', 'replace the list when it exists')
    .option('--workers <n>', 'threads that read; left out: as many as there are cores', wholeNumber(0, 256))
    .addHelpText(
      'after',
      "\nTo remove what is bad: miaobi data check DATA --fix-list bad.txt; xargs -d '\\n' rm < bad.txt",
    )
    .action(check);
}

async function check(data: string, flags: CheckFlags, command: Command): Promise<void> {
  const globals = globalsOf(command);
  const log = logOf(globals);
  const { assertFree, writeAtomic } = await import('../train/atomic-write.ts');
  if (flags.fixList !== undefined) await assertFree(flags.fixList, flags.overwrite);
  let progress: Progress | undefined;
  const checkData = await DATA_CHECKS[flags.model]();
  const found = await checkData(data, {
    workers: flags.workers,
    onTotal: async (total) => {
      progress = await startProgress({ total, log });
    },
    onFile: () => progress?.advance(1),
  });
  progress?.finish();
  const bad = found.folders.flatMap((folder) => folder.bad.map(({ path }) => path));
  if (flags.fixList !== undefined) {
    await writeAtomic(flags.fixList, Buffer.from(bad.map((path) => `${path}\n`).join('')), flags.overwrite);
  }
  process.stdout.write(globals.json ? `${JSON.stringify(summary(found), null, 2)}\n` : await text(found));
  if (found.problems.length === 0) return;
  const list = bad.length > 0 && flags.fixList === undefined ? ' List the files with --fix-list bad.txt.' : '';
  throw new CliError(
    `${data}: expected a data set that can be read whole, but ${found.problems.length} ` +
      `${found.problems.length === 1 ? 'thing is' : 'things are'} wrong with it, listed above.${list}`,
    EXIT.data,
  );
}

function facts({ pictures }: FolderFacts) {
  const count = (test: (picture: (typeof pictures)[number]) => boolean) => pictures.filter(test).length;
  return {
    grey: count(({ grey }) => grey),
    alpha: count(({ alpha }) => alpha),
    sixteenBits: count(({ bitDepth }) => bitDepth === 16),
  };
}

/** The report as JSON: counts and sizes, without a line for every picture. */
function summary({ folders, problems, notes, suggestion }: DataCheck) {
  return {
    folders: folders.map((folder) => ({
      ...{ name: folder.name, folder: folder.folder, pictures: folder.pictures.length, bad: folder.bad },
      ...{ shorterSides: folder.shorterSides, ...facts(folder) },
    })),
    ...{ problems, notes, suggestion },
  };
}

async function text({ folders, problems, notes, suggestion }: DataCheck): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const table = new Table({
    head: ['folder', 'pictures', 'bad', 'shorter side: least, median, most', 'grey', 'alpha', '16 bits'],
    style: { head: [], border: [], compact: true },
  });
  for (const folder of folders) {
    const { grey, alpha, sixteenBits } = facts(folder);
    const { least, median, most } = folder.shorterSides ?? {};
    const sides = least === undefined ? '' : `${least}, ${median}, ${most}`;
    table.push([folder.name, folder.pictures.length, folder.bad.length, sides, grey, alpha, sixteenBits]);
  }
  const lines = [
    table.toString(),
    ...problems.map((line) => `wrong: ${line}`),
    ...notes.map((line) => `note: ${line}`),
  ];
  return `${[...lines, `Train with: ${suggestion}`].join('\n')}\n`;
}
