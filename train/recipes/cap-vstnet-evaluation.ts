/** What CAP-VSTNet makes of pairs of pictures: to look at, and in numbers. */
import { type Device, scope, type Tensor } from '../../engine/index.ts';
import type { CapVstnetConfig } from '../../models/cap-vstnet/config.ts';
import { type CapVstnetParams, decode, encode } from '../../models/cap-vstnet/network.ts';
import { transfer } from '../../models/cap-vstnet/transfer.ts';
import type { StylePairs } from '../data/datasets/style-pairs.ts';
import { ssim } from '../eval/image-similarity.ts';
import { inputsOf } from './cap-vstnet-inputs.ts';
import { capVstnetLosses } from './cap-vstnet-losses.ts';
import type { StepSetting } from './cap-vstnet-step.ts';
import { pack } from './pack.ts';
import type { SamplePicture } from './recipe.ts';

/** One row a pair: content, style, stylized, and the content brought back from it. */
export async function sampleRows(
  device: Device,
  params: CapVstnetParams,
  config: CapVstnetConfig,
  batches: readonly StylePairs[],
): Promise<SamplePicture[][]> {
  const rows: SamplePicture[][] = [];
  for (const batch of batches) {
    const { size, batchSize } = batch;
    const columns = scope(() => {
      const { content, style } = inputsOf(device, batch);
      const zc = encode(params, config, content);
      const stylized = decode(params, config, transfer(zc, encode(params, config, style)).out);
      const cycle = decode(params, config, transfer(encode(params, config, stylized), zc).out);
      return { content, style, stylized, cycle };
    });
    const read: [string, Float32Array][] = [];
    for (const [name, t] of Object.entries(columns)) read.push([name, await taken(t)]);
    const area = 3 * size * size;
    for (let i = 0; i < batchSize; i++) {
      const planes = (all: Float32Array) => all.subarray(i * area, (i + 1) * area);
      rows.push(read.map(([name, all]) => ({ name, planar: planes(all), width: size, height: size })));
    }
  }
  return rows;
}

/** The measures of `evaluatePairs` where more is better. */
export const HIGHER_IS_BETTER = ['ssim'];

/**
 * Means over pairs: the losses of the training, weighted as there, without their sweep and without the temporal term; and
 * how much of the content's structure is kept.
 *
 *     total, style, cycle, laplacian     as in the curves of the training
 *     ssim                               of the stylized picture, as it is written, with the content
 */
export async function evaluatePairs(
  device: Device,
  params: CapVstnetParams,
  { config, vgg, weights }: StepSetting,
  batches: readonly StylePairs[],
): Promise<Record<string, number>> {
  const sums = { total: 0, style: 0, cycle: 0, laplacian: 0, ssim: 0 };
  let pairs = 0;
  for (const batch of batches) {
    const { size, batchSize } = batch;
    const made = scope(() => {
      const inputs = inputsOf(device, batch);
      const terms = capVstnetLosses(params, config, vgg, inputs, weights);
      const values = pack([terms.total, terms.styleLoss, terms.cycleLoss, terms.laplacianValue]);
      return { values, content: inputs.content, stylized: terms.stylized };
    });
    const [total, style, cycle, laplacian] = await taken(made.values);
    const [content, stylized] = [await taken(made.content), await taken(made.stylized)];
    // all planes of a batch are of one size, and SSIM is their mean
    const planesOf = (planes: Float32Array) => ({ planes, width: size, height: size });
    const found = { total, style, cycle, laplacian: laplacian * weights.laplacian };
    const measures = { ...found, ssim: ssim(planesOf(asWritten(stylized)), planesOf(content)) };
    for (const [name, value] of Object.entries(measures)) sums[name as keyof typeof sums] += value * batchSize;
    pairs += batchSize;
  }
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / pairs]));
}

const asWritten = (planes: Float32Array): Float32Array => planes.map((x) => Math.min(1, Math.max(0, x)));

/** A tensor's values; it is freed. */
async function taken(t: Tensor): Promise<Float32Array> {
  const values = (await t.data()) as Float32Array;
  t.dispose();
  return values;
}
