/** `miaobi generate`: paints pictures for label maps. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DATASET_MODES, type DatasetMode } from '../train/choices.ts';
import { addAliases } from './aliases.ts';
import { CliError } from './errors.ts';
import { globalsOf, logOf, numberIn, wholeNumber } from './options.ts';

export interface GenerateFlags {
  readonly weights?: string;
  readonly encoder?: string;
  readonly name?: string;
  readonly runs: string;
  readonly epoch?: string;
  readonly style?: string;
  readonly labelToImg?: string;
  readonly zSeed?: number;
  readonly count: number;
  readonly size: OutputSize;
  readonly palette?: string;
  readonly instanceDir?: string;
  readonly labelNc?: number;
  readonly dontCare?: number;
  /** false with --no-instance; true or undefined say nothing */
  readonly instance?: boolean;
  readonly batchStats?: boolean;
  readonly compat?: boolean;
  readonly cropSize?: number;
  readonly aspectRatio?: number;
  readonly numUpsamplingLayers?: 'normal' | 'more' | 'most';
  readonly flavour?: 'pytorch' | 'jittor';
  readonly data?: string;
  readonly datasetMode?: DatasetMode;
  readonly labelDir?: string;
  readonly imageDir?: string;
  readonly maxItems?: number;
  readonly useVae?: boolean;
  readonly output: string;
  readonly format: string;
  readonly quality: number;
  readonly overwrite?: boolean;
  readonly memoryLimit?: number;
}

/** `keep`: that of the label map; `network`: that which the network paints */
export type OutputSize = 'keep' | 'network' | { readonly width: number; readonly height: number };

export function registerGenerate(program: Command): void {
  const command = program
    .command('generate')
    .description('paint pictures for label maps (GauGAN)')
    .argument('[label...]', 'label maps, folders or globs')
    .option('--weights <path>', 'a run, a folder with latest_net_G.pth, or the file of the generator')
    .option('--encoder <file>', "the image encoder's weights, where they are not beside the generator's")
    .option('--style <path>', 'picture whose manner the result is to have; or a folder of them, one for each map')
    .option('--label-to-img <file>', 'JSON that names the picture in the folder --style for each label map')
    .option('--z-seed <n>', 'another manner for each number; with --style, another in its manner', wholeNumber(0, MOST))
    .option('--count <n>', 'pictures for each label map, in different manners', wholeNumber(1, 10_000), 1)
    .option('--size <size>', 'keep (that of the label map), network, or WxH', outputSize, 'keep' as const)
    .option('--palette <file>', 'what the colours of coloured label maps mean')
    .option('--instance-dir <dir>', 'instance maps of the same names, for networks that see the edges of instances')
    .option('--label-nc <n>', 'classes, where the weights do not say', wholeNumber(1, 255))
    .addOption(
      new Option('--dont-care [label]', 'the label of pixels without a class; 255')
        .preset('255')
        .argParser(wholeNumber(0, 255)),
    )
    .option('--no-instance', 'there are no instance maps')
    .option('--batch-stats', 'normalise by each picture, not by the statistics of the training')
    .option('--crop-size <pixels>', 'width that is painted, where the weights do not say', wholeNumber(32, 16384))
    .option('--aspect-ratio <x>', 'width / height of that, where the weights do not say', numberIn(1 / 16, 16))
    .addOption(
      new Option('--num-upsampling-layers <n>', 'doublings, where the weights do not say').choices(UPSAMPLINGS),
    )
    .addOption(new Option('--flavour <name>', 'whose code the weights are of').choices(['pytorch', 'jittor']))
    .option('--data <dir>', 'data set whose label maps are painted, in place of LABEL')
    .addOption(new Option('--dataset-mode <name>', 'what data set that is').choices(DATASET_MODES))
    .option('--label-dir <dir>', 'folder of label maps, in place of LABEL')
    .option('--image-dir <dir>', 'pictures of the same names, as with --style')
    .option('--max-items <n>', 'the first label maps alone', wholeNumber(1, MOST))
    .option('--name <name>', 'run of that name, in place of --weights')
    .option('--runs <dir>', 'where runs are', 'runs')
    .option('--epoch <n>', 'which of the files N_net_G.pth in a folder; latest')
    .option('--compat', "the original's: pictures as large as the network paints them, fractions cut off")
    .option('-o, --output <path>', 'file for one picture, else folder', 'out')
    .addOption(
      new Option('--format <name>', 'of files in a folder').choices(['png', 'jpg', 'webp', 'tif']).default('png'),
    )
    .option('--quality <1..100>', 'of JPEG and WebP', wholeNumber(1, 100), 95)
    .option('--overwrite', 'replace files that exist')
    .option('--memory-limit <MiB>', 'most GPU memory to use', wholeNumber(16, 2 ** 20))
    .option('--use-vae', 'expects a network with a latent')
    .addHelpText('after', EXAMPLES);
  for (const flag of IDLE) command.addOption(new Option(flag).hideHelp());
  command.action((labels: string[], flags: GenerateFlags, self: Command) => run(labels, flags, self));
  addAliases(command, {
    ...{ 'out-dir': 'output', out: 'output', 'results-dir': 'output', 'result-dir': 'output' },
    ...{ 'which-epoch': 'epoch', 'how-many': 'max-items' },
  });
}

