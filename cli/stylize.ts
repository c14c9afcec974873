/** `miaobi stylize`: repaints pictures with the statistics of others. */
import { type Command, Option } from 'commander';
import type { CapVstnet } from '../models/cap-vstnet/latent.ts';
import type { LoadedStyle, StylizePictureOptions } from '../train/infer/stylize-picture.ts';
import { addAliases } from './aliases.ts';
import { runBatch } from './batch.ts';
import { CliError } from './errors.ts';
import type { Log } from './log.ts';
import { type Globals, globalsOf, logOf, numberIn, wholeNumber } from './options.ts';
import { type Progress, startProgress } from './progress.ts';
import { type Job, planJobs } from './stylize-jobs.ts';

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
  readonly output: string;
  readonly quality: number;
  readonly overwrite?: boolean;
  readonly memoryLimit?: number;
  readonly profile?: boolean;
}

export function registerStylize(program: Command): void {
  const command = program
    .command('stylize')
    .description('repaint pictures in the colours and contrasts of a style picture (CAP-VSTNet)')
    .argument('<content...>', 'pictures, folders or globs')
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
    .option('-o, --output <path>', 'file for one picture, else folder', 'out')
    .option('--quality <1..100>', 'of JPEG and WebP', wholeNumber(1, 100), 95)
    .option('--overwrite', 'replace files that exist')
    .option('--memory-limit <MiB>', 'most GPU memory to use', wholeNumber(16, 2 ** 20))
    .option('--profile', 'print the GPU time of every kernel')
    .addHelpText('after', EXAMPLES)
    .action((content: string[], flags: StylizeFlags, self: Command) => run(content, flags, globalsOf(self)));
  addAliases(command, { 'out-dir': 'output', content_seg: 'content-seg', out: 'output' });
}

const EXAMPLES = `
Weights: without --weights the network is untrained (seeded, see --seed); it then carries over colours and contrasts,
but no trained look. Import the official ones with: miaobi ckpt convert photo_image.pt photo.safetensors

Examples:
  miaobi stylize photo.jpg --style painting.jpg -o painted.jpg
  miaobi stylize album/ --style dusk.jpg --weights photo.safetensors -o album-at-dusk/
  miaobi stylize a.jpg --style b.jpg c.jpg --style-weight 2 1 --alpha 0.7 -o mixed.png`;

const UNTRAINED =
  'They carry over colours and contrasts but no trained look; the official ones come with: ' +
  'miaobi ckpt convert photo_image.pt photo.safetensors, then --weights photo.safetensors';

async function run(inputs: string[], flags: StylizeFlags, globals: Globals): Promise<void> {
  const log = logOf(globals);
  const { style } = flags;
  if (!style) {
    throw new CliError('--style: expected a style picture, for example: miaobi stylize photo.jpg --style painting.jpg');
  }
  const jobs = await planJobs(inputs, style, flags);
  const { acquireDevice } = await import('../engine/device/node.ts');
  const { loadCapVstnet } = await import('../train/infer/load-cap-vstnet.ts');
  const { loadStyle } = await import('../train/infer/stylize-picture.ts');
  const budgetBytes = flags.memoryLimit === undefined ? undefined : flags.memoryLimit * 2 ** 20;
  const device = await acquireDevice({ device: globals.device, backend: globals.backend, budgetBytes });
  try {
    log.info(`Device: ${device.info.description}${device.info.software ? ' (software: slow)' : ''}`);
    const { weights, mode } = flags;
    const loaded = await loadCapVstnet(device, { weights, mode, seed: globals.seed, dtype: globals.precision });
    log.info(`Weights: ${loaded.description}${weights === undefined ? `, ${loaded.mode} network. ${UNTRAINED}` : ''}`);
    const options = pictureOptions(flags);
    const styles = await loadStyles(style, flags, options, loadStyle);
    const profiler = flags.profile ? device.profile() : undefined;
    await paintAll({ net: loaded.net, jobs, styles, options, flags, globals, log });
    if (profiler) {
      const { profileReport } = await import('./profile-table.ts');
      process.stderr.write(await profileReport(device, profiler));
    }
  } finally {
    device.destroy();
  }
}

