import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../cli/errors.ts';
import type { Device } from '../../engine/index.ts';
import { toFloat32Array } from '../../models/checkpoint/tensor-map.ts';
import { readSafetensors, writeSafetensors } from '../../train/checkpoint/safetensors-file.ts';
import { checkpointSteps } from '../../train/run/checkpoint.ts';
import { lockRun } from '../../train/run/lock.ts';
import { mergeWeights } from '../../train/run/merge.ts';
import { pruneRun, stripRun } from '../../train/run/strip.ts';
import { miaobi } from '../cli/spawn.ts';
import { testDevice } from '../support/device.ts';
import { lineTraining } from './line-recipe.ts';
import { scratch, train } from './support.ts';

let device: Device;
let folder: Awaited<ReturnType<typeof scratch>>;
const path = (...names: string[]) => join(folder.path, ...names);

beforeAll(async () => {
  [device, folder] = [await testDevice(), await scratch()];
  const schedule = { printEvery: 4, sampleEvery: 0, saveEvery: 2, evalEvery: 0, keepLast: 9 };
  await train(device, lineTraining(device, { steps: 10 }), { runs: folder.path, schedule });
});
afterAll(() => folder.remove());

const values = async (file: string) =>
  [...(await readSafetensors(file)).tensors].map(([name, tensor]) => [name, [...toFloat32Array(tensor)]]);

async function write(name: string, tensors: Readonly<Record<string, readonly number[]>>): Promise<string> {
  const raw = Object.entries(tensors).map(
    ([key, list]) =>
      [key, { dtype: 'F32', shape: [list.length], bytes: new Uint8Array(Float32Array.from(list).buffer) }] as const,
  );
  await writeSafetensors(path(name), new Map(raw), { overwrite: true });
  return path(name);
}

describe('merging', () => {
  it('averages by the shares, and says so in the file', async () => {
    const files = [await write('a', { x: [1, 2], y: [8] }), await write('b', { y: [0], x: [5, -2] })];
    const report = await mergeWeights(files, { output: path('c'), shares: [3, 1] });
    expect(report).toEqual({ output: path('c'), files: [path('c')], tensors: 2, shares: [0.75, 0.25] });
    expect(Object.fromEntries(await values(path('c')))).toEqual({ x: [2, 1], y: [6] });
    expect((await readSafetensors(path('c'))).metadata.get('merged')).toBe('0.750000 a + 0.250000 b');
    await expect(mergeWeights(files, { output: path('c') })).rejects.toThrow(/already there.*--overwrite/);
  });

  it('refuses other networks and shares that do not fit', async () => {
    const a = await write('a', { x: [1, 2] });
    const refusal = async (other: string, shares?: number[]) => {
      const error = await mergeWeights([a, other], { output: path('d'), shares }).catch((caught) => caught);
      return [exitCodeOf(error), error.message];
    };
    expect(await refusal(await write('b', { x: [1, 2, 3] }))).toEqual([
      5,
      expect.stringMatching(/x of shape \[2\].*it is \[3\]/),
    ]);
    expect(await refusal(await write('b', { x: [1, 2], z: [1] }))).toEqual([5, expect.stringMatching(/it also has z/)]);
    expect(await refusal(a, [1])).toEqual([2, expect.stringMatching(/expected 2 shares/)]);
    expect(await refusal(a, [0, 0])).toEqual([2, expect.stringMatching(/a sum above 0/)]);
  });
});

describe('a run', () => {
  it('gives its weights alone', async () => {
    const output = path('out', 'x.safetensors');
    const weights = path('x', 'checkpoints', 'step-00000010', 'net.safetensors');
    expect(await stripRun(path('x'), { output })).toEqual({ weights: [weights], files: [output], output });
    expect(await readFile(output)).toEqual(await readFile(weights));
    expect((await readSafetensors(weights)).metadata.get('model')).toBe('line');
    await expect(stripRun(path('x'), { output })).rejects.toThrow(/already there.*--overwrite/);
  });

  it('is pruned to the last and the best, unless someone works on it', async () => {
    const best = JSON.parse(await readFile(path('x', 'best.json'), 'utf8')).step;
    const lock = await lockRun(path('x'));
    await expect(pruneRun(path('x'), 2)).rejects.toThrow(/process .* has it/);
    lock.release();
    const going = await pruneRun(path('x'), 2, true);
    expect(await checkpointSteps(path('x'))).toEqual([2, 4, 6, 8, 10]);
    expect(await pruneRun(path('x'), 2)).toEqual(going);
    expect(await checkpointSteps(path('x'))).toEqual([...new Set([best, 8, 10])].sort((a, b) => a - b));
  });

  it('is merged from the command line', async () => {
    const args = ['ckpt', 'merge', path('x'), path('x'), '--weights', '0.5,0.5', '-o', path('same.safetensors')];
    const { code, stdout, stderr } = await miaobi(args);
    expect([code, stdout], stderr).toEqual([0, `${path('same.safetensors')}\n`]);
    expect(await values(path('same.safetensors'))).toEqual(
      await values(path('x', 'checkpoints', 'step-00000010', 'net.safetensors')),
    );
    await writeFile(path('thesis.txt'), 'years of work');
    const refused = await miaobi(['ckpt', 'strip', path('x'), '-o', path('thesis.txt')]);
    expect([refused.code, await readFile(path('thesis.txt'), 'utf8')]).toEqual([2, 'years of work']);
  });
});
