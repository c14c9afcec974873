/** `data check --model cap-vstnet`: a folder of contents and one of styles, or one that is both. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RequestError } from '../../errors.ts';
import { shellWord } from '../shell-word.ts';
import type { CheckOptions, DataCheck } from './check.ts';
import { type FolderFacts, inspectFolder, shorterSides } from './inspect-folder.ts';
import { walkPictures } from './walk.ts';

/** The original's. */
const CROP_SIZE = 256;
/** Below this many pictures a training sees too little. */
const FEW = 100;

/**
 * Decodes everything in `data/content` and `data/style`, or in `data` where there are no such folders.
 *
 * @throws RequestError when there is no such folder
 * @throws DataError when it holds no picture
 */
export async function checkStylePairs(data: string | undefined, options: CheckOptions = {}): Promise<DataCheck> {
  if (data === undefined) throw new RequestError('data check: expected the folder of a data set, but none is named.');
  const isFolder = async (name: string) =>
    (await stat(join(data, name)).catch(() => undefined))?.isDirectory() ?? false;
  const present = { content: await isFolder('content'), style: await isFolder('style') };
  const split = present.content || present.style;
  const names = split ? (['content', 'style'] as const).filter((name) => present[name]) : [''];
  const listed = await Promise.all(names.map(async (name) => ({ name, files: await walkPictures(join(data, name)) })));
  await options.onTotal?.(listed.reduce((sum, { files }) => sum + files.length, 0));
  const folders: (FolderFacts & { name: string })[] = [];
  for (const { name, files } of listed) {
    const facts = await inspectFolder(join(data, name), files, options.onFile, options.workers);
    folders.push({ name: name || 'content and style', ...facts });
  }
  const problems = folders.flatMap(problemsOf);
  if (split && names.length === 1) {
    const missing = present.content ? 'style' : 'content';
    problems.push(
      `${data}: expected content/ and style/ beside each other, but ${missing}/ is missing. ` +
        `Add it, or give a folder without either: it is then both.`,
    );
  }
  return { folders, problems, notes: folders.flatMap(notesOf), suggestion: suggest(data, split, folders) };
}

function problemsOf({ folder, pictures, bad }: FolderFacts): string[] {
  const lines = bad.map(({ reason }) => reason);
  if (pictures.length === 0) lines.push(`${folder}: expected pictures, but none of its ${bad.length} can be read.`);
  return lines;
}

function notesOf({ folder, pictures }: FolderFacts): string[] {
  const small = pictures.filter(({ width, height }) => Math.min(width, height) < CROP_SIZE);
  const notes: string[] = [];
  if (small.length > 0) {
    const [{ path, width, height }] = small;
    notes.push(
      `${folder}: ${small.length} of ${pictures.length} pictures are smaller than a crop of ${CROP_SIZE} pixels and ` +
        `would be enlarged and soft: ${path} (${width} x ${height})${small.length > 1 ? ' and others' : ''}. ` +
        'Leave them out, or train with the smaller sizes below.',
    );
  }
  if (pictures.length > 0 && pictures.length < FEW) {
    notes.push(
      `${folder}: ${pictures.length} ${pictures.length === 1 ? 'picture is' : 'pictures are'} enough to try; ` +
        'the published networks saw tens of thousands.',
    );
  }
  return notes;
}

/** The original's sizes where nine pictures in ten are as large as its crop, else the largest that nine in ten have. */
function suggest(data: string, split: boolean, folders: readonly FolderFacts[]): string {
  const pictures = folders.flatMap((folder) => folder.pictures);
  const [content, style] = (split ? [join(data, 'content'), join(data, 'style')] : [data, data]).map(shellWord);
  const command = `miaobi train cap-vstnet --content ${content} --style ${style}`;
  if (pictures.length === 0) return command;
  const { tenth } = shorterSides(pictures);
  if (tenth >= CROP_SIZE) return command;
  const load = Math.max(32, 4 * Math.floor(tenth / 4));
  return `${command} --load-size ${load} --crop-size ${4 * Math.floor((0.8 * load) / 4)}`;
}
