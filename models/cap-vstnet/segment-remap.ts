/**
 * Remapping of the labels of an automatic segmentation, so that content and style have regions in common.
 *
 * All three functions follow a relation table: `related[j * classes + s]` is the class that is j-th most related to
 * class s. Row 0 need not be s itself.
 */
import { type Labels, labelCounts } from './segment.ts';

/** Which classes are most like which. */
export interface Relations {
  /** number of classes; labels are 0 … classes − 1 */
  readonly classes: number;
  /** [rows, classes], row-major: the j-th most related class of s is at j · classes + s */
  readonly related: ArrayLike<number>;
}

/**
 * Replaces every label that covers less than `minRatio` of the map by the most related label that covers at least
 * that much. Shares are those of the original map; a small label without such a relative stays.
 *
 * @param labels    [H, W]
 * @param minRatio  share of the pixels, 0.02 at the original's command line
 */
export function remapSelf<T extends Labels>(labels: T, relations: Relations, minRatio: number): T {
  const share = new Map([...labelCounts(labels)].map(([label, count]) => [label, count / labels.length]));
  const large = new Set([...share.keys()].filter((label) => share.get(label)! >= minRatio));
  const small = [...share.keys()].filter((label) => !large.has(label));
  return replace(labels, nearestRelatives(small, large, relations));
}

/**
 * Replaces every label of the content that the style lacks by the most related label that the style has.
 *
 * @param content  [H, W]
 * @param style    [H', W']
 */
export function remapCross<T extends Labels>(content: T, style: Labels, relations: Relations): T {
  const present = new Set(labelCounts(style).keys());
  const absent = [...labelCounts(content).keys()].filter((label) => !present.has(label));
  return replace(content, nearestRelatives(absent, present, relations));
}

/**
 * Replaces every label of the style that the content lacks by the most related label that both maps have: the regions
 * of the style that would otherwise go unused join those that are used.
 *
 * @param content  [H, W]
 * @param style    [H', W']
 */
export function mergeStyle<T extends Labels>(content: Labels, style: T, relations: Relations): T {
  const used = new Set(labelCounts(content).keys());
  const labels = [...labelCounts(style).keys()];
  const common = new Set(labels.filter((label) => used.has(label)));
  const unused = labels.filter((label) => !used.has(label));
  return replace(style, nearestRelatives(unused, common, relations));
}

function nearestRelatives(labels: number[], allowed: ReadonlySet<number>, relations: Relations): Map<number, number> {
  const { classes, related } = relations;
  const rows = Math.floor(related.length / classes);
  const chosen = new Map<number, number>();
  for (const label of labels) {
    if (label >= classes) {
      throw new RangeError(
        `segmentation labels: the relation table covers labels 0 to ${classes - 1}, but the map holds ${label}. ` +
          'Give a table with as many classes as the segmentation has.',
      );
    }
    for (let j = 0; j < rows; j++) {
      const relative = related[j * classes + label];
      if (allowed.has(relative)) {
        chosen.set(label, relative);
        break;
      }
    }
  }
  return chosen;
}

function replace<T extends Labels>(labels: T, chosen: ReadonlyMap<number, number>): T {
  const replaced = labels.slice() as T;
  if (chosen.size === 0) return replaced;
  for (let i = 0; i < replaced.length; i++) {
    const label = chosen.get(labels[i]);
    if (label !== undefined) replaced[i] = label;
  }
  return replaced;
}
