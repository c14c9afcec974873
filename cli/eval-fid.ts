/** `miaobi eval fid`: how far two sets of pictures are apart in the features of a network. */
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Device } from '../engine/device/device.ts';
import type { FeatureExtractor } from '../train/eval/feature-distance.ts';
import type { PictureSet, StepRange } from '../train/eval/picture-sets.ts';
import { CliError, EXIT } from './errors.ts';
import { type Kind, type Row, reportOf, type Side, tableOf } from './eval-fid-report.ts';
import type { Log } from './log.ts';
import { type Globals, globalsOf, logOf, wholeNumber } from './options.ts';
import { startProgress } from './progress.ts';

interface EvalFidFlags {
  readonly weights?: string;
  readonly randomFeatures?: boolean;
  readonly dims: '64' | '192' | '768' | '2048';
  readonly range?: StepRange;
  readonly batchSize: number;
  readonly kid?: boolean;
  readonly saveStats?: string;
  readonly overwrite?: boolean;
}

export function registerEvalFid(parent: Command): void {
  parent
    .command('fid')
    .description('FID of two sets of pictures, with its Inception; without weights a distance of random features')
    .argument('<a>', 'a folder of pictures, a run (the results of its sample sheets), or statistics (.npz)')
    .argument('[b]', 'what it is compared with; may be left out with --save-stats')
    .option('--weights <file>', "FID's Inception: pt_inception-2015-12-05-6726825d.pth, or a .safetensors file of it")
    .option('--random-features', 'without weights: the random-feature distance, which is no FID')
    .addOption(
      new Option('--dims <n>', 'features of the Inception; FID means 2048')
        .choices(['64', '192', '768', '2048'])
        .default('2048'),
    )
    .option('--range <a-b>', 'of a run: a row for each step from a to b that has a sample sheet', stepRange)
    .option('--batch-size <n>', 'pictures computed together; changes no result', wholeNumber(1, 1024), 32)
    .option('--kid', 'the kernel distance, too: mean and deviation over 100 subsets of at most 100 pictures')
    .option('--save-stats <file>', 'write the statistics of b (of a, without b) as .npz')
    .option('--overwrite', 'replace the file of --save-stats')
    .addHelpText('after', NOTES)
    .action((a: string, b: string | undefined, flags: EvalFidFlags, self: Command) =>
      run(a, b, flags, globalsOf(self)),
    );
}

const NOTES = `
fid    ||mean difference||^2 + Tr(Sa) + Tr(Sb) - 2 Tr(Sa Sb)^(1/2) of 2048 features of pictures resized to 299 x 299; lower is nearer
kid    unbiased squared distance under the kernel (x.y / d + 1)^3; 0 for equal distributions, whatever the number of pictures

Both depend on the weights. FID also depends on how many pictures there are, strongly below 2048 of them: compare only values of
equally many. Pictures are read directly in a folder, by extensions in lower case, as in the original. Of a run, results are
also written to eval/fid-STEP.json in its folder.

Examples:
  miaobi eval fid out/ data/images --weights pt_inception-2015-12-05-6726825d.pth
  miaobi eval fid data/images --save-stats real.npz --weights pt_inception-2015-12-05-6726825d.pth
  miaobi eval fid runs/first data/images --random-features --range 1000-5000`;

function stepRange(text: string): StepRange {
  const [, from, to] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  if (from === undefined || Number(from) > Number(to)) {
    throw new InvalidArgumentError('Expected two steps such as 270-310.');
  }
  return [Number(from), Number(to)];
}

async function run(a: string, b: string | undefined, flags: EvalFidFlags, globals: Globals): Promise<void> {
  const { isStatisticsName, readStatistics } = await import('../train/eval/statistics-file.ts');
  const log = logOf(globals);
  const stored = [a, ...(b === undefined ? [] : [b])].every(isStatisticsName);
  checkFlags(b, flags, stored);
  if (flags.saveStats !== undefined) {
    const { refuseExisting } = await import('../train/checkpoint/atomic-write.ts');
    await refuseExisting(flags.saveStats, flags);
  }
  if (stored && b !== undefined) {
    const [p, q] = [await readStatistics(a), await readStatistics(b)];
    const rows = [await compared({ path: a, statistics: p }, { path: b, statistics: q }, flags)];
    // whose features a file holds nobody knows; FID's own are the only ones of this number here
    const measure = p.dims === 2048 ? 'FID' : 'Fréchet distance';
    return show(rows, { measure, description: `of the files, ${p.dims}`, dims: p.dims }, globals);
  }
  const { acquireDevice } = await import('../engine/device/node.ts');
  const device = await acquireDevice({ device: globals.device, backend: globals.backend });
  try {
    const extractor = await extractorOf(device, flags, globals.seed);
    log.info(`Features: ${extractor.description}`);
    const tools = { device, extractor, log, flags };
    const [other] = b === undefined ? [] : await sidesOf(b, undefined, tools);
    const sides = await sidesOf(a, flags.range, tools);
    extractor.dispose();
    await warn([...sides, ...(other ? [other] : [])], extractor, log);
    if (flags.saveStats !== undefined) await save(flags.saveStats, other ?? sides[0], flags, log);
    if (!other) return;
    const rows: Row[] = [];
    for (const side of sides) rows.push(await compared(side, other, flags));
    for (const row of rows) await noteInRun(row, extractor, log);
    await show(rows, extractor, globals);
  } finally {
    device.destroy();
  }
}

