import type { Device } from '../../engine/index.ts';
import type { Evaluation } from '../recipes/system.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Best } from './checkpoint-state.ts';
import type { RunFolder } from './folder.ts';
import type { IntervalReport } from './interval.ts';

/** Where a run stands: what a checkpoint keeps beside the recipe's own state. */
export interface Progress {
  /** batches seen */
  readonly step: number;
  /** batches that updated nothing */
  readonly skipped: number;
  /** of training */
  readonly seconds: number;
  readonly best?: Best;
}

export interface Schedule {
  readonly printEvery: number;
  readonly sampleEvery: number;
  readonly saveEvery: number;
  /** steps between evaluations; 0: none */
  readonly evalEvery: number;
  readonly keepLast: number;
}

export interface LoopOptions<Batch> {
  readonly device: Device;
  readonly folder: RunFolder;
  readonly start: Progress;
  readonly schedule: Schedule;
  readonly imagesPerStep: number;
  /** batches in one pass over the data; epochs are not counted when left out */
  readonly stepsPerEpoch?: number;
  /** what the sample sheets show */
  readonly sampleBatch: Batch;
  readonly evaluation?: Evaluation;
  /** which loss `best.json` follows unless evaluations decide; the sum of the losses when left out */
  readonly bestMetric?: string;
  /** goes into the checkpoints' headers */
  readonly metadata?: ReadonlyMap<string, string>;
  /** set when the run is to stop after this step: the name of a signal */
  readonly stopRequested?: () => string | undefined;
  /** after each step */
  readonly onStep?: (step: number) => void;
  /** after the first step and every `printEvery` */
  readonly onInterval?: (report: IntervalReport) => void;
  readonly say?: (line: string) => void;
  readonly warn?: (line: string) => void;
  /** see WriteCheckpointOptions */
  readonly onPhase?: (phase: string) => void;
}

export interface LoopResult {
  readonly end: 'finished' | 'interrupted';
  readonly progress: Progress;
  /** what asked for the stop */
  readonly signal?: string;
  readonly checkpoint: Checkpoint | undefined;
}
