/** The reversible network and its parts, forward, inverse and backward. */

import type { Tensor } from '../../../../engine/index.ts';
import { concat, padAxis, slice, squeeze, unsqueeze } from '../../../../kernels/index.ts';
import { CAP_VSTNET, type CapVstnetConfig, parameterSpecs } from '../../../../models/cap-vstnet/config.ts';
import {
  type BlockParams,
  blockForward,
  blockInverse,
  type CapVstnetParams,
  decode,
  encode,
  type Halves,
  refine,
  unrefine,
} from '../../../../models/cap-vstnet/network.ts';
import { decodeReversible, encodeReversible } from '../../../../models/cap-vstnet/reversible.ts';
import type { Builder, Context } from '../../context.ts';
import { type Pass, runPass } from '../../passes.ts';
import { type Value, value } from '../../values.ts';
import { answers, type Config } from '../answers.ts';

/** The options that `config` states, over those of the published photo network. */
export function networkConfig(config: Config): CapVstnetConfig {
  const stated = {
    nBlocks: config.nBlocks,
    nStrides: config.nStrides,
    nChannels: config.nChannels,
    inChannel: config.in_channel,
    mult: config.mult,
    hiddenDim: config.hidden_dim,
    spSteps: config.sp_steps,
  };
  const given = Object.entries(stated).filter(([, option]) => option !== undefined);
  return { ...CAP_VSTNET.photo, ...Object.fromEntries(given) };
}

async function runPasses(context: Context, passes: readonly Pass[]): Promise<Map<string, Value>> {
  const results = new Map<string, Value>();
  for (const pass of passes) await runPass(context, pass, results);
  return results;
}

/** The inputs of these roles, which a pass feeds. */
function fed({ inputs }: Context, ...roles: string[]): Record<string, Value> {
  return Object.fromEntries(roles.map((role) => [role, inputs.get(role)]));
}

const squeezeKind: Builder = {
  run(context) {
    const pad = context.config.pad as number;
    const [, channels, height, width] = context.inputs.get('x').shape;
    const twice = height % 4 === 0 && width % 4 === 0;
    return runPasses(context, [
      {
        inputs: fed(context, 'x'),
        outputs: ['squeeze_x', 'pad_x', 'unpad'],
        run: (_, [x]) => {
          const padded = padAxis(x, 1, 0, pad);
          return [squeeze(x), padded, slice(padded, { axis: 1, end: channels })];
        },
      },
      { inputs: fed(context, 'y'), outputs: ['unsqueeze_y'], run: (_, [y]) => [unsqueeze(y)] },
      ...(twice
        ? [
            {
              inputs: fed(context, 'x'),
              outputs: ['squeeze2_x'],
              run: (_: unknown, [x]: readonly Tensor[]) => [squeeze(squeeze(x))],
            },
          ]
        : []),
    ]);
  },
};

const residualBlock: Builder = {
  run(context) {
    const { channel, stride, mult, in_ch } = context.config as Record<string, number>;
    const spec = { stride, channels: channel, inChannels: in_ch, middle: channel / mult };
    const run = (direction: typeof blockForward): Pass['run'] => {
      return (params, halves) => direction(params as unknown as BlockParams, spec, halves as unknown as Halves);
    };
    return runPasses(context, [
      { stage: 'forward', inputs: fed(context, 'x1', 'x2'), outputs: ['out0', 'out1'], run: run(blockForward) },
      { stage: 'inverse', inputs: fed(context, 'y0', 'y1'), outputs: ['inv_x1', 'inv_x2'], run: run(blockInverse) },
    ]);
  },
};

const channelRefinement: Builder = {
  async run(context) {
    const { in_ch_half, out_ch_half, sp_steps, n_blocks, pad_per_half } = context.config as Record<string, number>;
    const width = out_ch_half * 4 ** sp_steps;
    const spec = { stride: 1, channels: width, inChannels: width, middle: width / CAP_VSTNET.photo.mult };
    const plan = { refinement: new Array(n_blocks).fill(spec), refinementPad: pad_per_half, spSteps: sp_steps };
    const blocks = (params: unknown) => (params as { block_list: readonly BlockParams[] }).block_list;
    const forward: Pass['run'] = (params, [x]) => {
      const halves: Halves = [
        slice(x, { axis: 1, end: in_ch_half }),
        slice(x, { axis: 1, start: in_ch_half, end: 2 * in_ch_half }),
      ];
      return [refine(blocks(params), plan, halves)];
    };
    const inverse: Pass['run'] = (params, [z]) => [concat([...unrefine(blocks(params), plan, z)], 1)];
    const results = await runPasses(context, [
      { stage: 'forward', inputs: fed(context, 'x'), outputs: ['y'], run: forward },
      { stage: 'inverse', inputs: fed(context, 'z'), outputs: ['inv_z'], run: inverse },
    ]);
    const y = results.get('output y') as Value;
    await runPass(context, { inputs: { y }, outputs: ['roundtrip'], run: inverse }, results);
    return results;
  },
};

/** Encoder and decoder, with the ordinary backward and the one that rebuilds activations. */
const revresnet: Builder = {
  parameters: (config) => parameterSpecs(networkConfig(config)),
  async run(context) {
    const config = networkConfig(context.config);
    const ordinary = await encodeAndDecode(context, config, encode, decode);
    const reversible = await encodeAndDecode(context, config, encodeReversible, decodeReversible);
    const results = answers({});
    for (const [of, answer] of ordinary) results.set(of, [answer, reversible.get(of) as Value]);
    for (const [key, p] of context.params) results.set(`param ${key}`, p);
    return results;
  },
};

async function encodeAndDecode(
  context: Context,
  config: CapVstnetConfig,
  encoder: typeof encode,
  decoder: typeof decode,
): Promise<Map<string, Value>> {
  const forward: Pass['run'] = (params, [x]) => [encoder(params as unknown as CapVstnetParams, config, x)];
  const inverse: Pass['run'] = (params, [z]) => [decoder(params as unknown as CapVstnetParams, config, z)];
  const results = new Map<string, Value>();
  await runPass(context, { stage: 'forward', inputs: fed(context, 'x'), outputs: ['z'], run: forward }, results);
  const z = results.get('output z') as Value;
  await runPass(context, { inputs: { z }, outputs: ['roundtrip'], run: inverse }, results);
  const z2 = secondLatent(context, z);
  if (z2) await runPass(context, { stage: 'inverse', inputs: { z2 }, outputs: ['inv_z2'], run: inverse }, results);
  return results;
}

/** The latent that is decoded separately: given, or z and noise added in float32. */
function secondLatent({ inputs }: Context, z: Value): Value | undefined {
  const noise = inputs.find('z2_noise');
  if (!noise) return inputs.find('z2');
  return value(
    z.shape,
    Float32Array.from(z.data, (x, i) => x + noise.data[i]),
  );
}

export const networks: Readonly<Record<string, Builder>> = {
  'cap-vstnet/squeeze': squeezeKind,
  'cap-vstnet/residual-block': residualBlock,
  'cap-vstnet/channel-refinement': channelRefinement,
  'cap-vstnet/revresnet': revresnet,
};
