/** `metrics.jsonl`: one line a step. */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { readFile, truncate } from 'node:fs/promises';
import { z } from 'zod';

const MetricsSchema = z.object({
  /** batches seen, this one included */
  step: z.number(),
  epoch: z.number(),
  /** seconds since 1970 */
  time: z.number(),
  lr: z.number(),
  losses: z.record(z.string(), z.number()),
  img_per_s: z.number(),
  mem_bytes: z.number(),
  /** why this step updated nothing */
  skipped: z.string().optional(),
  /** measured now and then: names and values of an evaluation */
  eval: z.record(z.string(), z.number()).optional(),
});

export type MetricsLine = z.infer<typeof MetricsSchema>;

export interface MetricsWriter {
  append(line: MetricsLine): void;
  /** what was appended survives a power cut */
  sync(): void;
  close(): void;
}

/** Opens the file for appending; it is made when missing. */
export function openMetrics(path: string): MetricsWriter {
  const file = openSync(path, 'a');
  return {
    append: (line) => {
      const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
      for (let done = 0; done < bytes.byteLength; ) done += writeSync(file, bytes, done);
    },
    sync: () => fsyncSync(file),
    close: () => closeSync(file),
  };
}

/** Every whole line of the file, in order; none when there is no file. */
export async function readMetrics(path: string): Promise<MetricsLine[]> {
  return [...wholeLines(await readOrEmpty(path))].map(({ line }) => line);
}

/** Cuts off lines beyond a step, and a torn one. */
export async function truncateMetrics(path: string, step: number): Promise<void> {
  const bytes = await readOrEmpty(path);
  let end = 0;
  for (const { line, end: at } of wholeLines(bytes)) {
    if (line.step > step) break;
    end = at;
  }
  if (end < bytes.byteLength) await truncate(path, end);
}

async function readOrEmpty(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

/** Lines with the byte after each, up to the first that is not whole. */
function* wholeLines(bytes: Buffer): Generator<{ line: MetricsLine; end: number }> {
  for (let begin = 0; ; ) {
    const newline = bytes.indexOf(10, begin);
    if (newline < 0) return;
    const line = parseLine(bytes.toString('utf8', begin, newline));
    if (!line) return;
    begin = newline + 1;
    yield { line, end: begin };
  }
}

function parseLine(text: string): MetricsLine | undefined {
  try {
    return MetricsSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
