/** The folders of data sets of label maps and pictures, and the files in them. */

import { stat } from 'node:fs/promises';
import { basename, extname, join, relative, sep } from 'node:path';
import type { DatasetMode } from '../../choices.ts';
import { DataError, RequestError } from '../../errors.ts';
import type { Phase } from './label-datasets.ts';
import { naturalOrder } from './natural-order.ts';
import { walkPictures } from './walk.ts';

/** The files of one sample. */
export interface LabelPair {
  /** of the label map, without folder and extension */
  readonly name: string;
  readonly label: string;
  /** left out where there are only label maps to paint */
  readonly image?: string;
  readonly instance?: string;
  /** the photo whose style the picture is to have */
  readonly reference?: string;
}

export interface LabelFilesOptions {
  readonly mode: DatasetMode;
  /** the data set's folder; for `custom` and `landscape` the folders below may stand for it */
  readonly data?: string;
  /** `train` */
  readonly phase?: Phase;
  readonly labelDir?: string;
  readonly imageDir?: string;
  readonly instanceDir?: string;
  /** whether the network sees the edges of instances, so that every label map needs its instance map */
  readonly instances: boolean;
  /** whether pictures must be there, as for training; true. Label maps alone are enough to paint */
  readonly images?: boolean;
  /** JSON: name of a label map's file → name of its reference photo; `label_to_img.json` of the data set where there is one */
  readonly labelToImage?: string;
  /** where those photos are; `references/` of the data set, or its pictures */
  readonly referenceDir?: string;
  /** pairs files by their places in the sorted lists alone, whatever their names */
  readonly anyNames?: boolean;
  /** COCO: leaves out the folders of portraits */
  readonly noPortraits?: boolean;
  /** the first pairs alone */
  readonly maxItems?: number;
}

/** Sorted lists of files. */
export interface LabelLists {
  readonly labels: readonly string[];
  readonly images?: readonly string[];
  readonly instances?: readonly string[];
  /** what the names of files that belong together have in common */
  readonly keyOf?: (path: string) => string;
}

/** Lists the files of a data set, unpaired. @throws as `labelFiles` does for what is missing */
export function labelLists(options: LabelFilesOptions): Promise<LabelLists> {
  return LISTERS[options.mode](options);
}

type Lister = (options: LabelFilesOptions) => Promise<LabelLists>;

const LISTERS: Readonly<Record<DatasetMode, Lister>> = {
  coco: (options) => phaseFolders(options, true),
  facades: (options) => phaseFolders(options, false),
  ade20k: listAde20k,
  cityscapes: listCityscapes,
  custom: listDirs,
  landscape: listDirs,
};

const valPhase = (options: LabelFilesOptions) => (options.phase === 'test' ? 'val' : 'train');
const wantsImages = ({ images = true }: LabelFilesOptions) => images;

/** `train_label/`, `train_img/`, `train_inst/`, and COCO's portraits beside them. */
async function phaseFolders(options: LabelFilesOptions, withPortraits: boolean): Promise<LabelLists> {
  const data = dataOf(options);
  const phase = valPhase(options);
  const suffixes = ['', ...(withPortraits && phase === 'train' && !options.noPortraits ? ['_portrait'] : [])];
  const listed = async (kind: string) => {
    const folders = suffixes.map((suffix) => `${phase}_${kind}${suffix}`);
    const present = await Promise.all(folders.map((name, i) => i === 0 || isFolder(join(data, name))));
    const files = await Promise.all(
      folders.filter((_, i) => present[i]).map((name) => walkBelow(data, name, `${phase}_label/ and ${phase}_img/`)),
    );
    return sorted(data, files.flat());
  };
  return {
    labels: await listed('label'),
    images: wantsImages(options) ? await listed('img') : undefined,
    instances: options.instances && withPortraits ? await listed('inst') : undefined,
    // a portrait may have the name of another picture
    keyOf: (path) => `${relative(data, path).includes('_portrait') ? 'portrait ' : ''}${stem(path)}`,
  };
}

async function listAde20k(options: LabelFilesOptions): Promise<LabelLists> {
  const data = dataOf(options);
  const mark = `_${valPhase(options)}_`;
  const files = sorted(data, await walkPictures(data)).filter((path) => relative(data, path).includes(mark));
  const labels = files.filter((path) => extname(path) === '.png');
  if (labels.length === 0) {
    throw new DataError(
      `${data}: expected ADE20K's label maps, PNG files with ${mark} in their names, but none of its files is one. ` +
        'Name the folder that holds them, or say --dataset-mode custom.',
    );
  }
  return { labels, images: wantsImages(options) ? files.filter((path) => extname(path) === '.jpg') : undefined };
}