const MOST = 2 ** 32 - 1;
const UPSAMPLINGS = ['normal', 'more', 'most'];

/** Flags of the originals' test.py that mean nothing here: the weights say it, or there is nothing to say. */
const IDLE = [
  ...['--model <x>', '--net-g <x>', '--norm-g <x>', '--norm-e <x>', '--ngf <x>', '--nef <x>', '--z-dim <x>'],
  ...[
    '--load-size <x>',
    '--preprocess-mode <x>',
    '--batch-size <x>',
    '--workers <x>',
    '--phase <x>',
    '--output-nc <x>',
  ],
  ...['--display-winsize <x>', '--serial-batches', '--no-flip', '--no-pairing-check', '--load-from-opt-file'],
  ...[
    '--cache-filelist-read',
    '--cache-filelist-write',
    '--coco-no-portraits',
    '--init-type <x>',
    '--init-variance <x>',
  ],
];

const EXAMPLES = `
Weights: a run of "miaobi train gaugan", or the official ones as they are (a folder with latest_net_G.pth).

Examples:
  miaobi generate maps/ --weights runs/first -o painted/
  miaobi generate map.png --weights runs/first --style dusk.jpg -o dusk.png
  miaobi generate map.png --weights runs/first --count 4
  miaobi generate maps/ --weights runs/first --style photos/ --label-to-img label_to_img.json
  miaobi generate maps/ --weights checkpoints/coco_pretrained --instance-dir instances/

Flags of the originals' test.py are read as well: --name X --label_dir maps --label_nc 29 --no_instance --use_vae`;

async function run(labels: string[], flags: GenerateFlags, command: Command): Promise<void> {
  const globals = globalsOf(command);
  const log = logOf(globals);
  const idle = IDLE.map((flag) => flag.split(' ')[0]).filter((flag) => {
    const option = command.options.find(({ long }) => long === flag);
    return option && command.getOptionValueSource(option.attributeName()) === 'cli';
  });
  if (idle.length > 0) log.info(`Not needed here, for the weights or the files say it: ${idle.join(', ')}.`);
  const { openGaugan } = await import('../train/infer/load-gaugan.ts');
  const warn = (line: string) => log.warn(line);
  const opened = await openGaugan({ ...hints(flags, command), weights: await weightsOf(flags), warn });
  const { planGenerate } = await import('./generate-jobs.ts');
  const jobs = await planGenerate(labels, flags, opened, globals);
  const { checkedJobs, paintMaps } = await import('./generate-paint.ts');
  const checked = await checkedJobs(jobs, { opened, flags, globals, log });
  if (checked.jobs.length === 0) return checked.finish();
  const { acquireDevice } = await import('../engine/device/node.ts');
  const { checkPrecision } = await import('../train/precision.ts');
  const budgetBytes = flags.memoryLimit === undefined ? undefined : flags.memoryLimit * 2 ** 20;
  const device = await acquireDevice({ device: globals.device, backend: globals.backend, budgetBytes });
  try {
    log.info(`Device: ${device.info.description}${device.info.software ? ' (software: slow)' : ''}`);
    checkPrecision(globals.precision, device);
    log.info(`Weights: ${opened.description}`);
    await paintMaps(device, checked);
  } finally {
    device.destroy();
  }
}

/** What the flags say of the network and its maps, by what the weights may lack. */
function hints(flags: GenerateFlags, command: Command) {
  const said = command.getOptionValueSource('instance') !== 'default';
  const { cropSize, aspectRatio, flavour, encoder, epoch, labelNc, datasetMode, dontCare } = flags;
  return {
    ...{ cropSize, aspectRatio, flavour, encoder, epoch, labelNc, datasetMode, dontCare },
    upsampling: flags.numUpsamplingLayers,
    instance: said && flags.instance === false ? false : flags.instanceDir === undefined ? undefined : true,
  };
}

/** @throws CliError when nothing says which weights */
async function weightsOf({ weights, name, runs }: GenerateFlags): Promise<string> {
  if (weights !== undefined) return weights;
  if (name === undefined) {
    throw new CliError(
      '--weights: expected the weights to paint with, for untrained ones paint nothing, for example: ' +
        'miaobi generate map.png --weights runs/first',
    );
  }
  const { join } = await import('node:path');
  const { stat } = await import('node:fs/promises');
  const places = [runs, ...(runs === 'runs' ? ['checkpoints'] : [])].map((folder) => join(folder, name));
  for (const place of places) if (await stat(place).catch(() => undefined)) return place;
  throw new CliError(`--name ${name}: expected weights in ${places.join(' or ')}, but there are none. Give --weights.`);
}

function outputSize(text: string): OutputSize {
  if (text === 'keep' || text === 'network') return text;
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(text);
  const [width, height] = match ? [Number(match[1]), Number(match[2])] : [0, 0];
  if (width > 0 && height > 0 && width <= 16384 && height <= 16384) return { width, height };
  throw new InvalidArgumentError('Expected keep, network, or a size such as 512x384.');
}
