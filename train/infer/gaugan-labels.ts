/** What the channels of a GauGAN's semantic map stand for: classes, "don't care", the edges of instances. */
import type { DatasetMode } from '../choices.ts';
import { LABEL_DATASETS } from '../data/datasets/label-datasets.ts';
import { DONT_CARE, type LabelRule } from '../data/image/label-map.ts';
import { RequestError } from '../errors.ts';

/** How label maps become the network's input. */
export interface SemanticRule extends LabelRule {
  /** whether the last channel holds the edges of instances */
  readonly instance: boolean;
}

/** What is said of the data; what is left out is taken from the file, or the data set of this name. */
export interface SemanticHints {
  readonly labelNc?: number | undefined;
  readonly dontCare?: number | undefined;
  readonly instance?: boolean | undefined;
  readonly datasetMode?: DatasetMode | undefined;
}

/** What a training wrote into the header of its checkpoints. */
export interface WrittenSemantics {
  readonly labelNc: number;
  readonly dontCare: boolean;
  readonly instance: boolean;
}

/** Data sets of published weights, by the channels that their networks read. */
const PUBLISHED: readonly DatasetMode[] = ['coco', 'ade20k', 'cityscapes'];

const channelsOf = ({ labelNc, dontCare, instances }: (typeof LABEL_DATASETS)[DatasetMode]): number =>
  labelNc + (dontCare === undefined ? 0 : 1) + (instances ? 1 : 0);

/** The published data set whose networks read so many channels. */
export const publishedDataset = (channels: number): DatasetMode | undefined =>
  PUBLISHED.find((mode) => channelsOf(LABEL_DATASETS[mode]) === channels);

/**
 * Splits a network's channels. A file of the original shows only how many there are: `label_nc`, one more for "don't care",
 * one more for edges.
 *
 * @param channels  of the semantic map
 * @throws RequestError when what is said does not add up to them
 */
export function semanticRule(
  channels: number,
  hints: SemanticHints,
  written?: WrittenSemantics | undefined,
): SemanticRule {
  const { dontCare = DONT_CARE } = hints;
  if (written) {
    if (hints.labelNc !== undefined && hints.labelNc !== written.labelNc) {
      throw new RequestError(
        `--label-nc ${hints.labelNc}: expected ${written.labelNc}, with which this network was trained. Leave it out.`,
      );
    }
    const { labelNc, instance } = written;
    return { labelNc, instance, ...(written.dontCare ? { dontCare } : {}) };
  }
  const mode = hints.datasetMode ?? (hints.labelNc === undefined ? publishedDataset(channels) : undefined);
  // of `custom` only its name is said
  const dataset = mode === undefined || mode === 'custom' ? undefined : LABEL_DATASETS[mode];
  const labelNc = hints.labelNc ?? dataset?.labelNc;
  if (dataset && labelNc === dataset.labelNc && channelsOf(dataset) === channels) {
    return { labelNc, instance: dataset.instances, ...(dataset.dontCare === undefined ? {} : { dontCare }) };
  }
  if (labelNc === undefined) return unnamed(channels, hints);
  const rest = channels - labelNc;
  const care = hints.dontCare ?? dataset?.dontCare;
  const instance = hints.instance ?? dataset?.instances;
  const said = (care === undefined ? 0 : 1) + (instance === true ? 1 : 0);
  if (rest === said) return { labelNc, instance: instance === true, ...(care === undefined ? {} : { dontCare: care }) };
  if (rest === 2) return { labelNc, instance: true, dontCare };
  if (rest === 1 && instance === false) return { labelNc, instance: false, dontCare };
  if (rest === 1 && care === undefined) return { labelNc, instance: true };
  throw new RequestError(
    `--label-nc ${labelNc}: expected what adds up to the ${channels} channels that this network reads: label_nc, one more ` +
      `with --dont-care, one more unless --no-instance. ${advice(channels)}`,
  );
}

/** Nothing is said of the classes: all channels are classes, but those that are spoken of. */
function unnamed(channels: number, { dontCare, instance = false }: SemanticHints): SemanticRule {
  const labelNc = channels - (dontCare === undefined ? 0 : 1) - (instance ? 1 : 0);
  return { labelNc, instance, ...(dontCare === undefined ? {} : { dontCare }) };
}

const advice = (channels: number): string =>
  `Give --label-nc ${channels - 1} for classes and edges, or --label-nc ${channels} --no-instance for classes alone.`;
