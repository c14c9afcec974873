/** `state.json` of a checkpoint: what continues a run beside its tensors, and the sums that prove the files whole. */
import { z } from 'zod';

/** Raised when what is stored changes its meaning. */
export const CHECKPOINT_FORMAT = 1;

const JsonSchema = z.json();

export const BestSchema = z.object({ metric: z.string(), value: z.number(), step: z.number() });
export type Best = z.infer<typeof BestSchema>;

export const StateSchema = z.object({
  format: z.literal(CHECKPOINT_FORMAT),
  /** as in `miaobi train MODEL` */
  model: z.string(),
  /** batches seen, which is also the next one to ask for: the data cursor */
  step: z.number().int().min(0),
  /** updates that the whole run makes */
  total_steps: z.number().int(),
  /** batches that updated nothing */
  skipped: z.number().int(),
  epoch: z.number(),
  /** of training so far */
  seconds: z.number(),
  /** the run had made all its updates */
  finished: z.boolean(),
  best: BestSchema.optional(),
  /** what the training itself counts: schedules, random counters, loss scale */
  counters: JsonSchema,
  /** when it was written, ISO 8601 */
  written: z.string(),
  files: z.record(z.string(), z.object({ file: z.string(), bytes: z.number(), sha256: z.string() })),
});

export type CheckpointState = z.infer<typeof StateSchema>;

/** What a caller decides; the rest is known when the files are written. */
export type NewState = Omit<CheckpointState, 'format' | 'files' | 'written'>;

/** `latest.json` and `best.json`: text pointers, relative to the run folder. */
export const PointerSchema = z.object({
  step: z.number(),
  checkpoint: z.string(),
  model: z.string(),
  total_steps: z.number(),
  /** of latest.json: the run had made all its updates */
  finished: z.boolean().optional(),
  written: z.string().optional(),
  /** of best.json */
  metric: z.string().optional(),
  value: z.number().optional(),
});

export type Pointer = z.infer<typeof PointerSchema>;

/** `step-00001000` */
export function stepName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

/** The step of such a name; undefined for any other. */
export function stepOfName(name: string): number | undefined {
  const match = /^step-(\d{8,})$/.exec(name);
  return match ? Number(match[1]) : undefined;
}
