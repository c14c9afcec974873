/** GauGAN's networks as the flags of a training, or the header of its checkpoints, describe them. */
import {
  type DiscriminatorConfig,
  type Flavour,
  parseLayerNorm,
  parseSpadeNorm,
  type Upsampling,
} from '../../models/gaugan/config.ts';
import { generatorSpecs, pix2pixHdSpecs, type StateSpec } from '../../models/gaugan/state.ts';
import type { GauganNetworks } from './gaugan-losses.ts';

/** Everything that decides the shapes of generator and encoder, and what they read. */
export interface GauganShape {
  readonly netG: 'spade' | 'pix2pixhd';
  readonly labelNc: number;
  readonly dontCare: boolean;
  readonly instance: boolean;
  readonly ngf: number;
  readonly nhidden: number;
  readonly normG: string;
  readonly normE: string;
  readonly numUpsamplingLayers: Upsampling;
  readonly cropSize: number;
  readonly aspectRatio: number;
  readonly useVae: boolean;
  readonly zDim: number;
  readonly flavour: Flavour;
}

/** Everything that decides the discriminator's. */
export interface DiscriminatorShape {
  readonly ndf: number;
  readonly numD: number;
  readonly nLayersD: number;
  readonly normD: string;
  readonly ganFeat: boolean;
}

/** Sequential of pix2pixHD: the release's defaults. */
const PIX2PIXHD = { downsamplings: 4, blocks: 9, kernel: 3, initialKernel: 7, outputNc: 3 } as const;

/** Classes of the labels, the unknown one among them. */
export const classesOf = ({ labelNc, dontCare }: Pick<GauganShape, 'labelNc' | 'dontCare'>): number =>
  labelNc + (dontCare ? 1 : 0);

/** Channels of the semantic map: classes, then the edge. */
export const semanticChannels = (shape: Pick<GauganShape, 'labelNc' | 'dontCare' | 'instance'>): number =>
  classesOf(shape) + (shape.instance ? 1 : 0);

/** @throws ShapeError when a norm is none of the release's */
export function generatorNetworks(shape: GauganShape): Pick<GauganNetworks, 'generator' | 'encoder'> {
  const { ngf, flavour, useVae, zDim } = shape;
  const semanticNc = semanticChannels(shape);
  if (shape.netG === 'pix2pixhd') {
    const norm = parseLayerNorm(shape.normG);
    return {
      generator: { net: 'pix2pixhd', ngf, inputNc: semanticNc, norm, flavour, ...PIX2PIXHD },
      encoder: undefined,
    };
  }
  return {
    generator: {
      net: 'spade',
      ...{ ngf, cropSize: shape.cropSize, aspectRatio: shape.aspectRatio, upsampling: shape.numUpsamplingLayers },
      ...{ useVae, zDim, semanticNc, norm: parseSpadeNorm(shape.normG), hidden: shape.nhidden, flavour },
    },
    encoder: useVae ? { ngf, norm: parseLayerNorm(shape.normE), zDim, flavour } : undefined,
  };
}

export function discriminatorConfig(shape: GauganShape & DiscriminatorShape): DiscriminatorConfig {
  return {
    ...{ ndf: shape.ndf, numD: shape.numD, layers: shape.nLayersD, inputNc: semanticChannels(shape) + 3 },
    ...{ norm: parseLayerNorm(shape.normD), features: shape.ganFeat, flavour: shape.flavour },
  };
}

export function gauganNetworks(shape: GauganShape & DiscriminatorShape): GauganNetworks {
  return { ...generatorNetworks(shape), discriminator: discriminatorConfig(shape) };
}

/** The state dict of either generator. */
export const specsOfGenerator = (generator: GauganNetworks['generator']): StateSpec[] =>
  generator.net === 'pix2pixhd' ? pix2pixHdSpecs(generator) : generatorSpecs(generator);
