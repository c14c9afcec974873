import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** One import of a TypeScript file. */
export interface Import {
  /** what stands between the quotes */
  readonly specifier: string;
  /** vanishes when types are stripped */
  readonly typeOnly: boolean;
  /** `import()` at run time */
  readonly dynamic: boolean;
  readonly line: number;
}

const STATIC = /^\s*(import|export)\s+(type\s+)?(?:[\w*{][^;'"]*?\bfrom\s*)?['"]([^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]/g;

/** The imports and re-exports of a module text; what comments quote is none. */
export function importsOf(text: string): Import[] {
  const code = withoutComments(text);
  const lineAt = (index: number) => code.slice(0, index).split('\n').length;
  const found: Import[] = [];
  for (const match of code.matchAll(STATIC)) {
    const start = match.index + match[0].indexOf(match[1]);
    found.push({ specifier: match[3], typeOnly: match[2] !== undefined, dynamic: false, line: lineAt(start) });
  }
  for (const match of code.matchAll(DYNAMIC)) {
    const typeOnly = /\b(typeof|:|<|as)\s*$/.test(code.slice(0, match.index));
    found.push({ specifier: match[1], typeOnly, dynamic: true, line: lineAt(match.index) });
  }
  return found;
}

/** The text with comments blanked out, line by line in place. */
function withoutComments(text: string): string {
  const blank = (comment: string) => comment.replace(/[^\n]/g, ' ');
  return text.replace(/\/\*[\s\S]*?\*\//g, blank).replace(/(^|\s)\/\/[^\n]*/g, blank);
}

/** Every TypeScript file below `folder`, relative to `root`, with `/` on every platform. */
export function sourceFiles(root: string, folder: string): string[] {
  return (
    readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      // bench/peers has packages of its own
      .filter((entry) => !entry.parentPath.split(path.sep).includes('node_modules'))
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
      .sort()
  );
}

/** All sources of some folders with their imports. */
export function readImports(root: string, folders: readonly string[]): Map<string, Import[]> {
  const files = folders.flatMap((folder) => sourceFiles(root, folder));
  return new Map(files.map((file) => [file, importsOf(readFileSync(path.join(root, file), 'utf8'))]));
}

/** The file that a relative specifier names, or undefined for a package. */
export function targetOf(file: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? path.posix.join(path.posix.dirname(file), specifier) : undefined;
}
