import { describe, expect, it } from 'vitest';
import { cosines, det, fnv1a32, lowerTriangle, mix, w1 } from './generate.ts';
import { detParameter, resolveParams } from './parameters.ts';

/** The published self-tests print float32 values with enough digits to name them exactly. */
const floats = (...values: number[]) => Float32Array.from(values);

describe('w1', () => {
  it('mixes and hashes as the format defines', () => {
    expect(mix(1)).toBe(1753845952);
    expect(mix(2654435769)).toBe(33350994);
    expect(fnv1a32('101:gz')).toBe(0x739b0566);
  });

  it('gives the published values', () => {
    expect(w1('gz', 101, 4, 1)).toEqual(
      floats(0.8667740821838379, 0.3071627616882324, -0.14453721046447754, 0.25613903999328613),
    );
    expect(w1('stack.0.conv.1.weight', 101, 4, 0.125)).toEqual(
      floats(0.030773431062698364, 0.061344146728515625, 0.05782799422740936, 0.03267304599285126),
    );
  });

  it('scales weights by gain and biases by biasGain over the root of the fan-in', () => {
    const shapes = () => [
      { key: 'stack.0.conv.1.weight', shape: [4, 16, 3, 3], fanIn: 144 },
      { key: 'stack.0.conv.1.bias', shape: [4], fanIn: 144 },
    ];
    const params = resolveParams({ generate: 'w1', seed: 101, gain: 1.5, biasGain: 0.25 }, new Map(), shapes);
    expect(params.get('stack.0.conv.1.weight')?.data).toEqual(w1('stack.0.conv.1.weight', 101, 576, 1.5 / 12));
    expect(params.get('stack.0.conv.1.bias')?.data).toEqual(w1('stack.0.conv.1.bias', 101, 4, 0.25 / 12));
  });

  it('names the parameters of several networks by the network, and hashes the key without it', () => {
    const params = resolveParams(
      { generate: 'w1', nets: { net: { seed: 1, gain: 1, biasGain: 1 }, vgg: { seed: 2, gain: 2, biasGain: 1 } } },
      new Map(),
      () => [
        { net: 'net', key: 'a.weight', shape: [2], fanIn: 4 },
        { net: 'vgg', key: 'a.weight', shape: [2], fanIn: 4 },
      ],
    );
    expect(params.get('net.a.weight')?.data).toEqual(w1('a.weight', 1, 2, 0.5));
    expect(params.get('vgg.a.weight')?.data).toEqual(w1('a.weight', 2, 2, 1));
  });
});

describe('det_v1', () => {
  it('hashes as the format defines', () => {
    expect(fnv1a32('a')).toBe(0xe40c292c);
    expect(fnv1a32('in:x')).toBe(0x1fe4b43c);
  });

  it('gives the published input values', () => {
    expect(det('in:x', 0, 3, 0, 1)).toEqual(floats(-0.21088193356990814, 0.7788622379302979, -0.3569052815437317));
  });

  it.each([
    ['conv.weight', [2, 3, 1, 1], 7, 1, [0.8723830580711365, 0.21958941221237183]],
    ['bn.weight', [3], 7, 1, [1.1541882753372192]],
    ['a.rho', [1, 4, 1, 1], 9, 1, [0.2290591448545456]],
    ['conv.weight_v', [4], 3, 1, [0.5639039874076843]],
    ['x.prelu.weight', [4], 3, 1, [0.2772161364555359]],
    ['fc.bias', [4], 3, 1, [0.0512595996260643]],
  ])('follows the rule for %s', (name, shape, seed, gain, first) => {
    const made = detParameter(name, shape, { seed, gain });
    expect(made.shape).toEqual(shape);
    expect(made.data.subarray(0, first.length)).toEqual(Float32Array.from(first));
  });

  it('leaves the rules aside for a network with its own a and b', () => {
    expect(detParameter('lin.weight', [1, 4, 1, 1], { seed: 5, gain: 1, b: 0.5, a: 0.25 }).data).toEqual(
      det('lin.weight', 5, 4, 0.5, 0.25),
    );
  });

  it('overrides by pattern on the full name and by stored tensors', () => {
    const stored = new Map([['scale/n.bias', { shape: [2], data: floats(7, 8) }]]);
    const params = resolveParams(
      {
        generate: 'det_v1',
        nets: { g: { keyPrefix: 'n.', seed: 1, gain: 1 } },
        overrides: [{ keys: '^n\\.rho$', value: 0.9 }, { prefix: 'scale/' }],
      },
      stored,
      () => [
        { net: 'g', key: 'rho', shape: [2] },
        { net: 'g', key: 'bias', shape: [2] },
      ],
    );
    expect(params.get('g.rho')?.data).toEqual(floats(0.9, 0.9));
    expect(params.get('g.bias')?.data).toEqual(floats(7, 8));
  });
});

it('makes cotangents from cosines', () => {
  expect(cosines(3)).toEqual(floats(1, Math.cos(1), Math.cos(2)));
});

it('zeroes what is above the diagonal of every matrix', () => {
  expect(lowerTriangle([2, 2, 2], floats(1, 2, 3, 4, 5, 6, 7, 8))).toEqual(floats(1, 0, 3, 4, 5, 0, 7, 8));
});
