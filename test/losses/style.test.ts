import { describe, expect, it } from 'vitest';
import { scope, type Tensor, tensor, vjp } from '../../engine/index.ts';
import { full } from '../../kernels/index.ts';
import { TAPS } from '../../models/vgg/layers.ts';
import { normalisedVggSpecs } from '../../models/vgg/normalised.ts';
import { type Vgg19, vgg19Features } from '../../models/vgg/vgg19.ts';
import { channelStatistics, styleLosses, styleTargets } from '../../train/losses/style.ts';
import { testDevice } from '../support/device.ts';

const device = await testDevice();

function smallVgg(): Vgg19 {
  const params: Record<number, Record<string, Tensor>> = {};
  for (const { key, shape } of normalisedVggSpecs([4, 6, 6, 8])) {
    const [index, name] = key.split('.');
    const size = shape.reduce((n, axis) => n * axis, 1);
    const values = Float32Array.from({ length: size }, (_, i) => 0.05 + 0.4 * Math.sin(i * 1.7 + Number(index)));
    params[Number(index)] = { ...params[Number(index)], [name]: tensor(device, values, shape) };
  }
  return { layout: 'normalised', params: params as never };
}

const picture = (phase: number, [n, h, w] = [2, 17, 20]) => {
  const values = Float32Array.from({ length: n * 3 * h * w }, (_, i) => 0.5 + 0.5 * Math.sin(i * 0.37 + phase));
  return tensor(device, values, [n, 3, h, w]);
};

/** Mean and √(unbiased variance + 1e-5) of each plane, in float64. */
function statistics(values: ArrayLike<number>, planes: number): { mean: number; std: number }[] {
  const length = values.length / planes;
  return Array.from({ length: planes }, (_, p) => {
    const plane = Array.from({ length }, (_, i) => values[p * length + i]);
    const mean = plane.reduce((s, v) => s + v, 0) / length;
    const variance = plane.reduce((s, v) => s + (v - mean) ** 2, 0) / (length - 1);
    return { mean, std: Math.sqrt(variance + 1e-5) };
  });
}

describe('channelStatistics', () => {
  it('takes the unbiased variance, with 1e-5 inside the root', async () => {
    const found = scope(() => channelStatistics(tensor(device, [1, 2, 3, 6, 7, 7, 7, 7], [1, 2, 2, 2])));
    const [mean, std] = [await found.mean.data(), await found.std.data()];
    expect([...mean]).toEqual([3, 7]);
    expect(std[0]).toBeCloseTo(Math.sqrt(14 / 3 + 1e-5), 6);
    expect(std[1]).toBeCloseTo(Math.sqrt(1e-5), 8);
  });
});

describe('styleLosses', () => {
  it('averages squared differences of statistics over items and channels, layer by layer', async () => {
    const vgg = smallVgg();
    const [stylized, style] = [picture(0), picture(1, [2, 13, 24])];
    const found = scope(() => {
      const [a, b] = [vgg19Features(vgg, stylized), vgg19Features(vgg, style)];
      return { ...styleLosses(vgg, { stylized, style }), a, b };
    });
    const want: number[] = [];
    for (const tap of TAPS) {
      const planes = found.a[tap].shape[0] * found.a[tap].shape[1];
      const [p, q] = [statistics(await found.a[tap].data(), planes), statistics(await found.b[tap].data(), planes)];
      want.push(p.reduce((s, { mean, std }, i) => s + (mean - q[i].mean) ** 2 + (std - q[i].std) ** 2, 0) / planes);
    }
    const layers = await found.perLayer.data();
    for (const [i, layer] of want.entries()) expect(layers[i] / layer).toBeCloseTo(1, 4);
    expect((await found.style.item()) / want.reduce((s, x) => s + x, 0)).toBeCloseTo(1, 4);
    expect(found.content).toBeUndefined();
  });

  it('is zero for the same picture, with a zero gradient', async () => {
    const vgg = smallVgg();
    const x = picture(2);
    const { outputs, pull } = vjp(() => {
      const { style, content } = styleLosses(vgg, { stylized: x, style: x, content: x });
      return [style, content as Tensor];
    }, [x]);
    const [dx] = pull(outputs.map((loss) => full(loss, loss, 1)));
    expect([await outputs[0].item(), await outputs[1].item()]).toEqual([0, 0]);
    expect((await (dx as Tensor).data()).every((v) => v === 0)).toBe(true);
  });

  it('gives the same bits from targets computed before', async () => {
    const vgg = smallVgg();
    const [stylized, style] = [picture(0), picture(1)];
    const targets = styleTargets(vgg, style);
    const fromTargets = await styleLosses(vgg, { stylized, style: targets }).style.item();
    expect(fromTargets).toBe(await styleLosses(vgg, { stylized, style }).style.item());
  });

  it('keeps nothing of a result that no tape follows', () => {
    const vgg = smallVgg();
    const [stylized, style] = [picture(0), picture(1)];
    const before = device.liveTensors;
    const losses = styleLosses(vgg, { stylized, style });
    expect(device.liveTensors - before).toBe(2);
    losses.style.dispose();
    losses.perLayer.dispose();
  });

  it('refuses a content of another size', () => {
    const vgg = smallVgg();
    const inputs = { stylized: picture(0), style: picture(1), content: picture(2, [2, 33, 20]) };
    expect(() => styleLosses(vgg, inputs)).toThrow(/one shape, got \[2,8,3,3\] and \[2,8,5,3\]/);
  });
});
