import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { leaves, type Tensor, tensor } from '../../engine/index.ts';
import { isBuffer } from '../../models/layers/state.ts';
import { semanticRule } from '../../train/infer/gaugan-labels.ts';
import { loadGaugan, openGaugan } from '../../train/infer/load-gaugan.ts';
import { writeCheckpoint } from '../../train/run/checkpoint.ts';
import { scratch } from '../checkpoint/scratch.ts';
import { checkpoint, SMALL, specsOf, stateOf, writeGaugan } from '../cli/gaugan-weights.ts';
import { testDevice } from '../support/device.ts';

const device = await testDevice();
const made: Tensor[] = [];
afterAll(() => {
  for (const one of made) one.dispose();
});

describe('a run folder', () => {
  it('gives averaged weights with the buffers of the training, and what its header says', async () => {
    const run = scratch();
    const { G, E } = specsOf(SMALL);
    const plain = { G: stateOf(G, 1), E: stateOf(E!, 2) };
    const average = { G: stateOf(G, 3), E: stateOf(E!, 4) };
    const uploaded = (specs: typeof G, values: ReadonlyMap<string, Float32Array>, prefix = '') =>
      new Map(
        specs.map(({ key, shape }) => {
          const t = tensor(device, values.get(key)!, shape);
          made.push(t);
          return [`${prefix}${key}`, t] as const;
        }),
      );
    const trained = (specs: typeof G) => specs.filter(({ key }) => !isBuffer(key));
    await writeCheckpoint(
      run,
      {
        ...{ G: uploaded(G, plain.G), E: uploaded(E!, plain.E) },
        ema: new Map([...uploaded(trained(G), average.G, 'G.'), ...uploaded(trained(E!), average.E, 'E.')]),
      },
      {
        ...{
          model: 'gaugan',
          step: 3,
          total_steps: 9,
          skipped: 0,
          epoch: 0,
          seconds: 1,
          finished: false,
          counters: {},
        },
      },
      { metadata: new Map([['shape', JSON.stringify(SMALL)]]) },
    );
    for (const path of [run, join(run, 'checkpoints', 'step-00000003')]) {
      const loaded = await loadGaugan(device, { weights: path });
      expect(loaded.description).toMatch(/ngf 2\), averaged$/);
      expect(loaded.rule).toEqual({ labelNc: 5, instance: false });
      expect(loaded.size).toEqual({ width: 32, height: 32 });
      for (const net of ['G', 'E'] as const) {
        const found = leaves(loaded.state[net]!);
        expect(found.map(([key]) => key).sort()).toEqual((net === 'G' ? G : E!).map(({ key }) => key).sort());
        for (const [key, leaf] of found) {
          const want = isBuffer(key) ? plain[net].get(key) : average[net].get(key);
          expect(await leaf.data(), key).toEqual(want);
          leaf.dispose();
        }
      }
    }
    await expect(openGaugan({ weights: run, epoch: '60' })).rejects.toThrow(/is a run of miaobi/);
  });

  it('of another model is refused', async () => {
    const run = scratch();
    const t = tensor(device, [1], [1]);
    made.push(t);
    await writeCheckpoint(
      run,
      { net: new Map([['x', t]]) },
      {
        ...{
          model: 'cap-vstnet',
          step: 1,
          total_steps: 1,
          skipped: 0,
          epoch: 0,
          seconds: 1,
          finished: true,
          counters: {},
        },
      },
    );
    await expect(openGaugan({ weights: run })).rejects.toThrow(/checkpoint of gaugan, but it is one of cap-vstnet/);
  });
});

