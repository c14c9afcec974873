/** The work of `miaobi stylize`: each picture planned, painted and written. */
import { mib, OutOfMemoryError } from '../engine/index.ts';
import type { CapVstnet } from '../models/cap-vstnet/latent.ts';
import { doesNotFit, largestThatFits, planStylize, type StylizePlan } from '../models/cap-vstnet/stylize-plan.ts';
import type { Size } from '../models/cap-vstnet/tiles.ts';
import { writeImage } from '../train/data/image/write.ts';
import { describeRegions } from '../train/infer/describe-regions.ts';
import {
  type LoadedStyle,
  type PictureStylizer,
  pictureStylizer,
  readMask,
  readSized,
} from '../train/infer/stylize-picture.ts';
import { runBatch } from './batch.ts';
import { exitCodeOf, explain } from './errors.ts';
import type { Log } from './log.ts';
import type { Globals } from './options.ts';
import { type Progress, startProgress } from './progress.ts';
import type { StylizeFlags } from './stylize.ts';
import type { Job } from './stylize-jobs.ts';

export interface Painting {
  readonly net: CapVstnet;
  readonly jobs: readonly Job[];
  readonly styles: readonly LoadedStyle[];
  readonly flags: StylizeFlags;
  readonly globals: Globals;
  readonly log: Log;
}

/**
 * Paints picture after picture; a bad one is reported and the rest go on. Paths of results (with `json` one array of
 * facts) go to stdout, the exit code of the first failure to the process.
 *
 * @throws OutOfMemoryError when a style does not fit into the memory
 */
export async function paintAll(painting: Painting): Promise<void> {
  const { net, jobs, styles, flags, globals, log } = painting;
  const tile = tileOf(flags);
  for (const { path, picture } of styles) planOrAdvise(net, path, picture, flags);
  const alphaContent = flags.alphaC ?? 1 - flags.alpha;
  const stylizer = pictureStylizer(net, styles, { alphaContent, tile, compat: flags.compat });
  const quiet = log.quiet || globals.dryRun === true;
  const progress = await startProgress({ total: jobs.length, log: { ...log, quiet } });
  const facts: object[] = [];
  const { exitCode, failed } = await runBatch(
    jobs.map(({ content }) => content),
    async (_, index) => {
      const job = jobs[index];
      try {
        facts.push(await paint(painting, stylizer, job, progress));
      } catch (error) {
        facts.push({ content: job.content, exitCode: exitCodeOf(error), error: explain(error).text });
        throw error;
      }
    },
    { progress, report: (line) => (quiet ? log.error(line) : progress.note(line)), debug: globals.debug },
  );
  progress.finish();
  if (globals.json) process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
  if (failed > 0 && jobs.length > 1) log.error(`error: ${failed} of ${jobs.length} pictures failed.`);
  if (exitCode !== 0) process.exitCode = exitCode;
}

/** Reads, paints and writes one picture; says before what it will take. */
async function paint(
  { net, styles, flags, globals }: Painting,
  stylizer: PictureStylizer,
  job: Job,
  progress: Progress,
): Promise<object> {
  const { content, output } = job;
  const picture = await readSized(content, flags);
  const mask = flags.contentSeg === undefined ? undefined : await readMask(flags.contentSeg, picture);
  const plan = planOrAdvise(net, content, picture, flags);
  const regions = describeRegions(
    net,
    { ...sizeOf(picture), mask },
    styles.map((style) => ({ ...sizeOf(style.picture), mask: style.mask })),
  );
  const memory = plan.forecast.peakBytes + net.device.pool.stats.usedBytes;
  const facts = { content, output, ...sizeOf(picture), tiles: plan.tiles.length, forecastBytes: memory };
  const line = `${content}: ${picture.width} x ${picture.height}, ${cutOf(plan)}, about ${mib(memory)} of GPU memory`;
  if (globals.dryRun) {
    if (!globals.json) process.stdout.write(`${line}, to ${output}\n`);
    return facts;
  }
  for (const note of [line, ...picture.notes, ...(regions ? [regions] : [])]) progress.note(note);
  let reported = 0;
  const onProgress = (done: number) => {
    progress.advance(done - reported, job.name);
    reported = done;
  };
  const started = performance.now();
  const painted = await stylizer(picture, mask, onProgress);
  const seconds = (performance.now() - started) / 1000;
  for (const note of await writeImage(output, painted, flags)) progress.note(note);
  if (!globals.json) process.stdout.write(`${output}\n`);
  return { ...facts, seconds, peakBytes: net.device.pool.stats.peakAllocatedBytes };
}

/** @throws OutOfMemoryError that names the largest size that fits */
export function planOrAdvise(net: CapVstnet, path: string, picture: Size, flags: StylizeFlags): StylizePlan {
  const tile = tileOf(flags);
  try {
    return planStylize(net, picture, tile);
  } catch (error) {
    if (!doesNotFit(error)) throw error;
    const { budgetBytes } = net.device.pool;
    const { width, height } = picture;
    const room =
      error instanceof OutOfMemoryError ? `${mib(budgetBytes)} of GPU memory` : "the device's largest buffer";
    const expected =
      `${path}: expected a picture that fits into ${room}, but ${width} x ${height} does not` +
      (tile === undefined ? ', not even in tiles. ' : ` in tiles of ${tile}. `);
    const largest = largestThatFits(net, picture);
    throw new OutOfMemoryError(expected + adviceFor(picture, largest), Number.NaN, budgetBytes);
  }
}

function adviceFor({ width, height }: Size, largest: Size | undefined): string {
  if (!largest) return 'No size fits: raise --memory-limit, or choose a device with more memory.';
  if (largest.width === width && largest.height === height) return 'Leave --tile out: smaller tiles fit.';
  return (
    `The largest size that fits is ${largest.width} x ${largest.height}: give --max-size ` +
    `${Math.max(largest.width, largest.height)}, or raise --memory-limit.`
  );
}

export const tileOf = ({ tile }: StylizeFlags): number | undefined => (tile === 'auto' ? undefined : tile);
const sizeOf = ({ width, height }: Size): Size => ({ width, height });

export function cutOf({ tiles, overhead }: StylizePlan): string {
  return tiles.length === 1 ? 'untiled' : `${tiles.length} tiles (${overhead.toFixed(1)} times the work of one)`;
}