interface Painting {
  readonly net: CapVstnet;
  readonly jobs: readonly Job[];
  readonly styles: readonly LoadedStyle[];
  readonly options: StylizePictureOptions;
  readonly flags: StylizeFlags;
  readonly globals: Globals;
  readonly log: Log;
}

async function paintAll(painting: Painting): Promise<void> {
  const { jobs, globals, log } = painting;
  const progress = await startProgress({ total: jobs.length, log });
  const results: object[] = [];
  const files = jobs.map(({ content }) => content);
  const report = (line: string) => (log.quiet ? log.error(line) : progress.note(line));
  const { exitCode, failed } = await runBatch(
    files,
    async (_, index) => {
      const result = await paint(painting, jobs[index], progress);
      results.push(result);
      if (!globals.json && !globals.dryRun) process.stdout.write(`${jobs[index].output}\n`);
    },
    { progress, report, debug: globals.debug },
  );
  progress.finish();
  if (globals.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  if (failed > 0 && jobs.length > 1) log.error(`error: ${failed} of ${jobs.length} pictures failed.`);
  if (exitCode !== 0) process.exitCode = exitCode;
}

/** Reads, paints and writes one picture; says before what it will take. */
async function paint(
  { net, styles, options, flags, globals }: Painting,
  job: Job,
  progress: Progress,
): Promise<object> {
  const { mib } = await import('../engine/index.ts');
  const { planStylize } = await import('../models/cap-vstnet/stylize.ts');
  const { readMask, readSized, stylizePicture } = await import('../train/infer/stylize-picture.ts');
  const { writeImage } = await import('../train/data/image/write.ts');
  const picture = await readSized(job.content, options);
  const { width, height } = picture;
  const { tiles, forecast } = planStylize(net, picture, options.tile);
  const cut = tiles.length === 1 ? 'untiled' : `${tiles.length} tiles`;
  progress.note(`${job.content}: ${width} x ${height}, ${cut}, about ${mib(forecast.peakBytes)} of GPU memory`);
  for (const note of picture.notes) progress.note(note);
  const facts = { content: job.content, output: job.output, width, height, tiles: tiles.length };
  if (globals.dryRun) return { ...facts, forecastBytes: forecast.peakBytes };
  let reported = 0;
  const onProgress = (done: number) => {
    progress.advance(done - reported, job.name);
    reported = done;
  };
  const mask = flags.contentSeg === undefined ? undefined : await readMask(flags.contentSeg, picture);
  const started = performance.now();
  const painted = await stylizePicture(net, picture, styles, { ...options, onProgress }, mask);
  const seconds = (performance.now() - started) / 1000;
  for (const note of await writeImage(job.output, painted, flags)) progress.note(note);
  return { ...facts, seconds, peakBytes: net.device.pool.stats.peakAllocatedBytes };
}

function pictureOptions(flags: StylizeFlags): StylizePictureOptions {
  return {
    alphaContent: flags.alphaC ?? 1 - flags.alpha,
    tile: flags.tile === 'auto' ? undefined : flags.tile,
    maxSize: flags.maxSize,
    compat: flags.compat,
  };
}

type LoadStyle = (path: string, weight: number, options: StylizePictureOptions, mask?: string) => Promise<LoadedStyle>;

async function loadStyles(
  style: readonly string[],
  { styleSeg, styleWeight }: StylizeFlags,
  options: StylizePictureOptions,
  load: LoadStyle,
): Promise<LoadedStyle[]> {
  const raw = styleWeight ?? style.map(() => 1);
  const total = raw.reduce((sum, share) => sum + share, 0);
  return Promise.all(style.map((path, k) => load(path, raw[k] / total, options, styleSeg?.[k])));
}

function shares(text: string, before: number[] = []): number[] {
  return [...before, numberIn(0, Number.MAX_VALUE)(text)];
}

function tileSize(text: string): 'auto' | number {
  return text === 'auto' ? text : wholeNumber(16, 65536)(text);
}
