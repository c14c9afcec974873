/** The work of `miaobi generate`: maps checked, then painted and written one after another. */
import { type Device, mib, OutOfMemoryError } from '../engine/index.ts';
import { readCheckedLabels, readLabelInput, readPictureAt } from '../train/data/datasets/label-input.ts';
import type { Size } from '../train/data/datasets/preprocess.ts';
import { readInstanceIds } from '../train/data/image/label-map.ts';
import { type Palette, readPalette } from '../train/data/image/palette.ts';
import { type Picture, resizePicture } from '../train/data/image/picture.ts';
import { writeImage } from '../train/data/image/write.ts';
import { DataError } from '../train/errors.ts';
import { type GauganPainter, gauganPainter, type Latent, latentOf } from '../train/infer/generate-picture.ts';
import { loadGaugan, type OpenedGaugan } from '../train/infer/load-gaugan.ts';
import { runBatch } from './batch.ts';
import { EXIT, type ExitCode, exitCodeOf, explain } from './errors.ts';
import type { GenerateFlags } from './generate.ts';
import { drawSeed, type GenerateJob } from './generate-jobs.ts';
import type { Log } from './log.ts';
import type { Globals } from './options.ts';
import { type Progress, startProgress } from './progress.ts';

export interface Setting {
  readonly opened: OpenedGaugan;
  readonly flags: GenerateFlags;
  readonly globals: Globals;
  readonly log: Log;
}

export interface CheckedJobs extends Setting {
  /** those that can be painted */
  readonly jobs: readonly (GenerateJob & { readonly fileSize: Size })[];
  readonly palette: Palette | undefined;
  /** of those that cannot */
  readonly facts: object[];
  readonly exitCode: ExitCode;
  /** Says how it all ended: `--json` and the exit code of the first failure. */
  finish(failed?: number, exitCode?: ExitCode): void;
}

/**
 * Reads every label map before a device is asked for. One that the network cannot read is reported with its name, and the
 * others go on.
 *
 * @throws RequestError, DataError when the palette cannot be read
 */
export async function checkedJobs(jobs: readonly GenerateJob[], setting: Setting): Promise<CheckedJobs> {
  const { opened, flags, globals, log } = setting;
  const palette = flags.palette === undefined ? undefined : await readPalette(flags.palette);
  const facts: object[] = [];
  const good: (GenerateJob & { readonly fileSize: Size })[] = [];
  let exitCode: ExitCode = EXIT.done;
  for (const job of jobs) {
    try {
      good.push({ ...job, fileSize: await checkMap(job, opened, palette) });
    } catch (error) {
      const code = exitCodeOf(error);
      if (code !== EXIT.data && code !== EXIT.usage) throw error;
      if (exitCode === EXIT.done) exitCode = code;
      const { text } = explain(error, globals.debug);
      log.error(text);
      facts.push({ label: job.label, exitCode: code, error: text });
    }
  }
  const finish = (failed = 0, later: ExitCode = EXIT.done) => {
    const all = jobs.length - good.length + failed;
    if (globals.json) process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
    if (all > 0 && jobs.length > 1) log.error(`error: ${all} of ${jobs.length} label maps failed.`);
    const code = exitCode === EXIT.done ? later : exitCode;
    if (code !== EXIT.done) process.exitCode = code;
  };
  return { ...setting, jobs: good, palette, facts, exitCode, finish };
}

/** @returns the size of the map. @throws DataError, RequestError when it, or its instance map, cannot be read */
async function checkMap(
  { label, instance }: GenerateJob,
  { rule }: OpenedGaugan,
  palette: Palette | undefined,
): Promise<Size> {
  const { width, height } = await readCheckedLabels(label, rule, palette);
  if (instance !== undefined) {
    const edges = await readInstanceIds(instance);
    if (edges.width !== width || edges.height !== height) {
      throw new DataError(
        `${instance}: expected ${width} x ${height} pixels as in ${label}, but it has ${edges.width} x ${edges.height}. ` +
          'Save the instances at the size of the labels.',
      );
    }
  }
  return { width, height };
}

/**
 * Paints map after map; a bad one is reported and the rest go on. Paths of results (with `json` one array of facts) go to
 * stdout, the exit code of the first failure to the process.
 *
 * @throws OutOfMemoryError when the network does not fit into the memory
 */
