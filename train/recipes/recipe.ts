import type { Forecast, Tensor } from '../../engine/index.ts';
import type { KeyMap, Shapes } from '../../models/checkpoint/key-maps.ts';

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

/**
 * Records the rest of a step that was begun, and submits it, before it returns; resolves when the GPU is through with it.
 * Called once, after the report of the step before.
 */
export type FinishStep = () => Promise<StepReport>;

/** A picture of a sample sheet: RGB planes in [0, 1]. */
export interface SamplePicture {
  /** column of the sheet: content, style, stylized… */
  readonly name: string;
  readonly planar: Float32Array;
  readonly width: number;
  readonly height: number;
}

/** How files of the original projects name a recipe's networks and tensors, and what their shapes say. */
export interface Originals {
  /** by network, as `tensors` names them */
  readonly keyMaps: Readonly<Record<string, KeyMap>>;
  /** the options in which the network of a file is another than the training's: "--ngf 4 there, 2 here" */
  differences(network: string, there: Shapes, here: Shapes): readonly string[];
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
  /** bytes that a step takes at most, found by recording it on shapes, and the way to compile all that it runs */
  forecast(batch: Batch): Pick<Forecast, 'peakBytes' | 'compile'>;
  /**
   * Begins a step on one batch: uploads it, records and submits what does not depend on how the step before went, which
   * the GPU may still be at. `step` counts from 0 and never repeats, skipped batches included
   */
  begin(batch: Batch, step: number): FinishStep;
  /** whether the next step cannot begin before the report of the last one; never when left out */
  needsReport?(): boolean;
  /**
   * named tensors of each file of a checkpoint, by the original projects' names: a file a network, `net` where there is
   * one alone; `optim`; `ema` with the averages, whose names begin with `NETWORK.` where there are several
   */
  tensors(): Readonly<Record<string, ReadonlyMap<string, Tensor>>>;
  /** overwrites those of these tensors in place that have values */
  load(file: string, values: ReadonlyMap<string, Float32Array>): void;
  /** for `--from` with other files than those of a run; left out: their names and shapes must be the recipe's own */
  readonly originals?: Originals;
  counters(): Json;
  restore(counters: Json): void;
  /** rows of pictures for the sample sheet */
  sample(batch: Batch): Promise<readonly (readonly SamplePicture[])[]>;
  /** finds the first tensor with a NaN or infinity, by name, after a step that diverged */
  firstBadTensor(): Promise<string | undefined>;
  dispose(): void;
}
