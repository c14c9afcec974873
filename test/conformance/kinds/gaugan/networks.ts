/** SPADE, its block, and the networks of GauGAN, forward and backward. */
import { scope, type Tensor, tensor } from '../../../../engine/index.ts';
import { affine, oneHot } from '../../../../kernels/index.ts';
import {
  type DiscriminatorConfig,
  type EncoderConfig,
  type GeneratorConfig,
  type Pix2pixHdConfig,
  parseLayerNorm,
  parseSpadeNorm,
} from '../../../../models/gaugan/config.ts';
import { discriminate, discriminatorWeights } from '../../../../models/gaugan/discriminator.ts';
import { encodeImage, encoderWeights, reparameterize } from '../../../../models/gaugan/encoder.ts';
import { generate, generatorWeights } from '../../../../models/gaugan/generator.ts';
import { mapPyramid, type SemanticMap } from '../../../../models/gaugan/semantic-map.ts';
import {
  type SpadeBlockParams,
  type SpadeParams,
  type SpadeSetting,
  spadeBlock,
  spadeNorm,
} from '../../../../models/gaugan/spade.ts';
import { spectralWeights } from '../../../../models/layers/spectral-weights.ts';
import type { Mode } from '../../../../models/layers/state.ts';
import { kullbackLeibler } from '../../../../train/losses/gan.ts';
import type { Builder, Context } from '../../context.ts';
import { sharedDevice, withTensors } from '../../device.ts';
import { type Value, value } from '../../values.ts';
import { answers, type Config } from '../answers.ts';
import { runModule } from './module.ts';

/** A map of the sizes that a layer on x needs. */
const mapsFor = (map: SemanticMap, { shape }: Tensor) => mapPyramid(map, [[shape[2], shape[3]]]);

const spadeNormKind: Builder = {
  async run(context) {
    const { config, inputs } = context;
    const mode: Mode = { training: config.mode !== 'eval' };
    const setting: SpadeSetting = { ...mode, norm: parseSpadeNorm(config.config_text as string), flavour: 'pytorch' };
    return withTensors([inputs.get('seg')], ([seg]) =>
      runModule(context, {
        inputs: ['x'],
        mode,
        run: (params, [x], { training }) => ({
          y: spadeNorm(params as unknown as SpadeParams, { ...setting, training }, x, mapsFor({ dense: seg }, x)),
        }),
      }),
    );
  },
};

const spadeBlockKind: Builder = {
  async run(context) {
    const { config, inputs } = context;
    const norm = parseSpadeNorm(config.norm_G as string);
    return withTensors([inputs.get('seg')], ([seg]) =>
      runModule(context, {
        inputs: ['x'],
        run: (state, [x], mode) => {
          const params = spectralWeights(state, mode) as unknown as SpadeBlockParams;
          return { y: spadeBlock(params, { ...mode, norm, flavour: 'pytorch' }, x, mapsFor({ dense: seg }, x)) };
        },
      }),
    );
  },
};

/** The options that a case states, as the generator takes them. */
export function generatorConfig(config: Config): GeneratorConfig {
  return {
    ngf: config.ngf as number,
    cropSize: config.crop_size as number,
    aspectRatio: config.aspect_ratio as number,
    upsampling: config.num_upsampling_layers as GeneratorConfig['upsampling'],
    useVae: config.use_vae as boolean,
    zDim: config.z_dim as number,
    semanticNc: config.semantic_nc as number,
    norm: parseSpadeNorm(config.norm_G as string),
    hidden: config.nhidden as number,
    flavour: 'pytorch',
  };
}

/** The options of pix2pixHD's generator, where a case states it; what it leaves out is the release's. */
export function pix2pixHdConfig(config: Config): Pix2pixHdConfig {
  const number = (name: string, otherwise: number) => (config[name] as number | undefined) ?? otherwise;
  return {
    ngf: config.ngf as number,
    inputNc: config.semantic_nc as number,
    outputNc: number('output_nc', 3),
    downsamplings: number('resnet_n_downsample', 4),
    blocks: number('resnet_n_blocks', 9),
    kernel: number('resnet_kernel_size', 3),
    initialKernel: number('resnet_initial_kernel_size', 7),
    norm: parseLayerNorm(config.norm_G as string),
    flavour: 'pytorch',
  };
}

