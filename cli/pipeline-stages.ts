/** The stages of a pipeline, one after another: what is made already is left, what is not is made and noted at once. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Device } from '../engine/index.ts';
import { isPictureName } from '../train/data/image/expand.ts';
import type { EvalReport } from '../train/pipeline/evaluate.ts';
import type { Item } from '../train/pipeline/items.ts';
import {
  contentHasher,
  hashOf,
  isIntact,
  type MadeFile,
  type Manifest,
  type StageRecord,
  writeManifest,
} from '../train/pipeline/manifest.ts';
import type { Recipe } from '../train/pipeline/recipe.ts';
import type { PictureStage, Results } from '../train/pipeline/stage.ts';
import type { StageName } from '../train/pipeline/stages.ts';
import { runBatch } from './batch.ts';
import { CliError, explain } from './errors.ts';
import type { Log } from './log.ts';
import { type Progress, startProgress } from './progress.ts';

export interface StageRun {
  readonly recipe: Recipe;
  readonly items: readonly Item[];
  readonly seed: number;
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly debug: boolean;
  readonly log: Log;
  /** acquires it with the first call */
  readonly device: () => Promise<Device>;
  readonly stopped: () => boolean;
  /** what is made, and is kept on the disk */
  readonly manifest: { current: Manifest };
  /** in a dry run: the files that would be made */
  readonly planned: Set<string>;
}

/** One line of the table. */
export interface StageOutcome {
  readonly stage: StageName;
  /** there are to be so many */
  readonly pictures: number;
  readonly made: number;
  readonly skipped: number;
  readonly failed: Readonly<Record<string, string>>;
  readonly seconds: number;
  /** where, or what */
  readonly result: string;
  readonly report?: EvalReport | undefined;
}

/** Pictures between two looks at the clock are quick; the manifest is written no more often than this. */
const NOTE_EVERY_MS = 2000;

interface Todo {
  readonly item: Item;
  readonly inputs: Readonly<Record<string, string>>;
  readonly key: string;
}

/**
 * Makes the pictures of a stage that are not made yet from the same inputs, with the same settings, by the same version.
 *
 * @param earlier  what the stages before have made; with `dryRun` what they would make counts as there
 * @returns        the files by name, and what happened
 */
export async function runPictureStage(
  stage: PictureStage,
  earlier: Results,
  run: StageRun,
): Promise<{ files: ReadonlyMap<string, string>; outcome: StageOutcome }> {
  const { recipe, log, manifest, dryRun } = run;
  const { name, version, settings, extension } = stage;
  const before = manifest.current.stages[name];
  const fileOf = (item: Item) => `${name}/${item.name}${extension}`;
  const { todo, kept, failed, keys } = await planned(stage, earlier, run, fileOf);
  const files = new Map(Object.entries(kept).map(([key, { file }]) => [key, join(recipe.output, file)]));
  const outcome = (made: number, seconds: number): StageOutcome => ({
    ...{ stage: name, pictures: Object.keys(keys).length + Object.keys(failed).length, made, seconds },
    ...{ skipped: Object.keys(kept).length, failed, result: join(recipe.output, name) },
  });
  for (const text of Object.values(failed)) log.error(text);
  if (dryRun) {
    for (const { item } of todo) {
      const path = join(recipe.output, fileOf(item));
      files.set(item.name, path);
      run.planned.add(path);
    }
    return { files, outcome: outcome(todo.length, 0) };
  }
  await removeStale(before, kept, recipe.output);
  const made: Record<string, MadeFile> = { ...kept };
  const started = performance.now();
  const passed = () => (performance.now() - started) / 1000;
  const earlierSeconds = Object.keys(kept).length > 0 ? (before?.seconds ?? 0) : 0;
  const note = () => {
    const all = Object.keys(keys).every((key) => made[key]);
    const record: StageRecord = {
      ...{ version, settings, hash: hashOf(keys), finished: all && Object.keys(failed).length === 0 },
      ...{ seconds: round(earlierSeconds + (todo.length > 0 ? passed() : 0)), made, failed },
    };
    manifest.current = { stages: { ...manifest.current.stages, [name]: record } };
    return writeManifest(recipe.output, manifest.current);
  };
  if (todo.length > 0) {
    log.info(
      `${name}: ${todo.length} to make${files.size > 0 ? `, ${files.size} made already` : ''}. ${stage.description}`,
    );
    await makeAll(stage, todo, run, { made, failed, files, fileOf, note });
  }
  await note();
  return {
    files,
    outcome: outcome(Object.keys(made).length - Object.keys(kept).length, todo.length > 0 ? passed() : 0),
  };
}

/** To milliseconds. */
export const round = (seconds: number) => Math.round(seconds * 1000) / 1000;

