/** Films among what `miaobi stylize` is to repaint: which they are, what they become, whether that can be done. */
import { open, readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { Size } from '../models/cap-vstnet/tiles.ts';
import { isVideoName, looksLikeVideo, WRITABLE_VIDEOS } from '../train/data/video/container.ts';
import type { VideoInfo } from '../train/data/video/probe.ts';
import type { Rational } from '../train/data/video/rational.ts';
import type { Ffmpeg } from '../train/data/video/tools.ts';
import { CliError } from './errors.ts';
import type { StylizeFlags } from './stylize.ts';
import { checkFlags, checkTile, nameWithStyles } from './stylize-jobs.ts';

export interface FilmJob {
  readonly content: string;
  readonly output: string;
  /** upright, as it will be painted */
  readonly size: Size;
  readonly frames: number;
  /** of the film; undefined when frames come from a folder and go to one */
  readonly rate?: Rational | undefined;
  /** undefined for a folder of frames */
  readonly info?: VideoInfo;
  /** the frames of a folder */
  readonly files?: readonly string[];
  /** undefined where neither end is a film */
  readonly ffmpeg?: Ffmpeg;
}

export interface FilmJobs {
  readonly jobs: readonly FilmJob[];
  readonly styles: readonly string[];
}

/**
 * Plans the films.
 *
 * @returns  undefined when the arguments are pictures
 * @throws MissingToolError when ffmpeg is needed and not there; CliError, RequestError and DataError as `planJobs`
 */
export async function planFilms(inputs: readonly string[], flags: StylizeFlags): Promise<FilmJobs | undefined> {
  const films = await Promise.all(inputs.map((path) => isFilm(path)));
  if (!flags.frames && !films.includes(true)) {
    refuseWithoutFilm(flags);
    return undefined;
  }
  if (flags.frames ? films.includes(true) : films.includes(false)) {
    throw new CliError(
      flags.frames
        ? '--frames: expected a folder of pictures, but a film came. Leave --frames out.'
        : 'Expected either films or pictures, but both came. Repaint them in two runs.',
    );
  }
  if (!flags.style) {
    throw new CliError('--style: expected a style picture, for example: miaobi stylize clip.mp4 --style painting.jpg');
  }
  if (flags.contentSeg !== undefined || flags.styleSeg) {
    throw new CliError(
      '--content-seg: expected pictures to go with a mask, but films came, whose regions move. Leave the masks out.',
    );
  }
  if (flags.tile !== 'auto') await checkTile(flags.tile);
  const { expandInputs } = await import('../train/data/image/expand.ts');
  const styles = await expandInputs(flags.style);
  checkFlags(inputs, styles, flags);
  const jobs: FilmJob[] = [];
  for (const content of inputs) {
    const output = await outputFor(content, inputs, styles, flags);
    jobs.push(flags.frames ? await framesJob(content, output, flags) : await videoJob(content, output, flags));
  }
  const twice = jobs.find(({ output }, i) => jobs.slice(0, i).some((other) => other.output === output));
  if (twice) throw new CliError(`Two films would become ${twice.output}. Repaint them into different folders.`);
  return { jobs, styles };
}

/** A film by its name, or by its first bytes where the name says nothing. */
async function isFilm(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return false;
  const { isPictureName } = await import('../train/data/image/expand.ts');
  if (isVideoName(path)) return true;
  if (isPictureName(path)) return false;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(12), 0, 12, 0);
    return looksLikeVideo(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

function refuseWithoutFilm({ smooth, fps }: StylizeFlags): void {
  const flag = smooth > 0 ? '--smooth' : fps ? '--fps' : undefined;
  if (!flag) return;
  throw new CliError(
    `${flag}: expected a film, but pictures came. Leave it out, or give --frames with a folder of a film's frames.`,
  );
}

/** One film to a file of that name, else into the folder; frames stay frames unless the output's name is a film's. */
async function outputFor(
  content: string,
  inputs: readonly string[],
  styles: readonly string[],
  { output, frames }: StylizeFlags,
): Promise<string> {
  const isFolder = await stat(output).then(
    (s) => s.isDirectory(),
    () => false,
  );
  const named = !isFolder && extname(output) !== '' && !/[\\/]$/.test(output);
  if (named && inputs.length > 1) {
    throw new CliError(
      `-o ${output}: expected a folder for ${inputs.length} films, but this names one file. Leave the extension out.`,
    );
  }
  const title = nameWithStyles(content.replace(/[\\/]+$/, ''), styles);
  if (frames) return named || inputs.length === 1 ? output : join(output, title);
  const extension = extname(content).toLowerCase();
  return named ? output : join(output, `${title}${WRITABLE_VIDEOS.includes(extension) ? extension : '.mp4'}`);
}

async function videoJob(content: string, output: string, flags: StylizeFlags): Promise<FilmJob> {
  const { containerOf, chooseEncoder } = await import('../train/data/video/container.ts');
  const { assertFree } = await import('../train/atomic-write.ts');
  containerOf(output);
  if (flags.fps) throw new CliError('--fps: expected a folder of frames, but a film came, which keeps its own rate.');
  await assertFree(output, flags.overwrite);
  const ffmpeg = await findTool();
  chooseEncoder(output, ffmpeg);
  const { probeVideo } = await import('../train/data/video/probe.ts');
  const info = await probeVideo(content);
  await assertSoundFits(info, output);
  const { uprightSize } = await import('../train/data/video/arguments.ts');
  const size = await sizeFor(content, uprightSize(info), flags);
  return { content, output, size, frames: info.timing.frames, rate: info.timing.rate, info, ffmpeg };
}

async function framesJob(content: string, output: string, flags: StylizeFlags): Promise<FilmJob> {
  const { expandInputs } = await import('../train/data/image/expand.ts');
  const { readSized } = await import('../train/infer/stylize-picture.ts');
  const files = await expandInputs([content]);
  const { width, height } = await readSized(files[0], flags);
  const facts = { content, output, frames: files.length, files, size: { width, height } };
  if (!isVideoName(output)) {
    if (flags.fps) throw new CliError('--fps: expected -o FILE.mp4 to go with a rate, but the output is a folder.');
    await assertFreeFolder(content, output, flags.overwrite);
    return facts;
  }
  const { chooseEncoder } = await import('../train/data/video/container.ts');
  const { assertFree } = await import('../train/atomic-write.ts');
  await assertFree(output, flags.overwrite);
  const ffmpeg = await findTool();
  chooseEncoder(output, ffmpeg);
  return { ...facts, rate: flags.fps ?? { num: 24, den: 1 }, ffmpeg };
}

async function findTool(): Promise<Ffmpeg> {
  const { findFfmpeg } = await import('../train/data/video/tools.ts');
  return findFfmpeg();
}

/** An empty or missing folder, or one with the work folder of an unfinished run beside it. */
async function assertFreeFolder(content: string, output: string, overwrite = false): Promise<void> {
  const { resolve } = await import('node:path');
  if (resolve(content) === resolve(output)) {
    throw new CliError(`-o ${output}: expected another folder than that of the content. Choose a new one.`);
  }
  const { workFolderOf } = await import('../train/data/video/work-folder.ts');
  const unfinished = await stat(workFolderOf(output)).catch(() => undefined);
  const names = await readdir(output).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new CliError(`-o ${output}: expected a folder for the frames, but it is none. Choose another name.`);
  });
  if (names.length === 0 || unfinished || overwrite) return;
  throw new CliError(
    `-o ${output}: expected an empty folder for the frames, but it holds ${names.length} files. ` +
      'Give --overwrite to write into it, or another name.',
  );
}