/** Labels [N, 1, H, W] or [N, H, W] as u32 [N, H, W]. */
export function labelTensor(device: Parameters<typeof tensor>[0], { shape, data }: Value): Tensor {
  return tensor(device, Uint32Array.from(data), [shape[0], ...shape.slice(-2)], 'u32');
}

/** Both ways to give a map must agree: as labels, and spread out to a channel a class. */
const generatorKind: Builder = {
  async run(context) {
    const device = await sharedDevice();
    const config = generatorConfig(context.config);
    const labels = labelTensor(device, context.inputs.get('seg'));
    const classes = config.semanticNc;
    const dense = scope(() => oneHot(labels, classes));
    const ways: Map<string, Value>[] = [];
    for (const map of [{ dense }, { labels, classes }] satisfies SemanticMap[]) {
      ways.push(
        await runModule(context, {
          inputs: config.useVae ? ['z'] : [],
          run: (state, [z], mode) => ({ y: generate(generatorWeights(state, config, mode), config, map, mode, { z }) }),
        }),
      );
    }
    for (const t of [labels, dense]) t.dispose();
    return bothWays(ways);
  },
};

export function bothWays([first, ...others]: readonly Map<string, Value>[]) {
  return answers(
    Object.fromEntries([...first].map(([of, found]) => [of, [found, ...others.map((way) => way.get(of) as Value)]])),
  );
}

/** The options that a case states, as the encoder takes them. */
export function encoderConfig(config: Config): EncoderConfig {
  return {
    ngf: (config.encoder_ngf ?? config.ngf) as number,
    norm: parseLayerNorm(config.norm_E as string),
    zDim: 256,
    flavour: 'pytorch',
  };
}

const encoderKind: Builder = {
  async run(context) {
    const config = encoderConfig(context.config);
    const scale = context.config.kld_weight as number;
    const { inputs } = context;
    return withTensors([inputs.get('image'), inputs.get('eps')], async ([image, eps]) => {
      const results = await runModule(context, {
        inputs: [],
        run: (state, _, mode) => {
          const { mu, logvar } = encodeImage(encoderWeights(state, config, mode), config, image, mode);
          return { mu, logvar, z: reparameterize(mu, logvar, eps), KLD: kullbackLeibler(mu, logvar) };
        },
        extra: ({ KLD }) => affine(KLD, { scale }),
      });
      results.set('loss KLD', single(results.get('output KLD') as Value));
      return results;
    });
  },
};

/** Scalars are stored as [1]. */
export const single = ({ data }: Value): Value => value([1], data);

/** The options that a case states, as the discriminator takes them. */
export function discriminatorConfig(config: Config): DiscriminatorConfig {
  const { label_nc, contain_dontcare_label, no_instance, output_nc = 3 } = config as Record<string, number | boolean>;
  const semantic = Number(label_nc) + (contain_dontcare_label ? 1 : 0) + (no_instance ? 0 : 1);
  return {
    ndf: config.ndf as number,
    numD: config.num_D as number,
    layers: config.n_layers_D as number,
    inputNc: semantic + Number(output_nc),
    norm: parseLayerNorm(config.norm_D as string),
    features: !config.no_ganFeat_loss,
    flavour: 'pytorch',
  };
}

const discriminatorKind: Builder = {
  async run(context: Context) {
    const config = discriminatorConfig(context.config);
    return runModule(context, {
      inputs: ['x'],
      run: (state, [joined], mode) => {
        const outputs = discriminate(discriminatorWeights(state, config, mode), config, { joined }, mode);
        const named = outputs.flatMap((scale, s) => scale.map((y, j) => [`${s}.${j}`, y] as const));
        return Object.fromEntries(named);
      },
    });
  },
};

export const networkKinds: Readonly<Record<string, Builder>> = {
  'gaugan/spade-norm': spadeNormKind,
  'gaugan/spade-resblock': spadeBlockKind,
  'gaugan/generator': generatorKind,
  'gaugan/encoder': encoderKind,
  'gaugan/discriminator': discriminatorKind,
};
