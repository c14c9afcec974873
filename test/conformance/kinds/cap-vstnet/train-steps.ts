/** Training steps from given weights: losses, gradients, updates. */

import { type Device, leaves, scope, type Tensor, tensor } from '../../../../engine/index.ts';
import { lapTable, warpField } from '../../../../kernels/index.ts';
import { parameterSpecs } from '../../../../models/cap-vstnet/config.ts';
import type { CapVstnetParams } from '../../../../models/cap-vstnet/network.ts';
import { normalisedVggSpecs } from '../../../../models/vgg/normalised.ts';
import type { Vgg19 } from '../../../../models/vgg/vgg19.ts';
import { adam } from '../../../../train/optim/adam.ts';
import {
  type CapVstnetInputs,
  LAPLACIAN_CLAMP,
  type LossWeights,
  warpError,
} from '../../../../train/recipes/cap-vstnet-losses.ts';
import {
  type CapVstnetGradients,
  capVstnetGradients,
  capVstnetUpdate,
  learningRate,
} from '../../../../train/recipes/cap-vstnet-step.ts';
import type { Builder, Context } from '../../context.ts';
import { sharedDevice, take } from '../../device.ts';
import { parameterTree } from '../../passes.ts';
import { type Value, value } from '../../values.ts';
import { answers, type Config, pixelsOf } from '../answers.ts';
import { vggChannels } from './metrics.ts';
import { networkConfig } from './networks.ts';

interface StepResult extends CapVstnetGradients {
  readonly control: Tensor;
}

const trainSteps: Builder = {
  parameters: (config) => [
    ...parameterSpecs(networkConfig(config.net as Config)).map((spec) => ({ ...spec, net: 'net' })),
    ...normalisedVggSpecs(vggChannels(config.vgg as { width?: string })).map((spec) => ({ ...spec, net: 'vgg' })),
  ],
  async run(context) {
    // activations rebuilt in the sweep and activations kept must both agree
    const [rebuilt, kept] = [await train(context, true), await train(context, false)];
    return answers(Object.fromEntries([...rebuilt].map(([of, found]) => [of, [found, kept.get(of) as Value]])));
  },
};

async function train(context: Context, reversible: boolean): Promise<Map<string, Value>> {
  const device = await sharedDevice();
  const { config, params } = context;
  const initial = treeOf(device, params, 'net.') as unknown as CapVstnetParams;
  const vgg = { layout: 'normalised', params: treeOf(device, params, 'vgg.') } as unknown as Vgg19;
  const { betas, eps, weight_decay } = config.adam as { betas: [number, number]; eps: number; weight_decay: number };
  const clipNorm = config.clip_norm as number;
  const optimizer = adam(initial, { betas, eps, weightDecay: weight_decay, clipNorm });
  const setting = {
    config: networkConfig(config.net as Config),
    vgg,
    weights: {
      content: config.content_weight as number,
      style: config.style_weight as number,
      laplacian: config.lap_weight as number,
      cycle: config.rec_weight as number,
      temporal: config.temporal_weight as number,
    },
    reversible,
  };
  const results = new Map<string, Value>();
  const log: number[][] = [];
  const first = config.first_current_iter as number;
  for (let step = 0; step < (config.steps as number); step++) {
    const inputs = inputsOf(device, context, step);
    const updates = first + 1 + step;
    const lr = learningRate(config.lr as number, config.lr_decay as number, updates);
    const found = capVstnetGradients(optimizer.params, setting, [inputs]);
    const result = { ...found, control: capVstnetUpdate(optimizer, found, lr, updates) };
    log.push(await logRow(result, setting.weights, lr));
    await readStep(result, setting.weights, step, results);
    if (inputs.motion) {
      const error = scope(() => warpError(inputs.content, inputs.motion!.second, inputs.motion!.field));
      results.set(`loss temporal_gt @ step ${step}`, single(await take(error)));
    }
    for (const [key, leaf] of leaves(optimizer.params)) {
      results.set(`param net.${key} @ after step ${step}`, value(leaf.shape, await leaf.data()));
    }
    for (const picture of [inputs.content, inputs.style, inputs.motion?.second]) picture?.dispose();
  }
  const columns = (config.log_columns as string[]).length;
  results.set('value log', value([log.length, columns], Float64Array.from(log.flat())));
  optimizer.dispose();
  for (const [, leaf] of [...leaves(initial), ...leaves(vgg.params as never)]) leaf.dispose();
  return results;
}

