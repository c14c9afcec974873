/** What `miaobi doctor` looks at besides the GPU: Node, the image library, outside programs. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { installCommand } from '../train/tools.ts';

/** `missing` is something that only some commands need; `fail` is something that nothing works without. */
export type Status = 'ok' | 'warning' | 'missing' | 'fail';

export interface Check {
  readonly name: string;
  readonly status: Status;
  readonly detail: string;
  /** the command, or the step, that mends it */
  readonly fix?: string;
}

const OLDEST_NODE = [20, 19];

export function checkNode(version = process.versions.node): Check {
  const [major, minor] = version.split('.').map(Number);
  const enough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  const detail = `${version} on ${process.platform} ${process.arch}`;
  if (enough) return { name: 'node', status: 'ok', detail };
  return {
    name: 'node',
    status: 'fail',
    detail: `${detail}; needs ${OLDEST_NODE.join('.')} or newer`,
    fix: 'install a newer Node: https://nodejs.org/en/download',
  };
}

/** The GNU C library: Dawn's binary needs 2.34. Other systems and other libraries say nothing here. */
export function checkLibc(version = glibcVersion()): Check | undefined {
  if (version === undefined) return undefined;
  const [major, minor] = version.split('.').map(Number);
  const enough = major > 2 || (major === 2 && minor >= 34);
  if (enough) return { name: 'glibc', status: 'ok', detail: version };
  return {
    name: 'glibc',
    status: 'fail',
    detail: `${version}; WebGPU (Dawn) needs 2.34 or newer`,
    fix: 'use a newer system: Debian 12, Ubuntu 22.04, Fedora 35 or later',
  };
}

function glibcVersion(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return report.header.glibcVersionRuntime;
}

export async function checkImages(): Promise<Check> {
  try {
    const { default: sharp } = await import('sharp');
    return { name: 'images', status: 'ok', detail: `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}` };
  } catch (error) {
    const detail = `sharp does not load: ${(error as Error).message.split('\n')[0]}`;
    return { name: 'images', status: 'fail', detail, fix: 'npm run setup' };
  }
}

export async function checkFfmpeg(): Promise<Check> {
  const found = await firstLine(['ffmpeg'], '-version');
  if (found) return { name: 'ffmpeg', status: 'ok', detail: found.line.replace(/ Copyright.*/, '') };
  const detail = 'not found; only video needs it';
  return { name: 'ffmpeg', status: 'missing', detail, fix: await installCommand('ffmpeg') };
}

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'msedge'];

export async function checkChromium(): Promise<Check> {
  const found = await firstLine(BROWSERS, '--version');
  if (found) return { name: 'chromium', status: 'ok', detail: found.line };
  const detail = 'not found; only the browser tests need it';
  return { name: 'chromium', status: 'missing', detail, fix: await installCommand('chromium') };
}

/** The first of several programs that starts, with the first line that it prints. */
async function firstLine(programs: readonly string[], argument: string) {
  for (const program of programs) {
    try {
      const { stdout } = await promisify(execFile)(program, [argument], { timeout: 10_000, windowsHide: true });
      return { program, line: stdout.split('\n')[0].trim() };
    } catch {
      // not there, or not runnable: the next one
    }
  }
  return undefined;
}
