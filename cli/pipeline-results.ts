/** The stages of a pipeline that make one thing of all pictures: `eval` and `zip`. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { contentHasher, hashOf, isIntact, type MadeFile, writeManifest } from '../train/pipeline/manifest.ts';
import type { Recipe } from '../train/pipeline/recipe.ts';
import type { Results } from '../train/pipeline/stage.ts';
import { contents, round, type StageOutcome, type StageRun } from './pipeline-stages.ts';
import { startProgress } from './progress.ts';

/** Does a stage's work, unless it is done with the same inputs. */
async function once<T>(
  name: 'eval' | 'zip',
  version: number,
  settings: Readonly<Record<string, unknown>>,
  inputs: Readonly<Record<string, string | undefined>>,
  outputs: readonly string[],
  run: StageRun,
  work: () => Promise<T>,
): Promise<{ skipped: boolean; seconds: number; result: T | undefined }> {
  const { recipe, manifest, force, dryRun } = run;
  const contentOf = contents(run);
  const hashes: Record<string, string> = {};
  for (const [part, path] of Object.entries(inputs)) {
    if (path !== undefined) hashes[part] = await contentOf(path);
  }
  const hash = hashOf({ stage: name, version, settings, inputs: hashes });
  const before = manifest.current.stages[name];
  if (!force && before?.hash === hash && before.finished) {
    const intact = await Promise.all(Object.values(before.made).map((one) => isIntact(recipe.output, one)));
    if (intact.every(Boolean)) return { skipped: true, seconds: 0, result: before.result as T };
  }
  if (dryRun) return { skipped: false, seconds: 0, result: undefined };
  const started = performance.now();
  await mkdir(join(recipe.output, name), { recursive: true });
  const result = await work();
  const seconds = (performance.now() - started) / 1000;
  const made: Record<string, MadeFile> = {};
  for (const one of outputs) {
    const file = `${name}/${one}`;
    const sha256 = await contentHasher()(join(recipe.output, file)).catch(() => undefined);
    if (sha256 !== undefined) made[one] = { key: hash, file, sha256 };
  }
  const record = { version, settings, hash, finished: true, seconds: round(seconds), made, failed: {}, result };
  manifest.current = { stages: { ...manifest.current.stages, [name]: record } };
  await writeManifest(recipe.output, manifest.current);
  return { skipped: false, seconds, result };
}

/** Measures the pictures of all stages. */
export async function runEval(results: Results, run: StageRun): Promise<StageOutcome> {
  const { recipe, items, seed, log } = run;
  const options = recipe.eval as NonNullable<Recipe['eval']>;
  const { evaluate, EVAL_VERSION, REPORT, SHEET } = await import('../train/pipeline/evaluate.ts');
  const { walkPictures } = await import('../train/data/datasets/walk.ts');
  const inputs: Record<string, string | undefined> = { inception: options.inception, vgg: options.vgg };
  for (const { name, label, reference, truth } of items) {
    Object.assign(inputs, { [`label ${name}`]: label, [`reference ${name}`]: reference, [`truth ${name}`]: truth });
    for (const [stage, files] of results) inputs[`${stage} ${name}`] = files.get(name);
  }
  if (recipe.truth !== undefined) for (const path of await walkPictures(recipe.truth)) inputs[`real ${path}`] = path;
  inputs.palette = recipe.palette;
  const pictures = [...results.values()].reduce((sum, files) => sum + files.size, 0);
  const { inception: _, vgg: __, ...settings } = options;
  const { skipped, seconds, result } = await once(
    ...(['eval', EVAL_VERSION, { ...settings, seed }, inputs, [REPORT, SHEET], run] as const),
    async () => {
      log.info(`eval: ${pictures} pictures to measure.`);
      const progress = await startProgress({ total: pictures, log });
      const folder = join(recipe.output, 'eval');
      const onPicture = (name: string) => progress.advance(1, `eval ${name}`);
      const report = await evaluate(await run.device(), { recipe, options, items, results, seed, folder, onPicture });
      progress.finish();
      return report;
    },
  );
  const failed = result?.failed ?? {};
  if (!skipped) for (const text of Object.values(failed)) log.error(`error: ${text}`);
  return {
    ...{ stage: 'eval', pictures, made: skipped ? 0 : pictures, skipped: skipped ? pictures : 0, failed, seconds },
    ...{ result: join(recipe.output, 'eval', REPORT), report: result },
  };
}

/** Packs the last pictures there are. */
export async function runZip(results: Results, run: StageRun): Promise<StageOutcome> {
  const { recipe, items, log } = run;
  const options = recipe.zip as NonNullable<Recipe['zip']>;
  const { writeSubmission, ZIP_VERSION } = await import('../train/pipeline/submission.ts');
  const files = [...results.values()].at(-1) ?? new Map<string, string>();
  const path = join(recipe.output, 'zip', options.file);
  const missing = items.filter(({ name }) => !files.has(name)).map(({ name }) => name);
  if (missing.length > 0) {
    log.warn(`zip: ${missing.length} of ${items.length} pictures are missing: ${listed(missing)}`);
  }
  const settings = { ...options, names: [...files.keys()] };
  const inputs = Object.fromEntries(files);
  const { skipped, seconds } = await once('zip', ZIP_VERSION, settings, inputs, [options.file], run, async () =>
    writeSubmission(path, files, options),
  );
  const { size } = files;
  return {
    ...{ stage: 'zip', pictures: size, made: skipped ? 0 : size, skipped: skipped ? size : 0, failed: {}, seconds },
    result: path,
  };
}

/** The first few of many names. */
export function listed(names: readonly string[]): string {
  return names.length <= 10 ? names.join(', ') : `${names.slice(0, 10).join(', ')} and ${names.length - 10} more`;
}
