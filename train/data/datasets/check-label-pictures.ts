/** `data check --model gaugan`: label maps, the pictures and instance maps that belong to them, and the labels in them. */
import { dirname } from 'node:path';
import { RequestError } from '../../errors.ts';
import { DONT_CARE, type LabelRule } from '../image/label-map.ts';
import { readPalette } from '../image/palette.ts';
import { shellWord } from '../shell-word.ts';
import type { BadFile, PictureFacts } from '../workers/inspect-task.ts';
import type { CheckOptions, DataCheck, LabelShare } from './check.ts';
import { type FolderFacts, inspectFolder, shorterSides } from './inspect-folder.ts';
import { inspectLabels, type LabelFacts, wrongFiles } from './inspect-labels.ts';
import { LABEL_DATASETS } from './label-datasets.ts';
import { pairedFiles } from './label-files.ts';
import { folderIn, guessDatasetMode, type LabelFilesOptions } from './label-folders.ts';

/** The original's. */
const CROP_SIZE = 256;
/** Below this many pairs a training sees too little. */
const FEW = 100;

/**
 * Decodes every file of a data set. Without `labelNc` the number of classes is read off the label maps of `custom` sets;
 * that of the others is known.
 *
 * @param data  its folder, or undefined where the folders below are named one by one
 * @throws RequestError when a folder is not there
 * @throws DataError when the data set has no label maps, or not its folders
 */
export async function checkLabelPictures(data: string | undefined, options: CheckOptions = {}): Promise<DataCheck> {
  const { labelDir, imageDir, instanceDir, palette: paletteFile, onTotal, onFile } = options;
  if (data === undefined && labelDir === undefined) {
    throw new RequestError('data check: expected the folder of a data set, or --label-dir DIR and --image-dir DIR.');
  }
  const mode = options.datasetMode ?? (data === undefined ? 'custom' : await guessDatasetMode(data));
  const preset = LABEL_DATASETS[mode];
  const hasInstances = instanceDir !== undefined || (await folderIn({ data }, 'instances')) !== undefined;
  const instances = !options.noInstance && preset.instances && (mode !== 'custom' || hasInstances);
  const files: LabelFilesOptions = {
    ...{ mode, data, instances },
    labelDir: labelDir ?? (await folderIn({ data }, 'labels')),
    imageDir: imageDir ?? (await folderIn({ data }, 'images')),
    instanceDir: instanceDir ?? (await folderIn({ data }, 'instances')),
  };
  const paired = await pairedFiles(files);
  const palette = paletteFile === undefined ? undefined : await readPalette(paletteFile);
  await onTotal?.(paired.pairs.length);
  const facts = await inspectLabels(paired.pairs, {
    ...{ palette, whole: true, workers: options.workers },
    onPair: ({ label }) => onFile?.(label),
  });

  const counts = countAll(facts);
  const dontCare = options.dontCare ?? preset.dontCare ?? suggestedDontCare(counts, options.labelNc);
  const labelNc = options.labelNc ?? (mode === 'custom' ? classesOf(counts, dontCare) : preset.labelNc);
  const rule: LabelRule = { labelNc, dontCare };
  const wrong = wrongFiles(facts, rule);
  const folders = [
    ...foldersOf(facts, [...paired.wrong, ...wrong, ...facts.flatMap(({ unreadable }) => unreadable)]),
    ...(await photosOf(facts, options)),
  ];
  const labels = sharesOf(
    facts,
    counts,
    palette?.map(({ id, name }) => [id, name] as const),
  );
  return {
    folders,
    problems: folders.flatMap(({ bad }) => bad.map(({ reason }) => reason)),
    notes: notesOf(facts, labels, rule, mode === 'custom' && !instances && !options.noInstance),
    labels: { labelNc, dontCare, shares: labels },
    suggestion: suggest(files, rule, facts, paletteFile),
  };
}

function countAll(facts: readonly LabelFacts[]): Float64Array {
  const total = new Float64Array(256);
  for (const { label } of facts) {
    for (let id = 0; label && id < 256; id++) total[id] += label.counts[id];
  }
  return total;
}

/** 255 means no class where nobody says otherwise and the other labels are far below. */
function suggestedDontCare(counts: Float64Array, labelNc: number | undefined): number | undefined {
  return counts[DONT_CARE] > 0 && (labelNc ?? classesOf(counts, DONT_CARE)) < DONT_CARE ? DONT_CARE : undefined;
}

/** One more than the largest label. */
function classesOf(counts: Float64Array, dontCare: number | undefined): number {
  let largest = 0;
  counts.forEach((count, id) => {
    if (count > 0 && id !== dontCare) largest = id;
  });
  return Math.min(255, largest + 1);
}

function sharesOf(
  facts: readonly LabelFacts[],
  counts: Float64Array,
  names: readonly (readonly [number, string | undefined])[] = [],
): LabelShare[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  const nameOf = new Map(names);
  return [...counts.keys()]
    .filter((id) => counts[id] > 0)
    .map((id) => ({
      ...{ label: id, name: nameOf.get(id), pixels: counts[id], share: counts[id] / all },
      maps: facts.filter(({ label }) => label && label.counts[id] > 0).length,
    }));
}

