import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Device, Roofline } from '../engine/index.ts';

/** What a number was measured on. */
export interface Environment {
  readonly adapter: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly driver: string;
  /** npm package of Dawn */
  readonly dawn: string;
  /** false where indices were not checked against the ends of buffers */
  readonly boundsChecks?: false;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  /** processes that were running or wanted to when the bench began, mean of a minute: 0 where the system does not tell */
  readonly load: number;
  /** with a + where the working tree differs from it */
  readonly commit: string;
  readonly date: string;
  readonly roofGbs: number;
  readonly roofGflops: number;
  readonly roofHalfGflops?: number;
  readonly roofMatrixGflops?: number;
}

const root = fileURLToPath(new URL('..', import.meta.url));

export function environmentOf(device: Device, roofline: Roofline): Environment {
  const { info } = device;
  return {
    adapter: info.device || info.description,
    vendor: info.vendor,
    architecture: info.architecture,
    driver: info.description,
    dawn: `webgpu ${versionOf('webgpu')}`,
    ...(device.capabilities.boundsChecks ? {} : { boundsChecks: false as const }),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    load: Number(loadavg()[0].toFixed(1)),
    cpu: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
    commit: commit(),
    date: new Date().toISOString(),
    roofGbs: roofline.bytesPerSecond / 1e9,
    roofGflops: roofline.flopsPerSecond / 1e9,
    ...(roofline.halfFlopsPerSecond ? { roofHalfGflops: roofline.halfFlopsPerSecond / 1e9 } : {}),
    ...(roofline.matrixFlopsPerSecond ? { roofMatrixGflops: roofline.matrixFlopsPerSecond / 1e9 } : {}),
  };
}

function versionOf(name: string): string {
  const file = new URL('package.json', import.meta.resolve(name));
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : '+');
  } catch {
    return 'unknown';
  }
}