/** What is to be made, and what is there already. */
async function planned(stage: PictureStage, earlier: Results, run: StageRun, fileOf: (item: Item) => string) {
  const { recipe, items, force, manifest } = run;
  const contentOf = contents(run);
  const before = manifest.current.stages[stage.name]?.made ?? {};
  const todo: Todo[] = [];
  const kept: Record<string, MadeFile> = {};
  const failed: Record<string, string> = {};
  const keys: Record<string, string> = {};
  for (const item of items) {
    // what failed in an earlier stage was said there
    if (!stage.reads.every((one) => earlier.get(one)?.has(item.name))) continue;
    try {
      const inputs = stage.inputs(item, earlier);
      const hashes: Record<string, string> = {};
      for (const [part, path] of Object.entries(inputs)) hashes[part] = await contentOf(path);
      const key = hashOf({ stage: stage.name, version: stage.version, settings: stage.settings, inputs: hashes });
      keys[item.name] = key;
      const known = before[item.name];
      const same = !force && known?.key === key && known.file === fileOf(item);
      if (same && (await isIntact(recipe.output, known))) kept[item.name] = known;
      else todo.push({ item, inputs, key });
    } catch (error) {
      if (!(error instanceof Error) || !OF_ONE_PICTURE.has(error.name)) throw error;
      failed[item.name] = explain(error, run.debug).text;
    }
  }
  // a reference that comes again is encoded once
  const reference = ({ item }: Todo) => item.reference ?? '';
  if (stage.name === 'stylize')
    todo.sort((a, b) => (reference(a) < reference(b) ? -1 : reference(a) > reference(b) ? 1 : 0));
  return { todo, kept, failed, keys };
}

const OF_ONE_PICTURE: ReadonlySet<string> = new Set(['DataError', 'RequestError']);

/** Hashes of contents; what a dry run would make anew has none yet. */
export function contents({ planned }: StageRun): (path: string) => Promise<string> {
  const contentOf = contentHasher();
  return async (path) => (planned.has(path) ? 'not made yet' : contentOf(path));
}

interface Making {
  readonly made: Record<string, MadeFile>;
  readonly failed: Record<string, string>;
  readonly files: Map<string, string>;
  readonly fileOf: (item: Item) => string;
  readonly note: () => Promise<void>;
}

async function makeAll(stage: PictureStage, todo: readonly Todo[], run: StageRun, making: Making): Promise<void> {
  const { recipe, log, debug, stopped } = run;
  const { made, failed, files, fileOf, note } = making;
  await mkdir(join(recipe.output, stage.name), { recursive: true });
  const painter = await stage.open(run.device);
  const progress: Progress = await startProgress({ total: todo.length, log });
  let noted = performance.now();
  await runBatch(
    todo.map(({ item }) => item.name),
    async (name, index) => {
      const { item, inputs, key } = todo[index];
      const file = fileOf(item);
      const path = join(recipe.output, file);
      try {
        for (const line of await painter.paint(item, inputs, path)) log.detail(line);
        made[name] = { key, file, sha256: await contentHasher()(path) };
      } catch (error) {
        failed[name] = explain(error, debug).text;
        throw error;
      }
      files.set(name, path);
      progress.advance(1, `${stage.name} ${name}`);
      if (performance.now() - noted < NOTE_EVERY_MS) return;
      await note();
      noted = performance.now();
    },
    { progress, report: (line) => (log.quiet ? log.error(line) : progress.note(line)), debug, stopped },
  ).finally(async () => {
    // what is made stays made, whatever went wrong then
    await note();
    painter.dispose();
  });
  progress.finish();
}

/** What was made of other inputs, or for label maps that are gone, does not stay among the results. */
async function removeStale(before: StageRecord | undefined, kept: Readonly<Record<string, MadeFile>>, output: string) {
  const own = new Set(Object.values(kept).map(({ file }) => file));
  for (const { file } of Object.values(before?.made ?? {})) {
    if (!own.has(file)) await rm(join(output, file), { force: true });
  }
}

/**
 * The pictures that lie in the folder of a stage, whoever made them: with `--from` they are taken as they are.
 *
 * @throws CliError when there are none
 */
export async function filesOfStage(name: StageName, { recipe, items }: StageRun): Promise<Map<string, string>> {
  const folder = join(recipe.output, name);
  const entries = (await readdir(folder).catch(() => [] as string[])).filter(isPictureName).sort();
  const byName = new Map(entries.map((file) => [file.slice(0, -extname(file).length), join(folder, file)]));
  const files = new Map(items.flatMap((item) => (byName.has(item.name) ? [[item.name, byName.get(item.name)!]] : [])));
  if (files.size > 0) return files as Map<string, string>;
  throw new CliError(
    `--from: expected pictures of stage ${name} in ${folder}, named as the label maps are, but there are none. ` +
      `Run it first, or put them there.`,
  );
}
