/** `eval/step-XXXXXXXX.json`: what a model measured on pictures that it is not trained on. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Evaluation } from '../recipes/system.ts';
import { writeJson } from './checkpoint.ts';
import { stepName, stepOfName } from './checkpoint-state.ts';

export const EVALUATIONS = 'eval';

const MeasuredSchema = z.object({
  /** batches seen before; 0: before training */
  step: z.number().int().min(0),
  measures: z.record(z.string(), z.number()),
  /** names of the measures where more is better */
  higher_is_better: z.array(z.string()),
  /** what was measured, for people */
  about: z.string(),
});

export type Measured = z.infer<typeof MeasuredSchema>;

/** Writes the file of a step. Measures that are no numbers are left out, for JSON has none. */
export async function writeEvaluation(
  run: string,
  step: number,
  measures: Readonly<Record<string, number>>,
  { about, higherIsBetter = [] }: Pick<Evaluation, 'about' | 'higherIsBetter'>,
): Promise<Measured> {
  const finite = Object.fromEntries(Object.entries(measures).filter(([, value]) => Number.isFinite(value)));
  const measured: Measured = { step, measures: finite, higher_is_better: [...higherIsBetter], about };
  await mkdir(join(run, EVALUATIONS), { recursive: true });
  await writeJson(join(run, EVALUATIONS, `${stepName(step)}.json`), measured);
  return measured;
}

/** All evaluations of a run, in the order of their steps; a file that is none is passed over. */
export async function readEvaluations(run: string): Promise<Measured[]> {
  const found: Measured[] = [];
  for (const { file } of await evaluationFiles(run)) {
    const text = await readFile(join(run, EVALUATIONS, file), 'utf8');
    const parsed = MeasuredSchema.safeParse(jsonOrUndefined(text));
    if (parsed.success) found.push(parsed.data);
  }
  return found;
}

/** Removes those beyond a step: they belong to a run that did not happen. */
export async function removeEvaluationsAfter(run: string, step: number): Promise<void> {
  for (const one of await evaluationFiles(run)) if (one.step > step) await rm(join(run, EVALUATIONS, one.file));
}

async function evaluationFiles(run: string): Promise<{ file: string; step: number }[]> {
  const names = await readdir(join(run, EVALUATIONS)).catch(() => [] as string[]);
  return names
    .filter((file) => file.endsWith('.json'))
    .map((file) => ({ file, step: stepOfName(file.slice(0, -'.json'.length)) }))
    .filter((one): one is { file: string; step: number } => one.step !== undefined)
    .sort((a, b) => a.step - b.step);
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a training came to in one measure. */
export interface MeasureSummary {
  readonly name: string;
  readonly higherIsBetter: boolean;
  /** at step 0, where it was measured there */
  readonly before: number | undefined;
  /** of all that came after step 0 */
  readonly best: { readonly value: number; readonly step: number };
  readonly last: { readonly value: number; readonly step: number };
}

/** A row a measure, in the order in which they were first given; nothing before there is an evaluation after step 0. */
export function summarise(evaluations: readonly Measured[]): MeasureSummary[] {
  const names = [...new Set(evaluations.flatMap(({ measures }) => Object.keys(measures)))];
  return names.flatMap((name) => {
    const having = evaluations.filter(({ measures }) => name in measures);
    const points = having.map(({ step, measures }) => ({ step, value: measures[name] }));
    const after = points.filter(({ step }) => step > 0);
    const last = after.at(-1);
    if (!last) return [];
    const higherIsBetter = having.at(-1)?.higher_is_better.includes(name) ?? false;
    const best = after.reduce((a, b) => ((higherIsBetter ? b.value > a.value : b.value < a.value) ? b : a));
    return [{ name, higherIsBetter, before: points.find(({ step }) => step === 0)?.value, best, last }];
  });
}