export async function paintMaps(device: Device, checked: CheckedJobs): Promise<void> {
  const { jobs, flags, globals, log, facts } = checked;
  const painter = await openPainter(device, checked);
  const quiet = log.quiet || globals.dryRun === true;
  const progress = await startProgress({ total: jobs.length * flags.count, log: { ...log, quiet } });
  const latents = new Map<string, Promise<Latent>>();
  const { exitCode, failed } = await runBatch(
    jobs.map(({ label }) => label),
    async (_, index) => {
      const job = jobs[index];
      try {
        facts.push(await paint(checked, painter, job, { progress, latents }));
      } catch (error) {
        facts.push({ label: job.label, exitCode: exitCodeOf(error), error: explain(error).text });
        throw error;
      }
    },
    { progress, report: (line) => (quiet ? log.error(line) : progress.note(line)), debug: globals.debug },
  );
  progress.finish();
  painter.dispose();
  checked.finish(failed, exitCode);
}

interface Opened extends GauganPainter {
  /** weights and what painting takes beside them */
  readonly memory: number;
}

/** @throws OutOfMemoryError that says what to do */
async function openPainter(device: Device, { opened, flags, globals }: CheckedJobs): Promise<Opened> {
  try {
    const painter = gauganPainter(await loadGaugan(device, opened), {
      ...{ batchStatistics: flags.batchStats, precision: globals.precision },
    });
    const memory = painter.forecast().peakBytes + device.pool.stats.usedBytes;
    if (!globals.dryRun) await painter.prepare();
    return { ...painter, memory };
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
    const { width, height } = opened.size;
    const { generator } = opened.networks;
    const free = generator.net === 'pix2pixhd' || !generator.useVae;
    throw new OutOfMemoryError(
      `${opened.files.G}: expected a network that fits into ${mib(device.pool.budgetBytes)} of GPU memory with what it ` +
        `needs to paint ${width} x ${height}, but it does not. Raise --memory-limit, choose another device` +
        `${free ? ', or paint smaller: --crop-size PIXELS' : ''}.`,
      Number.NaN,
      device.pool.budgetBytes,
    );
  }
}

/** Reads one label map, paints its samples and writes them. */
async function paint(
  { opened, flags, globals, palette }: CheckedJobs,
  painter: Opened,
  job: CheckedJobs['jobs'][number],
  { progress, latents }: { readonly progress: Progress; readonly latents: Map<string, Promise<Latent>> },
): Promise<object> {
  const { label, instance, reference, outputs, fileSize } = job;
  const { size, zDim, memory } = painter;
  const target = targetSize(flags, fileSize, size);
  const seed = drawSeed(flags, globals);
  const manner = zDim === 0 ? undefined : mannerOf(reference, seed ?? globals.seed, seed !== undefined);
  const at = `painted at ${sizeText(size)}${target.width === size.width && target.height === size.height ? '' : `, written at ${sizeText(target)}`}`;
  const line = `${label}: ${sizeText(fileSize)}, ${at}${manner ? `, ${manner}` : ''}, about ${mib(memory)} of GPU memory`;
  const facts = { label, outputs, reference, ...target, painted: size, forecastBytes: memory };
  if (globals.dryRun) {
    if (!globals.json) process.stdout.write(`${line}, to ${outputs.join(', ')}\n`);
    return facts;
  }
  progress.note(line);
  const started = performance.now();
  const map = await readLabelInput(label, { ...opened.rule, palette, instance, size });
  const latent = reference === undefined || zDim === 0 ? undefined : await latentFrom(painter, reference, latents);
  for (const [sample, output] of outputs.entries()) {
    const draw = seed === undefined && latent ? undefined : { seed: seed ?? globals.seed, sample };
    const z = zDim === 0 ? undefined : latentOf(zDim, latent, draw);
    const picture = await painter.paint(map, z, { truncate: flags.compat });
    for (const note of await writeImage(output, resized(picture, target), flags)) progress.note(note);
    progress.advance(1, output);
    if (!globals.json) process.stdout.write(`${output}\n`);
  }
  return { ...facts, seconds: (performance.now() - started) / 1000 };
}

function mannerOf(reference: string | undefined, seed: number, drawn: boolean): string {
  if (reference === undefined) return `manner drawn from seed ${seed}`;
  return drawn ? `in the manner of ${reference}, varied by seed ${seed}` : `in the manner of ${reference}`;
}

/** A picture that several maps refer to is read once. */
function latentFrom(painter: GauganPainter, path: string, latents: Map<string, Promise<Latent>>): Promise<Latent> {
  const known = latents.get(path) ?? readPictureAt(path, painter.size).then((rgb) => painter.encode(rgb));
  latents.set(path, known);
  return known;
}

function targetSize({ size, compat }: GenerateFlags, file: Size, network: Size): Size {
  if (typeof size === 'object') return size;
  return size === 'network' || compat ? network : file;
}

function resized(picture: Picture, { width, height }: Size): Picture {
  if (picture.width === width && picture.height === height) return picture;
  return resizePicture(picture, width, height, 'bicubic');
}

const sizeText = ({ width, height }: Size): string => `${width} x ${height}`;
