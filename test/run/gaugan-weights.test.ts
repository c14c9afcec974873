/** Weights of networks that are trained together: taken out of runs, merged, and taken into trainings. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../cli/errors.ts';
import { type Device, type Tensor, tensor } from '../../engine/index.ts';
import { toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import type { StateSpec } from '../../models/gaugan/state.ts';
import { spectralVectors } from '../../models/gaugan/state-dict.ts';
import { isBuffer } from '../../models/layers/state.ts';
import { readSafetensors } from '../../train/checkpoint/safetensors-file.ts';
import type { Training, TrainSettings } from '../../train/recipes/system.ts';
import { type CheckpointTensors, writeCheckpoint } from '../../train/run/checkpoint.ts';
import { loadWeights, weightsFile } from '../../train/run/weights.ts';
import { type StateDict, torchFile } from '../checkpoint/state-dict-writer.ts';
import { SMALL, specsOf, stateOf, type Values, writeGaugan } from '../cli/gaugan-weights.ts';
import { command } from '../cli/in-process.ts';
import { testDevice } from '../support/device.ts';
import { drawGauganData, gauganTraining } from './gaugan-training.ts';
import { scratch } from './support.ts';

let device: Device;
let folder: Awaited<ReturnType<typeof scratch>>;
const at = (...names: string[]) => join(folder.path, ...names);
beforeAll(async () => {
  [device, folder] = [await testDevice(), await scratch()];
});
afterAll(() => folder.remove());

const PROGRESS = { step: 3, total_steps: 9, skipped: 0, epoch: 0, seconds: 1, finished: false, counters: {} };
const PLAIN = { ...SMALL, useVae: false };
const STEP = ['checkpoints', 'step-00000003'];

async function writeRun(name: string, tensors: CheckpointTensors, metadata: Record<string, string> = {}) {
  const header = new Map(Object.entries({ model: 'gaugan', ...metadata }));
  await writeCheckpoint(at(name), tensors, { model: 'gaugan', ...PROGRESS }, { metadata: header });
}

/** A run of `SMALL` whose weights, averages and discriminator are those of seeds. */
async function smallRun(name: string, seed: number, { shape = SMALL, average = true } = {}) {
  const { G, E } = specsOf(shape);
  const made: Tensor[] = [];
  const uploaded = (specs: readonly StateSpec[], values: Values, prefix = '') =>
    new Map(
      specs.map(({ key, shape: own }) => {
        const t = tensor(device, values.get(key) as Float32Array, own);
        made.push(t);
        return [`${prefix}${key}`, t] as const;
      }),
    );
  const trained = (specs: readonly StateSpec[]) => specs.filter(({ key }) => !isBuffer(key));
  const ema = new Map([
    ...uploaded(trained(G), stateOf(G, seed + 1), 'G.'),
    ...(E ? uploaded(trained(E), stateOf(E, seed + 1), 'E.') : []),
  ]);
  const tensors = {
    G: uploaded(G, stateOf(G, seed)),
    ...(E ? { E: uploaded(E, stateOf(E, seed)) } : {}),
    D: uploaded(G.slice(0, 1), stateOf(G, seed)),
    optim: uploaded(G.slice(0, 1), stateOf(G, seed)),
    ...(average ? { ema } : {}),
  };
  await writeRun(name, tensors, { shape: JSON.stringify(shape) });
  for (const t of made) t.dispose();
}

const valuesIn = async (path: string) => {
  const { tensors, metadata } = await readSafetensors(path);
  return { metadata, values: new Map([...tensors].map(([key, own]) => [key, toFloat32Array(own)])) };
};

async function miaobi(...args: string[]) {
  const ended = await command(...args);
  expect(ended.code, ended.stderr).toBe(0);
  return ended;
}

beforeAll(async () => {
  await smallRun('run', 1);
  await smallRun('other', 5);
  await smallRun('plain', 3, { shape: PLAIN, average: false });
});

