/** One run of a pipeline, and what the user sees of it. */
import type { Device } from '../engine/index.ts';
import type { EvalReport, SetMeasures } from '../train/pipeline/evaluate.ts';
import { generateStage } from '../train/pipeline/generate-stage.ts';
import { pipelineItems } from '../train/pipeline/items.ts';
import { readManifest } from '../train/pipeline/manifest.ts';
import { mergeStage } from '../train/pipeline/merge-stage.ts';
import type { Recipe } from '../train/pipeline/recipe.ts';
import type { PictureStage, StageContext } from '../train/pipeline/stage.ts';
import { STAGES, type StageName } from '../train/pipeline/stages.ts';
import { stylizeStage } from '../train/pipeline/stylize-stage.ts';
import { EXIT } from './errors.ts';
import { listenForStop } from './interrupt.ts';
import type { Log } from './log.ts';
import type { Globals } from './options.ts';
import { listed, runEval, runZip } from './pipeline-results.ts';
import { filesOfStage, runPictureStage, type StageOutcome, type StageRun } from './pipeline-stages.ts';
import { formatSeconds } from './progress.ts';

export interface PipelineOrder {
  readonly recipe: Recipe;
  /** as the user wrote it */
  readonly name: string;
  readonly flags: {
    readonly from?: StageName;
    readonly to?: StageName;
    readonly force?: boolean;
    readonly memoryLimit?: number;
  };
  readonly globals: Globals;
  readonly log: Log;
}

/** Runs the stages, prints the table (with `--json` the facts), and sets the exit code: pictures that failed, or a stop. */
export async function runPipeline(order: PipelineOrder): Promise<void> {
  const { recipe, flags, globals, log, name } = order;
  const items = await pipelineItems(recipe);
  const manifest = { current: await readManifest(recipe.output) };
  const lent = lender(order);
  const stop = listenForStop((line) => log.info(line));
  const run: StageRun = {
    ...{ recipe, items, seed: globals.seed, log, manifest, device: lent.device, planned: new Set() },
    ...{ force: flags.force === true, dryRun: globals.dryRun === true, debug: globals.debug === true },
    stopped: () => stop.requested() !== undefined,
  };
  try {
    const outcomes = await runStages(run, order);
    const failed = new Set(outcomes.flatMap((one) => Object.keys(one.failed)));
    if (globals.json) process.stdout.write(`${JSON.stringify({ output: recipe.output, stages: outcomes }, null, 2)}\n`);
    else await printTables(outcomes, run.dryRun);
    if (failed.size > 0) {
      log.error(`error: ${failed.size} of ${items.length} pictures failed: ${listed([...failed])}`);
      process.exitCode = EXIT.data;
    }
    if (run.stopped()) {
      log.info(`Stopped; what is made is kept. Go on with: miaobi pipeline ${name}`);
      process.exitCode = stop.exitCode();
    }
  } finally {
    stop.dispose();
    await lent.giveBack();
  }
}

/** One device for all stages, acquired when a stage needs it. */
function lender({ globals, flags, log }: PipelineOrder) {
  let lent: Promise<Device & { destroy(): void }> | undefined;
  const acquire = async () => {
    const { acquireDevice } = await import('../engine/device/node.ts');
    const budgetBytes = flags.memoryLimit === undefined ? undefined : flags.memoryLimit * 2 ** 20;
    const device = await acquireDevice({ device: globals.device, backend: globals.backend, budgetBytes });
    log.info(`Device: ${device.info.description}${device.info.software ? ' (software: slow)' : ''}`);
    return device;
  };
  return {
    device: (): Promise<Device> => (lent ??= acquire()),
    giveBack: async () => (await lent?.catch(() => undefined))?.destroy(),
  };
}

async function runStages(run: StageRun, { recipe, flags, globals, log }: PipelineOrder): Promise<StageOutcome[]> {
  const present = STAGES.filter((stage) => recipe[stage]);
  const [from, to] = [present.indexOf(flags.from ?? present[0]), present.indexOf(flags.to ?? present.at(-1)!)];
  const results = new Map<StageName, ReadonlyMap<string, string>>();
  const outcomes: StageOutcome[] = [];
  const { seed, precision } = globals;
  const context: StageContext = { seed, precision, warn: (line) => log.warn(line) };
  for (const [i, name] of present.entries()) {
    if (i > to || run.stopped()) break;
    if (name === 'eval' || name === 'zip') {
      if (i >= from) outcomes.push(await (name === 'eval' ? runEval(results, run) : runZip(results, run)));
    } else if (i < from) results.set(name, await filesOfStage(name, run));
    else {
      const { files, outcome } = await runPictureStage(await pictureStage(name, recipe, context), results, run);
      results.set(name, files);
      outcomes.push(outcome);
    }
  }
  return outcomes;
}

async function pictureStage(
  name: 'generate' | 'stylize' | 'merge',
  recipe: Recipe,
  context: StageContext,
): Promise<PictureStage> {
  if (name === 'generate') return generateStage(recipe, recipe.generate as NonNullable<Recipe['generate']>, context);
  if (name === 'stylize') return stylizeStage(recipe, recipe.stylize as NonNullable<Recipe['stylize']>, context);
  return mergeStage(recipe.merge as NonNullable<Recipe['merge']>);
}

async function printTables(outcomes: readonly StageOutcome[], dryRun: boolean): Promise<void> {
  const { default: Table } = await import('cli-table3');
  const style = { head: [], border: [] };
  const table = new Table({
    head: ['stage', 'pictures', dryRun ? 'to make' : 'made', 'skipped', 'failed', 'time', 'result'],
    style,
  });
  for (const { stage, pictures, made, skipped, failed, seconds, result } of outcomes) {
    table.push([stage, pictures, made, skipped, Object.keys(failed).length, formatSeconds(seconds), result]);
  }
  process.stdout.write(`${table.toString()}\n`);
  const report = outcomes.find((one) => one.report)?.report;
  if (report) process.stdout.write(await measuresTable(report));
}

const COLUMNS: readonly (readonly [keyof SetMeasures, string])[] = [
  ['l1', 'l1 (truth)'],
  ['truth', 'ssim (truth)'],
  ['gram', 'gram (style)'],
  ['style', 'style'],
  ['colours', 'colours (style)'],
  ['ssim', 'ssim (generated)'],
];

async function measuresTable({ sets, distance }: EvalReport): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const columns = [
    ...(distance ? ([['distance', distance.measure]] as const) : []),
    ...COLUMNS.filter(([key]) => sets.some((one) => one[key] !== undefined)),
  ];
  const table = new Table({ head: ['', ...columns.map(([, title]) => title)], style: { head: [], border: [] } });
  for (const one of sets) {
    table.push([one.stage, ...columns.map(([key]) => (one[key] === undefined ? '' : Number(one[key]).toPrecision(4)))]);
  }
  return `${table.toString()}\n`;
}
