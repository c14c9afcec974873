/** What `miaobi generate` will read and write, settled before anything is computed. */
import { stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { type LabelPair, labelFiles } from '../train/data/datasets/label-files.ts';
import { guessDatasetMode } from '../train/data/datasets/label-folders.ts';
import { withReferences } from '../train/data/datasets/reference-photos.ts';
import { expandInputs } from '../train/data/image/expand.ts';
import { assertWritable } from '../train/data/image/write.ts';
import type { OpenedGaugan } from '../train/infer/load-gaugan.ts';
import { CliError } from './errors.ts';
import type { GenerateFlags } from './generate.ts';
import type { Globals } from './options.ts';

/** One label map, and the pictures that are painted for it. */
export interface GenerateJob {
  readonly label: string;
  readonly instance?: string | undefined;
  /** the picture that lends its manner */
  readonly reference?: string | undefined;
  /** one file a sample */
  readonly outputs: readonly string[];
}

/** Which noise the latents get; undefined: the mean of the reference's. */
export const drawSeed = ({ zSeed, count }: GenerateFlags, { seed }: Globals): number | undefined =>
  zSeed ?? (count > 1 ? seed : undefined);

/**
 * @throws CliError when flags contradict each other or the network, or two pictures would have one name
 * @throws RequestError when a file is missing, or an output exists or cannot be written; DataError when a folder
 *         holds no picture, or a label map lacks what belongs to it
 */
export async function planGenerate(
  inputs: readonly string[],
  flags: GenerateFlags,
  opened: OpenedGaugan,
  globals: Globals,
): Promise<GenerateJob[]> {
  checkLatent(flags, opened);
  const pairs = (await pairsOf(inputs, flags, opened)).slice(0, flags.maxItems);
  if (opened.rule.instance && flags.instance !== false) requireInstances(pairs, opened);
  const references = await referencesOf(pairs, flags, opened);
  const oneFile = await isOneFile(pairs.length * flags.count, flags.output);
  const jobs = pairs.map(({ label, instance }, i): GenerateJob => {
    const outputs = oneFile ? [flags.output] : outputNames(label, flags);
    return { label, outputs, reference: references[i], instance: flags.instance === false ? undefined : instance };
  });
  await checkOutputs(jobs, flags, globals);
  return jobs;
}

/** @throws CliError when a manner is asked for that the network cannot have */
function checkLatent(flags: GenerateFlags, { networks: { generator, encoder } }: OpenedGaugan): void {
  const hasLatent = generator.net === 'spade' && generator.useVae;
  const asked = [
    ...(flags.style === undefined ? [] : ['--style']),
    ...(flags.labelToImg === undefined ? [] : ['--label-to-img']),
    ...(flags.zSeed === undefined ? [] : ['--z-seed']),
    ...(flags.count > 1 ? ['--count'] : []),
    ...(flags.useVae ? ['--use-vae'] : []),
  ];
  if (!hasLatent && asked.length > 0) {
    throw new CliError(
      `${asked[0]}: expected a network with a latent, but these weights were trained without one (use_vae), so that each ` +
        'label map has one picture. Leave it out, and repaint the picture in a style with: miaobi stylize',
    );
  }
  if (hasLatent && !encoder && (flags.style !== undefined || flags.labelToImg !== undefined)) {
    throw new CliError(
      '--style: expected the weights of an image encoder, for it reads the style, but there are none beside the ' +
        "generator's. Name them: --encoder latest_net_E.pth",
    );
  }
  if (flags.labelToImg !== undefined && flags.style === undefined && flags.imageDir === undefined && !flags.data) {
    throw new CliError('--label-to-img: expected the folder of its pictures, but none is named. Give --style DIR.');
  }
}

/** Label maps with what belongs to them, from arguments or from the folders of a data set. */
async function pairsOf(
  inputs: readonly string[],
  flags: GenerateFlags,
  { rule }: OpenedGaugan,
): Promise<readonly LabelPair[]> {
  const { data, labelDir, imageDir, instanceDir } = flags;
  const instances = rule.instance && flags.instance !== false && (instanceDir !== undefined || inputs.length === 0);
  if (inputs.length > 0) {
    const labels = await expandInputs(inputs);
    const maps = instances ? await byStem(instanceDir as string) : undefined;
    return labels.map((label) => {
      const instance = maps?.get(stem(label));
      if (maps && instance === undefined) {
        throw new CliError(
          `${label}: expected an instance map of the same name in ${instanceDir}, but there is none. ` +
            'Add it, or paint without the edges of instances: --no-instance',
        );
      }
      return { name: stem(label), label, instance };
    });
  }
  if (data === undefined && labelDir === undefined) {
    throw new CliError(
      'LABEL: expected label maps to paint, for example: miaobi generate map.png --weights runs/first',
    );
  }
  const mode = flags.datasetMode ?? (data === undefined ? 'custom' : await guessDatasetMode(data));
  return labelFiles({
    ...{ mode, data, labelDir, imageDir, instanceDir, phase: 'test', instances },
    images: imageDir !== undefined,
    ...(flags.labelToImg === undefined ? {} : { labelToImage: flags.labelToImg, referenceDir: flags.style }),
  });
}

function requireInstances(pairs: readonly LabelPair[], { rule }: OpenedGaugan): void {
  const lacking = pairs.find(({ instance }) => instance === undefined);
  if (!lacking) return;
  throw new CliError(
    `--instance-dir: expected an instance map for ${lacking.label}, for this network reads ${rule.labelNc} classes` +
      `${rule.dontCare === undefined ? '' : ", don't care"} and the edges of instances. Name their folder, or paint ` +
      'without edges: --no-instance',
  );
}

/** The picture whose manner each map's is to have, where one is named: a file, by a list, or by name. */
async function referencesOf(
  pairs: readonly LabelPair[],
  { style, labelToImg, imageDir }: GenerateFlags,
  { networks: { encoder } }: OpenedGaugan,
): Promise<(string | undefined)[]> {
  if (!encoder) return pairs.map(() => undefined);
  if (style === undefined) return pairs.map(({ reference, image }) => reference ?? (imageDir && image));
  const isFolder = (await stat(style).catch(() => undefined))?.isDirectory() ?? false;
  if (!isFolder) {
    if (labelToImg !== undefined) {
      throw new CliError(`--style ${style}: expected the folder of the pictures that ${labelToImg} names.`);
    }
    const [file] = await expandInputs([style]);
    return pairs.map(() => file);
  }
  if (labelToImg !== undefined) {
    const named = await withReferences([...pairs], {
      ...{ mode: 'custom', instances: false, labelToImage: labelToImg, referenceDir: style },
    });
    return named.map(({ label, reference }) => reference ?? missing(label, labelToImg));
  }
  const photos = await byStem(style);
  return pairs.map(({ label }) => photos.get(stem(label)) ?? missing(label, style));
}

function missing(label: string, where: string): never {
  throw new CliError(
    `${label}: expected a picture that lends its manner, but ${where} names none for it. ` +
      'Add it, or give one picture for all: --style FILE',
  );
}

const stem = (path: string): string => basename(path, extname(path));

async function byStem(folder: string): Promise<Map<string, string>> {
  return new Map((await expandInputs([folder])).map((path) => [stem(path), path]));
}

function outputNames(label: string, { output, count, format }: GenerateFlags): string[] {
  const name = (suffix: string) => join(output, `${stem(label)}${suffix}.${format}`);
  return count === 1 ? [name('')] : Array.from({ length: count }, (_, i) => name(`_${i + 1}`));
}

async function isOneFile(pictures: number, output: string): Promise<boolean> {
  const folder = (await stat(output).catch(() => undefined))?.isDirectory() ?? false;
  const named = !folder && extname(output) !== '' && !/[\\/]$/.test(output);
  if (named && pictures > 1) {
    throw new CliError(
      `-o ${output}: expected a folder for ${pictures} pictures, but this names one file. ` +
        'Leave the extension out, or end it with a slash.',
    );
  }
  return named;
}

async function checkOutputs(jobs: readonly GenerateJob[], flags: GenerateFlags, { dryRun }: Globals): Promise<void> {
  const seen = new Map<string, string>();
  for (const { label, outputs } of jobs) {
    for (const output of outputs) {
      const other = seen.get(output);
      if (other !== undefined) {
        throw new CliError(`${label} and ${other} would both become ${output}. Paint them into different folders.`);
      }
      seen.set(output, label);
      await assertWritable(output, dryRun ? { ...flags, overwrite: true } : flags);
    }
  }
}
