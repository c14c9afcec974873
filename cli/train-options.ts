/** The flags of `miaobi train`. Which of them a system takes, and their values, are the system's business. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { DATASET_MODES, GAN_MODES, PREPROCESS_MODES } from '../train/choices.ts';
import type { SettingName, SystemEntry } from '../train/recipes/system.ts';
import { numberIn, wholeNumber } from './options.ts';

const MOST = Number.MAX_SAFE_INTEGER;
const weight = numberIn(0, 1e9);

/** Flags of the settings that some systems take and others do not. */
export const OWN_OPTIONS: readonly (readonly [SettingName, Option])[] = [
  ['data', new Option('--data <dir>', "the data set's folder")],
  ['content', new Option('--content <dir>', 'folder of content pictures')],
  ['style', new Option('--style <dir>', 'folder of style pictures')],
  ['mode', new Option('--mode <name>', 'which network to train').choices(['photo', 'art'])],
  ['nBlocks', new Option('--n-blocks <a,b,c>', 'blocks of each stage, for a smaller network').argParser(wholeNumbers)],
  ['nChannels', new Option('--n-channels <a,b,c>', 'half widths of the stages').argParser(wholeNumbers)],
  ['vgg', new Option('--vgg <file>', "encoder of the losses: torchvision's or the normalised VGG19")],
  ['vgg', new Option('--no-vgg', 'no loss of VGG features')],
  [
    'vggChannels',
    new Option('--vgg-channels <a,b,c,d,e>', 'widths of an encoder without trained weights').argParser(wholeNumbers),
  ],
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
  ['datasetMode', new Option('--dataset-mode <name>', 'how label maps and pictures lie').choices([...DATASET_MODES])],
  ['labelDir', new Option('--label-dir <dir>', 'folder of label maps')],
  ['imageDir', new Option('--image-dir <dir>', 'folder of their pictures')],
  ['instanceDir', new Option('--instance-dir <dir>', 'folder of their instance maps')],
  ['labelToImg', new Option('--label-to-img <file>', 'JSON: reference photos by label file')],
  ['referenceDir', new Option('--reference-dir <dir>', 'where the reference photos are')],
  ['palette', new Option('--palette <file>', 'colours of coloured label maps')],
  ['labelNc', new Option('--label-nc <n>', 'classes, without the unknown one').argParser(wholeNumber(1, 255))],
  ['instance', new Option('--no-instance', 'without the edges of instances')],
  ['instance', new Option('--instance', 'with the edges of instances')],
  [
    'dontCare',
    new Option('--dont-care [label]', 'the label of pixels without a class')
      .preset('255')
      .argParser(wholeNumber(0, 255)),
  ],
  [
    'preprocessMode',
    new Option('--preprocess-mode <name>', 'how pictures come to one size').choices([...PREPROCESS_MODES]),
  ],
  ['aspectRatio', new Option('--aspect-ratio <x>', 'width / height, in mode fixed').argParser(numberIn(0.01, 100))],
  ['flip', new Option('--no-flip', 'mirror nothing')],
  ['epochs', new Option('--epochs <n>', 'passes at the full learning rate').argParser(wholeNumber(0, MOST))],
  ['decayEpochs', new Option('--decay-epochs <n>', 'passes in which it falls to 0').argParser(wholeNumber(0, MOST))],
  ['ttur', new Option('--no-ttur', 'one learning rate for both networks, betas 0.5 and 0.999')],
  [
    'dSteps',
    new Option('--d-steps <n>', "discriminator's updates for one of the generator").argParser(wholeNumber(1, 100)),
  ],
  ['recompute', new Option('--recompute', 'compute activations again instead of keeping them: less memory, more time')],
  ['netG', new Option('--net-g <name>', 'generator').choices(['spade', 'pix2pixhd'])],
  ['ngf', new Option('--ngf <n>', "generator's and encoder's width").argParser(wholeNumber(1, 1024))],
  ['ndf', new Option('--ndf <n>', "discriminator's width").argParser(wholeNumber(1, 1024))],
  ['nhidden', new Option('--nhidden <n>', 'width between map and modulation').argParser(wholeNumber(1, 1024))],
  ['normG', new Option('--norm-g <name>', "generator's norms, as spectralspadesyncbatch3x3")],
  ['normD', new Option('--norm-d <name>', "discriminator's norms, as spectralinstance")],
  ['normE', new Option('--norm-e <name>', "encoder's norms")],
  [
    'numUpsamplingLayers',
    new Option('--num-upsampling-layers <name>', 'how small the grid is').choices(['normal', 'more', 'most']),
  ],
  ['numD', new Option('--num-d <n>', 'scales of the discriminator').argParser(wholeNumber(1, 8))],
  ['nLayersD', new Option('--n-layers-d <n>', 'its layers').argParser(wholeNumber(1, 8))],
  ['useVae', new Option('--use-vae', 'a latent from an encoded picture, which gives the style')],
  ['zDim', new Option('--z-dim <n>', 'numbers of the latent').argParser(wholeNumber(1, 65536))],
  ['flavour', new Option('--flavour <name>', 'whose details: the release, or its port').choices(['pytorch', 'jittor'])],
  [
    'initType',
    new Option('--init-type <name>', 'first weights').choices([
      'xavier',
      'xavier_uniform',
      'normal',
      'kaiming',
      'none',
    ]),
  ],
  ['initVariance', new Option('--init-variance <x>', 'their gain').argParser(numberIn(0, 100))],
  ['ganMode', new Option('--gan-mode <name>', 'adversarial loss').choices([...GAN_MODES])],
  ['ganFeat', new Option('--no-gan-feat', 'no feature matching')],
  ['lambdaFeat', new Option('--lambda-feat <x>', 'weight of feature matching').argParser(weight)],
  ['lambdaVgg', new Option('--lambda-vgg <x>', 'weight of the VGG loss').argParser(weight)],
  ['lambdaKld', new Option('--lambda-kld <x>', "weight of the latent's divergence").argParser(weight)],
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
    .option('--workers <n>', 'threads that read pictures', workers, 'auto' as const)
    .option('--max-items <n>', 'use no more pictures of each folder', wholeNumber(1, MOST))
    .option('--memory-limit <MiB>', 'most GPU memory to use', wholeNumber(16, 2 ** 20))
    .option('--name <name>', 'of the run; the model by default')
    .option('--runs <dir>', 'folder of all runs', './runs')
    .option('--resume [run]', 'go on with a run: its folder, its name, or one of its checkpoints')
    .option(
      '--from <ckpt>',
      'begin with these weights (a run, a checkpoint, files of the original), and a fresh optimiser',
    )
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
