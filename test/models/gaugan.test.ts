import { afterAll, describe, expect, it } from 'vitest';
import { grad, leaves, scope, type Tensor, type Tree, tensor } from '../../engine/index.ts';
import { mean, oneHot, square } from '../../kernels/index.ts';
import {
  type DiscriminatorConfig,
  discriminatorLayers,
  type EncoderConfig,
  type GeneratorConfig,
  generatorPlan,
  type Pix2pixHdConfig,
  parseLayerNorm,
  parseSpadeNorm,
} from '../../models/gaugan/config.ts';
import { discriminate, discriminatorWeights } from '../../models/gaugan/discriminator.ts';
import { generate, generatorWeights } from '../../models/gaugan/generator.ts';
import { pix2pixHd, pix2pixHdWeights } from '../../models/gaugan/pix2pixhd.ts';
import { pooledMap, type SemanticMap } from '../../models/gaugan/semantic-map.ts';
import {
  countParameters,
  discriminatorSpecs,
  encoderSpecs,
  generatorSpecs,
  initialState,
  pix2pixHdSpecs,
} from '../../models/gaugan/state.ts';
import { isBuffer, joinState, splitState } from '../../models/layers/state.ts';
import { testDevice } from '../support/device.ts';

const device = await testDevice();

const COCO: GeneratorConfig = {
  ...{ ngf: 64, cropSize: 256, aspectRatio: 1, upsampling: 'normal', useVae: false, zDim: 256, semanticNc: 184 },
  ...{ norm: parseSpadeNorm('spectralspadesyncbatch3x3'), hidden: 128, flavour: 'pytorch' },
};
const ENCODER: EncoderConfig = { ngf: 64, norm: parseLayerNorm('spectralinstance'), zDim: 256, flavour: 'pytorch' };
const DISCRIMINATOR: DiscriminatorConfig = {
  ...{ ndf: 64, numD: 2, layers: 4, inputNc: 187, norm: parseLayerNorm('spectralinstance') },
  ...{ features: true, flavour: 'pytorch' },
};

describe('the published networks', () => {
  it('have as many parameters as the release', () => {
    expect(countParameters(generatorSpecs(COCO))).toBe(97_480_899);
    expect(countParameters(generatorSpecs({ ...COCO, useVae: true }))).toBe(112_626_883);
    expect(countParameters(encoderSpecs(ENCODER))).toBe(10_463_424);
    expect(countParameters(discriminatorSpecs(DISCRIMINATOR))).toBe(5_904_514);
  });

  it('have the state dict of the release', () => {
    const specs = generatorSpecs(COCO);
    expect(specs.length).toBe(234);
    expect(specs.slice(0, 6).map(({ key, shape }) => [key, shape.join('x')])).toEqual([
      ['fc.weight', '1024x184x3x3'],
      ['fc.bias', '1024'],
      ['head_0.conv_0.bias', '1024'],
      ['head_0.conv_0.weight_orig', '1024x1024x3x3'],
      ['head_0.conv_0.weight_u', '1024'],
      ['head_0.conv_0.weight_v', '9216'],
    ]);
    const shapes = new Map(discriminatorSpecs(DISCRIMINATOR).map(({ key, shape }) => [key, shape.join('x')]));
    expect(shapes.get('discriminator_1.model3.0.0.weight_orig')).toBe('512x256x4x4');
    expect(shapes.get('discriminator_0.model4.0.weight')).toBe('1x512x4x4');
    expect(encoderSpecs(ENCODER).map(({ key }) => key)).toContain('layer6.0.weight_v');
  });

  it('grow from 8, 4 and 2 rows to 256', () => {
    const grids = (['normal', 'more', 'most'] as const).map((upsampling) => generatorPlan({ ...COCO, upsampling }));
    expect(grids.map(({ gridHeight, height, last }) => [gridHeight, height, last])).toEqual([
      [8, 256, 64],
      [4, 256, 64],
      [2, 256, 32],
    ]);
    // halves go to the even number, as Python rounds them
    expect(generatorPlan({ ...COCO, cropSize: 160, aspectRatio: 2 }).gridHeight).toBe(2);
  });
});

