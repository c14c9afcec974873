import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Device } from '../engine/index.ts';
import { describeDevice } from './device-facts.ts';
import type { Globals } from './options.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What a run was made with: versions, machine, adapter, seed. */
export async function runEnvironment(device: Device, { seed, precision }: Globals): Promise<Record<string, unknown>> {
  const { version, dependencies } = JSON.parse(await readFile(`${ROOT}package.json`, 'utf8'));
  const { name, vendor, architecture, features, limits, budgetBytes } = describeDevice(device);
  return {
    started: new Date().toISOString(),
    miaobi: version,
    git: await gitHash(),
    node: process.versions.node,
    webgpu: dependencies.webgpu,
    typegpu: dependencies.typegpu,
    sharp: dependencies.sharp,
    system: `${platform()} ${release()} ${arch()}`,
    processor: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
    memory_bytes: totalmem(),
    adapter: name,
    vendor,
    architecture,
    features,
    limits,
    budget_bytes: budgetBytes ?? null,
    seed,
    precision,
  };
}

/** The commit of the program, with + when files were changed since; null outside a checkout. */
function gitHash(): Promise<string | null> {
  const git = (...args: string[]) =>
    new Promise<string | null>((resolve) => {
      execFile('git', ['-C', ROOT, ...args], (error, stdout) => resolve(error ? null : stdout.trim()));
    });
  return git('rev-parse', 'HEAD').then(
    async (hash) => hash && `${hash}${(await git('status', '--porcelain', '-uno')) ? '+' : ''}`,
  );
}
