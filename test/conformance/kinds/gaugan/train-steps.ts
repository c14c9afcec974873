/** Training steps from given weights: losses, gradients, buffers, updates. */

import { type Device, leaves, scope, type Tensor, type Tree, tensor, treeOf } from '../../../../engine/index.ts';
import type { SemanticMap } from '../../../../models/gaugan/semantic-map.ts';
import { splitState } from '../../../../models/layers/state.ts';
import type { GanMode } from '../../../../train/choices.ts';
import type { PerceptualVgg } from '../../../../train/losses/perceptual.ts';
import type { Accumulated } from '../../../../train/optim/accumulate.ts';
import { type Adam, adam } from '../../../../train/optim/adam.ts';
import { type GauganInputs, type GauganSetting, paint } from '../../../../train/recipes/gaugan-losses.ts';
import {
  discriminatorGradients,
  type GauganTrainee,
  generatorGradients,
  stateNow,
} from '../../../../train/recipes/gaugan-step.ts';
import type { Builder, Context } from '../../context.ts';
import { sharedDevice } from '../../device.ts';
import { type Value, value } from '../../values.ts';
import { classesOf, edgesOf } from './losses.ts';
import {
  discriminatorConfig,
  encoderConfig,
  generatorConfig,
  labelTensor,
  pix2pixHdConfig,
  single,
} from './networks.ts';

/** A half of a step, with its update. */
interface Half extends Accumulated<Tree, object> {
  readonly control: Tensor;
}

const trainSteps: Builder = {
  async run(context) {
    return train(context);
  },
};

async function train(context: Context): Promise<Map<string, Value>> {
  const device = await sharedDevice();
  const { config } = context;
  const useVae = config.use_vae === true && config.netG !== 'pix2pixhd';
  const trees = new Map(['G', 'D', 'E', 'vgg'].map((net) => [net, treeFor(device, context, net)]));
  const [G, D, E] = ['G', 'D', 'E'].map((net) => splitState(trees.get(net) as Tree));
  const betas = [config.beta1, config.beta2] as [number, number];
  const trainee: GauganTrainee = {
    generators: adam({ G: G.params, ...(useVae ? { E: E.params } : {}) }, { betas }),
    discriminators: adam({ D: D.params }, { betas }),
    buffers: { G: G.buffers, E: useVae ? E.buffers : undefined, D: D.buffers },
  };
  const setting: GauganSetting = {
    networks: {
      generator:
        config.netG === 'pix2pixhd'
          ? { net: 'pix2pixhd', ...pix2pixHdConfig(config) }
          : { net: 'spade', ...generatorConfig(config) },
      encoder: useVae ? encoderConfig(config) : undefined,
      discriminator: discriminatorConfig(config),
    },
    ganMode: config.gan_mode as GanMode,
    weights: {
      feature: config.no_ganFeat_loss ? 0 : (config.lambda_feat as number),
      vgg: config.lambda_vgg as number,
      kld: config.lambda_kld as number,
    },
    vgg: config.no_vgg_loss ? undefined : (trees.get('vgg') as unknown as PerceptualVgg),
  };
  const factors = config.no_TTUR ? { G: 1, D: 1 } : { G: 0.5, D: 2 };
  const lr = config.lr as number;
  const results = new Map<string, Value>();
  const updates = { G: 0, D: 0 };
  const steps = config.steps as number;
  for (let step = 0; step < steps; step++) {
    const inputs = inputsOf(device, context, step);
    const updated = <P extends Tree>(of: 'G' | 'D', optimizer: Adam<P>, found: Accumulated<P, object>): Half => ({
      ...found,
      control: scope(() => optimizer.update(found.grads, lr * factors[of], ++updates[of])),
    });
    if (step % ((config.D_steps_per_G as number | undefined) ?? 1) === 0) {
      await keepHalf(results, updated('G', trainee.generators, generatorGradients(trainee, setting, [inputs])), step);
      await keepBuffers(results, trainee.buffers, `@ step ${step} G`);
    }
    await keepHalf(
      results,
      updated('D', trainee.discriminators, discriminatorGradients(trainee, setting, [inputs])),
      step,
    );
    if (step === steps - 1) await keepEvaluation(results, trainee, setting, inputs, context);
    disposeInputs(inputs);
  }
  const state = { ...stateTrees(trainee) };
  for (const [net, tree] of Object.entries(state)) {
    for (const [key, leaf] of leaves(tree))
      results.set(`param ${net}.${key} @ end`, value(leaf.shape, await leaf.data()));
  }
  await keepBuffers(results, trainee.buffers, '@ end');
  trainee.generators.dispose();
  trainee.discriminators.dispose();
  for (const tree of trees.values()) for (const [, leaf] of leaves(tree as Tree)) leaf.dispose();
  return results;
}

