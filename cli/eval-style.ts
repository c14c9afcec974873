/** `miaobi eval style`: how near repainted pictures or films are to a style, and what they kept of their content. */
import type { Command } from 'commander';
import type { StyleMeasures } from '../train/eval/style.ts';
import { CliError } from './errors.ts';
import { type Globals, globalsOf, logOf, wholeNumber } from './options.ts';
import { startProgress } from './progress.ts';

interface EvalStyleFlags {
  readonly content?: string;
  readonly vgg?: string;
  readonly lpips?: string[];
  readonly frames?: boolean;
  readonly maxSize: number;
  readonly limit: number;
}

export function registerEvalStyle(parent: Command): void {
  parent
    .command('style')
    .description('closeness to a style (Gram, statistics, colours), kept structure (SSIM, LPIPS), flicker of films')
    .argument('<results>', 'a picture, a folder of pictures, or a film')
    .argument('<styles>', 'a style picture for all results, or a folder with one for each')
    .option('--content <path>', 'what was repainted, in the same order: gives SSIM, LPIPS, and the motion of films')
    .option('--vgg <file>', "encoder of the style measures: torchvision's or the normalised VGG19")
    .option('--lpips <file...>', 'AlexNet or VGG16 of torchvision, and the linear weights of LPIPS 0.1')
    .option('--frames', 'the folder of results holds the frames of one film: measure flicker, too')
    .option('--max-size <pixels>', 'reduce larger pictures before they are measured', wholeNumber(16, 8192), 512)
    .option('--limit <n>', 'measure the first n at most', wholeNumber(1, 1_000_000_000), 1_000_000_000)
    .addHelpText('after', NOTES)
    .action((results: string, styles: string, flags: EvalStyleFlags, self: Command) =>
      run(results, styles, flags, globalsOf(self)),
    );
}

const NOTES = `
gram       mean squared difference of the Gram matrices of VGG features, summed over relu1_1 .. relu4_1; lower is nearer
style      the same of the means and deviations of the features
colours    correlation of the histograms in L*a*b*; 1 is equal
ssim       structure kept of the content; 1 is equal (window of 11, values in [0, 1], zeros beyond the border)
lpips      perceived difference from the content; 0 is equal
flicker    mean difference from the frame before, moved as the content moved; (content): the same of the content itself

gram and style depend on the encoder, and on --max-size: compare only values of the same ones.

Example:
  miaobi eval style painted/ dusk.jpg --content photos/ --vgg vgg_normalised.pth`;

async function run(results: string, styles: string, flags: EvalStyleFlags, globals: Globals): Promise<void> {
  const log = logOf(globals);
  const { openSeries } = await import('../train/eval/picture-series.ts');
  const open = (path: string) => openSeries(path, flags.maxSize);
  const [painted, style] = [await open(results), await open(styles)];
  const content = flags.content === undefined ? undefined : await open(flags.content);
  checkLengths(painted.length, style.length, content?.length);
  const { acquireDevice } = await import('../engine/device/node.ts');
  const { loadVgg } = await import('../train/infer/load-vgg.ts');
  const { loadLpips } = await import('../train/infer/load-lpips.ts');
  const { makeStyleMeter, meanMeasures } = await import('../train/eval/style.ts');
  const device = await acquireDevice({ device: globals.device, backend: globals.backend });
  try {
    const { vgg, description } = await loadVgg(device, flags.vgg, globals.seed);
    const lpips = flags.lpips ? await loadLpips(device, flags.lpips) : undefined;
    log.info(
      `Encoder: ${description}${flags.vgg ? '' : '; its measures tell little, give trained ones with --vgg FILE'}`,
    );
    if (lpips) log.info(`Distance: ${lpips.description}`);
    const meter = makeStyleMeter(device, { vgg, lpips: lpips?.model });
    const total = Math.min(painted.length, flags.limit);
    const progress = await startProgress({ total, log });
    const rows: { readonly name: string; readonly measures: StyleMeasures }[] = [];
    const film = painted.isFilm || flags.frames === true;
    let before: { result: Planes; content?: Planes | undefined } | undefined;
    for await (const { one, name, other } of matched(painted.pictures(), style.pictures(), content?.pictures())) {
      if (rows.length >= total) break;
      const measures = await meter.measure({ result: one, style: other.style, content: other.content, before });
      rows.push({ name, measures });
      if (film) before = { result: one, content: other.content };
      progress.advance(1, name);
    }
    progress.finish();
    meter.dispose();
    const mean = meanMeasures(rows.map(({ measures }) => measures));
    if (globals.json)
      process.stdout.write(`${JSON.stringify({ encoder: description, mean, results: rows }, null, 2)}\n`);
    else process.stdout.write(await tableOf(rows, mean));
  } finally {
    device.destroy();
  }
}

