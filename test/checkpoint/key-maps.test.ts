import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../engine/errors.ts';
import { KEY_MAPS, keyMapFor, type Shape } from '../../models/checkpoint/key-maps.ts';
import { assertMatch, guessModel, matchKeys } from '../../models/checkpoint/match-keys.ts';
import { renameKeys } from '../../models/checkpoint/rename-keys.ts';
import { elementCount, type TensorInfo } from '../../models/checkpoint/tensor-map.ts';

const infos = (shapes: ReadonlyMap<string, Shape>) =>
  new Map([...shapes].map(([name, shape]): [string, TensorInfo] => [name, { dtype: 'F32', shape }]));
const required = (model: string) => keyMapFor(model)!.required();
const parameters = (shapes: ReadonlyMap<string, Shape>) =>
  [...shapes.values()].reduce((sum, shape) => sum + elementCount(shape), 0);
const part = (shapes: ReadonlyMap<string, Shape>, prefix: RegExp) =>
  new Map([...shapes].filter(([name]) => prefix.test(name)));

describe('the list of CAP-VSTNet', () => {
  const keys = required('cap-vstnet');

  it("has the paper's parameters, stage by stage", () => {
    expect(keys.size).toBe(192);
    expect(parameters(keys)).toBe(4_089_936);
    expect(parameters(part(keys, /^stack\.\d\./))).toBe(13_200);
    expect(parameters(part(keys, /^stack\.1\d\./))).toBe(201_408);
    expect(parameters(part(keys, /^stack\.2\d\./))).toBe(3_211_008);
    expect(parameters(part(keys, /^channel_reduction\./))).toBe(664_320);
  });

  it('has the shapes of the stride-2 blocks and the order of a state dict', () => {
    expect(keys.get('stack.10.conv.1.weight')).toEqual([16, 16, 3, 3]);
    expect(keys.get('stack.11.conv.1.weight')).toEqual([16, 64, 3, 3]);
    expect(keys.get('stack.20.conv.1.weight')).toEqual([64, 64, 3, 3]);
    expect(keys.get('channel_reduction.block_list.1.conv.7.bias')).toEqual([256]);
    expect([...keys.keys()].slice(0, 3)).toEqual([
      'stack.0.conv.1.weight',
      'stack.0.conv.1.bias',
      'stack.0.conv.4.weight',
    ]);
    expect([...keys.keys()].at(-1)).toBe('channel_reduction.block_list.1.conv.7.bias');
  });
});

describe('the lists of VGG', () => {
  it('count the parameters of the published networks', () => {
    // VGG16: 138,357,544 with and 14,714,688 without the classifier; VGG19: 143,667,240 and 20,024,384.
    expect(parameters(required('vgg16'))).toBe(14_714_688);
    expect(parameters(required('vgg19'))).toBe(20_024_384);
    const { required: used, optional } = keyMapFor('vgg-normalised')!;
    // The same convolutions and a 1×1 one of 12 before them.
    expect(parameters(used()) + parameters(optional())).toBe(20_024_384 + 12);
    expect([...used().keys()].at(-1)).toBe('29.bias');
  });
});

describe('guessing the model', () => {
  it.each(KEY_MAPS.map(({ model }) => model))('knows %s by its names', (model) => {
    const guess = guessModel(infos(required(model)));
    expect(guess?.map.model).toBe(model);
    expect(guess?.complete).toBe(true);
  });

  it("knows torchvision's files with their classifiers", () => {
    const file = infos(required('vgg19'));
    file.set('classifier.0.weight', { dtype: 'F32', shape: [4096, 25088] });
    const guess = guessModel(file);
    expect(guess?.map.model).toBe('vgg19');
    expect(guess?.match.unexpected).toEqual([]);
  });

  it('says what is missing when most of a model is there', () => {
    const keys = infos(required('cap-vstnet'));
    keys.delete('stack.7.conv.4.bias');
    keys.set('stack.0.conv.1.weight', { dtype: 'F32', shape: [4, 4, 3, 3] });
    const guess = guessModel(keys)!;
    expect(guess.map.model).toBe('cap-vstnet');
    expect(guess.complete).toBe(false);
    expect(guess.match.missing).toEqual(['stack.7.conv.4.bias']);
    expect(guess.match.wrongShape).toEqual(['stack.0.conv.1.weight: [4,4,3,3], expected [4,16,3,3]']);
  });

  it('does not guess from a few names', () => {
    expect(guessModel(infos(new Map([['features.0.weight', [64, 3, 3, 3]]])))).toBeUndefined();
    expect(guessModel(new Map())).toBeUndefined();
  });
});

describe('matching', () => {
  const need = new Map<string, Shape>([
    ['a', [2]],
    ['b', [3]],
  ]);

  it('refuses missing names and lists them in message and error', () => {
    const match = matchKeys(new Map([['c', { shape: [2] }]]), need);
    const check = () => assertMatch('x.pt', match);
    expect(check).toThrow(CheckpointError);
    expect(check).toThrow(/x\.pt[\s\S]*missing \(2\):\s+a\s+b[\s\S]*unexpected \(1\):\s+c/);
    try {
      check();
    } catch (error) {
      expect(error).toMatchObject({ missing: ['a', 'b'], unexpected: ['c'] });
    }
  });

  it('refuses a wrong shape, and an unknown name only when strict', () => {
    expect(() => assertMatch('x', matchKeys(new Map([...need].map(([k]) => [k, { shape: [9] }])), need))).toThrow(
      /a: \[9\], expected \[2\]/,
    );
    const extra = matchKeys(
      new Map([...need, ['c', [1]] as [string, Shape]].map(([k, shape]) => [k, { shape }])),
      need,
    );
    expect(() => assertMatch('x', extra)).not.toThrow();
    expect(() => assertMatch('x', extra, true)).toThrow(/unexpected \(1\)/);
  });
});

describe('renaming', () => {
  const file = new Map([
    ['netG.conv.weight', 1],
    ['netG.conv.bias', 2],
    ['optimizer.x', 3],
  ]);

  it('takes exact names before prefixes, the longer prefix first, and null to leave out', () => {
    const { tensors, unused } = renameKeys(file, {
      '*': 'other.*',
      'netG.*': '*',
      'netG.conv.bias': 'b$&',
      'optimizer.*': null,
      'nothing.*': null,
    });
    expect([...tensors]).toEqual([
      ['conv.weight', 1],
      ['b$&', 2],
    ]);
    expect(unused).toEqual(['nothing.*', '*']);
  });

  it('refuses two tensors of one name', () => {
    expect(() => renameKeys(file, { 'netG.conv.bias': 'netG.conv.weight' })).toThrow(/two tensors the name/);
  });
});