const small: GeneratorConfig = { ...COCO, ngf: 2, cropSize: 32, semanticNc: 4, hidden: 5 };
const made: Tree[] = [];
const stateOf = (specs: Parameters<typeof initialState>[1], stream = 1): Tree => {
  const state = initialState(device, specs, { seed: 3, stream });
  made.push(state);
  return state;
};
afterAll(() => {
  for (const state of made) for (const [, leaf] of leaves(state)) leaf.dispose();
});

async function read(run: () => Tensor): Promise<number[]> {
  const t = scope(run);
  const values = [...(await t.data())];
  t.dispose();
  return values;
}

const buffersOf = async (state: Tree) => {
  const found: Record<string, number[]> = {};
  for (const [key, leaf] of leaves(state)) if (isBuffer(key)) found[key] = [...(await leaf.data())];
  return found;
};

describe('a generator', () => {
  const labels = tensor(
    device,
    Uint32Array.from({ length: 2 * 24 * 40 }, (_, i) => (i >> 3) % 3),
    [2, 24, 40],
    'u32',
  );
  const edges = tensor(
    device,
    Array.from({ length: 2 * 24 * 40 }, (_, i) => +(i % 8 < 2)),
    [2, 1, 24, 40],
  );
  const map: SemanticMap = { labels, classes: 3, edges };
  afterAll(() => {
    labels.dispose();
    edges.dispose();
  });

  it('moves its buffers in training, and leaves them alone otherwise', async () => {
    const state = stateOf(generatorSpecs({ ...small, norm: parseSpadeNorm('spectralspadebatch3x3') }));
    const config = { ...small, norm: parseSpadeNorm('spectralspadebatch3x3') };
    const before = await buffersOf(state);
    const run = (training: boolean) =>
      read(() => generate(generatorWeights(state, config, { training }), config, map, { training }));
    await run(false);
    expect(await buffersOf(state)).toEqual(before);
    const first = await run(true);
    const moved = await buffersOf(state);
    for (const [key, values] of Object.entries(before)) expect(moved[key], key).not.toEqual(values);
    expect(moved['head_0.norm_0.param_free_norm.num_batches_tracked']).toEqual([1]);
    expect(first.every((x) => Math.abs(x) <= 1)).toBe(true);
  });

  it('has the same gradients and buffers when the sweep computes its blocks again, and keeps less', async () => {
    const config = { ...small, norm: parseSpadeNorm('spectralspadebatch3x3') };
    const found: { grads: Record<string, number[]>; buffers: Record<string, number[]>; bytes: number }[] = [];
    for (const recompute of [false, true]) {
      const state = stateOf(generatorSpecs(config), 7);
      const { params, buffers } = splitState(state);
      await device.finish();
      device.pool.resetPeaks();
      const before = device.pool.stats.usedBytes;
      const mode = { training: true, recompute };
      const grads = scope(() => {
        const painted = (own: Tree) =>
          mean(square(generate(generatorWeights(joinState(own, buffers), config, mode), config, map, mode)));
        return grad(painted)(params).grads;
      });
      const bytes = device.pool.stats.peakUsedBytes - before;
      const values: Record<string, number[]> = {};
      for (const [key, leaf] of leaves(grads)) {
        values[key] = [...(await leaf.data())];
        leaf.dispose();
      }
      found.push({ grads: values, buffers: await buffersOf(state), bytes });
    }
    expect(found[1].grads).toEqual(found[0].grads);
    expect(found[1].buffers).toEqual(found[0].buffers);
    expect(found[1].bytes).toBeLessThan(found[0].bytes);
  });

  it('paints other sizes without a latent, and refuses those that its doublings do not reach', async () => {
    const state = stateOf(generatorSpecs(small));
    const weights = scope(() => generatorWeights(state, small, { training: false }));
    const shape = scope(() => [...generate(weights, small, map, { training: false }, { size: [64, 96] }).shape]);
    expect(shape).toEqual([2, 3, 64, 96]);
    expect(() => scope(() => generate(weights, small, map, { training: false }, { size: [48, 96] }))).toThrow(
      /multiples of 32, got 48×96/,
    );
    for (const [, leaf] of leaves(weights as unknown as Tree)) if (!leaf.disposed) leaf.dispose();
  });

  it('takes stored weights as they are in the flavour of Jittor, whose spectral norms do nothing', async () => {
    const config: GeneratorConfig = { ...small, flavour: 'jittor' };
    const state = stateOf(generatorSpecs(config)) as { readonly up_0: { readonly conv_0: { weight_orig: Tensor } } };
    const weights = generatorWeights(state as unknown as Tree, config, { training: true });
    expect(weights.up_0.conv_0.weight).toBe(state.up_0.conv_0.weight_orig);
  });
});