async function listCityscapes(options: LabelFilesOptions): Promise<LabelLists> {
  const data = dataOf(options);
  const phase = valPhase(options);
  const layout = `gtFine/${phase}/ and leftImg8bit/${phase}/`;
  const truth = sorted(data, await walkBelow(data, join('gtFine', phase), layout));
  const ending = (end: string) => truth.filter((path) => path.endsWith(end));
  const labels = ending('_labelIds.png');
  if (labels.length === 0) {
    throw new DataError(`${join(data, 'gtFine', phase)}: expected label maps *_labelIds.png, but there is none.`);
  }
  return {
    labels,
    images: wantsImages(options) ? sorted(data, await walkBelow(data, join('leftImg8bit', phase), layout)) : undefined,
    instances: options.instances ? ending('_instanceIds.png') : undefined,
    keyOf: (path) => basename(path).split('_').slice(0, 3).join('_'),
  };
}

/** Names that folders of label maps, pictures and instance maps have in data sets that people make. */
const FOLDER_NAMES = {
  labels: ['labels', 'label', 'train_label'],
  images: ['images', 'imgs', 'img', 'image', 'train_img'],
  instances: ['instances', 'instance', 'inst', 'train_inst'],
  references: ['references', 'reference', 'refs'],
} as const;

async function listDirs(options: LabelFilesOptions): Promise<LabelLists> {
  const labelDir = options.labelDir ?? (await folderIn(options, 'labels'));
  if (labelDir === undefined) {
    throw options.data === undefined
      ? new RequestError('--label-dir: expected the folder of label maps, but none is named. Or give --data DIR.')
      : new DataError(
          `${options.data}: expected a folder labels/ in it, but there is none. Or name it: --label-dir DIR`,
        );
  }
  const list = async (folder: string) => sorted(folder, await walkPictures(folder));
  const imageDir = options.imageDir ?? (await folderIn(options, 'images'));
  if (wantsImages(options) && imageDir === undefined) {
    throw options.data === undefined
      ? new RequestError('--image-dir: expected the folder of pictures, but none is named.')
      : new DataError(
          `${options.data}: expected a folder images/ in it, but there is none. Or name it: --image-dir DIR`,
        );
  }
  const instanceDir = options.instances ? (options.instanceDir ?? (await folderIn(options, 'instances'))) : undefined;
  if (options.instances && instanceDir === undefined) {
    throw new DataError(
      `${options.data ?? labelDir}: expected an instance map for each label map, but no folder has them. ` +
        'Name it with --instance-dir DIR, or give --no-instance to train without the edges of instances.',
    );
  }
  return {
    labels: await list(labelDir),
    images: wantsImages(options) && imageDir !== undefined ? await list(imageDir) : undefined,
    instances: instanceDir === undefined ? undefined : await list(instanceDir),
  };
}

/** The folder of a kind in a data set, where there is one. */
export async function folderIn(
  { data }: Pick<LabelFilesOptions, 'data'>,
  kind: keyof typeof FOLDER_NAMES,
): Promise<string | undefined> {
  if (data === undefined) return undefined;
  for (const name of FOLDER_NAMES[kind]) if (await isFolder(join(data, name))) return join(data, name);
  return undefined;
}

function dataOf({ data, mode }: LabelFilesOptions): string {
  if (data !== undefined) return data;
  throw new RequestError(`--data: expected the folder of the data set for --dataset-mode ${mode}, but none is named.`);
}

async function walkBelow(data: string, name: string, layout: string): Promise<string[]> {
  const folder = join(data, name);
  if (await isFolder(folder)) return walkPictures(folder);
  throw new DataError(
    `${data}: expected ${layout} in it, but there is no ${name.replaceAll(sep, '/')}/. ` +
      'Name the folder that has them, or say what it is with --dataset-mode.',
  );
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

function sorted(folder: string, paths: readonly string[]): string[] {
  const below = new Map(paths.map((path) => [path, relative(folder, path).replaceAll(sep, '/')]));
  return [...paths].sort((a, b) => naturalOrder(below.get(a)!, below.get(b)!));
}

/** A file's name without folder and extension. */
export const stem = (path: string): string => basename(path, extname(path));

/** The mode that a data set's folders are those of; `custom` where they say nothing. */
export async function guessDatasetMode(data: string): Promise<DatasetMode> {
  const has = (...names: string[]) => isFolder(join(data, ...names));
  if (await has('gtFine')) return 'cityscapes';
  if (await has('train_inst')) return 'coco';
  const isLandscape = (await stat(join(data, 'label_to_img.json')).catch(() => undefined)) !== undefined;
  if (isLandscape) return 'landscape';
  if (await folderIn({ data }, 'labels')) return 'custom';
  const files = await walkPictures(data).catch(() => []);
  return files.some((path) => relative(data, path).includes('_train_')) ? 'ade20k' : 'custom';
}
