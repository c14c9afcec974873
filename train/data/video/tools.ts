/** ffmpeg and ffprobe: whether they are there, which version, and what they print. */
import { spawn } from 'node:child_process';
import { DataError } from '../../errors.ts';
import { installCommand, MissingToolError } from '../../tools.ts';

export interface Ffmpeg {
  /** the first number of its version; infinity for builds that are named by their commit */
  readonly major: number;
  /** names of the video encoders that it was built with */
  readonly encoders: ReadonlySet<string>;
}

/**
 * Looks for ffmpeg and ffprobe on the search path.
 *
 * @throws MissingToolError when either does not start; the message has the command that installs them
 */
export async function findFfmpeg(): Promise<Ffmpeg> {
  const [version, encoders] = await Promise.all([
    outputOf('ffmpeg', ['-version']),
    outputOf('ffmpeg', ['-hide_banner', '-v', 'error', '-encoders']),
    outputOf('ffprobe', ['-version']),
  ]);
  return { major: majorVersion(version), encoders: encoderNames(encoders) };
}

/** 5 of `ffmpeg version 5.1.9-0+deb12u1 Copyright …`, 7 of `n7.1`, infinity of `N-118193-g5f38c82`. */
export function majorVersion(text: string): number {
  const found = /^ffmpeg version n?(\d+)\./.exec(text);
  return found ? Number(found[1]) : Number.POSITIVE_INFINITY;
}

/** The names in the list that `ffmpeg -encoders` prints. */
export function encoderNames(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/^ V[.A-Z]{5} (\S+)/gm)].map((match) => match[1]).filter((name) => name !== '='));
}

/**
 * What a program prints on stdout.
 *
 * @param onLine  takes the output line by line, which is then not collected
 * @throws MissingToolError when the program is not there
 * @throws DataError with the last line of its stderr when it fails
 */
export async function outputOf(
  program: string,
  args: readonly string[],
  onLine?: (line: string) => void,
): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000);
  });
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    rest += text;
    if (!onLine) return;
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  const code = await ended(program, child);
  if (code !== 0) throw toolFailed(program, code, errors);
  if (onLine && rest !== '') onLine(rest);
  return onLine ? '' : rest;
}

/** The exit code of a child. @throws MissingToolError when it never started */
export function ended(program: string, child: ReturnType<typeof spawn>): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      const absent = error.code === 'ENOENT' || error.code === 'EACCES';
      if (absent) resolve(missing(program).then((reason) => Promise.reject(reason)));
      else reject(error);
    });
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'nothing'));
  });
}

async function missing(program: string): Promise<MissingToolError> {
  return new MissingToolError(
    `${program}: expected this program for video, but it is not on the search path. ` +
      `Get it with: ${await installCommand('ffmpeg')}`,
  );
}

/** Why a run of ffmpeg or ffprobe failed, in its own last words. */
export function toolFailed(program: string, code: number | string, errors: string): DataError {
  return new DataError(`${program} ended with ${code}: ${lastWords(errors)}`);
}

/** The last line that says something, without the memory address that ffmpeg puts before it. */
export function lastWords(errors: string): string {
  const lines = errors.split('\n').map((line) => line.replace(/^\[[^\]]*@ 0x[0-9a-f]+\]\s*/, '').trim());
  const said = lines.filter((line) => line !== '' && line !== 'Conversion failed!');
  return said.at(-1) ?? 'it said nothing';
}
