/** Kinds of the training losses: VGG statistics. */

import { type Device, scope, type Tensor, tensor, vjp } from '../../../../engine/index.ts';
import { full } from '../../../../kernels/index.ts';
import { TAPS } from '../../../../models/vgg/layers.ts';
import { type NormalisedVgg, normalisedVggSpecs } from '../../../../models/vgg/normalised.ts';
import { type Vgg19, vgg19Features } from '../../../../models/vgg/vgg19.ts';
import { styleLosses } from '../../../../train/losses/style.ts';
import type { Builder } from '../../context.ts';
import { sharedDevice, take } from '../../device.ts';
import { parameterTree } from '../../passes.ts';
import { type Value, value } from '../../values.ts';
import { answers } from '../answers.ts';
import { vggChannels } from './metrics.ts';

/** Runs `fn` in a scope, reads what it returns and frees it; scalars come as [1], as they are stored. */
async function compute(fn: (device: Device) => Record<string, Tensor>): Promise<Record<string, Value>> {
  const device = await sharedDevice();
  const found = scope(() => fn(device));
  const read: Record<string, Value> = {};
  for (const [of, t] of Object.entries(found)) {
    const { data, shape } = await take(t);
    read[of] = value(shape.length === 0 ? [1] : shape, data);
  }
  return read;
}

const vggLoss: Builder = {
  parameters: (config) => normalisedVggSpecs(vggChannels(config)),
  async run(context) {
    const found = await compute((device) => {
      const params = parameterTree(context.params, (p) => tensor(device, p.data, p.shape)) as unknown;
      const vgg: Vgg19 = { layout: 'normalised', params: params as NormalisedVgg };
      const [content, style, stylized] = ['content', 'style', 'stylized'].map((role) => {
        const { data, shape } = context.inputs.get(role);
        return tensor(device, data, shape);
      });
      const features = vgg19Features(vgg, stylized);
      const lossesAndGradient = (which: 'content' | 'style') => {
        const { outputs, pull } = vjp(() => {
          const losses = styleLosses(vgg, { stylized, style, content });
          return [losses[which] as Tensor, losses.perLayer] as const;
        }, [stylized]);
        const [gradient] = pull([full(stylized, outputs[0], 1)]);
        return { loss: outputs[0], perLayer: outputs[1], gradient: gradient as Tensor };
      };
      const [byContent, byStyle] = [lossesAndGradient('content'), lossesAndGradient('style')];
      return {
        ...Object.fromEntries(TAPS.map((tap) => [`activation ${tap}`, features[tap]])),
        'loss content': byContent.loss,
        'loss style': byStyle.loss,
        'value style_per_layer': byStyle.perLayer,
        'gradient of loss content in input stylized': byContent.gradient,
        'gradient of loss style in input stylized': byStyle.gradient,
      } as Record<string, Tensor>;
    });
    return answers(found);
  },
};

export const lossKinds: Readonly<Record<string, Builder>> = { 'cap-vstnet/vgg-loss': vggLoss };
