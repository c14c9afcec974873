/** Label maps and the files that belong to them. */
import { DataError } from '../../errors.ts';
import { type LabelFilesOptions, type LabelLists, type LabelPair, labelLists, stem } from './label-folders.ts';
import { withReferences } from './reference-photos.ts';

export type { LabelFilesOptions, LabelPair };

/**
 * Lists the pairs of a data set: every folder is walked to its end, names are sorted with their digits as numbers, and
 * files of the same name without extension belong together (in Cityscapes, of the same first three words).
 *
 * @throws RequestError when a folder that was named is not there
 * @throws DataError when a file has no partner, with its name, or when the data set has no label maps or not its folders
 */
export async function labelFiles(options: LabelFilesOptions): Promise<LabelPair[]> {
  const lists = await labelLists(options);
  const pairs = options.anyNames ? byPlace(lists) : byName(lists);
  const kept = pairs.slice(0, options.maxItems);
  return withReferences(kept, options);
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

function byName({ labels, images, instances, keyOf = stem }: LabelLists): LabelPair[] {
  const keyed = (paths: readonly string[] | undefined) => paths && groups(paths, keyOf);
  const [ofLabels, ofImages, ofInstances] = [groups(labels, keyOf), keyed(images), keyed(instances)];
  const partner = (label: string, others: Map<string, string[]> | undefined, what: string, remedy: string) => {
    if (!others) return undefined;
    const key = keyOf(label);
    // twice the same name in different folders: in the same order
    const found = others.get(key)?.[ofLabels.get(key)!.indexOf(label)];
    if (found !== undefined) return found;
    const lacking = labels.filter((one) => !others.has(keyOf(one))).length;
    throw new DataError(
      `${label}: expected ${what} of the same name, but there is none` +
        `${lacking > 1 ? ` (nor for ${lacking - 1} other label maps)` : ''}. ${remedy}`,
    );
  };
  const pairs = labels.map((label) => ({
    name: stem(label),
    label,
    image: partner(label, ofImages, 'a picture', 'Add it, or take the label map out.'),
    instance: partner(label, ofInstances, 'an instance map', 'Add it, or give --no-instance.'),
  }));
  const lonely = images?.filter((path) => !ofLabels.has(keyOf(path))) ?? [];
  if (lonely.length > 0) {
    throw new DataError(
      `${lonely[0]}: expected a label map of the same name, but there is none` +
        `${lonely.length > 1 ? ` (nor for ${lonely.length - 1} other pictures)` : ''}. Add it, or take the picture out.`,
    );
  }
  return pairs;
}

function groups(paths: readonly string[], keyOf: (path: string) => string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const path of paths) {
    const key = keyOf(path);
    found.set(key, [...(found.get(key) ?? []), path]);
  }
  return found;
}