describe('ckpt strip', () => {
  it('gives generator and encoder, averages in them, that paint what the run paints', async () => {
    const map = Buffer.from(Array.from({ length: 32 * 32 }, (_, i) => Math.floor(i / 211)));
    await sharp(map, { raw: { width: 32, height: 32, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toFile(at('map.png'));
    const { stdout } = await miaobi('ckpt', 'strip', at('run'), '-o', at('alone'));
    expect([stdout, (await readdir(at('alone'))).sort()]).toEqual([
      `${at('alone')}\n`,
      ['E.safetensors', 'G.safetensors'],
    ]);
    for (const net of ['G', 'E'] as const) {
      const specs = specsOf(SMALL)[net] as readonly StateSpec[];
      const [plain, average] = [stateOf(specs, 1), stateOf(specs, 2)];
      const { metadata, values } = await valuesIn(at('alone', `${net}.safetensors`));
      expect([metadata.get('model'), metadata.get('shape')]).toEqual(['gaugan', JSON.stringify(SMALL)]);
      expect(values.size).toBe(specs.length);
      for (const [key, own] of values) expect(own, key).toEqual((isBuffer(key) ? plain : average).get(key));
    }
    await miaobi('generate', at('map.png'), '--weights', at('run'), '-o', at('of-run.png'));
    await miaobi('generate', at('map.png'), '--weights', at('alone'), '-o', at('of-alone.png'));
    expect(await readFile(at('of-alone.png'))).toEqual(await readFile(at('of-run.png')));
  });

  it('gives one file where there is no latent, and plain weights where there are no averages', async () => {
    const { stdout } = await miaobi('ckpt', 'strip', at('plain'), '-o', at('plain.safetensors'), '--json');
    expect(JSON.parse(stdout)).toMatchObject({ output: at('plain.safetensors'), files: [at('plain.safetensors')] });
    const { values } = await valuesIn(at('plain.safetensors'));
    expect(values).toEqual(stateOf(specsOf(PLAIN).G, 3));
  });

  it('replaces nothing unasked, and no run', async () => {
    await writeGaugan(at('mine'));
    const before = await readFile(at('mine', 'E.safetensors'));
    const refusal = async (...args: string[]) => {
      const { code, stderr } = await command('ckpt', 'strip', at('run'), '-o', ...args);
      return [code, stderr];
    };
    expect(await refusal(at('mine'))).toEqual([2, expect.stringMatching(/[GE]\.safetensors.*already there/)]);
    expect(await readFile(at('mine', 'E.safetensors'))).toEqual(before);
    expect(await refusal(at('run'), '--overwrite')).toEqual([2, expect.stringMatching(/but it is a run/)]);
    expect(await refusal(at('x.safetensors'))).toEqual([
      2,
      expect.stringMatching(/expected a folder.*2 networks, G and E.*-o .*x; /),
    ]);
    await expect(weightsFile(at('run'))).rejects.toThrow(/run of one network.*gaugan, has G, E, D/);
  });
});

describe('ckpt merge', () => {
  it('averages each network with its like, and finds the vectors of spectral norms anew', async () => {
    await miaobi('ckpt', 'merge', at('run'), at('other'), '--weights', '3,1', '-o', at('merged'));
    const specs = specsOf(SMALL).G;
    // averages of the runs: seeds 2 and 6; buffers: 1 and 5
    const [first, second] = [stateOf(specs, 2), stateOf(specs, 6)];
    const { metadata, values } = await valuesIn(at('merged', 'G.safetensors'));
    expect(metadata.get('merged')).toBe('0.750000 run + 0.250000 other');
    const name = 'up_0.conv_0.weight';
    const weight = values.get(`${name}_orig`) as Float32Array;
    const [one, other] = [first, second].map((own) => own.get(`${name}_orig`) as Float32Array);
    expect(weight).toEqual(one.map((x, i) => 0.75 * x + 0.25 * other[i]));
    const [u, v] = ['u', 'v'].map((leaf) => values.get(`${name}_${leaf}`) as Float32Array);
    const image = u.map((_, row) => v.reduce((sum, x, c) => sum + x * weight[row * v.length + c], 0));
    const sigma = image.reduce((sum, x, row) => sum + x * u[row], 0);
    // u is the image of v, in its direction: a pair of singular vectors, and no average of two
    for (let row = 0; row < u.length; row++) expect(image[row]).toBeCloseTo(sigma * u[row], 2);
    const { values: encoder } = await valuesIn(at('merged', 'E.safetensors'));
    expect(encoder.has('fc_mu.weight')).toBe(true);
  });

  it('keeps the vectors of one and the same run', async () => {
    await miaobi('ckpt', 'merge', at('run'), at('run'), '-o', at('twice'));
    await miaobi('ckpt', 'strip', at('run'), '-o', at('once'));
    expect((await valuesIn(at('twice', 'G.safetensors'))).values).toEqual(
      (await valuesIn(at('once', 'G.safetensors'))).values,
    );
  });

  it('refuses runs of other networks', async () => {
    const { code, stderr } = await command('ckpt', 'merge', at('run'), at('plain'), '-o', at('none'));
    expect([code, stderr]).toEqual([
      5,
      expect.stringMatching(/plain: expected the networks G and E, as in .*run, but it has one network/),
    ]);
  });
});

describe('the singular vectors of a weight', () => {
  it('are those of its largest singular value, transposed or not', () => {
    // 3 a bᵀ + c dᵀ with orthonormal pairs
    const matrix = (row: number, c: number) => (row === 0 && c === 1 ? 3 : row === 1 && c === 0 ? 1 : 0);
    const plain = Float32Array.from({ length: 2 * 4 }, (_, i) => matrix(Math.floor(i / 4), i % 4));
    const found = spectralVectors(plain, [2, 4, 1, 1], Float32Array.of(0.6, 0.8));
    expect([...found.u].map((x) => Math.round(1e4 * x) / 1e4)).toEqual([1, 0]);
    expect([...found.v].map((x) => Math.round(1e4 * x) / 1e4)).toEqual([0, 1, 0, 0]);
    const transposed = Float32Array.from({ length: 4 * 2 }, (_, i) => matrix(i % 2, Math.floor(i / 2)));
    expect(spectralVectors(transposed, [4, 2, 1, 1], Float32Array.of(0.6, 0.8))).toEqual(found);
  });
});

describe('train --from', () => {
  type Contents = Readonly<Record<string, ReadonlyMap<string, Float32Array>>>;
  const trainings: Training<unknown>[] = [];
  const training = async (changes: Partial<TrainSettings>) => {
    const made = await gauganTraining(device, at('land'), changes);
    trainings.push(made);
    return made.recipe;
  };
  async function contents({ tensors }: Training<unknown>['recipe']): Promise<Contents> {
    const result: Record<string, Map<string, Float32Array>> = {};
    for (const [file, map] of Object.entries(tensors())) {
      const read = [...map].map(async ([key, t]) => [key, (await t.data()) as Float32Array] as const);
      result[file] = new Map(await Promise.all(read));
    }
    return result;
  }
  const averagesOf = ({ G, E }: Contents) =>
    new Map(
      [
        ...[...G].map(([key, own]) => [`G.${key}`, own] as const),
        ...[...E].map(([k, own]) => [`E.${k}`, own] as const),
      ].filter(([key]) => !isBuffer(key)),
    );

  let source: Contents;
  let shapes: (net: string) => StateDict;

  beforeAll(async () => {
    await drawGauganData(at('land'));
    const recipe = await training({ seed: 5 });
    const { ema } = await contents(recipe);
    recipe.load('ema', new Map([...ema].map(([key, own]) => [key, own.map((x) => x + 1)])));
    source = await contents(recipe);
    await writeRun('trained', recipe.tensors());
    const all = recipe.tensors();
    shapes = (net) =>
      new Map([...all[net]].map(([key, { shape }]) => [key, { shape, values: source[net].get(key) as Float32Array }]));
  });
  afterAll(async () => {
    for (const { recipe, loader } of trainings) {
      recipe.dispose();
      await loader.close();
    }
  });

  async function from(path: string, changes: Partial<TrainSettings> = {}) {
    const recipe = await training({ seed: 9, ...changes });
    const before = await contents(recipe);
    const warned: string[] = [];
    const said = await loadWeights(recipe, path, (line) => warned.push(line));
    return { before, after: await contents(recipe), warned, said };
  }

  it('takes the networks and averages of a run, and no moments', async () => {
    const { before, after, warned, said } = await from(at('trained'));
    expect([said, warned]).toEqual([at('trained', ...STEP), []]);
    expect(before.G.get('conv_img.weight')).not.toEqual(source.G.get('conv_img.weight'));
    expect(after).toEqual({ ...source, optim: before.optim });
  });

  it("takes the original's files, makes what they lack, and names what is not there", async () => {
    await mkdir(at('official'));
    const old = [...shapes('G')].filter(([key]) => !/\.(weight_v|num_batches_tracked)$/.test(key));
    await writeFile(at('official', 'latest_net_G.pth'), torchFile(new Map(old)));
    const ported = [...shapes('E')].map(([key, own]) => [`sequential.${key}`, own] as const);
    await writeFile(at('official', 'latest_net_E.pth'), torchFile(new Map(ported)));
    await writeFile(at('official', '60_net_D.pth'), torchFile(shapes('D')));
    const { before, after, warned } = await from(at('official'));
    expect(warned).toEqual([`${at('official')}: no weights of D are there; it begins untrained.`]);
    const made = /\.weight_v$/;
    const without = (map: ReadonlyMap<string, Float32Array>) => [...map].filter(([key]) => !made.test(key));
    expect(without(after.G)).toEqual(without(source.G));
    const [weight, u, v] = ['orig', 'u', 'v'].map((leaf) => after.G.get(`up_1.conv_0.weight_${leaf}`) as Float32Array);
    const image = v.map((_, c) => u.reduce((sum, x, row) => sum + x * weight[row * v.length + c], 0));
    for (let c = 0; c < v.length; c++) expect(v[c]).toBeCloseTo(image[c] / Math.hypot(...image), 5);
    expect([after.E, after.D]).toEqual([source.E, before.D]);
    // averages begin at the weights
    expect(after.ema).toEqual(averagesOf(source));
  });

  it('takes one file for the network that it is of', async () => {
    const { before, after, warned } = await from(at('trained', ...STEP, 'E.safetensors'));
    expect(warned.map((line) => /no weights of (\w)/.exec(line)?.[1])).toEqual(['G', 'D']);
    expect(after).toEqual({ ...before, E: source.E, ema: averagesOf({ ...before, E: source.E }) });
  });

  it('takes what ckpt strip wrote', async () => {
    await miaobi('ckpt', 'strip', at('trained'), '-o', at('stripped'));
    const { after, warned } = await from(at('stripped'), { ema: undefined });
    expect(warned).toHaveLength(1);
    for (const [key, own] of after.G) {
      expect(own, key).toEqual(isBuffer(key) ? source.G.get(key) : source.ema.get(`G.${key}`));
    }
  });

  it('says in which options weights differ', async () => {
    const refusal = async (path: string, changes: Partial<TrainSettings> = {}) => {
      const error = await from(path, changes).catch((caught) => caught);
      return [exitCodeOf(error), error.message];
    };
    const G = at('trained', ...STEP, 'G.safetensors');
    const other = await refusal(G, { dontCare: 255, ngf: 4 });
    expect(other).toEqual([
      5,
      expect.stringMatching(/G\.safetensors: expected G .*channels of the label map .*: 29 there, 30 here; --ngf: 2 /),
    ]);
    expect(other[1]).toMatch(/is \[[\d,]+\] there and \[[\d,]+\] here, and \d+ more differ\. Train with the options/);
    expect(await refusal(G, { useVae: false })).toEqual([5, expect.stringMatching(/--use-vae: yes there, no here/)]);
    await writeFile(at('other.pth'), torchFile(new Map([['x', { shape: [1], values: Float32Array.of(1) }]])));
    expect(await refusal(at('other.pth'))).toEqual([5, expect.stringMatching(/expected weights of G, E or D .*none/)]);
    await mkdir(at('empty'));
    expect(await refusal(at('empty'))).toEqual([2, expect.stringMatching(/files such as latest_net_G\.pth/)]);
  });
});
