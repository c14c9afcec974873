/** The flags of `miaobi train`. Which of them a system takes, and their values, are the system's business. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { SettingName, SystemEntry } from '../train/recipes/system.ts';
import { numberIn, wholeNumber } from './options.ts';

const MOST = Number.MAX_SAFE_INTEGER;
const weight = numberIn(0, 1e9);

/** Flags of the settings that some systems take and others do not. */
export const OWN_OPTIONS: readonly (readonly [SettingName, Option])[] = [
  ['content', new Option('--content <dir>', 'folder of content pictures')],
  ['style', new Option('--style <dir>', 'folder of style pictures')],
  ['mode', new Option('--mode <name>', 'which network to train').choices(['photo', 'art'])],
  ['nBlocks', new Option('--n-blocks <a,b,c>', 'blocks of each stage, for a smaller network').argParser(wholeNumbers)],
  ['nChannels', new Option('--n-channels <a,b,c>', 'half widths of the stages').argParser(wholeNumbers)],
  ['vgg', new Option('--vgg <file>', "encoder of the losses: torchvision's or the normalised VGG19")],
  ['loadSize', new Option('--load-size <pixels>', 'shorter side before cropping').argParser(wholeNumber(8, 16384))],
  [
    'cropSize',
    new Option('--crop-size <pixels>', 'side of the square that is trained on').argParser(wholeNumber(8, 16384)),
  ],
  [
    'holdOut',
    new Option('--hold-out <n>', 'keep so many pictures out of training, for samples and evaluations').argParser(
      wholeNumber(0, 65536),
    ),
  ],
  ['lrDecay', new Option('--lr-decay <x>', 'lr / (1 + x · updates)').argParser(numberIn(0, 1))],
  ['styleWeight', new Option('--style-weight <x>', 'weight of the style statistics').argParser(weight)],
  ['contentWeight', new Option('--content-weight <x>', 'weight of the content features').argParser(weight)],
  ['lapWeight', new Option('--lap-weight <x>', 'weight of the matting Laplacian').argParser(weight)],
  ['recWeight', new Option('--rec-weight <x>', 'weight of the cycle reconstruction').argParser(weight)],
  ['temporalWeight', new Option('--temporal-weight <x>', 'weight of the temporal term').argParser(weight)],
  [
    'temporalSteps',
    new Option('--temporal-steps <n>', 'updates with the temporal term, after --steps').argParser(wholeNumber(0, MOST)),
  ],
  ['winRad', new Option('--win-rad <n>', "radius of the matting Laplacian's windows").argParser(wholeNumber(1, 8))],
];

/** `10,10,10` → [10, 10, 10]. */
function wholeNumbers(text: string): number[] {
  return text.split(',').map(wholeNumber(1, 4096));
}

/** Adds every flag of `train`. What has no default here gets it from the system's preset. */
export function addTrainOptions(command: Command, systems: readonly SystemEntry[]): Command {
  const models = systems.map(({ model }) => model);
  for (const [, option] of OWN_OPTIONS) command.addOption(option);
  return command
    .addOption(new Option('--model <name>', 'the model, where a config file names it').choices(models).hideHelp())
    .option('--steps <n>', 'updates', wholeNumber(1, MOST))
    .option('--batch-size <n>', 'pictures in a batch', wholeNumber(1, 4096))
    .option('--accumulate <n>', 'batches in an update', wholeNumber(1, 65536), 1)
    .option('--lr <x>', 'learning rate', numberIn(0, 10))
    .option('--beta1 <x>', "Adam's mean of gradients", numberIn(0, 1))
    .option('--beta2 <x>', "Adam's mean of their squares", numberIn(0, 1))
    .option('--clip-grad <x>', 'largest norm of the gradients; 0: any', weight)
    .option('--ema <x>', 'also keep averaged weights, with this decay', numberIn(0, 1))
    .option('--recompute', 'compute activations again instead of keeping them, where the network can do either')
    .option('--workers <n>', 'threads that read pictures', workers, 'auto' as const)
    .option('--max-items <n>', 'use no more pictures of each folder', wholeNumber(1, MOST))
    .option('--memory-limit <MiB>', 'most GPU memory to use', wholeNumber(16, 2 ** 20))
    .option('--name <name>', 'of the run; the model by default')
    .option('--runs <dir>', 'folder of all runs', './runs')
    .option('--resume [run]', 'go on with a run: its folder, its name, or one of its checkpoints')
    .option('--from <ckpt>', 'begin with these weights (a file, a checkpoint, a run), and a fresh optimiser')
    .option('--overwrite', 'remove a run of the same name first')
    .option('--print-every <n>', 'steps between lines', wholeNumber(1, MOST), 100)
    .option('--sample-every <n>', 'steps between sample sheets; 0: at the ends alone', wholeNumber(0, MOST), 500)
    .option('--save-every <n>', 'steps between checkpoints; 0: at the end alone', wholeNumber(0, MOST), 1000)
    .option('--keep-last <n>', 'checkpoints that are kept, beside the best', wholeNumber(1, MOST), 3)
    .option('--eval-every <n>', 'steps between evaluations of what is held out; 0: none', wholeNumber(0, MOST), 0)
    .option('--no-tensorboard', 'write no event files')
    .option('--tensorboard', 'write event files (the default)')
    .option('--no-report', 'make no report.html at the end')
    .option('--report', 'make report.html at the end (the default)');
}

function workers(text: string): number | 'auto' {
  if (text === 'auto') return text;
  try {
    return wholeNumber(0, 256)(text);
  } catch {
    throw new InvalidArgumentError('Expected auto or a whole number from 0 to 256.');
  }
}