type Planes = import('../train/eval/image-similarity.ts').Planes;
type Pictures = AsyncGenerator<{ readonly name: string; readonly planes: Planes }>;

/** Results with their style, the last one where there are no more, and their content at the result's size. */
async function* matched(results: Pictures, styles: Pictures, contents: Pictures | undefined) {
  let style: Planes | undefined;
  try {
    for await (const { name, planes } of results) {
      const nextStyle = await styles.next();
      if (!nextStyle.done) style = nextStyle.value.planes;
      const nextContent = await contents?.next();
      const content = nextContent && !nextContent.done ? await fitted(nextContent.value.planes, planes) : undefined;
      yield { name, one: planes, other: { style, content } };
    }
  } finally {
    await styles.return(undefined);
    await contents?.return(undefined);
  }
}

/** The content at the size of its result, which some tools round. */
async function fitted(planes: Planes, { width, height }: Planes): Promise<Planes> {
  if (planes.width === width && planes.height === height) return planes;
  const { fromPlanar, resizePicture } = await import('../train/data/image/picture.ts');
  const { planesOf } = await import('../train/eval/picture-series.ts');
  const picture = fromPlanar(planes.planes, planes.width, planes.height, { bitDepth: 16 });
  return planesOf(resizePicture(picture, width, height, 'bicubic'));
}

function checkLengths(results: number, styles: number, contents: number | undefined): void {
  if (styles !== 1 && styles !== results) {
    throw new CliError(
      `Expected one style, or one for each of ${results} results, but ${styles} came. Name one picture.`,
    );
  }
  if (contents !== undefined && contents !== results) {
    throw new CliError(
      `--content: expected ${results} pictures, one for each result in the order of their names, but ${contents} came. ` +
        'Name the folder or film that was repainted.',
    );
  }
}

const COLUMNS: readonly (readonly [keyof StyleMeasures, string])[] = [
  ['gram', 'gram'],
  ['style', 'style'],
  ['colours', 'colours'],
  ['ssim', 'ssim'],
  ['lpips', 'lpips'],
  ['flicker', 'flicker'],
  ['contentFlicker', '(content)'],
];
const MOST_ROWS = 40;

async function tableOf(
  rows: readonly { name: string; measures: StyleMeasures }[],
  mean: StyleMeasures,
): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const columns = COLUMNS.filter(([key]) => mean[key] !== undefined);
  const table = new Table({ head: ['', ...columns.map(([, title]) => title)], style: { head: [], border: [] } });
  const cells = (measures: StyleMeasures) => columns.map(([key]) => measures[key]?.toPrecision(4) ?? '');
  for (const { name, measures } of rows.slice(0, MOST_ROWS)) table.push([name, ...cells(measures)]);
  if (rows.length > MOST_ROWS) table.push([`… ${rows.length - MOST_ROWS} more`, ...columns.map(() => '')]);
  if (rows.length > 1) table.push([`mean of ${rows.length}`, ...cells(mean)]);
  return `${table.toString()}\n`;
}
