/** What `eval fid` compares: the pictures of a folder as FID's original lists them, or of a run's sample sheets. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { toPlanar } from '../data/image/picture.ts';
import { readImage } from '../data/image/read.ts';
import { DataError, RequestError } from '../errors.ts';
import { stepOfName } from '../run/checkpoint-state.ts';
import { isRunFolder } from '../run/describe-run.ts';
import { SAMPLES } from '../run/samples.ts';
import type { Planes } from './image-similarity.ts';

/** Lower case alone, as in the original: `.JPG` is no picture to it. */
const EXTENSIONS = 'bmp jpg jpeg pgm png ppm tif tiff webp'.split(' ');

export interface PictureSet {
  readonly files: readonly string[];
  /** the step of a run that made them */
  readonly step?: number;
  /** what the user should know */
  readonly notes: readonly string[];
}

/**
 * The pictures of a folder, not of those below it, sorted.
 *
 * @throws RequestError when there is no such folder; DataError when it has no pictures
 */
export async function folderSet(folder: string): Promise<PictureSet> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new RequestError(
      `${folder}: expected a folder of pictures, a run, or statistics (.npz), but it cannot be read (${error.code}).`,
    );
  });
  const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  const has = (name: string, list: readonly string[]) => list.some((extension) => name.endsWith(`.${extension}`));
  const files = names.filter((name) => has(name, EXTENSIONS)).sort();
  const missed = names.filter((name) => !has(name, EXTENSIONS) && has(name.toLowerCase(), EXTENSIONS));
  if (files.length === 0) {
    throw new DataError(
      `${folder}: expected pictures directly in this folder (.${EXTENSIONS.join(' .')}, in lower case), but there are ` +
        `none among its ${names.length} files. Name the folder that has them.`,
    );
  }
  const notes =
    missed.length > 0 ? [`${folder}: ${missed.length} left out, such as ${missed[0]}: not in lower case`] : [];
  return { files: files.map((name) => join(folder, name)), notes };
}

/** Columns of sample sheets that are results, as the recipes name them. */
const RESULTS = ['fake', 'stylized', 'cartoon'];

/** First and last step. */
export type StepRange = readonly [number, number];

/**
 * The results of a run's sample sheets, a set for each step: of the newest step, or of those in the range.
 *
 * @throws RequestError when the run has no such sheets
 */
export async function runSets(run: string, range?: StepRange): Promise<PictureSet[]> {
  const names = await readdir(join(run, SAMPLES)).catch(() => [] as string[]);
  const steps = names
    .map((name) => ({ name, step: stepOfName(name) }))
    .filter((one): one is { name: string; step: number } => one.step !== undefined)
    .sort((a, b) => a.step - b.step);
  const chosen = range ? steps.filter(({ step }) => step >= range[0] && step <= range[1]) : steps.slice(-1);
  if (chosen.length === 0) {
    const those = steps.map(({ step }) => step);
    throw new RequestError(
      `${run}: expected sample sheets${range ? ` of steps ${range[0]} to ${range[1]}` : ''}, but the run has ` +
        `${those.length === 0 ? 'none yet' : `those of ${those.join(', ')}`}. They are made every --sample-every steps.`,
    );
  }
  const sets: PictureSet[] = [];
  for (const { name, step } of chosen) {
    const pictures = (await readdir(join(run, SAMPLES, name))).sort();
    const column = RESULTS.find((result) => pictures.some((file) => file.endsWith(`_${result}.png`)));
    const files = pictures.filter((file) => column && file.endsWith(`_${column}.png`));
    if (files.length === 0) {
      throw new RequestError(
        `${join(run, SAMPLES, name)}: expected pictures named ${RESULTS.map((r) => `_${r}.png`).join(', ')}, found none. ` +
          'Make results with a command of the model, and name their folder.',
      );
    }
    sets.push({ files: files.map((file) => join(run, SAMPLES, name, file)), step, notes: [] });
  }
  return sets;
}

/** The sets that a path names: one, or one for each step of a run. */
export async function pictureSets(path: string, range?: StepRange): Promise<PictureSet[]> {
  return (await isRunFolder(path)) ? runSets(path, range) : [await folderSet(path)];
}

/** Reads one picture after another. */
export async function* readPictures(files: readonly string[]): AsyncGenerator<Planes> {
  for (const file of files) {
    const picture = await readImage(file);
    yield { planes: toPlanar(picture), width: picture.width, height: picture.height };
  }
}
