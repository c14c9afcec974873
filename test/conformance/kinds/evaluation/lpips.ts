/** LPIPS: distances of pairs, and each layer's share. */

import { tensor } from '../../../../engine/index.ts';
import { type Lpips, type LpipsNetwork, lpips, lpipsSpecs } from '../../../../models/lpips/lpips.ts';
import type { ConvParams } from '../../../../models/vgg/layers.ts';
import type { Builder } from '../../context.ts';
import { sharedDevice, take } from '../../device.ts';
import { type Value, value } from '../../values.ts';
import { answers } from '../answers.ts';

const networkOf = (config: Readonly<Record<string, unknown>>) => config.net as LpipsNetwork;

/** `features.<i>.weight` of the net `features`, `lin<k>.model.1.weight` of the net `lin`. */
export const lpipsKind: Builder = {
  parameters(config) {
    const { features, lins } = lpipsSpecs(networkOf(config));
    return [
      ...features.map(({ key, shape }) => ({ key: key.replace('features.', ''), shape, net: 'features' })),
      ...lins.map(({ key, shape }) => ({ key, shape, net: 'lin' })),
    ];
  },
  async run({ config, inputs, params }) {
    const device = await sharedDevice();
    const upload = ({ data, shape }: Value) => tensor(device, data, shape);
    const network = networkOf(config);
    const { features, lins } = lpipsSpecs(network);
    const convs: Record<number, ConvParams> = {};
    for (const { key } of features.filter((spec) => spec.key.endsWith('weight'))) {
      const index = Number(key.split('.')[1]);
      const of = (part: string) => upload(params.get(`features.${index}.${part}`) as Value);
      convs[index] = { weight: of('weight'), bias: of('bias') };
    }
    const weights = lins.map(({ key }) => upload(params.get(`lin.${key}`) as Value));
    const model: Lpips = { network, features: convs, lins: weights };
    const [a, b] = ['a', 'b'].map((role) => upload(inputs.get(role)));
    const { distance, layers } = lpips(model, a, b);
    const found: Record<string, Value> = {};
    for (const [of, t] of [
      ['output distance', distance] as const,
      ...layers.map((l, k) => [`output layer ${k}`, l] as const),
    ]) {
      const { data, shape } = await take(t);
      found[of] = value(shape, data);
    }
    for (const t of [a, b, ...weights, ...Object.values(convs).flatMap(({ weight, bias }) => [weight, bias])])
      t.dispose();
    return answers(found);
  },
};