/** Found out with the first second, so that no film fails after hours. */
async function assertSoundFits(info: VideoInfo, output: string): Promise<void> {
  if (info.audio.length === 0) return;
  const { mkdtemp, rm } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const { trySoundArguments } = await import('../train/data/video/arguments.ts');
  const { outputOf } = await import('../train/data/video/tools.ts');
  const folder = await mkdtemp(join(tmpdir(), 'miaobi-sound-'));
  try {
    await outputOf('ffmpeg', trySoundArguments(info, output, join(folder, `sound${extname(output)}`)));
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'DataError') throw error;
    throw new CliError(
      `${output}: expected a kind of film that can hold the sound of ${info.path} as it is (${info.audio.join(', ')}), ` +
        `but ${extname(output)} cannot. Write ${basename(output, extname(output))}.mkv, which holds any.`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As pictures are sized; the sides of a film that is reduced become even, as its encoding wants them. */
async function sizeFor(path: string, size: Size, { maxSize, compat }: StylizeFlags): Promise<Size> {
  const { sizesFor } = await import('../train/infer/stylize-picture.ts');
  const final = sizesFor(size, { maxSize, compat }).at(-1) as Size;
  const even = (side: number) => Math.max(2, 2 * Math.round(side / 2));
  const reduced = final.width !== size.width || final.height !== size.height;
  const fitted = reduced && !compat ? { width: even(final.width), height: even(final.height) } : final;
  if (Math.min(fitted.width, fitted.height) >= (compat ? 8 : 2)) return fitted;
  throw new CliError(`${path}: expected a film of at least 8 pixels a side, but it is ${size.width} x ${size.height}.`);
}