describe('a discriminator', () => {
  const config: DiscriminatorConfig = { ...DISCRIMINATOR, ndf: 3, inputNc: 7 };
  const labels = tensor(
    device,
    Uint32Array.from({ length: 32 * 40 }, (_, i) => (i >> 2) % 4),
    [1, 32, 40],
    'u32',
  );
  const image = tensor(
    device,
    Array.from({ length: 3 * 32 * 40 }, (_, i) => Math.sin(i)),
    [1, 3, 32, 40],
  );

  it('has sizes after the rule of the release', () => {
    const state = stateOf(discriminatorSpecs(config));
    const shapes = scope(() => {
      const weights = discriminatorWeights(state, config, { training: false });
      const seen = { map: { labels, classes: 4 }, image };
      return discriminate(weights, config, seen, { training: false }).map((scale) => scale.map((x) => [...x.shape]));
    });
    expect(shapes[0].map(([, , h, w]) => [h, w])).toEqual([
      [17, 21],
      [9, 11],
      [5, 6],
      [6, 7],
      [7, 8],
    ]);
    expect(discriminatorLayers(config).map(({ stride }) => stride)).toEqual([2, 2, 2, 1, 1]);
  });

  it('sees shares of classes one scale down', async () => {
    const map: SemanticMap = { labels, classes: 4 };
    const apart = await read(() => (pooledMap(map, false) as { dense: Tensor }).dense);
    const joined = await read(() => (pooledMap({ dense: oneHot(labels, 4) }, false) as { dense: Tensor }).dense);
    apart.forEach((x, i) => {
      expect(Math.abs(x - joined[i])).toBeLessThan(1e-6);
    });
  });
});

describe("pix2pixHD's generator", () => {
  it.each(['spectralinstance', 'batch', 'none'])('gives a picture of the size of its map, norm %s', async (norm) => {
    const config: Pix2pixHdConfig = {
      ...{ ngf: 2, inputNc: 4, outputNc: 3, downsamplings: 2, blocks: 2, kernel: 3, initialKernel: 7 },
      ...{ norm: parseLayerNorm(norm), flavour: 'pytorch' },
    };
    const specs = pix2pixHdSpecs(config);
    // pad, conv, act, 2 × (conv, act), 2 blocks, 2 × (conv, act), pad, conv
    expect(specs.map(({ key }) => key)).toContain('model.14.weight');
    const state = stateOf(specs);
    const map = tensor(
      device,
      Array.from({ length: 4 * 16 * 24 }, (_, i) => +(i % 5 === 0)),
      [1, 4, 16, 24],
    );
    const mode = { training: true };
    const y = scope(() => pix2pixHd(pix2pixHdWeights(state, config, mode), config, map, mode));
    expect(y.shape).toEqual([1, 3, 16, 24]);
    const values = await y.data();
    expect(values.every((x) => Number.isFinite(x) && Math.abs(x) <= 1)).toBe(true);
    y.dispose();
    map.dispose();
  });
});

describe('norms by name', () => {
  it('say what is wrong with another name', () => {
    expect(() => parseSpadeNorm('spadegroup3x3')).toThrow(/Try spectralspadesyncbatch3x3/);
    expect(() => parseLayerNorm('spectralgroup')).toThrow(/Try spectralinstance/);
  });
});
