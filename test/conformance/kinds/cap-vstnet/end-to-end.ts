/** Whole transfers: picture to latent, cWCT, latent to picture, with everything in between. */

import { type Device, leaves, scope, type Tensor, type Tree, tensor } from '../../../../engine/index.ts';
import { type CapVstnetConfig, parameterSpecs, planOf } from '../../../../models/cap-vstnet/config.ts';
import { cwct } from '../../../../models/cap-vstnet/cwct.ts';
import type { CapVstnet, PlanarPicture } from '../../../../models/cap-vstnet/latent.ts';
import { type CapVstnetParams, encode } from '../../../../models/cap-vstnet/network.ts';
import { stylize } from '../../../../models/cap-vstnet/stylize.ts';
import { fromPlanar, toPlanar } from '../../../../train/data/image/picture.ts';
import type { Builder, Context, Lazy } from '../../context.ts';
import { sharedDevice } from '../../device.ts';
import { parameterTree } from '../../passes.ts';
import { type Value, value } from '../../values.ts';
import { answers, type Config, pixelsOf } from '../answers.ts';
import { networkConfig } from './networks.ts';
import { labelMaps } from './transfer.ts';

const netConfig = (config: Config): CapVstnetConfig => networkConfig(config.net as Config);

const endToEnd: Builder = {
  parameters: (config) => parameterSpecs(netConfig(config)),
  async run(context) {
    const net = networkOn(await sharedDevice(), context);
    try {
      return await transfer(context, net);
    } finally {
      for (const [, leaf] of leaves(net.params as unknown as Tree)) leaf.dispose();
    }
  },
};

async function transfer({ config, inputs }: Context, net: CapVstnet): Promise<Map<string, Lazy>> {
  const [content, picture] = [planar(inputs.get('content')), planar(inputs.get('style'))];
  const { width, height } = content;
  const planes = (values: Float32Array) => value([1, 3, height, width], values);
  const stylized = await stylize(net, content, [{ picture, weight: 1 }]);
  const pixels = fromPlanar(stylized, width, height, { truncate: true }).rgb as Uint8Array;
  const results = answers({
    ...(await latents(net, content, picture)),
    'output stylized': planes(stylized),
    'output stylized_u8': value([height, width, 3], pixels),
  });
  if (typeof config.alpha_c === 'number') {
    const mixed = await stylize(net, content, [{ picture, weight: 1 }], { alphaContent: config.alpha_c });
    results.set('output stylized_alpha', planes(mixed));
  }
  if (config.masked) {
    const [mask, styleMask] = [labelMaps(inputs.get('cmask'))[0], labelMaps(inputs.get('smask'))[0]];
    const masked = await stylize(net, content, [{ picture, weight: 1, mask: styleMask }], { mask });
    results.set('output stylized_masked', planes(masked));
  }
  return results;
}

function networkOn(device: Device, { config, params }: Context): CapVstnet {
  const network = netConfig(config);
  const tree = parameterTree(params, (p) => tensor(device, p.data, p.shape)) as unknown as CapVstnetParams;
  return { device, config: network, plan: planOf(network), params: tree };
}

/** The latents before and after the transfer, and the statistics that it is made of. */
async function latents(net: CapVstnet, content: PlanarPicture, style: PlanarPicture): Promise<Record<string, Value>> {
  const [zc, zs] = scope(() => [content, style].map((source) => encodeWhole(net, source)));
  const done = await cwct(zc, [{ latent: zs, weight: 1 }]);
  const n = net.plan.latentChannels;
  const found = {
    'output z_c': value(zc.shape, await zc.data()),
    'output z_cs': value(done.out.shape, await done.out.data()),
    'output mean_c': value([n], done.content.mean),
    'output mean_s': value([n], done.styles[0].mean),
    'output cov_c': value([n, n], done.content.covariance),
    'output cov_s': value([n, n], done.styles[0].covariance),
    'output M': value([n, n], done.map.matrix),
  };
  for (const t of [zc, zs, done.out]) t.dispose();
  return found;
}

function encodeWhole(net: CapVstnet, { planar: values, height, width }: PlanarPicture): Tensor {
  return encode(net.params, net.config, tensor(net.device, values, [1, net.config.inChannel, height, width]));
}

function planar(image: Value): PlanarPicture {
  const [height, width] = image.shape;
  return { planar: toPlanar({ width, height, bitDepth: 8, rgb: pixelsOf(image) }), width, height };
}

export const endToEnds: Readonly<Record<string, Builder>> = { 'cap-vstnet/end-to-end': endToEnd };
