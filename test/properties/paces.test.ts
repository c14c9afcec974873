import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Device, type DType, type Shape, scope, type Tensor, tensor, vjp } from '../../engine/index.ts';
import { batchNorm, instanceNorm, layerNorm, spade } from '../../kernels/index.ts';
import { cardPace, type Pace, substitutePace, type Work } from '../../kernels/normalize/pace.ts';
import { testDevice } from '../support/device.ts';
import { generator, normal } from '../support/samples.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});
afterEach(() => substitutePace(undefined));

interface Case {
  readonly name: string;
  readonly shapes: readonly Shape[];
  readonly run: (inputs: readonly Tensor[]) => Tensor;
}

const spadeOf = (norm: 'batch' | 'instance', slope: number) => (inputs: readonly Tensor[]) =>
  spade(inputs[0], inputs[1], { norm, activation: 'leakyRelu', slope, training: true }).y;

// groups that threads keep a part of; ends within and between what is loaded at once
const CASES: readonly Case[] = [
  { name: 'instance norm', shapes: [[1, 9, 36, 41]], run: ([x]) => instanceNorm(x) },
  { name: 'batch norm', shapes: [[3, 2, 36, 40]], run: ([x]) => batchNorm(x, {}, { training: true }).y },
  {
    name: 'layer norm with weights',
    shapes: [[9, 1300], [1300], [1300]],
    run: ([x, weight, bias]) => layerNorm(x, { axes: [1], weight, bias }),
  },
  {
    name: 'SPADE of pictures',
    shapes: [
      [1, 9, 20, 44],
      [1, 18, 20, 44],
    ],
    run: spadeOf('instance', 0.2),
  },
  {
    name: 'SPADE of a batch in segments',
    shapes: [
      [3, 2, 36, 40],
      [3, 4, 36, 40],
    ],
    run: spadeOf('batch', 1),
  },
];

const pace = (_: Device, { vectors, again }: Work): Pace => ({
  workgroup: 64,
  held: again && vectors >= 64 ? 1 : 0,
  unroll: 2,
});

function results({ shapes, run }: Case, dtype: DType): Promise<ArrayLike<number>[]> {
  const tensors = scope(() => {
    const inputs = shapes.map((shape, i) => {
      const random = generator(i + 1);
      const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => normal(random) + 0.5);
      return tensor(device, values, shape, dtype);
    });
    const { outputs, pull } = vjp(() => [run(inputs)], inputs);
    const [y] = outputs;
    const random = generator(9);
    const dy = tensor(
      device,
      Float32Array.from({ length: y.size }, () => normal(random)),
      y.shape,
      dtype,
    );
    return [y, ...pull([dy])].filter((t) => t !== undefined);
  });
  return Promise.all(
    tensors.map(async (t) => {
      const data = await t.data();
      t.dispose();
      return data;
    }),
  );
}

describe('at another pace', () => {
  for (const one of CASES) {
    const dtype = one.name === 'batch norm' ? 'f16' : 'f32';
    it(`${one.name} and its gradient are alike`, async () => {
      if (dtype === 'f16' && !device.capabilities.f16) return;
      const plain = await results(one, dtype);
      substitutePace(pace);
      const got = await results(one, dtype);
      expect(got.length).toBe(plain.length);
      for (const [k, values] of got.entries()) {
        const unit = dtype === 'f16' ? 2 ** -9 : 2 ** -20;
        const size = Math.sqrt(Array.from(plain[k]).reduce((sum, v) => sum + v * v, 0) / values.length);
        for (let i = 0; i < values.length; i++) {
          if (!(Math.abs(values[i] - plain[k][i]) <= unit * (size + Math.abs(plain[k][i])))) {
            expect.fail(`value ${i} of result ${k} is ${values[i]}, was ${plain[k][i]}`);
          }
        }
      }
    });
  }
});

describe("a card's pace", () => {
  it('keeps no more than its group has, and no more than its threads have registers for', () => {
    for (const maxWorkgroupSize of [256, 1024]) {
      const card = { capabilities: { ...device.capabilities, maxWorkgroupSize } };
      for (const dtype of ['f32', 'f16'] as const) {
        for (const vectors of [1, 63, 64, 300, 1024, 4096, 5000, 16384, 1e6]) {
          for (const inputs of [1, 2, 3] as const) {
            const { workgroup, held, unroll } = cardPace(card, { vectors, dtype, inputs, again: true });
            expect(workgroup).toBeLessThanOrEqual(maxWorkgroupSize);
            expect(held * workgroup).toBeLessThanOrEqual(vectors);
            expect(held * inputs * (dtype === 'f16' ? 2 : 4)).toBeLessThanOrEqual(32);
            expect(unroll).toBeGreaterThan(0);
          }
        }
      }
    }
  });
});
