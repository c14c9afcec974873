/**
 * Masked transfer, the part that looks at labels: which regions of content and style are matched, and the statistics
 * of each.
 */
import type { Statistics } from '../../kernels/index.ts';
import { type LabelMatch, type Labels, matchLabels, resizeLabels } from './segment.ts';
import { latentStatistics } from './statistics-host.ts';

/** A label map with its size. */
export interface LabelMap {
  readonly labels: Labels;
  readonly width: number;
  readonly height: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The matched regions of one content and style pair. */
export interface RegionPlan {
  /** the label maps at the sizes of the latents */
  readonly content: LabelMap;
  readonly style: LabelMap;
  /** every label of the content's full-size map, with the verdict of the full-size rule */
  readonly matches: readonly LabelMatch[];
  /** labels to transfer, ascending: valid, and still two pixels or more on both sides at the size of the latents */
  readonly labels: readonly number[];
}

/**
 * Counts labels at full size, then resizes both maps by nearest to their latents.
 *
 * @param content, style            full-size label maps, any sizes
 * @param contentLatent, styleLatent  sizes of the latents in pixels
 */
export function planRegions(content: LabelMap, style: LabelMap, contentLatent: Size, styleLatent: Size): RegionPlan {
  const matches = matchLabels(content.labels, style.labels);
  const [small, smallStyle] = [resized(content, contentLatent), resized(style, styleLatent)];
  const enough = (map: LabelMap, label: number) => columnsOf(map.labels, label).length >= 2;
  const labels = matches
    .filter(({ valid, label }) => valid && enough(small, label) && enough(smallStyle, label))
    .map(({ label }) => label);
  return { content: small, style: smallStyle, matches, labels };
}

function resized({ labels, width, height }: LabelMap, to: Size): LabelMap {
  return { labels: resizeLabels(labels, width, height, to.width, to.height), width: to.width, height: to.height };
}

/** Pixel indices of a label, ascending. */
export function columnsOf(labels: Labels, label: number): Uint32Array {
  const found: number[] = [];
  for (let i = 0; i < labels.length; i++) if (labels[i] === label) found.push(i);
  return Uint32Array.from(found);
}

/**
 * Mean and covariance of the pixels of one label, with the region's own count less one.
 *
 * @param latent  [N, pixels], one item
 * @param labels  [pixels]
 */
export function regionStatistics(latent: Float32Array, n: number, labels: Labels, label: number): Statistics {
  const columns = columnsOf(labels, label);
  const pixels = labels.length;
  const gathered = new Float32Array(n * columns.length);
  for (let c = 0, at = 0; c < n; c++) for (const column of columns) gathered[at++] = latent[c * pixels + column];
  return latentStatistics(gathered, 1, n);
}
