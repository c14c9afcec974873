import * as d from 'typegpu/data';
import {
  type Device,
  type DType,
  DTypeError,
  defineKernel,
  empty,
  keyWords,
  type RandomKey,
  type Shape,
  ShapeError,
  type Tensor,
  write,
} from '../../engine/index.ts';

const { u32 } = d;
const Params = d
  .struct({
    ...{ count: u32, below: u32, bits: u32 },
    ...{ seedLow: u32, seedHigh: u32, op: u32, stepLow: u32, stepHigh: u32 },
  })
  .$name('Params');

const WG = 256;
const shared = {
  lib: [new URL('./philox.wgsl', import.meta.url)],
  params: Params,
  keys: { WG: [WG] },
  grid: (p: { count: number }) => Math.ceil(p.count / WG),
};
// ten rounds of about 30 integer operations for four numbers
const cost = (extra: number) => (p: { count: number }, bytes: number) => ({
  flops: (300 + extra) * p.count,
  bytes: 4 * bytes * p.count,
});

const wordsKernel = defineKernel({
  ...shared,
  name: 'random.words',
  wgsl: new URL('./words.wgsl', import.meta.url),
  bindings: { y: write('vec4u') },
  cost: cost(40),
});

const uniformKernel = defineKernel({
  ...shared,
  name: 'random.uniform',
  wgsl: new URL('./uniform.wgsl', import.meta.url),
  bindings: { y: write('T4') },
  cost: cost(8),
});

const normalKernel = defineKernel({
  ...shared,
  name: 'random.normal',
  wgsl: new URL('./normal.wgsl', import.meta.url),
  bindings: { y: write('T4') },
  cost: cost(160),
});

/**
 * Uniform numbers in [0, 1): multiples of 2^-24, of 2^-11 in f16. In f32 bit for bit those of `randomUniforms`.
 *
 * @param key    names the stream; the same key gives the same numbers on every device
 * @param dtype  f32 or f16
 * @throws RangeError for a key out of range, DTypeError for u32
 */
export function randomUniform(device: Device, shape: Shape, key: RandomKey, dtype: DType = 'f32'): Tensor {
  const y = floats('randomUniform', device, shape, dtype);
  uniformKernel.launch({ y }, paramsOf(y, key, { bits: dtype === 'f16' ? 11 : 24 }), { WG });
  return y;
}

/**
 * Standard normal numbers by Box and Muller, within 4 units in the last place of `randomNormals` in f32; in f16 those
 * rounded. None is beyond 5.77.
 *
 * @param key    names the stream; the same key gives the same numbers on every device but for that rounding
 * @param dtype  f32 or f16
 * @throws RangeError for a key out of range, DTypeError for u32
 */
export function randomNormal(device: Device, shape: Shape, key: RandomKey, dtype: DType = 'f32'): Tensor {
  const y = floats('randomNormal', device, shape, dtype);
  normalKernel.launch({ y }, paramsOf(y, key), { WG });
  return y;
}

/**
 * Integers in [0, below), u32, bit for bit those of `randomIntegers`. No value is off its share by more than 2^-32.
 *
 * @param below  1 … 2^32; 2^32 by default: all bits
 * @throws RangeError for a key or bound out of range
 */
export function randomInteger(device: Device, shape: Shape, key: RandomKey, below = 2 ** 32): Tensor {
  if (!Number.isInteger(below) || below < 1 || below > 2 ** 32) {
    throw new RangeError(`randomInteger: expected below to be an integer from 1 to 2^32, got ${below}.`);
  }
  checkCount('randomInteger', shape);
  const y = empty(device, { shape, dtype: 'u32' });
  wordsKernel.launch({ y }, paramsOf(y, key, { below: below === 2 ** 32 ? 0 : below }), { WG });
  return y;
}

function floats(name: string, device: Device, shape: Shape, dtype: DType): Tensor {
  if (dtype === 'u32') {
    throw new DTypeError(`${name}: expected f32 or f16, got u32. Use randomInteger() for integers.`);
  }
  checkCount(name, shape);
  return empty(device, { shape, dtype });
}

/** Philox's counter gives 2^32 blocks of four; indices on the GPU are u32. */
function checkCount(name: string, shape: Shape): void {
  const count = shape.reduce((product, extent) => product * extent, 1);
  if (count > 2 ** 32) throw new ShapeError(`${name}: expected at most 2^32 elements, got [${shape}]. Draw parts.`);
}

function paramsOf(y: Tensor, key: RandomKey, { below = 0, bits = 0 } = {}) {
  const { seed, op, step } = keyWords(key);
  return {
    count: Math.ceil(y.size / 4),
    below,
    bits,
    seedLow: seed[0],
    seedHigh: seed[1],
    op,
    stepLow: step[0],
    stepHigh: step[1],
  };
}