describe('files without a word about themselves', () => {
  it('are read by their shapes, the encoder beside the generator', async () => {
    const folder = await writeGaugan(scratch(), { ...SMALL, cropSize: 128, aspectRatio: 4 / 3 }, { bare: true });
    const opened = await openGaugan({ weights: join(folder, 'G.safetensors') });
    expect(opened.files.E).toBe(join(folder, 'E.safetensors'));
    expect(opened.size).toEqual({ width: 128, height: 96 });
    expect(opened.networks.generator).toMatchObject({
      useVae: true,
      zDim: 4,
      semanticNc: 5,
      hidden: 4,
      flavour: 'pytorch',
    });
    expect(opened.networks.encoder).toMatchObject({ ngf: 2, zDim: 4 });
  });

  it('may lack the encoder, and then have none', async () => {
    const folder = scratch();
    const { G } = specsOf(SMALL);
    await writeFile(join(folder, 'latest_net_G.safetensors'), checkpoint(G, stateOf(G, 1)));
    const opened = await openGaugan({ weights: folder });
    expect([opened.networks.encoder, opened.files.E]).toEqual([undefined, undefined]);
    expect(opened.networks.generator).toMatchObject({ useVae: true });
    await expect(openGaugan({ weights: folder, encoder: join(folder, 'latest_net_G.safetensors') })).rejects.toThrow(
      /image encoder: expected fc_mu\.weight|image encoder: expected layer1/,
    );
  });

  it('of other networks are refused by name', async () => {
    const folder = scratch();
    const { E } = specsOf(SMALL);
    await writeFile(join(folder, 'x.safetensors'), checkpoint(E!, stateOf(E!, 1)));
    await expect(openGaugan({ weights: join(folder, 'x.safetensors') })).rejects.toThrow(
      /SPADE generator: expected head_0\.norm_0\.mlp_shared\.0\.weight/,
    );
  });

  it('of Jittor are known by their kind, also after they are converted', async () => {
    const folder = scratch();
    const { G } = specsOf({ ...SMALL, useVae: false });
    const path = join(folder, 'G.safetensors');
    await writeFile(path, checkpoint(G, stateOf(G, 1), { source_format: 'pickle' }));
    expect((await openGaugan({ weights: path })).networks.generator.flavour).toBe('jittor');
    expect((await openGaugan({ weights: path, flavour: 'pytorch' })).networks.generator.flavour).toBe('pytorch');
  });
});

describe('the channels of a semantic map', () => {
  it('are split as the published data sets have them', () => {
    expect(semanticRule(184, {})).toEqual({ labelNc: 182, dontCare: 255, instance: true });
    expect(semanticRule(151, {})).toEqual({ labelNc: 150, dontCare: 255, instance: false });
    expect(semanticRule(36, {})).toEqual({ labelNc: 35, instance: true });
    // without instance maps the channel is still there
    expect(semanticRule(184, { instance: false })).toEqual({ labelNc: 182, dontCare: 255, instance: true });
    expect(semanticRule(36, { instance: false })).toEqual({ labelNc: 35, instance: true });
    expect(semanticRule(29, {})).toEqual({ labelNc: 29, instance: false });
  });

  it('are split as the flags say', () => {
    expect(semanticRule(29, { labelNc: 29, instance: false, datasetMode: 'custom' })).toEqual({
      labelNc: 29,
      instance: false,
    });
    expect(semanticRule(30, { labelNc: 29, instance: false })).toEqual({ labelNc: 29, dontCare: 255, instance: false });
    expect(semanticRule(30, { labelNc: 29 })).toEqual({ labelNc: 29, instance: true });
    expect(semanticRule(30, { labelNc: 29, dontCare: 7 })).toEqual({ labelNc: 29, dontCare: 7, instance: false });
    expect(semanticRule(31, { labelNc: 29 })).toEqual({ labelNc: 29, dontCare: 255, instance: true });
    expect(semanticRule(30, { dontCare: 255 })).toEqual({ labelNc: 29, dontCare: 255, instance: false });
    expect(() => semanticRule(30, { labelNc: 31 })).toThrow(/adds up to the 30 channels/);
    expect(() => semanticRule(29, { labelNc: 28, dontCare: 255, instance: true })).toThrow(
      /adds up to the 29 channels/,
    );
  });

  it('are those that a training wrote down', () => {
    const written = { labelNc: 5, dontCare: true, instance: true };
    expect(semanticRule(7, {}, written)).toEqual({ labelNc: 5, dontCare: 255, instance: true });
    expect(semanticRule(7, { dontCare: 9 }, written)).toMatchObject({ dontCare: 9 });
    expect(() => semanticRule(7, { labelNc: 6 }, written)).toThrow(/--label-nc 6: expected 5/);
  });
});
