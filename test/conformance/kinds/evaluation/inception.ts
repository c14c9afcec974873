/** FID's Inception: the network's four outputs, and its blocks one by one. Evaluation mode. */

import { scope, type Tensor, tensor } from '../../../../engine/index.ts';
import {
  type BlockForward,
  blockA,
  blockB,
  blockC,
  blockD,
  blockE1,
  blockE2,
  specsA,
  specsB,
  specsC,
  specsD,
  specsE,
} from '../../../../models/inception/blocks.ts';
import { type ConvSpec, folded, stateSpecs } from '../../../../models/inception/convolutions.ts';
import { foldInception, inceptionFeatures, inceptionSpecs } from '../../../../models/inception/network.ts';
import type { Builder, Context, Lazy, ParamSet } from '../../context.ts';
import { sharedDevice, take } from '../../device.ts';
import type { Value } from '../../values.ts';
import { answers, type Config } from '../answers.ts';

/** `params` and `param KEY`, as the case gave them. */
function givenParameters(params: Context['params']): Record<string, Lazy> {
  const buffer = (key: string) => key.includes('.running_');
  const entries = [...params].filter(([key]) => !key.endsWith('num_batches_tracked'));
  const set: ParamSet = { entries: entries.map(([key, value]) => ({ key, value, trainable: !buffer(key) })) };
  return { params: set, ...Object.fromEntries(entries.map(([key, value]) => [`param ${key}`, value])) };
}

const entryOf = (params: Context['params']) => (key: string) => (params.get(key) as Value).data;

const network: Builder = {
  parameters: () => [
    ...inceptionSpecs(),
    { key: 'fc.weight', shape: [1008, 2048] }, // unused, but part of the file
    { key: 'fc.bias', shape: [1008] },
  ],
  async run({ config, inputs, params }) {
    const device = await sharedDevice();
    const blocks = scope(() => {
      const net = foldInception(entryOf(params), (values, shape) => tensor(device, values, shape));
      const x = inputs.get('x');
      return inceptionFeatures(net, tensor(device, x.data, x.shape), 3, {
        resizeInput: config.resize_input as boolean,
        normalizeInput: config.normalize_input as boolean,
      });
    });
    const found: Record<string, Lazy> = givenParameters(params);
    for (const [i, block] of blocks.entries()) found[`output block${i}`] = await take(block);
    return answers(found);
  },
};

interface Block {
  readonly specs: (...args: [number, number]) => ConvSpec[];
  readonly forward: BlockForward;
}

const BLOCKS: Readonly<Record<string, Block>> = {
  FIDInceptionA: { specs: specsA, forward: blockA },
  InceptionB: { specs: specsB, forward: blockB },
  FIDInceptionC: { specs: specsC, forward: blockC },
  InceptionD: { specs: specsD, forward: blockD },
  FIDInceptionE_1: { specs: specsE, forward: blockE1 },
  FIDInceptionE_2: { specs: specsE, forward: blockE2 },
};

function blockOf(config: Config) {
  const block = BLOCKS[config.class as string];
  if (!block) throw new Error(`The block ${config.class} is none of ${Object.keys(BLOCKS).join(', ')}.`);
  return { forward: block.forward, specs: block.specs(...(config.args as [number, number])) };
}

const block: Builder = {
  parameters: (config) => blockOf(config).specs.flatMap(stateSpecs),
  async run({ config, inputs, params }) {
    const device = await sharedDevice();
    const { specs, forward } = blockOf(config);
    const y = scope((): Tensor => {
      const convs = specs.map((spec) => {
        const { weight, bias } = folded(spec, entryOf(params));
        const shape = [spec.out, spec.in, ...spec.kernel];
        return [spec.name, { weight: tensor(device, weight, shape), bias: tensor(device, bias, [spec.out]) }] as const;
      });
      const x = inputs.get('x');
      return forward(Object.fromEntries(convs), tensor(device, x.data, x.shape));
    });
    return answers({ ...givenParameters(params), 'output y': await take(y) });
  },
};

export const inceptionKinds: Readonly<Record<string, Builder>> = {
  'evaluation/inception': network,
  'evaluation/inception-block': block,
};