const single = ({ data }: Value): Value => value([1], data);

function treeOf(device: Device, params: ReadonlyMap<string, Value>, prefix: string) {
  const own = [...params].filter(([key]) => key.startsWith(prefix)).map(([key, p]) => [key.slice(prefix.length), p]);
  return parameterTree(new Map(own as [string, Value][]), (p) => tensor(device, p.data, p.shape));
}

/** Pictures of one step [B, H, W, 3] U8 as planes, with their Laplacians and, where given, the motion. */
function inputsOf(device: Device, { inputs, config }: Context, step: number): CapVstnetInputs {
  const batchOf = (role: string) => {
    const all = inputs.get(role);
    const [, batch, height, width] = all.shape;
    const size = batch * height * width * 3;
    return { rgb: pixelsOf(all).subarray(step * size, (step + 1) * size), batch, height, width };
  };
  const upload = ({ rgb, batch, height, width }: ReturnType<typeof batchOf>) => {
    const plane = height * width;
    const planes = new Float32Array(rgb.length);
    for (let i = 0; i < rgb.length; i++) {
      const [item, pixel, channel] = [Math.floor(i / (3 * plane)), Math.floor(i / 3) % plane, i % 3];
      planes[(item * 3 + channel) * plane + pixel] = rgb[i] / 255;
    }
    return tensor(device, planes, [batch, 3, height, width]);
  };
  const content = batchOf('images_a');
  const { batch, height, width, rgb } = content;
  const laplacian = Array.from({ length: batch }, (_, i) =>
    lapTable(rgb.slice(i * height * width * 3, (i + 1) * height * width * 3), width, height),
  );
  const moves = (config.temporal_weight as number) > 0 && inputs.has('flow');
  const flow = inputs.find('flow');
  const second = inputs.find('second_frame');
  return {
    content: upload(content),
    style: upload(batchOf('images_b')),
    laplacian,
    motion:
      moves && flow && second
        ? { field: warpField(flow.data, width, height), second: tensor(device, second.data, second.shape) }
        : undefined,
  };
}

/** The log has the losses without their weights. */
async function logRow({ terms: [terms], control }: StepResult, weights: LossWeights, lr: number): Promise<number[]> {
  const item = async (t: Tensor) => (await t.data())[0];
  const [, , norm] = await control.data();
  const bare = async (t: Tensor, weight: number) => (weight === 0 ? 0 : (await item(t)) / weight);
  const gradient = Array.from(await terms.laplacianGradient.data());
  const clamped = gradient.filter((g) => Math.abs(g) >= Math.fround(LAPLACIAN_CLAMP)).length;
  return [
    await bare(terms.contentLoss, weights.content),
    await bare(terms.styleLoss, weights.style),
    await bare(terms.cycleLoss, weights.cycle),
    await item(terms.laplacianValue),
    await bare(terms.temporalLoss, weights.temporal),
    await item(terms.total),
    norm,
    lr,
    clamped / gradient.length,
  ];
}

/** Reads what a step left behind and frees it. */
async function readStep(
  { terms: [terms], grads, control }: StepResult,
  weights: LossWeights,
  step: number,
  results: Map<string, Value>,
): Promise<void> {
  const [scale] = await control.data();
  const named: Record<string, Tensor | undefined> = {
    'output stylized': terms.stylized,
    'output rec': terms.reconstructed,
    'output grad_lap': terms.laplacianGradient,
    'output stylized_second': terms.stylizedSecond,
  };
  for (const [of, t] of Object.entries(named))
    if (t) results.set(`${of} @ step ${step}`, value(t.shape, await t.data()));
  const [temporal] = await terms.temporalLoss.data();
  results.set(`loss temporal @ step ${step}`, value([1], Float64Array.of(temporal / (weights.temporal || 1))));
  for (const [key, leaf] of leaves(grads)) {
    const clipped = (await leaf.data()).map((g) => g * scale);
    results.set(`gradient of param net.${key} @ step ${step} clipped`, value(leaf.shape, clipped));
  }
  for (const t of [...Object.values(terms), control, ...leaves(grads).map(([, leaf]) => leaf)]) t?.dispose();
}

export const trainKinds: Readonly<Record<string, Builder>> = { 'cap-vstnet/train-steps': trainSteps };
