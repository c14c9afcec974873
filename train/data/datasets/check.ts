/** Checks of data sets before a training. A new model's check is a file of its own and a line here. */
import type { FolderFacts } from './inspect-folder.ts';

export interface DataCheck {
  readonly folders: readonly (FolderFacts & { readonly name: string })[];
  /** what must be mended */
  readonly problems: readonly string[];
  /** what to know */
  readonly notes: readonly string[];
  /** a command that trains on this data */
  readonly suggestion: string;
}

export interface CheckOptions {
  /** told how many files there are, before the first is read */
  readonly onTotal?: (files: number) => Promise<void> | void;
  readonly onFile?: (path: string) => void;
  readonly workers?: number;
}

export type CheckData = (data: string, options?: CheckOptions) => Promise<DataCheck>;

/** By the names of `miaobi train`. */
export const DATA_CHECKS: Readonly<Record<string, () => Promise<CheckData>>> = {
  'cap-vstnet': async () => (await import('./check-style-pairs.ts')).checkStylePairs,
};
