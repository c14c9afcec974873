/** The work of `miaobi stylize` on films: each painted segment by segment, then joined. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { CapVstnetMode } from '../models/cap-vstnet/config.ts';
import type { Size } from '../models/cap-vstnet/tiles.ts';
import { fileSha256 } from '../train/checkpoint/file-hash.ts';
import type { Picture } from '../train/data/image/picture.ts';
import {
  decodeArguments,
  type Encoding,
  isQuarterTurn,
  SEGMENT_OF_VARYING,
  turnsBack,
} from '../train/data/video/arguments.ts';
import { chooseEncoder } from '../train/data/video/container.ts';
import { type FilmSink, folderSink, videoSink } from '../train/data/video/film-sink.ts';
import { frameName, readFrames } from '../train/data/video/frame-folder.ts';
import { decodeFrames } from '../train/data/video/pipes.ts';
import type { VideoInfo } from '../train/data/video/probe.ts';
import { describeRate, type Rational } from '../train/data/video/rational.ts';
import type { Ffmpeg } from '../train/data/video/tools.ts';
import { type Fingerprint, openWorkFolder, type WorkFolder, workFolderOf } from '../train/data/video/work-folder.ts';
import { readSized } from '../train/infer/stylize-picture.ts';
import { framePainter, paintFilm } from '../train/infer/stylize-video.ts';
import { lockRun, runningOwner } from '../train/run/lock.ts';
import { weightsFile } from '../train/run/weights.ts';
import { runBatch } from './batch.ts';
import { CliError, exitCodeOf, explain } from './errors.ts';
import { listenForStop, type StopListener } from './interrupt.ts';
import { startProgress } from './progress.ts';
import type { FilmJob } from './stylize-films.ts';
import { cutOf, type Painting, planOrAdvise, tileOf } from './stylize-paint.ts';

/**
 * Paints film after film; a bad one is reported and the rest go on. Paths of results go to stdout, with `json` an array
 * of facts. The first Ctrl-C finishes the frame in hand and leaves what the same command goes on from.
 *
 * @throws OutOfMemoryError when a style does not fit into the memory
 */
export async function paintFilms(painting: Painting, jobs: readonly FilmJob[], mode: CapVstnetMode): Promise<void> {
  const { net, styles, flags, globals, log } = painting;
  for (const { path, picture } of styles) planOrAdvise(net, path, picture, flags);
  const facts: object[] = [];
  const stop = listenForStop((line) => log.warn(line));
  const silent = { advance: () => {}, note: () => {}, finish: () => {} };
  try {
    const { exitCode } = await runBatch(
      jobs.map(({ content }) => content),
      async (_, index) => {
        if (stop.requested()) return;
        try {
          facts.push(await paintOne(painting, jobs[index], mode, stop));
        } catch (error) {
          facts.push({ content: jobs[index].content, exitCode: exitCodeOf(error), error: explain(error).text });
          throw error;
        }
      },
      { progress: silent, report: (line) => log.error(line), debug: globals.debug },
    );
    if (globals.json) process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
    process.exitCode = stop.exitCode() || exitCode || process.exitCode;
  } finally {
    stop.dispose();
  }
}

async function paintOne(painting: Painting, job: FilmJob, mode: CapVstnetMode, stop: StopListener): Promise<object> {
  const { net, styles, flags, globals, log } = painting;
  const { content, output, size, frames, info, rate } = job;
  const plan = planOrAdvise(net, content, size, flags);
  const line = `${content}: ${size.width} x ${size.height}, ${frames} frames${rate ? ` at ${describeRate(rate)}/s` : ''}`;
  const facts = { content, output, ...size, frames, ...(rate ? { rate: `${rate.num}/${rate.den}` } : {}) };
  const tiles = plan.tiles.length === 1 ? '' : `, ${cutOf(plan)}`;
  if (globals.dryRun) {
    if (!globals.json) process.stdout.write(`${line}${tiles}, to ${output}\n`);
    return facts;
  }
  for (const note of [`${line}${tiles}`, ...(info ? notesOf(info, job) : [])]) log.info(note);
  await assertAlone(output);
  const inputs = await fingerprint(painting, job, mode);
  const work = await openWorkFolder(output, inputs, flags.overwrite);
  const lock = await lockRun(work.path);
  try {
    const done = work.segments.reduce((sum, segment) => sum + segment.frames, 0);
    if (done > 0) log.info(`${output}: going on after ${done} of ${frames} frames, found in ${work.path}`);
    const progress = await startProgress({ total: Math.max(1, frames - done), log, unit: 'frame' });
    const started = performance.now();
    const painter = (memory: unknown) => {
      const { alpha, alphaC = 1 - alpha, compat, smooth } = flags;
      const onCut = () => progress.note(`${content}: a new scene; smoothing starts anew`);
      return framePainter(net, styles, {
        alphaContent: alphaC,
        tile: tileOf(flags),
        compat,
        smooth,
        from: memory,
        onCut,
      });
    };
    const result = await paintFilm({
      source: sourceOf(job, painting),
      sink: sinkOf(job, work, flags.quality),
      work,
      painter,
      segmentFrames: job.info?.timing.times ? Math.min(flags.segment, SEGMENT_OF_VARYING) : flags.segment,
      stopRequested: () => stop.requested() !== undefined,
      onFrame: () => progress.advance(1, basename(content)),
    });
    progress.finish();
    const seconds = (performance.now() - started) / 1000;
    if (result.interrupted) {
      log.warn(`${output}: stopped after ${result.frames} of ${frames} frames. Run the same command to go on.`);
      return { ...facts, painted: result.frames, interrupted: true, seconds };
    }
    if (result.frames !== frames) {
      log.warn(
        `${content}: ${result.frames} frames could be decoded, not ${frames} as the file says; all were painted.`,
      );
    }
    await work.remove();
    if (!globals.json) process.stdout.write(`${output}\n`);
    return { ...facts, frames: result.frames, seconds, peakBytes: net.device.pool.stats.peakAllocatedBytes };
  } finally {
    lock.release();
  }
}

