/** Stage `eval`: how near the pictures of each stage are to the real ones, to their references, and to what was generated. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Device } from '../../engine/index.ts';
import { walkPictures } from '../data/datasets/walk.ts';
import { fromPlanar, resizePicture } from '../data/image/picture.ts';
import { DataError, RequestError } from '../errors.ts';
import { collectFeatures, type FeatureExtractor, randomFeatureExtractor } from '../eval/feature-distance.ts';
import { type FeatureStatistics, statisticsOf } from '../eval/feature-statistics.ts';
import { frechetDistance } from '../eval/frechet.ts';
import { type Planes, ssim } from '../eval/image-similarity.ts';
import { planesOf, readPlanes } from '../eval/picture-series.ts';
import { readPictures } from '../eval/picture-sets.ts';
import { makeStyleMeter, meanMeasures, type StyleMeasures, type StyleMeter } from '../eval/style.ts';
import { loadInception } from '../infer/load-inception.ts';
import { loadVgg } from '../infer/load-vgg.ts';
import { writeJson } from '../run/checkpoint.ts';
import type { Item } from './items.ts';
import type { Recipe } from './recipe.ts';
import { contactSheet } from './sheet.ts';
import type { Results } from './stage.ts';
import type { StageName } from './stages.ts';

/** Means over the pictures of one stage. */
export interface SetMeasures extends StyleMeasures {
  readonly stage: StageName;
  readonly pictures: number;
  /** distance of the set to all real pictures; called what the report's `distance` says */
  readonly distance?: number;
  /** mean |picture − real|, of values in [0, 1] */
  readonly l1?: number;
  /** SSIM with the real picture */
  readonly truth?: number;
}

export interface EvalReport {
  /** what the distance may be called, and of which features it is */
  readonly distance?: { readonly measure: string; readonly features: string; readonly real: number };
  /** the encoder of gram and style */
  readonly encoder?: string;
  readonly sets: readonly SetMeasures[];
  /** why a picture was left out of the means, by its name */
  readonly failed: Readonly<Record<string, string>>;
}

export interface EvalRequest {
  readonly recipe: Recipe;
  readonly options: NonNullable<Recipe['eval']>;
  readonly items: readonly Item[];
  /** the stages whose pictures are measured */
  readonly results: Results;
  readonly seed: number;
  /** where `report.json` and `sheet.jpg` go */
  readonly folder: string;
  readonly onPicture: (name: string) => void;
}

export const EVAL_VERSION = 1;
export const REPORT = 'report.json';
export const SHEET = 'sheet.jpg';

/**
 * Measures the pictures of every stage, and writes the report and a contact sheet of the first.
 *
 * @throws DataError, RequestError when one of the real pictures cannot be read
 */
export async function evaluate(device: Device, request: EvalRequest): Promise<EvalReport> {
  const { recipe, options, items, results, seed, folder } = request;
  const styled = items.some(({ reference }) => reference !== undefined);
  const encoder = styled ? await loadVgg(device, options.vgg, seed) : undefined;
  const meter = encoder && makeStyleMeter(device, { vgg: encoder.vgg });
  const distances = recipe.truth === undefined ? undefined : await openDistances(device, recipe.truth, options, seed);
  const sets: SetMeasures[] = [];
  const failed: Record<string, string> = {};
  for (const [stage, files] of results) {
    const measured = await measureSet(stage, files, request, meter, failed);
    const distance = await distances?.of([...files.values()]);
    sets.push({ stage, pictures: files.size, ...(distance === undefined ? {} : { distance }), ...measured });
  }
  meter?.dispose();
  const report: EvalReport = {
    ...(distances ? { distance: distances.about } : {}),
    ...(encoder ? { encoder: encoder.description } : {}),
    sets,
    failed,
  };
  distances?.dispose();
  await mkdir(folder, { recursive: true });
  await writeJson(join(folder, REPORT), report);
  const shown = items.filter(({ name }) => [...results.values()].every((files) => files.has(name)));
  const sheet = await contactSheet(shown.slice(0, options.sheet), recipe, results);
  if (sheet) await writeFile(join(folder, SHEET), sheet);
  return report;
}

type SetMeans = Omit<SetMeasures, 'stage' | 'pictures' | 'distance'>;

async function measureSet(
  stage: StageName,
  files: ReadonlyMap<string, string>,
  { items, options, results, onPicture }: EvalRequest,
  meter: StyleMeter | undefined,
  failed: Record<string, string>,
): Promise<SetMeans> {
  const generated = stage === 'generate' ? undefined : results.get('generate');
  const measures: StyleMeasures[] = [];
  const truths: { l1: number; truth: number }[] = [];
  const read = (path: string) => readPlanes(path, options.maxSize);
  const measure = async (item: Item, file: string) => {
    const result = await read(file);
    const real = item.truth === undefined ? undefined : fitted(await read(item.truth), result);
    if (meter && item.reference !== undefined) {
      const before = generated?.get(item.name);
      const content = before === undefined ? undefined : fitted(await read(before), result);
      measures.push(await meter.measure({ result, style: await read(item.reference), content }));
    }
    if (real) truths.push({ l1: meanDifference(result, real), truth: ssim(result, real) });
  };
  for (const item of items) {
    const file = files.get(item.name);
    if (file === undefined) continue;
    try {
      await measure(item, file);
    } catch (error) {
      if (!(error instanceof DataError || error instanceof RequestError)) throw error;
      failed[item.name] = error.message;
    }
    onPicture(item.name);
  }
  const mean = (pick: (one: { l1: number; truth: number }) => number) =>
    truths.reduce((sum, one) => sum + pick(one), 0) / truths.length;
  const ofTruth = truths.length === 0 ? {} : { l1: mean(({ l1 }) => l1), truth: mean(({ truth }) => truth) };
  return { ...ofTruth, ...(measures.length === 0 ? {} : meanMeasures(measures)) };
}

interface Distances {
  readonly about: NonNullable<EvalReport['distance']>;
  /** undefined for fewer than two pictures */
  of(files: readonly string[]): Promise<number | undefined>;
  dispose(): void;
}

/** FID where its Inception is given, else the distance of random features. */
async function openDistances(
  device: Device,
  folder: string,
  { inception }: NonNullable<Recipe['eval']>,
  seed: number,
): Promise<Distances | undefined> {
  const files = await walkPictures(folder);
  if (files.length < 2) return undefined;
  const extractor: FeatureExtractor =
    inception === undefined ? randomFeatureExtractor(device, seed) : await loadInception(device, inception, 2048);
  const statistics = async (of: readonly string[]): Promise<FeatureStatistics> =>
    statisticsOf(await collectFeatures(device, readPictures(of), extractor));
  const real = await statistics(files);
  const { measure, description } = extractor;
  return {
    about: { measure, features: description, real: files.length },
    of: async (set) => (set.length < 2 ? undefined : frechetDistance(await statistics(set), real).distance),
    dispose: () => extractor.dispose(),
  };
}

/** Planes at the size of others. */
function fitted(planes: Planes, { width, height }: Planes): Planes {
  if (planes.width === width && planes.height === height) return planes;
  const picture = fromPlanar(planes.planes, planes.width, planes.height, { bitDepth: 16 });
  return planesOf(resizePicture(picture, width, height, 'bicubic'));
}

function meanDifference({ planes: a }: Planes, { planes: b }: Planes): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
  return sum / a.length;
}
