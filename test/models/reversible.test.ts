/** Blocks and passes on a grid: what the reverse sweep rebuilds has the bits of what was there. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Device, type DType, grad, leaves, scope, type Tensor, tensor } from '../../engine/index.ts';
import { mean, mul, roundTo, square } from '../../kernels/index.ts';
import { forceVariants } from '../../kernels/lib/variant.ts';
import {
  type BlockSpec,
  blockParameters,
  type CapVstnetConfig,
  TRAINING_GRID,
} from '../../models/cap-vstnet/config.ts';
import { type BlockParams, blockForward, blockInverse, decode, encode } from '../../models/cap-vstnet/network.ts';
import { parametersFrom } from '../../models/cap-vstnet/parameters.ts';
import { decodeReversible, encodeReversible } from '../../models/cap-vstnet/reversible.ts';
import { testDevice } from '../support/device.ts';
import { generator, normal } from '../support/samples.ts';
import { planarScene, SMALL } from '../support/small-vstnet.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});
afterEach(() => forceVariants(undefined));

const random = (shape: readonly number[], seed: number, scale = 1) => {
  const next = generator(seed);
  const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scale * normal(next));
  return tensor(device, values, shape);
};

/** The parameters of one block; large enough that F matters beside the state. */
function blockOf(spec: BlockSpec): BlockParams {
  const entries = blockParameters(spec).map(({ key, shape, fanIn }, i) => {
    const [, index, name] = key.split('.');
    return { index, name, value: random(shape, 20 + i, 1.5 / Math.sqrt(fanIn)) };
  });
  const conv: Record<string, Record<string, Tensor>> = {};
  for (const { index, name, value } of entries) conv[index] = { ...conv[index], [name]: value };
  return { conv } as unknown as BlockParams;
}

const bits = async (t: Tensor) => Array.from((await t.data()) as Float32Array, (v) => v + 0);

describe('a block on a grid', () => {
  it.each<[number, DType | undefined, number, string | undefined]>([
    [1, undefined, 2, undefined],
    [2, undefined, 2, undefined],
    [1, 'f16', 2, undefined],
    [1, undefined, 32, 'winograd'],
  ])(
    'is undone without a trace: stride %i, inside %s, %i channels, kernels %s',
    async (stride, inner, middle, kernels) => {
      if (inner === 'f16' && !device.capabilities.f16) return;
      forceVariants(kernels);
      const grid = TRAINING_GRID;
      const channels = 4 * middle;
      const spec: BlockSpec = { stride, channels, inChannels: stride === 2 ? middle : channels, middle, inner, grid };
      const params = blockOf(spec);
      const shape = [1, spec.inChannels, 8, 10];
      // small values: the sums of 128 channels stay below 8, too
      const half = (seed: number) => roundTo(random(shape, seed, 0.25), grid);
      const state = scope(() => [half(1), half(2)] as const);
      const out = scope(() => blockForward(params, spec, state));
      const back = scope(() => blockInverse(params, spec, out));
      for (const half of [0, 1]) expect(await bits(back[half])).toEqual(await bits(state[half]));
      const plain = { ...spec, grid: 0 };
      const rounded = scope(() => blockInverse(params, plain, blockForward(params, plain, state)));
      // the difference that a grid makes: without, a sum of two floats loses bits, unless one has but eleven
      if (!inner) expect(await bits(rounded[0])).not.toEqual(await bits(state[0]));
      for (const t of [
        ...state,
        ...out,
        ...back,
        ...rounded,
        ...leaves(params as never).map(([, leaf]) => leaf as Tensor),
      ]) {
        t.dispose();
      }
    },
  );
});

describe('passes on a grid', () => {
  const SIZE = 16;
  const padded: CapVstnetConfig = { ...SMALL.photo, hiddenDim: 8 };

  it.each([
    ['photo', SMALL.photo],
    ['art', SMALL.art],
    ['a padded refinement', padded],
  ])('have the same gradients, stored or rebuilt, to the last bit: %s', async (_, shape) => {
    const config: CapVstnetConfig = { ...shape, grid: TRAINING_GRID };
    const [a, b] = [3, 4].map((seed) => tensor(device, planarScene(SIZE, SIZE, seed).planar, [1, 3, SIZE, SIZE]));
    const params = parametersFrom(device, config, ({ shape: own, fanIn }, index) => {
      const next = generator(index + 1);
      return Array.from({ length: own.reduce((x, y) => x * y, 1) }, () => (2 * next() - 1) * Math.sqrt(2 / fanIn));
    });
    const gradientOf = async (E: typeof encode, D: typeof decode) => {
      const { value, grads } = grad((p: typeof params) =>
        mean(square(D(p, config, mul(E(p, config, a), E(p, config, b))))),
      )(params);
      const list = [value, ...leaves(grads).map(([, leaf]) => leaf)];
      const found: number[][] = [];
      for (const leaf of list) found.push(await bits(leaf));
      for (const leaf of list) leaf.dispose();
      return found;
    };
    const stored = await gradientOf(encode, decode);
    expect(stored.flat().some((v) => v !== 0)).toBe(true);
    expect(await gradientOf(encodeReversible, decodeReversible)).toEqual(stored);
    for (const t of [a, b, ...leaves(params).map(([, leaf]) => leaf)]) t.dispose();
  });
});
