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
 * @throws CliError when flags contradict each other or two pictures would have one name; RequestError when a file is
 *         missing, a folder holds no picture, or an output exists
 */
export async function planJobs(
  inputs: readonly string[],
  style: readonly string[],
  flags: StylizeFlags,
): Promise<Job[]> {
  checkFlags(style, flags);
  const { expandInputs } = await import('../train/data/image/expand.ts');
  const { assertWritable } = await import('../train/data/image/write.ts');
  const contents = await expandInputs(inputs);
  await expandInputs(style);
  const jobs = (await isOneFile(contents, flags.output))
    ? [{ name: basename(contents[0]), content: contents[0], output: flags.output }]
    : contents.map((content) => ({
        name: basename(content),
        content,
        output: join(flags.output, outputName(content, style)),
      }));
  const seen = new Map<string, string>();
  for (const { content, output } of jobs) {
    const other = seen.get(output);
    if (other !== undefined) {
      throw new CliError(`${content} and ${other} would both become ${output}. Repaint them into different folders.`);
    }
    seen.set(output, content);
    await assertWritable(output, flags);
  }
  return jobs;
}

function checkFlags(
  style: readonly string[],
  { styleWeight, styleSeg, contentSeg, alpha, alphaC }: StylizeFlags,
): void {
  if (styleWeight && styleWeight.length !== style.length) {
    throw new CliError(
      `--style-weight: expected one share a style, got ${styleWeight.length} for ${style.length} styles.`,
    );
  }
  if (styleWeight?.every((share) => share === 0))
    throw new CliError('--style-weight: at least one share must be above 0.');
  if ((contentSeg === undefined) !== (styleSeg === undefined) || (styleSeg && styleSeg.length !== style.length)) {
    throw new CliError('Masks: expected --content-seg together with one --style-seg for each style. Give all or none.');
  }
  if (alphaC !== undefined && alpha !== 1)
    throw new CliError('--alpha and --alpha-c say the same thing: give one of them.');
}

/** One picture goes to a file when the output has an extension and is no folder. */
async function isOneFile(contents: readonly string[], output: string): Promise<boolean> {
  const folder = await stat(output).then(
    (s) => s.isDirectory(),
    () => false,
  );
  const named = !folder && extname(output) !== '' && !output.endsWith('/');
  if (named && contents.length > 1) {
    throw new CliError(`-o ${output}: expected a folder for ${contents.length} pictures, got the name of one file.`);
  }
  return named;
}

const WRITABLE = new Set(['.png', '.jpg', '.jpeg', '.webp', '.tif', '.tiff']);

/** `content_style.ext` with the content's extension where it can be written, else PNG. */
function outputName(content: string, style: readonly string[]): string {
  const stem = (path: string) => basename(path, extname(path));
  const extension = extname(content).toLowerCase();
  return `${stem(content)}_${style.map(stem).join('+')}${WRITABLE.has(extension) ? extension : '.png'}`;
}
