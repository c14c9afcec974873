import { describe, expect, it } from 'vitest';
import { scope, tensor } from '../../engine/index.ts';
import { batchNorm, conv2d } from '../../kernels/index.ts';
import { blockE1, blockE2, specsE } from '../../models/inception/blocks.ts';
import { convSpecs, folded, same, stateSpecs } from '../../models/inception/convolutions.ts';
import { foldInception, inceptionFeatures, inceptionSpecs } from '../../models/inception/network.ts';
import { testDevice } from '../support/device.ts';
import { generator, normal } from '../support/samples.ts';

const device = await testDevice();

/** Values of a state dict: weights that keep the scale, variances above zero. */
function entries(keys: readonly { key: string; shape: readonly number[] }[], seed: number) {
  const random = generator(seed);
  const made = new Map<string, Float32Array>();
  for (const { key, shape } of keys) {
    const size = shape.reduce((a, b) => a * b);
    const scale = shape.length > 1 ? Math.sqrt(2 / (size / shape[0])) : 0.2;
    const offset = /running_var$|bn.weight$/.test(key) ? 1 : 0;
    made.set(
      key,
      Float32Array.from({ length: size }, () => offset + scale * Math.max(-2, Math.min(2, normal(random)))),
    );
  }
  return (key: string) => made.get(key) as Float32Array;
}

describe('a folded convolution', () => {
  it('does what convolution, normalisation with eps 0.001 and ReLU do', async () => {
    const [spec] = convSpecs(['c', 3, 5, 1, 7]);
    const entry = entries(stateSpecs(spec), 1);
    // a variance near eps, where another eps would show
    entry('c.bn.running_var')[2] = 0.002;
    const [found, want] = scope(() => {
      const x = tensor(device, entries([{ key: 'x', shape: [2, 3, 6, 9] }], 2)('x'), [2, 3, 6, 9]);
      const { weight, bias } = folded(spec, entry);
      const found = same(x, { weight: tensor(device, weight, [5, 3, 1, 7]), bias: tensor(device, bias, [5]) });
      const row = (part: string) => tensor(device, entry(`c.bn.${part}`), [5]);
      const convolved = conv2d(
        x,
        { weight: tensor(device, entry('c.conv.weight'), [5, 3, 1, 7]) },
        { padding: [0, 3] },
      );
      const params = { weight: row('weight'), bias: row('bias'), runningMean: row('running_mean') };
      const options = { training: false, eps: 0.001, activation: 'relu' } as const;
      return [found, batchNorm(convolved, { ...params, runningVar: row('running_var') }, options).y];
    });
    const [p, q] = [await found.data(), await want.data()];
    expect(Math.max(...p)).toBeGreaterThan(1);
    for (let i = 0; i < p.length; i++) expect(Math.abs(p[i] - q[i])).toBeLessThan(1e-4);
    for (const t of [found, want]) t.dispose();
  });
});

describe("FID's Inception", () => {
  it('has the parameters of the published file without its head', () => {
    const count = inceptionSpecs().reduce((total, { shape }) => total + shape.reduce((a, b) => a * b), 0);
    // 23,885,392 with statistics and the head of 1008 classes
    expect(count).toBe(23_885_392 - 1008 * 2049);
    expect(inceptionSpecs()).toHaveLength(94 * 5);
    expect(inceptionSpecs(0).map(({ key }) => key.split('.')[0])).toEqual(
      ['Conv2d_1a_3x3', 'Conv2d_2a_3x3', 'Conv2d_2b_3x3'].flatMap((name) => Array(5).fill(name)),
    );
  });

  it('resizes pictures of any size, and needs 75 pixels without that', async () => {
    const net = foldInception(entries(inceptionSpecs(0), 3), (values, shape) => tensor(device, values, shape), 0);
    const x = tensor(device, new Float32Array(3 * 40 * 33).fill(0.5), [1, 3, 40, 33]);
    const [pooled] = inceptionFeatures(net, x, 0);
    expect(pooled.shape).toEqual([1, 64, 73, 73]);
    const values = Float32Array.from(await pooled.data());
    expect(values.some((v) => v > 0)).toBe(true);
    expect(values[40 * 73 + 40]).toBe(values[40 * 73 + 41]); // grey is flat
    expect(() => inceptionFeatures(net, x, 0, { resizeInput: false })).toThrow(/sides of at least 75/);
    expect(() => inceptionFeatures(net, tensor(device, [1], [1, 1, 1, 1]))).toThrow(/\[N, 3, H, W\]/);
    pooled.dispose();
  });

  it('averages without the padding in the block before the last, and takes the maximum in the last', async () => {
    const pooledBranch = async (block: typeof blockE1) => {
      const y = scope(() => {
        const convs = specsE(4).map(({ name, out, in: input, kernel }) => {
          const weight = new Float32Array(out * input * kernel[0] * kernel[1]);
          if (name === 'branch_pool') weight[0] = 1; // the first pooled channel, as it is
          const shape = [out, input, ...kernel];
          return [
            name,
            { weight: tensor(device, weight, shape), bias: tensor(device, new Float32Array(out), [out]) },
          ] as const;
        });
        const x = tensor(
          device,
          Float32Array.from({ length: 36 }, (_, i) => i % 9),
          [1, 4, 3, 3],
        );
        return block(Object.fromEntries(convs), x);
      });
      expect(y.shape).toEqual([1, 2048, 3, 3]);
      return (await y.data()).slice((2048 - 192) * 9, (2048 - 192) * 9 + 9);
    };
    const averaged = await pooledBranch(blockE1);
    expect(averaged[0]).toBeCloseTo((0 + 1 + 3 + 4) / 4, 5);
    expect(averaged[4]).toBeCloseTo(4, 5);
    const largest = await pooledBranch(blockE2);
    expect([largest[0], largest[4]]).toEqual([4, 8]);
  });
});
