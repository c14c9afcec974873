/** Checkpoints of GauGAN as the release, its ports and old versions of PyTorch write them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { guessModel } from '../../models/checkpoint/match-keys.ts';
import { elementCount, float32Tensor, toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import {
  type DiscriminatorConfig,
  type EncoderConfig,
  type GeneratorConfig,
  type Pix2pixHdConfig,
  parseLayerNorm,
  parseSpadeNorm,
} from '../../models/gaugan/config.ts';
import {
  inferDiscriminatorConfig,
  inferEncoderConfig,
  inferGeneratorConfig,
  inferPix2pixHdConfig,
} from '../../models/gaugan/infer-config.ts';
import {
  discriminatorSpecs,
  encoderSpecs,
  generatorSpecs,
  pix2pixHdSpecs,
  type StateSpec,
} from '../../models/gaugan/state.ts';
import { convertCheckpoint } from '../../train/checkpoint/convert.ts';
import { inspectCheckpoint } from '../../train/checkpoint/inspect.ts';
import { readSafetensors, writeSafetensors } from '../../train/checkpoint/safetensors-file.ts';
import { scratch } from './scratch.ts';
import { torchFile } from './state-dict-writer.ts';

const GENERATOR: GeneratorConfig = {
  ...{ ngf: 2, cropSize: 64, aspectRatio: 1, upsampling: 'normal', useVae: false, zDim: 256, semanticNc: 7 },
  ...{ norm: { ...parseSpadeNorm('spectralspadesyncbatch3x3') }, hidden: 5, flavour: 'pytorch' },
};
const ENCODER: EncoderConfig = { ngf: 3, norm: parseLayerNorm('spectralinstance'), zDim: 8, flavour: 'pytorch' };
const DISCRIMINATOR: DiscriminatorConfig = {
  ...{ ndf: 4, numD: 2, layers: 3, inputNc: 9, norm: parseLayerNorm('spectralinstance') },
  ...{ features: true, flavour: 'pytorch' },
};
const PIX2PIXHD: Pix2pixHdConfig = {
  ...{ ngf: 2, inputNc: 6, outputNc: 3, downsamplings: 3, blocks: 2, kernel: 3, initialKernel: 7 },
  ...{ norm: parseLayerNorm('spectralinstance'), flavour: 'pytorch' },
};

const shapes = (specs: readonly StateSpec[]) => new Map(specs.map(({ key, shape }) => [key, { shape }]));
const values = (specs: readonly StateSpec[]) =>
  new Map(
    specs.map(({ key, shape }, i) => [
      key,
      Float32Array.from({ length: elementCount(shape) }, (_, j) => Math.sin(7 * i + j)),
    ]),
  );

describe('the configuration of a generator', () => {
  it.each([
    {},
    { ngf: 3, semanticNc: 30, hidden: 128 },
    { cropSize: 256, upsampling: 'more' as const },
    { cropSize: 256, upsampling: 'most' as const, ngf: 5 },
    { norm: { ...parseSpadeNorm('spadeinstance5x5') } },
    { norm: { ...parseSpadeNorm('spectralspadesyncbatch1x1') } },
    { useVae: true, zDim: 16, cropSize: 256 },
    { useVae: true, cropSize: 512, aspectRatio: 4 / 3 },
    { useVae: true, cropSize: 512, aspectRatio: 2, upsampling: 'more' as const },
  ])('is read off its shapes: %o', (other) => {
    const config = { ...GENERATOR, ...other };
    const { cropSize, aspectRatio, upsampling } = config;
    const unseen = config.useVae ? { upsampling } : { cropSize, aspectRatio, upsampling };
    expect(inferGeneratorConfig(shapes(generatorSpecs(config)), unseen)).toEqual(config);
  });

  it('is completed by what is said, and contradictions are refused', () => {
    const wide = shapes(generatorSpecs({ ...GENERATOR, useVae: true, cropSize: 384, aspectRatio: 1.2 }));
    expect(() => inferGeneratorConfig(wide)).toThrow(/grid of 120 cells[\s\S]*Give the crop_size and aspect_ratio/);
    expect(inferGeneratorConfig(wide, { cropSize: 384 })).toMatchObject({ cropSize: 384, aspectRatio: 1.2 });
    expect(() => inferGeneratorConfig(wide, { cropSize: 512 })).toThrow(/a crop of 512/);
    expect(() => inferGeneratorConfig(wide, { upsampling: 'most' })).toThrow(/lacks the block up_4/);
  });

  it('is not found in other files', () => {
    expect(() => inferGeneratorConfig(shapes(encoderSpecs(ENCODER)))).toThrow(
      /expected head_0\.norm_0\.mlp_shared\.0\.weight/,
    );
  });
});

describe('the configurations of the other networks', () => {
  it.each(['spectralinstance', 'spectralsync_batch', 'instance', 'spectral', 'none'])('are read off: %s', (text) => {
    const norm = parseLayerNorm(text);
    expect(inferEncoderConfig(shapes(encoderSpecs({ ...ENCODER, norm })))).toEqual({ ...ENCODER, norm });
    for (const other of [{}, { numD: 3, layers: 5, ndf: 2 }]) {
      const config = { ...DISCRIMINATOR, ...other, norm };
      expect(inferDiscriminatorConfig(shapes(discriminatorSpecs(config)))).toEqual(config);
    }
    const config = { ...PIX2PIXHD, norm };
    expect(inferPix2pixHdConfig(shapes(pix2pixHdSpecs(config)))).toEqual(config);
  });
});

describe('guessing the network', () => {
  const infos = (specs: readonly StateSpec[]) =>
    new Map(specs.map(({ key, shape }) => [key, { dtype: 'F32' as const, shape }]));

  it.each([
    ['gaugan-G', generatorSpecs(GENERATOR)],
    ['gaugan-G', generatorSpecs({ ...GENERATOR, useVae: true, cropSize: 512, aspectRatio: 4 / 3 })],
    ['gaugan-G', pix2pixHdSpecs(PIX2PIXHD)],
    ['gaugan-E', encoderSpecs(ENCODER)],
    ['gaugan-D', discriminatorSpecs(DISCRIMINATOR)],
  ])('knows %s of any size', (model, specs) => {
    const guess = guessModel(infos(specs));
    expect([guess?.map.model, guess?.complete, guess?.match.unexpected]).toEqual([model, true, []]);
  });

  it('is not misled by numbers in names that make no network', () => {
    const names = ['model.1.weight', 'model.7.conv_block.1.weight', 'discriminator_99999999999.model0.0.weight'];
    expect(
      guessModel(new Map(names.map((name) => [name, { dtype: 'F32' as const, shape: [3, 3, 3, 3] }]))),
    ).toBeUndefined();
  });
});

const withValues = (specs: readonly StateSpec[]) => {
  const all = values(specs);
  return new Map(specs.map(({ key, shape }) => [key, { shape, values: all.get(key) as Float32Array }]));
};

describe('ckpt convert', () => {
  it('takes latest_net_G.pth as it is, value by value', async () => {
    const folder = scratch();
    const [input, output] = [join(folder, 'latest_net_G.pth'), join(folder, 'G.safetensors')];
    const specs = generatorSpecs(GENERATOR);
    writeFileSync(input, torchFile(withValues(specs)));
    const report = await convertCheckpoint(input, output, { strict: true });
    expect(report).toMatchObject({ model: 'gaugan-G', tensors: specs.length, notes: [] });
    const { tensors, metadata } = await readSafetensors(output);
    expect(metadata.get('model')).toBe('gaugan-G');
    expect([...tensors.keys()]).toEqual(specs.map(({ key }) => key));
    for (const [key, own] of values(specs)) expect(toFloat32Array(tensors.get(key)!), key).toEqual(own);
  });

  it('makes what files of old versions lack, and leaves out what they have twice', async () => {
    const folder = scratch();
    const [input, output] = [join(folder, 'latest_net_G.pth'), join(folder, 'G.safetensors')];
    const all = withValues(generatorSpecs(GENERATOR));
    const old = new Map([...all].filter(([key]) => !/\.(weight_v|num_batches_tracked)$/.test(key)));
    for (const [key, own] of all) {
      if (key.endsWith('.weight_orig')) old.set(key.replace('_orig', ''), own);
    }
    writeFileSync(input, torchFile(old));
    const { model, notes } = await convertCheckpoint(input, output, { strict: true });
    expect(model).toBe('gaugan-G');
    expect(notes.join('\n')).toMatch(
      /^18 tensors that gaugan-G does not use\nmade from others.*weight_v.* and \d+ more$/,
    );
    const { tensors } = await readSafetensors(output);
    expect([...tensors.keys()]).toEqual([...all.keys()]);
    const [w, u, v] = ['weight_orig', 'weight_u', 'weight_v'].map((leaf) => {
      return toFloat32Array(tensors.get(`up_0.conv_s.${leaf}`)!);
    });
    const image = v.map((_, c) => u.reduce((sum, x, row) => sum + x * w[row * v.length + c], 0));
    const length = Math.hypot(...image);
    for (let c = 0; c < v.length; c++) expect(v[c]).toBeCloseTo(image[c] / length, 6);
    expect(toFloat32Array(tensors.get('up_0.norm_0.param_free_norm.num_batches_tracked')!)).toEqual(Float32Array.of(0));
  });

  it("takes the level off that Jittor's Sequential is", async () => {
    const folder = scratch();
    const [input, output] = [join(folder, '60_net_D.safetensors'), join(folder, 'D.safetensors')];
    const specs = discriminatorSpecs(DISCRIMINATOR);
    const named = withValues(specs);
    const ported = new Map(
      [...named].map(([key, own]) => [
        key.replace(/^(discriminator_\d)\./, 'sequential.$1.sequential.'),
        float32Tensor(own.shape, own.values),
      ]),
    );
    expect([...ported.keys()][0]).toBe('sequential.discriminator_0.sequential.model0.0.weight');
    await writeSafetensors(input, ported);
    const inspected = await inspectCheckpoint(input);
    expect(inspected.model).toMatchObject({ name: 'gaugan-D', complete: true, unexpected: [] });
    expect(await convertCheckpoint(input, output)).toMatchObject({ model: 'gaugan-D', tensors: specs.length });
    const { tensors } = await readSafetensors(output);
    expect([...tensors.keys()]).toEqual(specs.map(({ key }) => key));
  });

  it('makes the vectors of transposed convolutions over their output channels', async () => {
    const folder = scratch();
    const [input, output] = [join(folder, 'G.safetensors'), join(folder, 'out.safetensors')];
    const all = withValues(pix2pixHdSpecs(PIX2PIXHD));
    const old = [...all].filter(([key]) => !key.endsWith('.weight_v'));
    await writeSafetensors(input, new Map(old.map(([key, own]) => [key, float32Tensor(own.shape, own.values)])));
    await convertCheckpoint(input, output, { model: 'gaugan-G' });
    const { tensors } = await readSafetensors(output);
    // the first layer that enlarges, after the last that reduces: 8 channels out
    const key = [...all.keys()].findLast((name) => all.get(name)?.shape.join() === '16,8,3,3') as string;
    const w = toFloat32Array(tensors.get(key)!);
    const u = toFloat32Array(tensors.get(key.replace('_orig', '_u'))!);
    const v = toFloat32Array(tensors.get(key.replace('_orig', '_v'))!);
    expect([u.length, v.length, elementCount(all.get(key)!.shape)]).toEqual([8, 16 * 9, 8 * 16 * 9]);
    const image = v.map((_, c) => {
      const [i, tap] = [Math.floor(c / 9), c % 9];
      return u.reduce((sum, x, o) => sum + x * w[(i * 8 + o) * 9 + tap], 0);
    });
    const length = Math.hypot(...image);
    for (let c = 0; c < v.length; c++) expect(v[c]).toBeCloseTo(image[c] / length, 6);
  });
});