function foldersOf(facts: readonly LabelFacts[], bad: readonly BadFile[]): (FolderFacts & { name: string })[] {
  const known = new Map<string, string>();
  for (const { pair } of facts) {
    for (const [kind, path] of [
      ['labels', pair.label],
      ['images', pair.image],
      ['instances', pair.instance],
    ] as const) {
      if (path !== undefined) known.set(path, kind);
    }
  }
  const map = (path: string, size: { width: number; height: number }): PictureFacts => ({
    ...{ path, width: size.width, height: size.height, bitDepth: 8, grey: true, alpha: false },
  });
  const pictures: Record<string, PictureFacts[]> = {
    labels: facts.flatMap(({ pair, label }) => (label ? [map(pair.label, label)] : [])),
    images: facts.flatMap(({ image }) => image ?? []),
    instances: facts.flatMap(({ pair, instance }) => (instance ? [map(pair.instance!, instance)] : [])),
  };
  // a label map may be beside its picture: what has no partner belongs where its neighbours do
  const kindOf = (path: string) =>
    known.get(path) ?? [...known].find(([other]) => dirname(other) === dirname(path))?.[1] ?? 'without a partner';
  const names = new Set([...known.values(), ...bad.map(({ path }) => kindOf(path))]);
  const once = new Map(bad.map((one) => [one.path, one]));
  return [...names].map((name) => {
    const own = pictures[name] ?? [];
    const wrong = [...once.values()].filter(({ path }) => kindOf(path) === name);
    const first = own[0]?.path ?? wrong[0]?.path ?? [...known].find(([, kind]) => kind === name)![0];
    const sides = own.length > 0 ? shorterSides(own) : undefined;
    return { name, folder: dirname(first), pictures: own, bad: wrong, shorterSides: sides };
  });
}

/** The reference photos, each of which may belong to many label maps. */
async function photosOf(facts: readonly LabelFacts[], { workers }: CheckOptions) {
  const photos = [...new Set(facts.flatMap(({ pair }) => pair.reference ?? []))];
  if (photos.length === 0) return [];
  return [{ name: 'references', ...(await inspectFolder(dirname(photos[0]), photos, undefined, workers)) }];
}

function notesOf(facts: readonly LabelFacts[], shares: readonly LabelShare[], rule: LabelRule, noInstances: boolean) {
  const notes: string[] = [];
  const present = new Set(shares.map(({ label }) => label));
  const absent = Array.from({ length: rule.labelNc }, (_, id) => id).filter((id) => !present.has(id));
  if (shares.length > 0 && absent.length > 0) {
    const shown = absent.slice(0, 12).join(', ');
    notes.push(
      `No label map has ${absent.length === 1 ? 'the label' : 'the labels'} ${shown}${absent.length > 12 ? ', …' : ''}: ` +
        `${absent.length} of the ${rule.labelNc} classes cannot be learned.`,
    );
  }
  if (noInstances) {
    notes.push('There are no instance maps: train with --no-instance, as below, or name them with --instance-dir DIR.');
  }
  const small = facts.filter(({ image }) => image && Math.min(image.width, image.height) < CROP_SIZE);
  if (small.length > 0) {
    const { path, width, height } = small[0].image!;
    notes.push(
      `${small.length} of ${facts.length} pictures are smaller than a crop of ${CROP_SIZE} pixels and would be enlarged ` +
        `and soft: ${path} (${width} x ${height})${small.length > 1 ? ' and others' : ''}.`,
    );
  }
  if (facts.length > 0 && facts.length < FEW) {
    notes.push(
      `${facts.length} ${facts.length === 1 ? 'pair is' : 'pairs are'} enough to try; ` +
        'the published networks saw thousands.',
    );
  }
  return notes;
}

/** The command that trains on the data set as it is. */
function suggest(
  { mode, data, labelDir, imageDir, instanceDir, instances }: LabelFilesOptions,
  { labelNc, dontCare }: LabelRule,
  facts: readonly LabelFacts[],
  palette: string | undefined,
): string {
  const parts = ['miaobi train gaugan'];
  const add = (flag: string, value: string | number | undefined) => {
    if (value !== undefined) parts.push(`--${flag} ${shellWord(String(value))}`);
  };
  if (mode === 'custom') {
    add('label-dir', labelDir);
    add('image-dir', imageDir);
    add('instance-dir', instances ? instanceDir : undefined);
  } else {
    add('data', data);
    add('dataset-mode', mode);
  }
  const preset = LABEL_DATASETS[mode];
  if (mode === 'custom' || labelNc !== preset.labelNc) add('label-nc', labelNc);
  if (dontCare !== preset.dontCare) add('dont-care', dontCare);
  if (!instances && preset.instances) parts.push('--no-instance');
  if (facts.some(({ label }) => label?.coloured)) add('palette', palette);
  const pictures = facts.flatMap(({ image }) => image ?? []);
  const tenth = pictures.length > 0 ? shorterSides(pictures).tenth : CROP_SIZE;
  if (tenth < preset.cropSize && preset.preprocess === 'resize_and_crop') {
    const crop = Math.max(32, 32 * Math.floor(tenth / 32));
    add('load-size', Math.round((crop * 286) / 256));
    add('crop-size', crop);
  }
  if (preset.preprocess === 'fixed' && pictures.length > 0) {
    const [{ width, height }] = pictures;
    const alike = Math.abs(width / height / preset.aspectRatio - 1) < 0.02;
    if (width < preset.cropSize) add('crop-size', Math.max(32, 32 * Math.floor(width / 32)));
    if (!alike) add('aspect-ratio', Number((width / height).toFixed(4)));
  }
  return parts.join(' ');
}
