/** Checks of data sets before a training. A new model's check is a file of its own and a line here. */

import type { DatasetMode } from '../../choices.ts';
import type { FolderFacts } from './inspect-folder.ts';

export interface DataCheck {
  readonly folders: readonly (FolderFacts & { readonly name: string })[];
  /** of label maps */
  readonly labels?: {
    /** classes: what was given, what the data set is known to have, or one more than the largest label */
    readonly labelNc: number;
    /** the label that means no class */
    readonly dontCare?: number;
    /** of each label that occurs, ascending */
    readonly shares: readonly LabelShare[];
  };
  /** what must be mended */
  readonly problems: readonly string[];
  /** what to know */
  readonly notes: readonly string[];
  /** a command that trains on this data */
  readonly suggestion: string;
}

/** How often a label occurs. */
export interface LabelShare {
  readonly label: number;
  readonly name?: string;
  readonly pixels: number;
  /** of all pixels, 0 to 1 */
  readonly share: number;
  /** label maps that have it */
  readonly maps: number;
}

/** What there is to say about a data set of label maps, as for `miaobi train`. */
export interface LabelCheckOptions {
  /** left out: what the folders look like */
  readonly datasetMode?: DatasetMode;
  readonly labelDir?: string;
  readonly imageDir?: string;
  readonly instanceDir?: string;
  readonly labelNc?: number;
  readonly dontCare?: number;
  readonly noInstance?: boolean;
  /** file of the colours of coloured label maps */
  readonly palette?: string;
}

export interface CheckOptions extends LabelCheckOptions {
  /** told how many files there are, before the first is read */
  readonly onTotal?: (files: number) => Promise<void> | void;
  readonly onFile?: (path: string) => void;
  readonly workers?: number;
}

/** @param data  the data set's folder; undefined where the options name its parts */
export type CheckData = (data: string | undefined, options?: CheckOptions) => Promise<DataCheck>;

/** By the names of `miaobi train`. */
export const DATA_CHECKS: Readonly<Record<string, () => Promise<CheckData>>> = {
  gaugan: async () => (await import('./check-label-pictures.ts')).checkLabelPictures,
  'cap-vstnet': async () => (await import('./check-style-pairs.ts')).checkStylePairs,
};
