import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Device,
  philox4x32,
  type RandomKey,
  randomIntegers,
  randomNormals,
  randomUniforms,
  randomWords,
  type Tensor,
} from '../../engine/index.ts';
import { randomInteger, randomNormal, randomUniform } from '../../kernels/random/random.ts';
import { testDevice } from '../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

/** The counts around the four numbers that a thread draws, and around a workgroup. */
const COUNTS = [1, 2, 3, 4, 5, 7, 1023, 1024, 1025, 4099];
const KEYS: RandomKey[] = [
  { seed: 0, step: 0, op: 0 },
  { seed: 0xfedcba9876543210n, step: 2 ** 40 + 3, op: 2 ** 32 - 1 },
  { seed: -1, step: 17, op: 4 },
];

describe('philox4x32', () => {
  // the known answers that come with the authors' own implementation
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)('gives the known answer for counter %j and key %j', (counter, key, answer) => {
    expect(philox4x32(counter, key)).toEqual(answer);
  });
});

describe('the host reference', () => {
  it('maps the key onto counter and key words', () => {
    const words = randomWords({ seed: 0x299f31d0a4093822n, step: 0x13198a2e + 0x370 * 2 ** 32, op: 0x85a308d3 }, 8);
    const counter = [1, 0x85a308d3, 0x13198a2e, 0x370] as const;
    expect([...words.slice(4)]).toEqual(philox4x32(counter, [0xa4093822, 0x299f31d0]));
  });

  it.each([{ seed: 0.5 }, { seed: 2 ** 60 }, { step: -1 }, { step: 1.5 }, { op: 2 ** 32 }, { op: -1 }])(
    'refuses %j',
    (part) => {
      expect(() => randomWords({ seed: 1, step: 0, op: 0, ...part }, 4)).toThrow('expected a seed');
    },
  );
});

