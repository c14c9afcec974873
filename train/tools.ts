/** Programs of the system that miaobi calls, and how to get them where they are missing. */
import { readFile } from 'node:fs/promises';

/** A program that is not installed. */
export class MissingToolError extends Error {
  override name = 'MissingToolError';
}

const MANAGERS: readonly (readonly [RegExp, string])[] = [
  [/\b(debian|ubuntu)\b/, 'apt-get install'],
  [/\b(fedora|rhel|centos)\b/, 'dnf install'],
  [/\barch\b/, 'pacman -S'],
  [/\balpine\b/, 'apk add'],
  [/\b(suse|opensuse)\b/, 'zypper install'],
];

/**
 * The command that installs a program with the system's own package manager.
 *
 * @param system  text of an os-release file; this system's by default
 */
export async function installCommand(program: string, system?: string): Promise<string> {
  if (process.platform === 'darwin') return `brew install ${program}`;
  if (process.platform === 'win32') return `winget install ${program}`;
  const release = system ?? (await readFile('/etc/os-release', 'utf8').catch(() => ''));
  const ids = [...release.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].map((match) => match[1]).join(' ');
  const manager = MANAGERS.find(([pattern]) => pattern.test(ids))?.[1];
  return manager ? `${manager} ${program}` : `install ${program} with your system's package manager`;
}
