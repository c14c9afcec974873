/** What `miaobi stylize` will read and write, settled before anything is computed. */
import { stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { CliError } from './errors.ts';
import type { StylizeFlags } from './stylize.ts';

export interface Job {
  /** for people */
  readonly name: string;
  readonly content: string;
  readonly output: string;
}

/**
 * @returns  one job a picture, and the style pictures with their patterns expanded
 * @throws CliError when flags contradict each other or two pictures would have one name
 * @throws RequestError when a file is missing, or an output exists or cannot be written; DataError when a folder
 *         holds no picture
 */
export async function planJobs(
  inputs: readonly string[],
  flags: StylizeFlags,
): Promise<{ jobs: Job[]; styles: readonly string[] }> {
  const { style, contentSeg, styleSeg = [], output, tile } = flags;
  if (!style) {
    throw new CliError('--style: expected a style picture, for example: miaobi stylize photo.jpg --style painting.jpg');
  }
  if (tile !== 'auto') await checkTile(tile);
  const { expandInputs } = await import('../train/data/image/expand.ts');
  const contents = await expandInputs(inputs);
  const styles = await expandInputs(style);
  await expandInputs(contentSeg === undefined ? styleSeg : [contentSeg, ...styleSeg]);
  checkFlags(contents, styles, flags);
  const jobs = (await isOneFile(contents, output))
    ? [{ name: basename(contents[0]), content: contents[0], output }]
    : contents.map((content) => ({
        name: basename(content),
        content,
        output: join(output, outputName(content, styles)),
      }));
  await checkOutputs(jobs, flags);
  return { jobs, styles };
}

async function checkOutputs(jobs: readonly Job[], flags: StylizeFlags): Promise<void> {
  const { assertWritable } = await import('../train/data/image/write.ts');
  const seen = new Map<string, string>();
  for (const { content, output } of jobs) {
    const other = seen.get(output);
    if (other !== undefined) {
      throw new CliError(`${content} and ${other} would both become ${output}. Repaint them into different folders.`);
    }
    seen.set(output, content);
    await assertWritable(output, flags);
  }
}

export async function checkTile(tile: number): Promise<void> {
  const { CAP_VSTNET, planOf } = await import('../models/cap-vstnet/config.ts');
  const { haloOf } = await import('../models/cap-vstnet/halo.ts');
  const halo = haloOf(CAP_VSTNET.photo); // both networks see equally far
  const least = 2 * halo + planOf(CAP_VSTNET.photo).multiple;
  if (tile >= least) return;
  throw new CliError(
    `--tile ${tile}: expected at least ${least}, for a tile needs ${halo} pixels around what it answers for. ` +
      'Larger tiles waste less: try --tile 1024, or leave --tile out.',
  );
}

/** @throws CliError when flags contradict each other, or do not go with so many contents and styles */
export function checkFlags(
  contents: readonly string[],
  styles: readonly string[],
  { styleWeight, styleSeg, contentSeg, alpha, alphaC }: StylizeFlags,
): void {
  if (styleWeight && styleWeight.length !== styles.length) {
    throw new CliError(
      `--style-weight: expected one share a style, but ${styleWeight.length} came for ${styles.length} styles. ` +
        'Give as many, or none for equal shares.',
    );
  }
  if (styleWeight?.every((share) => share === 0)) {
    throw new CliError('--style-weight: expected a share above 0, but all are 0. Raise at least one.');
  }
  if ((contentSeg === undefined) !== (styleSeg === undefined) || (styleSeg && styleSeg.length !== styles.length)) {
    throw new CliError(
      `Masks: expected --content-seg together with one --style-seg for each of ${styles.length} styles, but ` +
        `${contentSeg === undefined ? 'no' : 'a'} --content-seg and ${styleSeg?.length ?? 0} --style-seg came. ` +
        'Give all or none.',
    );
  }
  if (contentSeg !== undefined && contents.length > 1) {
    throw new CliError(
      `--content-seg: expected one picture to go with the mask, but ${contents.length} came. Repaint them one by one.`,
    );
  }
  if (alphaC !== undefined && alpha !== 1) {
    throw new CliError('--alpha and --alpha-c: expected one of them, but both came; they say the same. Leave one out.');
  }
}

/** One picture goes to a file when the output has an extension and is no folder. */
async function isOneFile(contents: readonly string[], output: string): Promise<boolean> {
  const folder = await stat(output).then(
    (s) => s.isDirectory(),
    () => false,
  );
  const named = !folder && extname(output) !== '' && !/[\\/]$/.test(output);
  if (named && contents.length > 1) {
    throw new CliError(
      `-o ${output}: expected a folder for ${contents.length} pictures, but this names one file. ` +
        'Leave the extension out, or end it with a slash.',
    );
  }
  return named;
}

const WRITABLE: ReadonlySet<string> = new Set(['.png', '.jpg', '.jpeg', '.webp', '.tif', '.tiff']);
const NAMED_STYLES = 3;

/** `content_style.ext` with the content's extension where it can be written, else PNG. */
function outputName(content: string, styles: readonly string[]): string {
  const extension = extname(content).toLowerCase();
  return `${nameWithStyles(content, styles)}${WRITABLE.has(extension) ? extension : '.png'}`;
}

/** `content_style` without an extension; styles beyond the third are counted. */
export function nameWithStyles(content: string, styles: readonly string[]): string {
  const stem = (path: string) => basename(path, extname(path));
  const more = styles.length > NAMED_STYLES ? [`${styles.length - NAMED_STYLES}-more`] : [];
  return `${stem(content)}_${[...styles.slice(0, NAMED_STYLES).map(stem), ...more].join('+')}`;
}