describe('on the GPU', () => {
  it.each(KEYS)('integers are those of the host, bit for bit: %o', async (key) => {
    for (const count of COUNTS) {
      expect(await read(randomInteger(device, [count], key))).toEqual(randomWords(key, count));
      for (const below of [1, 2, 10, 1000003, 2 ** 31 + 1]) {
        expect(await read(randomInteger(device, [count], key, below))).toEqual(randomIntegers(key, count, below));
      }
    }
  });

  it.each(KEYS)('uniforms are those of the host, bit for bit: %o', async (key) => {
    for (const count of COUNTS) {
      expect(await read(randomUniform(device, [count], key))).toEqual(randomUniforms(key, count));
    }
  });

  it.each(KEYS)('normals are within 4 units in the last place of float64: %o', async (key) => {
    for (const count of [...COUNTS, 2 ** 20]) {
      const got = await read(randomNormal(device, [count], key));
      const want = randomNormals(key, count);
      expect(got.length).toBe(count);
      let worst = 0;
      for (let i = 0; i < count; i++) worst = Math.max(worst, ulps(got[i], want[i]));
      expect(worst).toBeLessThanOrEqual(4);
    }
  });

  it('f16 uniforms are below 1 and exact, f16 normals are rounded f32 normals', async () => {
    if (!device.capabilities.f16) return;
    const key = { seed: 3, step: 1, op: 2 };
    const words = randomWords(key, 5001);
    const uniforms = await read(randomUniform(device, [5001], key, 'f16'));
    expect(uniforms).toEqual(Float32Array.from(words, (word) => (word >>> 21) / 2 ** 11));
    const normals = await read(randomNormal(device, [5001], key, 'f16'));
    const want = randomNormals(key, 5001);
    for (let i = 0; i < normals.length; i++) {
      expect(Math.abs(normals[i] - want[i])).toBeLessThanOrEqual(2 ** -10 * Math.abs(want[i]) + 2 ** -24);
    }
  });

  it('shape does not matter, only the place of an element', async () => {
    const key = { seed: 9, step: 0, op: 1 };
    const flat = await read(randomUniform(device, [60], key));
    const shaped = randomUniform(device, [3, 4, 5], key);
    expect(shaped.shape).toEqual([3, 4, 5]);
    expect(await read(shaped)).toEqual(flat);
    expect((await read(randomUniform(device, [33], key))).every((x, i) => x === flat[i])).toBe(true);
  });

  it('normals have the moments and the distribution of the normal law', async () => {
    const count = 2 ** 18;
    const x = Float64Array.from(await read(randomNormal(device, [count], { seed: 2024, step: 5, op: 6 }))).sort();
    const moment = (k: number) => x.reduce((sum, value) => sum + value ** k, 0) / count;
    // each bound is 4.5 standard errors of that moment
    const bound = (variance: number) => 4.5 * Math.sqrt(variance / count);
    expect(Math.abs(moment(1))).toBeLessThan(bound(1));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(bound(2));
    expect(Math.abs(moment(3))).toBeLessThan(bound(15));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(bound(96));
    // Kolmogorov-Smirnov: 1.95 / sqrt(n) is exceeded once in a thousand seeds
    let distance = 0;
    x.forEach((value, i) => {
      const law = normalDistribution(value);
      distance = Math.max(distance, Math.abs(law - i / count), Math.abs(law - (i + 1) / count));
    });
    expect(distance * Math.sqrt(count)).toBeLessThan(1.95);
  });

  it('pairs of one Box-Muller draw, and neighbours across draws, are not correlated', async () => {
    const count = 2 ** 18;
    const x = await read(randomNormal(device, [count], { seed: 7, step: 0, op: 0 }));
    for (const lag of [1, 2, 3, 4, 1024]) {
      let sum = 0;
      let squares = 0;
      for (let i = 0; i + lag < count; i++) {
        sum += x[i] * x[i + lag];
        squares += x[i] ** 2 * x[i + lag] ** 2;
      }
      expect(Math.abs(sum) / Math.sqrt(count)).toBeLessThan(4.5);
      // squares are uncorrelated too: their product has mean 1 and variance 8
      expect(Math.abs(squares - count) / Math.sqrt(8 * count)).toBeLessThan(4.5);
    }
  });

  it('integers below a bound come equally often', async () => {
    const count = 2 ** 18;
    const tally = new Array<number>(10).fill(0);
    for (const value of await read(randomInteger(device, [count], { seed: 1, step: 2, op: 3 }, 10))) tally[value]++;
    const expected = count / 10;
    const chiSquare = tally.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(33.7); // 9 degrees of freedom, once in ten thousand
  });

  it('no stream repeats another: keys that differ in one part share no block', async () => {
    const streams: RandomKey[] = [];
    for (const seed of [0n, 1n, 1n << 32n, 1n << 63n]) {
      for (const step of [0, 1, 2 ** 32]) for (const op of [0, 1, 2 ** 31]) streams.push({ seed, step, op });
    }
    const seen = new Set<string>();
    for (const key of streams) {
      const words = await read(randomInteger(device, [256], key));
      for (let e = 0; e < 256; e += 4) seen.add(words.slice(e, e + 4).join());
    }
    expect(seen.size).toBe(streams.length * 64);
  });

  it('refuses bounds and types that there are no numbers for', () => {
    const key = { seed: 1, step: 0, op: 0 };
    for (const below of [0, -1, 1.5, 2 ** 32 + 1]) {
      expect(() => randomInteger(device, [4], key, below)).toThrow('below');
    }
    expect(() => randomUniform(device, [4], key, 'u32')).toThrow('randomInteger');
    expect(() => randomNormal(device, [4], { ...key, step: -1 })).toThrow('expected a seed');
  });
});

async function read(x: Tensor): Promise<Float32Array | Uint32Array> {
  const values = await x.data();
  x.dispose();
  return values;
}

/** Distance in units in the last place of the wanted number rounded to f32. */
function ulps(got: number, want: number): number {
  const rounded = Math.abs(Math.fround(want));
  const ulp = rounded < 2 ** -126 ? 2 ** -149 : 2 ** (Math.floor(Math.log2(rounded)) - 23);
  return Math.abs(got - Math.fround(want)) / ulp;
}

/** Φ(x): the series of erf near zero, its continued fraction in the tails; both to 1e-12. */
function normalDistribution(x: number): number {
  const z = Math.abs(x);
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z < 3) {
    let term = z;
    let sum = z;
    for (let k = 1; k < 60; k++) sum += term *= (z * z) / (2 * k + 1);
    return 0.5 + Math.sign(x) * density * sum;
  }
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = k / (z + fraction);
  const tail = density / (z + fraction);
  return x < 0 ? tail : 1 - tail;
}
