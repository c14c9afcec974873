/** `manifest.json`: what a pipeline has made, of what, so that nothing is made twice. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileSha256 } from '../checkpoint/file-hash.ts';
import { DataError } from '../errors.ts';
import { writeJson } from '../run/checkpoint.ts';
import type { StageName } from './stages.ts';

/** One picture, or one other file, of a stage. */
export interface MadeFile {
  /** hash of its inputs' contents, the settings and the stage's version */
  readonly key: string;
  /** relative to the output folder */
  readonly file: string;
  readonly sha256: string;
}

export interface StageRecord {
  readonly version: number;
  readonly settings: Readonly<Record<string, unknown>>;
  /** hash of the keys of everything that it is to make */
  readonly hash: string;
  /** whether all of it is made */
  readonly finished: boolean;
  /** that making it took, over all runs that shared in it */
  readonly seconds: number;
  readonly made: Readonly<Record<string, MadeFile>>;
  /** by name, with the reason */
  readonly failed: Readonly<Record<string, string>>;
  /** what it found, for stages that measure */
  readonly result?: unknown;
}

export interface Manifest {
  readonly stages: Partial<Record<StageName, StageRecord>>;
}

export const MANIFEST = 'manifest.json';

/** @throws DataError when there is a manifest that is not one */
export async function readManifest(output: string): Promise<Manifest> {
  const path = join(output, MANIFEST);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return { stages: {} };
  try {
    const manifest = JSON.parse(text) as Partial<Manifest>;
    if (typeof manifest.stages === 'object' && manifest.stages !== null) return { stages: manifest.stages };
  } catch {
    // said below
  }
  throw new DataError(`${path}: expected the manifest of a pipeline, but it is damaged. Remove it to begin anew.`);
}

export async function writeManifest(output: string, manifest: Manifest): Promise<void> {
  await mkdir(output, { recursive: true });
  await writeJson(join(output, MANIFEST), manifest);
}

/** SHA-256 of a value as JSON, its keys sorted. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value, sortedKeys)).digest('hex');
}

function sortedKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Hashes of the contents of files, each read once for the same function. */
export function contentHasher(): (path: string) => Promise<string> {
  const known = new Map<string, Promise<string>>();
  return (path) => {
    const hash = known.get(path) ?? fileSha256(path);
    known.set(path, hash);
    return hash;
  };
}

/** SHA-256 of each file by its part; parts without a file are left out. */
export async function fileHashes(files: Readonly<Record<string, string | undefined>>): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const [part, path] of Object.entries(files)) if (path !== undefined) hashes[part] = await fileSha256(path);
  return hashes;
}

/** Whether the file of a record is there, as it was made. */
export async function isIntact(output: string, { file, sha256 }: MadeFile): Promise<boolean> {
  return fileSha256(join(output, file)).then(
    (hash) => hash === sha256,
    () => false,
  );
}
