/** How like the content and the style a result is: PSNR, SSIM, and the distance of Gram matrices. */

import { VGG_CHANNELS } from '../../../../models/vgg/layers.ts';
import { type NormalisedVgg, normalisedVggSpecs } from '../../../../models/vgg/normalised.ts';
import { gramDistance } from '../../../../train/eval/gram.ts';
import { type Planes, psnr, ssim } from '../../../../train/eval/image-similarity.ts';
import type { Builder } from '../../context.ts';
import { withTensors } from '../../device.ts';
import { parameterTree } from '../../passes.ts';
import { type Value, value } from '../../values.ts';
import { answers, type Config } from '../answers.ts';

/** `width`: full, or divN for the published widths over N; `channels` states them. */
export function vggChannels({ width, channels }: { width?: string; channels?: number[] }): readonly number[] {
  if (channels) return channels;
  const divisor = width?.startsWith('div') ? Number(width.slice(3)) : 1;
  return VGG_CHANNELS.map((c) => c / divisor);
}

const metrics: Builder = {
  parameters: (config: Config) => normalisedVggSpecs(vggChannels(config.vgg as { width?: string })),
  run({ inputs, params }) {
    const [a, b] = [inputs.get('a'), inputs.get('b')];
    return withTensors([a, b, ...params.values()], async ([first, second, ...uploaded]) => {
      let next = 0;
      const vgg = parameterTree(params, () => uploaded[next++]) as unknown as NormalisedVgg;
      const { total, taps } = await gramDistance({ layout: 'normalised', params: vgg }, first, second);
      const pairs = items(a).map((x, i) => [x, items(b)[i]] as const);
      return answers({
        'output psnr': value(
          [pairs.length],
          Float64Array.from(pairs, ([x, y]) => psnr(x, y)),
        ),
        'output ssim': value(
          [pairs.length],
          Float64Array.from(pairs, ([x, y]) => ssim(x, y)),
        ),
        'output gram_loss': value([1], Float64Array.of(total)),
        'output gram_per_layer': value([taps.length], Float64Array.from(taps)),
      });
    });
  },
};

/** The pictures of a batch [N, C, H, W]. */
function items({ data, shape }: Value): Planes[] {
  const [n, , height, width] = shape;
  const size = data.length / n;
  return Array.from({ length: n }, (_, i) => ({
    planes: Float32Array.from(data.subarray(i * size, (i + 1) * size)),
    width,
    height,
  }));
}

export const metricKinds: Readonly<Record<string, Builder>> = { 'cap-vstnet/metrics': metrics };
