/**
 * Which parameters a network has, and how the files of the original projects name them. Our parameters carry the
 * originals' names, so a map mostly says what to leave out; its list of names and shapes is what a file is checked
 * against.
 */
import { type Derived, derivedTensor, type GauganNet, releaseName, stateSpecs } from '../gaugan/state-dict.ts';
import { inceptionSpecs } from '../inception/network.ts';
import type { ModelName } from './model-names.ts';

export type Shape = readonly number[];

/** Names and shapes of a file. */
export type Shapes = ReadonlyMap<string, { readonly shape: Shape }>;

export interface KeyMap {
  /** As `--model` spells it. */
  readonly model: ModelName;
  /** For people: which network, from which file. */
  readonly title: string;
  /**
   * Parameters that must be there, in the network's own order.
   *
   * @param file  after `rename`: where a network has many sizes, the file shows which this is; without it the published one
   */
  required(file?: Shapes): Map<string, Shape>;
  /** Parameters that the file may have beyond the required ones, with the shape that they must have. */
  optional(): Map<string, Shape>;
  /**
   * Our name for a key of the file; null when the network does not use it and it may be left out without a word.
   *
   * @param file  all names of the file
   */
  rename(key: string, file: { has(key: string): boolean }): string | null;
  /** How to make a required tensor that the file lacks, where others say what it is. */
  derive?(key: string): Derived | undefined;
}

/** Adds `NAME.weight` and `NAME.bias` of a convolution, weight [O, I, k, k]. */
function conv(into: Map<string, Shape>, name: string, out: number, input: number, kernel = 3): void {
  into.set(`${name}.weight`, [out, input, kernel, kernel]);
  into.set(`${name}.bias`, [out]);
}

/**
 * CAP-VSTNet's residual block: three 3×3 convolutions at indices 1, 4, 7 (0, 3, 6 are pads; 2, 5 are ReLU).
 *
 * @param channel half width of the output; the middle has a quarter of it
 * @param input   half width that the first convolution reads
 */
function residualBlock(into: Map<string, Shape>, name: string, channel: number, input: number): void {
  const middle = channel / 4;
  conv(into, `${name}.conv.1`, middle, input);
  conv(into, `${name}.conv.4`, middle, middle);
  conv(into, `${name}.conv.7`, channel, middle);
}

/**
 * CAP-VSTNet, both networks: 3 stages of 10 blocks with half widths 16, 64, 256, then 2 refinement blocks: 192 tensors,
 * 4,089,936 parameters. The photorealistic and the artistic network have the same names and shapes.
 *
 * @see Wen, Gao, Zou, CVPR 2023, arXiv:2303.17867
 */
function capVstNet(): Map<string, Shape> {
  const keys = new Map<string, Shape>();
  for (let i = 0; i < 30; i++) {
    const stage = Math.floor(i / 10);
    const channel = [16, 64, 256][stage];
    const first = i % 10 === 0 && stage > 0; // the stride-2 block reads the unsqueezed half
    residualBlock(keys, `stack.${i}`, channel, first ? channel / 4 : channel);
  }
  for (let i = 0; i < 2; i++) residualBlock(keys, `channel_reduction.block_list.${i}`, 256, 256);
  return keys;
}

/** Convolutions [index, out, in] of the AdaIN encoder's one Sequential, pads and ReLUs counted; all but the first 3×3. */
const VGG_NORMALISED = [
  [2, 64, 3],
  [5, 64, 64],
  [9, 128, 64],
  [12, 128, 128],
  [16, 256, 128],
  [19, 256, 256],
  [22, 256, 256],
  [25, 256, 256],
  [29, 512, 256],
  [32, 512, 512],
  [35, 512, 512],
  [38, 512, 512],
  [42, 512, 512],
  [45, 512, 512],
  [48, 512, 512],
  [51, 512, 512],
];

/** The style encoder ends at relu4_1, convolution 29; the file goes on to relu5_4. */
function vggNormalised(part: 'used' | 'rest'): Map<string, Shape> {
  const keys = new Map<string, Shape>();
  if (part === 'used') conv(keys, '0', 3, 3, 1);
  for (const [index, out, input] of VGG_NORMALISED) {
    if (index <= 29 === (part === 'used')) conv(keys, `${index}`, out, input);
  }
  return keys;
}

/** torchvision's `features`: `blocks` convolutions at each width, a max-pool after each group; ReLUs take an index. */
function torchvisionVgg(blocks: readonly number[]): Map<string, Shape> {
  const keys = new Map<string, Shape>();
  let index = 0;
  let input = 3;
  blocks.forEach((count, stage) => {
    const out = [64, 128, 256, 512, 512][stage];
    for (let i = 0; i < count; i++, index += 2) {
      conv(keys, `features.${index}`, out, input);
      input = out;
    }
    index++;
  });
  return keys;
}

const none = () => new Map<string, Shape>();
const dropClassifier = (key: string) => (key.startsWith('classifier.') ? null : key);

/** GauGAN: the sizes of a network are those of its file. */
function gaugan(net: GauganNet, title: string): KeyMap {
  return {
    model: `gaugan-${net}`,
    title,
    required: (file = new Map()) => new Map(stateSpecs(net, file).map(({ key, shape }) => [key, shape])),
    optional: none,
    rename: releaseName,
    derive: derivedTensor,
  };
}

export const KEY_MAPS: readonly KeyMap[] = [
  {
    model: 'cap-vstnet',
    title: 'CAP-VSTNet, photorealistic or artistic (photo_image.pt, photo_video.pt, art_image.pt, art_video.pt)',
    required: capVstNet,
    optional: none,
    rename: (key) => key,
  },
  {
    model: 'vgg-normalised',
    title: 'the normalised VGG19 encoder of AdaIN (vgg_normalised.pth)',
    required: () => vggNormalised('used'),
    optional: () => vggNormalised('rest'),
    rename: (key) => key,
  },
  {
    model: 'vgg19',
    title: "torchvision's VGG19, features only (vgg19-*.pth)",
    required: () => torchvisionVgg([2, 2, 4, 4, 4]),
    optional: none,
    rename: dropClassifier,
  },
  {
    model: 'vgg16',
    title: "torchvision's VGG16, features only (vgg16-*.pth)",
    required: () => torchvisionVgg([2, 2, 3, 3, 3]),
    optional: none,
    rename: dropClassifier,
  },
  {
    model: 'fid-inception',
    title: 'the Inception v3 of FID, features only (pt_inception-2015-12-05-6726825d.pth)',
    required: () => new Map(inceptionSpecs().map(({ key, shape }) => [key, shape])),
    optional: none,
    rename: (key) => (key.startsWith('fc.') || key.endsWith('.num_batches_tracked') ? null : key),
  },
  gaugan('G', "GauGAN's generator, SPADE or pix2pixHD (latest_net_G.pth)"),
  gaugan('E', "GauGAN's image encoder (latest_net_E.pth)"),
  gaugan('D', "GauGAN's discriminator (latest_net_D.pth)"),
];

/** The key map of a model, undefined when there is none of that name. */
export function keyMapFor(model: string): KeyMap | undefined {
  return KEY_MAPS.find((map) => map.model === model);
}
