/** What every drawn data set is: a list of files that can be made one by one, in any order. */

export interface SynthRequest {
  /** pictures, or pairs of them */
  readonly count: number;
  /** sides in pixels */
  readonly size: number;
  readonly seed: number;
}

export interface SynthFile {
  /** below the data set's folder, with `/` */
  readonly path: string;
  /** The file's bytes: a function of the request and the path, the same in every run. */
  readonly encode: () => Promise<Uint8Array>;
}

/** One kind of data set. */
export interface SynthKind {
  /** sides that it can be drawn in, pixels */
  readonly sizes: readonly [least: number, most: number];
  files(request: SynthRequest): readonly SynthFile[];
  /** Makes what needs all the files together. @returns what it wrote, and what the user should know */
  finish?(
    out: string,
    options: { readonly overwrite: boolean },
  ): Promise<{ readonly files: readonly string[]; readonly notes: readonly string[] }>;
  /** the command that uses the set */
  next(out: string, request: SynthRequest): string;
}
