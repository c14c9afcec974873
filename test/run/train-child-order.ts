/** What is trained in a child, and by the test that compares: the same by the same words. */
import type { Device } from '../../engine/index.ts';
import type { Training } from '../../train/recipes/system.ts';
import { gauganTraining } from './gaugan-training.ts';
import { lineTraining } from './line-recipe.ts';

/** A linear regression, quick; or GauGAN on drawn landscapes. */
export type Subject = { readonly name: 'line' } | { readonly name: 'gaugan'; readonly data: string };

/** What the child is told. */
export interface ChildOrder {
  readonly subject: Subject;
  readonly runs: string;
  readonly name: string;
  readonly steps: number;
  readonly saveEvery: number;
  /** milliseconds that each step is held up, so that an instant can fall into it */
  readonly delayMs?: number;
  /** SIGKILL after this thing was done, counted over all checkpoints: the place in the list */
  readonly killAtPhase?: number;
  readonly resume?: boolean;
}

export const SCHEDULE = { printEvery: 5, sampleEvery: 10, evalEvery: 0, keepLast: 2 } as const;

/** @param within  called in each step, when its update is recorded */
export async function trainingOf(
  device: Device,
  subject: Subject,
  { steps, within }: { readonly steps: number; readonly within?: () => Promise<void> },
): Promise<Training<unknown>> {
  if (subject.name === 'gaugan') return gauganTraining(device, subject.data, { within });
  return lineTraining(device, { steps, within }) as Training<unknown>;
}
