/** The files of the SPADE release and its ports, and what their shapes say of the options that they were made with. */
import { type KeyMap, keyMapFor, type Shape, type Shapes } from '../../models/checkpoint/key-maps.ts';
import type { Originals } from './recipe.ts';

interface ShownOption {
  readonly flag: string;
  /** name of the tensor that shows it */
  readonly tensor: RegExp;
  read(shape: Shape): number | string | undefined;
}

const CHANNELS = 'channels of the label map (--label-nc, --dont-care, --instance)';
const SPADE_FIRST = /^head_0\.norm_0\.mlp_shared\.0\.weight$/;
const PIX2PIXHD_FIRST = /^model\.1\.(?:0\.)?weight(?:_orig)?$/;
const ENCODER_FIRST = /^layer1\.(?:0\.)?weight(?:_orig)?$/;
const DISCRIMINATOR_FIRST = /^discriminator_0\.model0\.0\.weight$/;

/** What each network shows. The generator's first layer reads the map, or z where there is a latent. */
const SHOWN: Readonly<Record<string, readonly ShownOption[]>> = {
  G: [
    { flag: CHANNELS, tensor: SPADE_FIRST, read: ([, channels]) => channels },
    { flag: CHANNELS, tensor: PIX2PIXHD_FIRST, read: ([, channels]) => channels },
    { flag: '--ngf', tensor: /^head_0\.conv_0\.weight(?:_orig)?$/, read: ([out]) => out / 16 },
    { flag: '--ngf', tensor: PIX2PIXHD_FIRST, read: ([out]) => out },
    { flag: '--nhidden', tensor: SPADE_FIRST, read: ([hidden]) => hidden },
    { flag: '--use-vae', tensor: /^fc\.weight$/, read: ({ length }) => (length === 2 ? 'yes' : 'no') },
    { flag: '--z-dim', tensor: /^fc\.weight$/, read: ({ length, 1: z }) => (length === 2 ? z : undefined) },
  ],
  E: [
    { flag: '--ngf', tensor: ENCODER_FIRST, read: ([out]) => out },
    { flag: '--z-dim', tensor: /^fc_mu\.weight$/, read: ([z]) => z },
  ],
  D: [
    { flag: CHANNELS, tensor: DISCRIMINATOR_FIRST, read: ([, input]) => input - 3 },
    { flag: '--ndf', tensor: DISCRIMINATOR_FIRST, read: ([out]) => out },
  ],
};

const keyMap = (net: 'G' | 'E' | 'D') => keyMapFor(`gaugan-${net}`) as KeyMap;

export const gauganOriginals: Originals = {
  keyMaps: { G: keyMap('G'), E: keyMap('E'), D: keyMap('D') },
  differences: (network, there, here) =>
    (SHOWN[network] ?? []).flatMap((option) => {
      const [theirs, ours] = [valueIn(there, option), valueIn(here, option)];
      if (theirs === undefined || ours === undefined || theirs === ours) return [];
      return [`${option.flag}: ${theirs} there, ${ours} here`];
    }),
};

function valueIn(shapes: Shapes, { tensor, read }: ShownOption): number | string | undefined {
  for (const [key, { shape }] of shapes) if (tensor.test(key)) return read(shape);
  return undefined;
}
