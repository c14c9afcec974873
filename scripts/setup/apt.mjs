import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { installArguments, parseOsRelease, parseSources } from './os-plan.mjs';
import { say, tail } from './say.mjs';

const text = (file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

/** This system's os-release and package sources, parsed. */
export function thisSystem() {
  const folder = '/etc/apt/sources.list.d';
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  const files = [
    '/etc/apt/sources.list',
    ...names.filter((name) => /\.(list|sources)$/.test(name)).map((name) => path.join(folder, name)),
  ];
  return {
    os: parseOsRelease(text('/etc/os-release') || text('/usr/lib/os-release')),
    sources: parseSources(files.map((file) => ({ file, text: text(file) }))),
  };
}

/**
 * What to put before a command so that it may change the system: [] for root, sudo where it asks no password.
 *
 * @returns words, or undefined without the rights, or when MIAOBI_NO_INSTALL is set
 */
export function rights(env = process.env) {
  if (env.MIAOBI_NO_INSTALL || process.platform !== 'linux') return undefined;
  if (process.getuid() === 0) return [];
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : undefined;
}

/**
 * Runs an apt plan of planDriver().
 *
 * @param prefix  rights()
 * @returns true when the packages are installed; else the source file it added is gone again
 */
export function installByApt(plan, prefix) {
  const run = (words, input) => {
    const [program, ...rest] = [...prefix, ...words];
    return spawnSync(program, rest, { input: input ?? '', encoding: 'utf8', maxBuffer: 1 << 28 });
  };
  const apt = (...words) =>
    run([
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      '-q',
      '-o',
      'Acquire::Retries=3',
      '-o',
      'DPkg::Lock::Timeout=300',
      ...words,
    ]);

  if (plan.source) {
    say(`adding the suite ${plan.suite} of this machine's own mirror (${plan.source.path})`);
    const written = run(['tee', plan.source.path], plan.source.text);
    if (written.status !== 0) {
      say(`could not write it:\n${tail(written.stderr ?? '')}`);
      return false;
    }
  }
  say(`installing the software Vulkan driver lavapipe (${plan.packages.join(' ')}, about 35 MB)`);
  // A broken source of someone else's must not stop this; the install itself tells whether ours were read.
  const update = apt('update');
  const install = apt(...installArguments(plan));
  if (install.status === 0) return true;
  say(`apt-get failed:\n${tail(`${update.stderr}\n${install.stderr || install.stdout || install.error?.message}`)}`);
  if (plan.source) run(['rm', '-f', plan.source.path]);
  return false;
}