const stateTrees = ({ generators, discriminators }: GauganTrainee): Record<string, Tree> => ({
  ...generators.params,
  ...discriminators.params,
});

function treeFor(device: Device, { params }: Context, net: string): Tree {
  const own = [...params].filter(([key]) => key.startsWith(`${net}.`));
  return treeOf(own.map(([key, p]) => [key.slice(net.length + 1), tensor(device, p.data, p.shape)] as const));
}

function inputsOf(device: Device, { inputs, config }: Context, step: number): GauganInputs {
  const upload = ({ data, shape }: Value) => tensor(device, data, shape);
  const noise = inputs.has(`eps_G.${step}`)
    ? { G: upload(inputs.get(`eps_G.${step}`)), D: upload(inputs.get(`eps_D.${step}`)) }
    : undefined;
  const instance = config.no_instance ? undefined : inputs.get(`instance.${step}`);
  const edges = instance && tensor(device, edgesOf(instance), instance.shape);
  const labels = labelTensor(device, inputs.get(`label.${step}`));
  const map: SemanticMap = { labels, classes: classesOf(config), edges };
  return { map, image: upload(inputs.get(`image.${step}`)), noise };
}

function disposeInputs({ map, image, noise }: GauganInputs): void {
  const ofMap = 'dense' in map ? [map.dense] : [map.labels, map.edges];
  for (const t of [...ofMap, image, noise?.G, noise?.D]) t?.dispose();
}

/** Losses, the generated picture, and the gradients, which the cases compare at step 0. */
async function keepHalf(
  results: Map<string, Value>,
  { terms: [terms], grads, control }: Half,
  step: number,
): Promise<void> {
  for (const [name, t] of Object.entries(terms as Record<string, Tensor | undefined>)) {
    if (!t) continue;
    const found = value(t.shape, await t.data());
    if (name === 'fake') results.set(`output fake @ step ${step}`, found);
    else results.set(`loss ${name} @ step ${step}`, single(found));
    t.dispose();
  }
  for (const [key, leaf] of leaves(grads)) {
    results.set(`gradient of param ${key} @ step ${step}`, value(leaf.shape, await leaf.data()));
    leaf.dispose();
  }
  control.dispose();
}

async function keepBuffers(
  results: Map<string, Value>,
  buffers: GauganTrainee['buffers'],
  stage: string,
): Promise<void> {
  for (const [net, map] of Object.entries(buffers)) {
    for (const [key, buffer] of map ?? []) {
      const found = value(buffer.shape, await buffer.data());
      results.set(`buffer ${net}.${key} ${stage}`, found);
      if (stage === '@ end') results.set(`param ${net}.${key} @ end`, found);
    }
  }
}

/** Inference on the last step's inputs. */
async function keepEvaluation(
  results: Map<string, Value>,
  trainee: GauganTrainee,
  { networks }: GauganSetting,
  inputs: GauganInputs,
  { inputs: stored }: Context,
): Promise<void> {
  const eps = stored.find('eps_eval');
  const noise = eps && tensor(inputs.image.device, eps.data, eps.shape);
  const { fake } = scope(() => paint(stateNow(trainee), networks, inputs, noise, { training: false }));
  results.set('output fake @ eval end', value(fake.shape, await fake.data()));
  fake.dispose();
  noise?.dispose();
}

export const trainKinds: Readonly<Record<string, Builder>> = { 'gaugan/train-steps': trainSteps };
