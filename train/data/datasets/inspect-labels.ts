/** What is in the label maps of a data set, and what is wrong with it, found before a training begins. */
import 'sharp'; // loaded here first: a library that only threads load goes with the first that ends
import { availableParallelism } from 'node:os';
import { type LabelRule, wrongLabelMessage, wrongLabels } from '../image/label-map.ts';
import type { Palette } from '../image/palette.ts';
import type { BadFile } from '../workers/inspect-task.ts';
import type { LabelFacts, LabelFactsJob } from '../workers/label-facts-task.ts';
import { openPool, taskBeside } from '../workers/pool.ts';
import type { LabelPair } from './label-files.ts';

export type { LabelFacts };

export interface InspectLabelsOptions {
  readonly palette?: Palette;
  /** decodes pictures and instance maps, too: false looks at their sizes alone */
  readonly whole: boolean;
  /** threads; as many as the machine has cores */
  readonly workers?: number;
  /** told of each pair that is done */
  readonly onPair?: (pair: LabelPair) => void;
}

/** Reads every label map whole, and pictures as far as asked for. */
export async function inspectLabels(
  pairs: readonly LabelPair[],
  { palette, whole, workers = availableParallelism(), onPair }: InspectLabelsOptions,
): Promise<LabelFacts[]> {
  const pool = openPool<LabelFactsJob, LabelFacts>(taskBeside(import.meta.url, '../workers/label-facts-task'), {
    workers: Math.min(workers, pairs.length),
    nameOf: ({ pair }) => pair.label,
  });
  try {
    return await Promise.all(
      pairs.map(async (pair) => {
        const facts = await pool.run({ pair, palette, whole });
        onPair?.(pair);
        return facts;
      }),
    );
  } finally {
    await pool.close();
  }
}

/** The files that a training with this rule cannot use as they are, one sentence each. */
export function wrongFiles(facts: readonly LabelFacts[], rule: LabelRule): BadFile[] {
  return facts.flatMap(({ pair, label, wrong }) => {
    const values = label ? wrongLabels(label.counts, rule) : [];
    if (!label || values.length === 0) return wrong;
    return [{ path: pair.label, reason: wrongLabelMessage(pair.label, values, label.counts, rule) }, ...wrong];
  });
}
