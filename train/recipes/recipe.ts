import type { Tensor } from '../../engine/index.ts';

/** JSON that a checkpoint keeps beside its tensors. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What one step did. */
export interface StepReport {
  /** weighted losses by name, for metrics and the progress line */
  readonly losses: Readonly<Record<string, number>>;
  readonly lr: number;
  /** why nothing was updated, when nothing was; counters then stand still */
  readonly skipped?: string;
}

/** A picture of a sample sheet: RGB planes in [0, 1]. */
export interface SamplePicture {
  /** column of the sheet: content, style, stylized… */
  readonly name: string;
  readonly planar: Float32Array;
  readonly width: number;
  readonly height: number;
}

/**
 * The training story of one system: what the loop in train/run calls. Everything that decides the next step is in
 * `tensors`, `counters` and the step number, so that a run resumed from them continues bit for bit.
 */
export interface Recipe<Batch> {
  /** as in `miaobi train MODEL` */
  readonly model: string;
  /** steps of the whole training */
  readonly totalSteps: number;
  /** bytes that a step takes at most, found by recording it on shapes */
  forecastBytes(batch: Batch): number;
  /** one step on one batch; `step` counts from 0 and never repeats, skipped batches included */
  step(batch: Batch, step: number): Promise<StepReport>;
  /** named tensors of each file of a checkpoint, by the original projects' names: { net: {...}, optim: {...} } */
  tensors(): Readonly<Record<string, ReadonlyMap<string, Tensor>>>;
  /** overwrites those tensors in place */
  load(file: string, values: ReadonlyMap<string, Float32Array>): void;
  counters(): Json;
  restore(counters: Json): void;
  /** rows of pictures for the sample sheet */
  sample(batch: Batch): Promise<readonly (readonly SamplePicture[])[]>;
  /** finds the first tensor with a NaN or infinity, by name, after a step that diverged */
  firstBadTensor(): Promise<string | undefined>;
  dispose(): void;
}
