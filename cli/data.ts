/** `miaobi data`: looks after data sets. */
import type { Table } from 'cli-table3';
import { type Command, Option } from 'commander';
import { DATASET_MODES } from '../train/choices.ts';
import { DATA_CHECKS, type DataCheck, type LabelCheckOptions } from '../train/data/datasets/check.ts';
import type { FolderFacts } from '../train/data/datasets/inspect-folder.ts';
import { registerDataLabels } from './data-labels.ts';
import { CliError, EXIT } from './errors.ts';
import { globalsOf, logOf, wholeNumber } from './options.ts';
import { type Progress, startProgress } from './progress.ts';

interface CheckFlags extends LabelCheckOptions {
  readonly model: string;
  readonly instance: boolean;
  readonly fixList?: string;
  readonly overwrite?: boolean;
  readonly workers?: number;
}

export function registerData(program: Command): void {
  const data = program.command('data').description('look after data sets');
  data
    .command('check')
    .description('read every picture of a data set: sizes, channels, files that are damaged, a command that trains')
    .argument(
      '[data]',
      'its folder: of content/ and style/, or of pictures that are both; for gaugan of labels/ and images/, or as in COCO, ADE20K, Cityscapes, facades',
    )
    .addOption(new Option('--model <name>', 'what it is for').choices(Object.keys(DATA_CHECKS)).default('cap-vstnet'))
    .addOption(
      new Option('--dataset-mode <name>', 'gaugan: which layout; left out: as the folders look').choices(DATASET_MODES),
    )
    .option('--label-dir <dir>', 'gaugan: folder of label maps')
    .option('--image-dir <dir>', 'gaugan: folder of pictures')
    .option('--instance-dir <dir>', 'gaugan: folder of instance maps')
    .option('--label-nc <n>', 'gaugan: number of classes; left out: what the labels need', wholeNumber(1, 255))
    .option('--dont-care <label>', 'gaugan: the label that means no class', wholeNumber(0, 255))
    .option('--no-instance', 'gaugan: without instance maps')
    .option('--palette <file>', 'gaugan: which colour is which class, where label maps have colours')
    .option('--fix-list <file>', 'write the paths of the bad files, one a line')
    .option('--overwrite', 'replace the list when it exists')
    .option('--workers <n>', 'threads that read; left out: as many as there are cores', wholeNumber(0, 256))
    .addHelpText(
      'after',
      "\nTo remove what is bad: miaobi data check DATA --fix-list bad.txt; xargs -d '\\n' rm < bad.txt",
    )
    .action(check);
  registerDataLabels(data);
}

async function check(data: string | undefined, flags: CheckFlags, command: Command): Promise<void> {
  const globals = globalsOf(command);
  const log = logOf(globals);
  const { assertFree, writeAtomic } = await import('../train/atomic-write.ts');
  if (flags.fixList !== undefined) await assertFree(flags.fixList, flags.overwrite);
  let progress: Progress | undefined;
  const checkData = await DATA_CHECKS[flags.model]();
  const { instance, ...settings } = flags;
  const found = await checkData(data, {
    ...settings,
    noInstance: !instance,
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
    `${data ?? flags.labelDir}: expected a data set that can be read whole, but ${found.problems.length} ` +
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
function summary({ folders, labels, problems, notes, suggestion }: DataCheck) {
  return {
    folders: folders.map((folder) => ({
      ...{ name: folder.name, folder: folder.folder, pictures: folder.pictures.length, bad: folder.bad },
      ...{ shorterSides: folder.shorterSides, ...facts(folder) },
    })),
    ...{ labels, problems, notes, suggestion },
  };
}

const LABEL_HEAD = ['label', 'name', 'of all pixels', 'in label maps'];
/** Rows of the table of labels; JSON has them all. */
const LABEL_ROWS = 60;

function labelLines({ labelNc, dontCare, shares }: NonNullable<DataCheck['labels']>, table: Table): string[] {
  for (const { label, name, share, maps } of shares.slice(0, LABEL_ROWS)) {
    const what = label === dontCare ? "don't care" : label >= labelNc ? 'beyond the classes' : (name ?? '');
    table.push([label, what, `${(100 * share).toFixed(2)} %`, maps]);
  }
  const rest = shares.length - LABEL_ROWS;
  return [
    table.toString(),
    ...(rest > 0 ? [`… and ${rest} other labels; see them with --json`] : []),
    `${labelNc} classes (--label-nc)${dontCare === undefined ? '' : `; ${dontCare} means no class (--dont-care)`}`,
  ];
}

async function text({ folders, labels, problems, notes, suggestion }: DataCheck): Promise<string> {
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
    ...(labels
      ? labelLines(labels, new Table({ head: LABEL_HEAD, style: { head: [], border: [], compact: true } }))
      : []),
    ...problems.map((line) => `wrong: ${line}`),
    ...notes.map((line) => `note: ${line}`),
  ];
  return `${[...lines, `Train with: ${suggestion}`].join('\n')}\n`;
}
