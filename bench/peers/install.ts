import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** Installs the other libraries where they are not; what they need stays out of the project's own packages. */
export function installPeers(say: (line: string) => void): void {
  if (existsSync(join(folder, 'node_modules', '.package-lock.json'))) return;
  say('installing the other libraries into bench/peers (220 MB)');
  try {
    execFileSync('npm', ['ci', '--silent'], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
  } catch (error) {
    say(`npm ci in bench/peers failed (${(error as Error).message}): libraries that are missing are left out`);
  }
}

/** The version that is installed. @throws Error where none is */
export function versionOf(name: string): string {
  const file = join(folder, 'node_modules', name, 'package.json');
  if (!existsSync(file)) throw new Error(`${name} is not installed`);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
