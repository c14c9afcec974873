/**
 * The folder beside an unfinished film, `out.mp4.part`, that lets the same command go on where it stopped: a plan that
 * says what is painted, and for each finished segment a record beside its file. A segment counts once its record is
 * there, which is written last.
 */
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomic } from '../../atomic-write.ts';
import { RequestError } from '../../errors.ts';

/** What decides the result, by the name that a user knows it by. */
export type Fingerprint = Readonly<Record<string, string>>;

const PlanSchema = z.object({ version: z.literal(1), inputs: z.record(z.string(), z.string()) });

const SegmentSchema = z.object({
  index: z.int().nonnegative(),
  /** frames before it */
  first: z.int().nonnegative(),
  frames: z.int().positive(),
  /** of its file; 0 where the frames lie elsewhere */
  bytes: z.int().nonnegative(),
  /** what painting remembers of earlier frames */
  memory: z.unknown().optional(),
});

export type Segment = z.infer<typeof SegmentSchema>;

export interface WorkFolder {
  readonly path: string;
  /** finished, in order and without gaps */
  readonly segments: readonly Segment[];
  /** Where a segment's file is to be in the end. */
  fileOf(index: number): string;
  /** Records a segment whose file is whole. */
  record(segment: Omit<Segment, 'bytes'>): Promise<void>;
  /** Removes the folder: the film is done. */
  remove(): Promise<void>;
}

export const workFolderOf = (output: string): string => `${output.replace(/[\\/]+$/, '')}.part`;

const stem = (index: number): string => `segment-${String(index).padStart(6, '0')}`;

/**
 * Opens the folder, and makes it where it is missing.
 *
 * @param inputs  what decides the result: a folder of other inputs is not continued
 * @param anew    remove what other inputs left
 * @throws RequestError when the folder is of other inputs and `anew` is not set; it names what differs; or when it
 *         cannot be written
 */
export async function openWorkFolder(output: string, inputs: Fingerprint, anew = false): Promise<WorkFolder> {
  const path = workFolderOf(output);
  const planned = await readPlan(path);
  const changed = planned ? differences(planned, inputs) : [];
  if (changed.length > 0) {
    if (!anew) throw otherInputs(path, output, changed);
    await rm(path, { recursive: true, force: true });
  }
  const plan = { version: 1, inputs };
  await writeAtomic(join(path, 'plan.json'), Buffer.from(`${JSON.stringify(plan, null, 2)}\n`), true);
  const segments = await readSegments(path);
  await removeStrays(path, segments.length);
  return {
    path,
    segments,
    fileOf: (index) => join(path, `${stem(index)}.mp4`),
    async record(segment) {
      const file = join(path, `${stem(segment.index)}.mp4`);
      const whole = { ...segment, bytes: await flushed(file) };
      await writeAtomic(join(path, `${stem(segment.index)}.json`), Buffer.from(`${JSON.stringify(whole)}\n`), true);
      segments.push(whole);
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

/** Inputs that differ, by name. */
export function differences(a: Fingerprint, b: Fingerprint): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => a[name] !== b[name]).sort();
}

async function readPlan(path: string): Promise<Fingerprint | undefined> {
  const text = await readFile(join(path, 'plan.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return (await hasSegments(path)) ? {} : undefined;
  try {
    return PlanSchema.parse(JSON.parse(text)).inputs;
  } catch {
    return {};
  }
}

const hasSegments = async (path: string): Promise<boolean> =>
  (await readdir(path).catch(() => [])).some((name) => name.startsWith('segment-'));

/** Segments from the first on, up to the first that is missing, damaged or does not follow. */
async function readSegments(path: string): Promise<Segment[]> {
  const found: Segment[] = [];
  for (let first = 0; ; ) {
    const segment = await readSegment(path, found.length);
    if (!segment || segment.first !== first) return found;
    found.push(segment);
    first += segment.frames;
  }
}

async function readSegment(path: string, index: number): Promise<Segment | undefined> {
  try {
    const segment = SegmentSchema.parse(JSON.parse(await readFile(join(path, `${stem(index)}.json`), 'utf8')));
    const { size } = segment.bytes > 0 ? await stat(join(path, `${stem(index)}.mp4`)) : { size: 0 };
    return segment.index === index && segment.bytes === size ? segment : undefined;
  } catch {
    return undefined;
  }
}

/** Removes unfinished files, and segments behind a gap. */
async function removeStrays(path: string, finished: number): Promise<void> {
  for (const name of await readdir(path)) {
    const index = /^segment-(\d+)\.(?:mp4|json)$/.exec(name)?.[1];
    const kept = name === 'run.lock' || name === 'plan.json' || (index !== undefined && Number(index) < finished);
    if (!kept) await rm(join(path, name), { recursive: true, force: true });
  }
}

/** Flushes a file to the disk. @returns its bytes; 0 where there is none */
async function flushed(file: string): Promise<number> {
  const handle = await open(file, 'r+').catch(() => undefined);
  if (!handle) return 0;
  try {
    await handle.sync();
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

function otherInputs(path: string, output: string, changed: readonly string[]): RequestError {
  return new RequestError(
    `${path}: expected what an earlier run with the same inputs left, but that run differs in: ${changed.join(', ')}. ` +
      `Run it as before to finish ${output}, give --overwrite to start anew, or choose another output.`,
  );
}

/** Frames of the next segment: short where an interrupted one has to be filled up, so that borders stay in place. */
export function nextSegmentFrames(done: number, segmentFrames: number): number {
  return segmentFrames - (done % segmentFrames);
}