async function warn(sides: readonly Side[], extractor: FeatureExtractor, log: Log): Promise<void> {
  const { biasWarnings } = await import('../train/eval/feature-distance.ts');
  for (const warning of biasWarnings(
    sides.map(({ statistics }) => statistics),
    extractor,
  )) {
    log.warn(warning);
  }
}

async function show(rows: readonly Row[], kind: Kind, globals: Globals): Promise<void> {
  if (globals.json) process.stdout.write(`${JSON.stringify(reportOf(rows, kind), null, 2)}\n`);
  else process.stdout.write(await tableOf(rows, kind));
}

function checkFlags(b: string | undefined, flags: EvalFidFlags, stored: boolean): void {
  const { weights, randomFeatures, saveStats, dims } = flags;
  if (b === undefined && saveStats === undefined) {
    throw new CliError('Expected two sets of pictures, or --save-stats FILE.npz for the statistics of one.');
  }
  if (stored && saveStats !== undefined) {
    throw new CliError(
      '--save-stats: expected pictures to compute statistics of, but statistics were named. Copy the file.',
    );
  }
  if (weights !== undefined && randomFeatures) {
    throw new CliError(
      '--weights and --random-features exclude each other: the one gives FID, the other another distance.',
    );
  }
  if (randomFeatures && dims !== '2048')
    throw new CliError('--dims belongs to --weights: random features are always 272.');
  if (!stored && weights === undefined && !randomFeatures) {
    throw new CliError(
      'FID is defined by the weights of its Inception, and none are given. Download\n' +
        '  https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth\n' +
        'and pass --weights FILE. Without them --random-features gives a random-feature distance: it ranks sharpness, noise,\n' +
        'texture and colours, needs no download, and is not comparable to any FID.',
      EXIT.missingTool,
    );
  }
}

async function extractorOf(device: Device, flags: EvalFidFlags, seed: number): Promise<FeatureExtractor> {
  if (flags.weights === undefined) {
    const { randomFeatureExtractor } = await import('../train/eval/feature-distance.ts');
    return randomFeatureExtractor(device, seed);
  }
  const { loadInception } = await import('../train/infer/load-inception.ts');
  return loadInception(device, flags.weights, Number(flags.dims) as 64 | 192 | 768 | 2048);
}

interface Tools {
  readonly device: Device;
  readonly extractor: FeatureExtractor;
  readonly log: Log;
  readonly flags: EvalFidFlags;
}

/** The sets that a path names, their features computed. */
async function sidesOf(path: string, range: StepRange | undefined, tools: Tools): Promise<Side[]> {
  const { isStatisticsName, readStatistics } = await import('../train/eval/statistics-file.ts');
  if (isStatisticsName(path)) {
    const statistics = await readStatistics(path);
    const { dims, description } = tools.extractor;
    if (statistics.dims === dims) return [{ path, statistics }];
    throw new CliError(
      `${path}: expected statistics of ${dims} features (${description}), but they are of ${statistics.dims}. ` +
        'Compute them again with the same network: --save-stats.',
      EXIT.data,
    );
  }
  const { pictureSets } = await import('../train/eval/picture-sets.ts');
  const sets = await pictureSets(path, range);
  const sides: Side[] = [];
  for (const set of sets) sides.push(await sideOf(path, set, tools));
  return sides;
}

async function sideOf(path: string, set: PictureSet, { device, extractor, log, flags }: Tools): Promise<Side> {
  for (const note of set.notes) log.warn(note);
  if (set.files.length < 2) {
    throw new CliError(
      `${path}: expected at least two pictures, got ${set.files.length}. A distance of sets needs two.`,
      EXIT.data,
    );
  }
  const { collectFeatures } = await import('../train/eval/feature-distance.ts');
  const { statisticsOf } = await import('../train/eval/feature-statistics.ts');
  const { readPictures } = await import('../train/eval/picture-sets.ts');
  const progress = await startProgress({ total: set.files.length, log });
  const features = await collectFeatures(device, readPictures(set.files), extractor, {
    batchSize: flags.batchSize,
    onBatch: (pictures) => progress.advance(pictures, path),
  });
  progress.finish();
  return { path, statistics: statisticsOf(features), features, ...(set.step === undefined ? {} : { step: set.step }) };
}

async function save(file: string, side: Side, { overwrite = false }: EvalFidFlags, log: Log): Promise<void> {
  const { writeStatistics } = await import('../train/eval/statistics-file.ts');
  await writeStatistics(file, side.statistics, { overwrite });
  log.info(`${file}: statistics of ${side.path}`);
}

async function compared(a: Side, b: Side, flags: EvalFidFlags): Promise<Row> {
  const { frechetDistance } = await import('../train/eval/frechet.ts');
  const row = { ...frechetDistance(a.statistics, b.statistics), a, b };
  if (!flags.kid) return row;
  if (!a.features || !b.features) {
    throw new CliError('--kid needs the features of every picture, which statistics files lack. Name two folders.');
  }
  const { kernelDistanceOfSubsets } = await import('../train/eval/kernel-distance.ts');
  return { ...row, kid: kernelDistanceOfSubsets(a.features, b.features) };
}

/** `eval/fid-STEP.json`, where the results are a run's. */
async function noteInRun(row: Row, kind: Kind, log: Log): Promise<void> {
  if (row.a.step === undefined) return;
  const { mkdir } = await import('node:fs/promises');
  const { writeJson } = await import('../train/run/checkpoint.ts');
  const name = kind.measure.startsWith('FID') ? 'fid' : 'random-features';
  const folder = join(row.a.path, 'eval');
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${name}-${String(row.a.step).padStart(8, '0')}.json`);
  await writeJson(file, reportOf([row], kind));
  log.info(file);
}
