/** `miaobi stylize`: repaints pictures with the statistics of others. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseRate, type Rational } from '../train/data/video/rational.ts';
import type { LoadedCapVstnet } from '../train/infer/load-cap-vstnet.ts';
import type { LoadedStyle } from '../train/infer/stylize-picture.ts';
import { addAliases } from './aliases.ts';
import { CliError, EXIT } from './errors.ts';
import { type Globals, globalsOf, logOf, numberIn, wholeNumber } from './options.ts';
import { planFilms } from './stylize-films.ts';
import { planJobs } from './stylize-jobs.ts';

export interface StylizeFlags {
  readonly style?: string[];
  readonly styleWeight?: number[];
  readonly contentSeg?: string;
  readonly styleSeg?: string[];
  readonly alpha: number;
  readonly alphaC?: number;
  readonly mode?: 'photo' | 'art';
  readonly weights?: string;
  readonly maxSize?: number;
  readonly tile: 'auto' | number;
  readonly compat?: boolean;
  readonly smooth: number;
  readonly frames?: boolean;
  readonly fps?: Rational;
  readonly segment: number;
  readonly output: string;
  readonly quality: number;
  readonly overwrite?: boolean;
  readonly memoryLimit?: number;
  readonly profile?: boolean;
}

export function registerStylize(program: Command): void {
  const command = program
    .command('stylize')
    .description('repaint pictures or films in the colours and contrasts of a style picture (CAP-VSTNet)')
    .argument('<content...>', 'pictures, folders or globs; or films')
    .option('--style <file...>', 'style picture; several are mixed')
    .option('--style-weight <share...>', 'shares of the styles, normalised to 1; equal by default', shares)
    .option('--content-seg <file>', 'colour mask of the content: regions are matched by colour')
    .option('--style-seg <file...>', 'colour mask of each style')
    .option('--alpha <0..1>', 'strength of the style: 0 gives the content back', numberIn(0, 1), 1)
    .addOption(new Option('--alpha-c <0..1>', "the original's way to say 1 - alpha").argParser(numberIn(0, 1)))
    .addOption(new Option('--mode <name>', 'which network the weights are of').choices(['photo', 'art']))
    .option('--weights <file>', 'checkpoint: .safetensors, or the official .pt; left out: untrained weights')
    .option('--max-size <pixels>', 'reduce pictures whose longer side exceeds this', wholeNumber(2, 65536))
    .option(
      '--tile <pixels>',
      'largest tile, halo included; auto cuts only what does not fit',
      tileSize,
      'auto' as const,
    )
    .option('--compat', "the original's sizes (multiples of 4, at most 1280) and truncation to 8 bits")
    .option('--smooth <0..1>', 'films: share of earlier frames in the colours, against flicker', numberIn(0, 1), 0)
    .option('--frames', 'the content folder holds the frames of one film, in the order of their names')
    .option('--fps <rate>', 'films made of a folder of frames: 24, 29.97 or 30000/1001', frameRate)
    .option('--segment <frames>', 'films: a killed run repeats at most this many', wholeNumber(1, 100_000), 32)
    .option('-o, --output <path>', 'file for one picture or film, else folder', 'out')
    .option('--quality <1..100>', 'of JPEG, WebP and films', wholeNumber(1, 100), 95)
    .option('--overwrite', 'replace files that exist')
    .option('--memory-limit <MiB>', 'most GPU memory to use', wholeNumber(16, 2 ** 20))
    .option('--profile', 'print the GPU time of every kernel')
    .addHelpText('after', EXAMPLES)
    .action((content: string[], flags: StylizeFlags, self: Command) => run(content, flags, globalsOf(self)));
  addAliases(command, { 'out-dir': 'output', out: 'output' });
}

const EXAMPLES = `
Weights: without --weights the network is untrained (seeded, see --seed); it then carries over colours and contrasts,
but no trained look. Import the official ones with: miaobi ckpt convert photo_image.pt photo.safetensors

Examples:
  miaobi stylize photo.jpg --style painting.jpg -o painted.jpg
  miaobi stylize album/ --style dusk.jpg --weights photo.safetensors -o album-at-dusk/
  miaobi stylize a.jpg --style b.jpg c.jpg --style-weight 2 1 --alpha 0.7 -o mixed.png
  miaobi stylize clip.mp4 --style dusk.jpg --smooth 0.8 -o clip-at-dusk.mp4
  miaobi stylize frames/ --frames --style dusk.jpg -o painted-frames/

Films keep their frame rate, sound and rotation. A run that was stopped or killed goes on when the same command is run
again: finished segments wait in OUTPUT.part.`;

const UNTRAINED =
  'They carry over colours and contrasts but no trained look; the official ones come with: ' +
  'miaobi ckpt convert photo_image.pt photo.safetensors, then --weights photo.safetensors';

async function run(inputs: string[], flags: StylizeFlags, globals: Globals): Promise<void> {
  const log = logOf(globals);
  const films = await planFilms(inputs, flags);
  const { jobs, styles } = films ? { jobs: [], styles: films.styles } : await planJobs(inputs, flags);
  const loaded = await loadStyles(styles, flags);
  for (const { notes } of loaded) for (const note of notes) log.info(note);
  const { acquireDevice } = await import('../engine/device/node.ts');
  const { checkPrecision } = await import('../train/precision.ts');
  const budgetBytes = flags.memoryLimit === undefined ? undefined : flags.memoryLimit * 2 ** 20;
  const device = await acquireDevice({ device: globals.device, backend: globals.backend, budgetBytes });
  try {
    log.info(`Device: ${device.info.description}${device.info.software ? ' (software: slow)' : ''}`);
    checkPrecision(globals.precision, device);
    const { net, mode, description } = await loadNetwork(device, flags, globals);
    log.info(`Weights: ${description}${flags.weights === undefined ? `, ${mode} network. ${UNTRAINED}` : ''}`);
    const profiler = flags.profile ? device.profile() : undefined;
    const painting = { net, jobs, styles: loaded, flags, globals, log };
    if (films) await (await import('./stylize-video.ts')).paintFilms(painting, films.jobs, mode);
    else await (await import('./stylize-paint.ts')).paintAll(painting);
    if (profiler) {
      const { profileReport } = await import('./profile-table.ts');
      process.stderr.write(await profileReport(device, profiler));
    }
  } finally {
    device.destroy();
  }
}

type NodeDevice = Awaited<ReturnType<typeof import('../engine/device/node.ts')['acquireDevice']>>;

/** @throws CliError when not even the weights fit into the memory */
async function loadNetwork(
  device: NodeDevice,
  { weights, mode, memoryLimit }: StylizeFlags,
  { seed, precision }: Globals,
): Promise<LoadedCapVstnet> {
  const { loadCapVstnet } = await import('../train/infer/load-cap-vstnet.ts');
  try {
    return await loadCapVstnet(device, { weights, mode, seed, dtype: precision });
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'OutOfMemoryError') throw error;
    throw new CliError(
      `--memory-limit ${memoryLimit}: expected room for the network, but its weights alone take more. ` +
        'Give at least --memory-limit 32.',
      EXIT.memory,
    );
  }
}

async function loadStyles(paths: readonly string[], flags: StylizeFlags): Promise<LoadedStyle[]> {
  const { loadStyle } = await import('../train/infer/stylize-picture.ts');
  const raw = flags.styleWeight ?? paths.map(() => 1);
  const total = raw.reduce((sum, share) => sum + share, 0);
  return Promise.all(paths.map((path, k) => loadStyle(path, raw[k] / total, flags, flags.styleSeg?.[k])));
}

function shares(text: string, before: number[] = []): number[] {
  return [...before, numberIn(0, Number.MAX_VALUE)(text)];
}

function tileSize(text: string): 'auto' | number {
  return text === 'auto' ? text : wholeNumber(16, 65536)(text);
}

function frameRate(text: string): Rational {
  const rate = parseRate(text);
  if (rate) return rate;
  throw new InvalidArgumentError('Expected frames a second: 25, 29.97 or 30000/1001.');
}
