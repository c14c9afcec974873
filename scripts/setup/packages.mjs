import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { npmComplaint, say } from './say.mjs';

/**
 * True when the installed tree holds what the lockfile asks for. Contents are compared, not dates: a fresh checkout
 * gives every file a new date.
 *
 * @param lock       package-lock.json
 * @param installed  node_modules/.package-lock.json, which npm writes last
 */
export function packagesMatch(lock, installed) {
  return Object.entries(lock.packages).every(([folder, wanted]) => {
    if (!folder) return true;
    const got = installed.packages[folder];
    // Packages for other systems are left out by npm.
    if (!got) return Boolean(wanted.optional || wanted.peer);
    return got.version === wanted.version && got.integrity === wanted.integrity;
  });
}

/**
 * npm as [program, ...arguments], the one that started this process where there is one. Its complaints are asked for:
 * under `npm --silent` a nested npm would fail without a word.
 */
export function npmCommand(env = process.env) {
  const own = env.npm_execpath;
  const beside = path.join(path.dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js');
  const loud = '--loglevel=error';
  if (own && /npm-cli\.c?js$/.test(own)) return [process.execPath, own, loud];
  return process.platform === 'win32' && existsSync(beside) ? [process.execPath, beside, loud] : ['npm', loud];
}

function packagesAreThere(root) {
  const parse = (file) => JSON.parse(readFileSync(path.join(root, file), 'utf8'));
  try {
    return packagesMatch(parse('package-lock.json'), parse('node_modules/.package-lock.json'));
  } catch {
    return false;
  }
}

/**
 * Installs the packages of the lockfile unless they are there.
 *
 * @returns true when the tree is complete
 */
export function ensurePackages(root) {
  if (packagesAreThere(root)) return true;
  say(
    `installing packages (npm ci)${existsSync(path.join(root, 'node_modules')) ? ': node_modules differs from the lockfile' : ''}`,
  );
  const [program, ...first] = npmCommand();
  // NODE_ENV=production would leave out what the tests need, and then this step would run again each time.
  const npm = (...words) =>
    spawnSync(program, [...first, ...words, '--include=dev'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  let done = npm('ci');
  if (done.status !== 0 && /code EUSAGE/.test(done.stderr ?? '')) {
    // npm ci insists that the lockfile names the optional packages of every system, also those its registry lacks.
    say(
      'npm ci finds the lockfile incomplete for other systems; npm install --no-save takes the same versions from it',
    );
    done = npm('install', '--no-save');
  }
  if (done.status !== 0) {
    say(`npm failed:\n${npmComplaint(done.stderr ?? done.error?.message ?? '')}`);
    return false;
  }
  if (packagesAreThere(root)) return true;
  say(
    'npm finished, but node_modules does not hold what package-lock.json asks for. Remove node_modules and try again.',
  );
  return false;
}
