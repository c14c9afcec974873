/** VGG-19 in torchvision's layout: activations with their Gram matrices, and the perceptual loss with its gradient. */

import { type Device, scope, type Tensor, tensor, vjp } from '../../../../engine/index.ts';
import { full } from '../../../../kernels/index.ts';
import type { ConvParams, IndexedConvs } from '../../../../models/vgg/layers.ts';
import { PERCEPTUAL_TAPS, vggTapSpecs, vggTaps } from '../../../../models/vgg/taps.ts';
import { gram } from '../../../../train/eval/gram.ts';
import { vggPerceptualLoss, vggPerceptualTerms } from '../../../../train/losses/perceptual.ts';
import type { Builder, Context } from '../../context.ts';
import { sharedDevice, take } from '../../device.ts';
import type { Value } from '../../values.ts';
import { answers } from '../answers.ts';

/** The last ReLU of torchvision's VGG-19: its case may hold more parameters than the taps need. */
const LAST_RELU = 35;

const parameters = (): ReturnType<NonNullable<Builder['parameters']>> => vggTapSpecs([LAST_RELU], undefined, '');

function upload(device: Device, params: Context['params']): IndexedConvs {
  const convs: Record<number, Partial<Record<'weight' | 'bias', Tensor>>> = {};
  for (const [key, { data, shape }] of params) {
    const [index, part] = key.split('.') as [string, 'weight' | 'bias'];
    convs[Number(index)] = { ...convs[Number(index)], [part]: tensor(device, data, shape) };
  }
  return convs as Record<number, ConvParams>;
}

async function read(found: Readonly<Record<string, Tensor>>): Promise<Record<string, Value>> {
  const values: Record<string, Value> = {};
  for (const [of, t] of Object.entries(found)) values[of] = await take(t);
  return values;
}

const features: Builder = {
  parameters,
  async run({ inputs, params }) {
    const device = await sharedDevice();
    const found = scope(() => {
      const x = inputs.get('x');
      const taps = vggTaps(upload(device, params), tensor(device, x.data, x.shape));
      return Object.fromEntries(
        taps.flatMap((tap, scale) => [
          [`activation relu${scale + 1}_1`, tap],
          [`output gram relu${scale + 1}_1`, gram(tap)],
        ]),
      );
    });
    return answers(await read(found));
  },
};

const loss: Builder = {
  parameters,
  async run({ config, inputs, params }) {
    const device = await sharedDevice();
    const taps = (config.taps as number[] | undefined) ?? PERCEPTUAL_TAPS;
    const weights = config.weights as number[];
    const found = scope(() => {
      const vgg = { features: upload(device, params) };
      const [a, b] = ['a', 'b'].map((role) => {
        const { data, shape } = inputs.get(role);
        return tensor(device, data, shape);
      });
      const terms = vggPerceptualTerms(vgg, a, b, taps);
      const { outputs, pull } = vjp(() => [vggPerceptualLoss(vgg, a, b, { weights, taps })] as const, [a]);
      const [gradient] = pull([full(a, outputs[0], 1)]);
      return {
        'loss vgg': outputs[0],
        'gradient of input a': gradient as Tensor,
        ...Object.fromEntries(terms.map((term, i) => [`value l1 of tap ${taps[i]}`, term])),
      };
    });
    return answers(await read(found));
  },
};

export const vggKinds: Readonly<Record<string, Builder>> = {
  'evaluation/vgg19-features': features,
  'evaluation/vgg19-loss': loss,
};
