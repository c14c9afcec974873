/** Label maps and the files that belong to them. */
import { DataError } from '../../errors.ts';
import type { BadFile } from '../workers/inspect-task.ts';
import { type LabelFilesOptions, type LabelLists, type LabelPair, labelLists, stem } from './label-folders.ts';
import { withReferences } from './reference-photos.ts';
import { refuseWrongFiles } from './wrong-files.ts';

export type { LabelFilesOptions, LabelPair };

/**
 * Lists the pairs of a data set: every folder is walked to its end, names are sorted with their digits as numbers, and
 * files of the same name without extension belong together (in Cityscapes, of the same first three words).
 *
 * @throws RequestError when a folder that was named is not there
 * @throws DataError when a file has no partner, with its name, or when the data set has no label maps or not its folders
 */
export async function labelFiles(options: LabelFilesOptions): Promise<readonly LabelPair[]> {
  const { pairs, wrong } = await pairedFiles(options);
  refuseWrongFiles(wrong);
  return pairs;
}

export interface PairedFiles {
  readonly pairs: readonly LabelPair[];
  /** files without a partner */
  readonly wrong: readonly BadFile[];
}

/** As {@link labelFiles}, but tells of files without a partner instead of refusing them. */
export async function pairedFiles(options: LabelFilesOptions): Promise<PairedFiles> {
  const lists = await labelLists(options);
  const { pairs, wrong } = options.anyNames ? { pairs: byPlace(lists), wrong: [] } : byName(lists);
  return { pairs: await withReferences(pairs.slice(0, options.maxItems), options), wrong };
}

function byPlace({ labels, images, instances }: LabelLists): LabelPair[] {
  for (const [what, others] of [
    ['pictures', images],
    ['instance maps', instances],
  ] as const) {
    if (others && others.length !== labels.length) {
      throw new DataError(
        `${labels[0]} and the others: expected as many ${what} as label maps, but there are ${others.length} to ` +
          `${labels.length}. Take out what is too much.`,
      );
    }
  }
  return labels.map((label, i) => ({ name: stem(label), label, image: images?.[i], instance: instances?.[i] }));
}

function byName({ labels, images, instances, keyOf = stem }: LabelLists): PairedFiles {
  const ofLabels = groups(labels, keyOf);
  const wrong: BadFile[] = [];
  const missed = (path: string, what: string, remedy: string) =>
    wrong.push({ path, reason: `${path}: expected ${what} of the same name, but there is none. ${remedy}` });
  // twice the same name in different folders: in the same order
  const place = (path: string, group: Map<string, string[]>) => group.get(keyOf(path))!.indexOf(path);
  const partners = (others: readonly string[] | undefined) => {
    if (!others) return undefined;
    const ofOthers = groups(others, keyOf);
    const found = labels.map((label) => ofOthers.get(keyOf(label))?.[place(label, ofLabels)]);
    const lonely = others.filter((path) => place(path, ofOthers) >= (ofLabels.get(keyOf(path))?.length ?? 0));
    return { found, lonely };
  };
  const [ofImages, ofInstances] = [partners(images), partners(instances)];
  const pairs = labels.flatMap((label, i): LabelPair[] => {
    const [image, instance] = [ofImages?.found[i], ofInstances?.found[i]];
    if (ofImages && !image) missed(label, 'a picture', 'Add it, or take the label map out.');
    if (ofInstances && !instance) missed(label, 'an instance map', 'Add it, or give --no-instance.');
    if ((ofImages && !image) || (ofInstances && !instance)) return [];
    return [{ name: stem(label), label, image, instance }];
  });
  for (const path of ofImages?.lonely ?? []) missed(path, 'a label map', 'Add it, or take the picture out.');
  return { pairs, wrong };
}

function groups(paths: readonly string[], keyOf: (path: string) => string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const path of paths) {
    const key = keyOf(path);
    found.set(key, [...(found.get(key) ?? []), path]);
  }
  return found;
}
