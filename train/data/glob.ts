/** File name patterns, for shells that do not expand them. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Whether a path has wildcards: `*`, `?`, `[…]` or `{a,b}`. */
export function isGlob(path: string): boolean {
  return /[*?{[]/.test(path);
}

/**
 * The files that match a pattern, sorted by code units. `*` and `?` stay within a name, `**` crosses folders, `[a-z]`
 * and `[!a-z]` match one character, `{a,b}` either. Names that begin with a dot match only where the pattern has the
 * dot. Nothing that matches is an empty list.
 */
export async function glob(pattern: string): Promise<string[]> {
  const parts = pattern.replaceAll('\\', '/').split('/');
  const fixed = parts.findIndex((part) => isGlob(part));
  if (fixed < 0) return [pattern];
  const root = parts.slice(0, fixed).join('/') || (pattern.startsWith('/') ? '/' : '');
  const found = new Set<string>();
  await walk(root, parts.slice(fixed), found);
  return [...found].sort();
}

async function walk(folder: string, parts: readonly string[], found: Set<string>): Promise<void> {
  const [part, ...rest] = parts;
  const entries = await readdir(folder || '.', { withFileTypes: true }).catch(() => []);
  if (part === '**') await walk(folder, rest.length > 0 ? rest : ['*'], found);
  const matcher = part === '**' ? undefined : nameMatcher(part);
  for (const entry of entries) {
    if (entry.name.startsWith('.') && !part.startsWith('.')) continue;
    const path = folder ? join(folder, entry.name) : entry.name;
    if (part === '**') {
      if (entry.isDirectory()) await walk(path, parts, found);
    } else if (matcher?.test(entry.name)) {
      if (rest.length > 0) await walk(path, rest, found);
      else if (!entry.isDirectory()) found.add(path);
    }
  }
}

/** One name's pattern as an expression. */
function nameMatcher(part: string): RegExp {
  let source = '';
  let depth = 0;
  for (let i = 0; i < part.length; i++) {
    const character = part[i];
    const close = character === '[' ? part.indexOf(']', i + 2) : -1;
    if (character === '*') source += '.*';
    else if (character === '?') source += '.';
    else if (close > 0) {
      source += `[${part
        .slice(i + 1, close)
        .replace(/^!/, '^')
        .replaceAll('\\', '\\\\')}]`;
      i = close;
    } else if (character === '{') {
      depth++;
      source += '(?:';
    } else if (character === '}' && depth > 0) {
      depth--;
      source += ')';
    } else if (character === ',' && depth > 0) source += '|';
    else source += character.replace(/[\\^$.|+()[\]{}]/g, '\\$&');
  }
  return new RegExp(`^${source}${')'.repeat(depth)}$`, 'u');
}