/** @throws CliError when another process is painting this film */
async function assertAlone(output: string): Promise<void> {
  const owner = await runningOwner(workFolderOf(output));
  if (!owner) return;
  throw new CliError(
    `${output}: expected a film that nobody is painting, but process ${owner.pid} on ${owner.host} has been at it since ` +
      `${owner.started}. Wait for it, stop it (its first Ctrl-C saves), or choose another output.`,
  );
}

/** What a user should know before the work begins. */
function notesOf(info: VideoInfo, { output }: FilmJob): string[] {
  const { path, timing, rotation, audio, bitDepth, colours, others } = info;
  const notes: string[] = [];
  if (timing.times) {
    const mean = describeRate(timing.rate);
    notes.push(
      `${path}: its frame rate varies (${mean}/s in the mean); each of ${timing.frames} frames keeps its time`,
    );
  }
  if (rotation !== 0) {
    const kept = turnsBack({ output, like: info }) !== 0;
    notes.push(
      `${path}: turned by ${rotation} degrees, ${kept ? 'and so will the result be' : 'the result is upright'}`,
    );
    if (!isQuarterTurn(rotation)) notes.push(`${path}: ${rotation} degrees are no quarter turn`);
  }
  if (bitDepth > 8) notes.push(`${path}: ${bitDepth} bits a colour, written with 8`);
  if (colours.transfer === 'smpte2084' || colours.transfer === 'arib-std-b67') {
    notes.push(
      `${path}: its colours are HDR (${colours.transfer}) and are painted as they are stored, without tone mapping`,
    );
  }
  if (audio.length > 0) notes.push(`${path}: sound is copied (${audio.join(', ')})`);
  if (others > 0)
    notes.push(`${path}: ${others} other ${others === 1 ? 'track is' : 'tracks are'} left out (subtitles, data)`);
  return notes;
}

/** Everything that decides the result, as short text. */
async function fingerprint(painting: Painting, job: FilmJob, mode: CapVstnetMode): Promise<Fingerprint> {
  const { flags, globals, styles } = painting;
  const { alpha, alphaC = 1 - alpha, tile, compat, smooth, quality, segment, weights } = flags;
  const hashes = (paths: readonly string[]) => Promise.all(paths.map(fileSha256));
  const joined = (parts: readonly string[]) => createHash('sha256').update(parts.join()).digest('hex');
  return {
    content: job.files ? joined(await hashes(job.files)) : await fileSha256(job.content),
    '--style': joined(await hashes(styles.map(({ path }) => path))),
    '--style-weight': styles.map(({ weight }) => weight).join(),
    '--weights':
      weights === undefined ? `untrained, --seed ${globals.seed}` : await fileSha256(await weightsFile(weights)),
    '--mode': mode,
    '--precision': globals.precision,
    '--alpha': String(1 - alphaC),
    '--smooth': String(smooth),
    size: `${job.size.width} x ${job.size.height}`,
    '--tile': String(tile),
    '--compat': String(compat === true),
    '--quality': String(quality),
    '--segment': String(segment),
    rate: job.rate ? `${job.rate.num}/${job.rate.den}${job.info?.timing.times ? ', varying' : ''}` : 'none',
    encoder: job.ffmpeg ? chooseEncoder(job.output, job.ffmpeg) : 'pictures',
  };
}

function sourceOf(job: FilmJob, { flags }: Painting): (from: number) => AsyncIterable<Picture> {
  const { content, size, info, files, ffmpeg } = job;
  if (files) return (from) => readFrames(files, (file) => readSized(file, flags), size, from);
  return (from) => rawPictures(info as VideoInfo, size, from, ffmpeg as Ffmpeg, content);
}

async function* rawPictures(info: VideoInfo, size: Size, skip: number, ffmpeg: Ffmpeg, what: string) {
  const args = decodeArguments(info, { skip, size }, ffmpeg);
  for await (const rgb of decodeFrames(what, args, 3 * size.width * size.height)) {
    yield { ...size, bitDepth: 8, rgb } satisfies Picture;
  }
}

function sinkOf(job: FilmJob, work: WorkFolder, quality: number): FilmSink {
  const { output, size, rate, info, files, ffmpeg } = job;
  if (!ffmpeg) return folderSink(output, (frame) => frameName((files as readonly string[])[frame]), quality);
  const encoder = chooseEncoder(output, ffmpeg);
  const times = info?.timing.times;
  const varying = times && { times, ffmpeg };
  const encoding: Encoding = { encoder, size, rate: rate as Rational, varying, quality, like: info, output };
  return videoSink(work, encoding);
}
