/**
 * Random numbers without state: Philox4x32-10, a function of (seed, step, op, element). Drawing in another order, or on
 * another device, gives the same numbers. This is the reference on the host; kernels/random does the same on the GPU.
 *
 * @see Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.4
 */
import { invariant } from './errors.ts';

/** Names one stream of random numbers. Different keys give streams without relation to each other. */
export interface RandomKey {
  /** 64 bits; a number must be a safe integer */
  readonly seed: bigint | number;
  /** training step or frame, an integer from 0 */
  readonly step: number;
  /** which draw within the step, an integer from 0 below 2^32 */
  readonly op: number;
}

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;
const TWO_32 = 2 ** 32;

type Words4 = readonly [number, number, number, number];
type Words2 = readonly [number, number];

/** The upper 32 bits of a product of two u32. */
export function multiplyHigh(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const first = aHigh * bLow + Math.floor((aLow * bLow) / 65536);
  const second = aLow * bHigh + (first % 65536);
  return aHigh * bHigh + Math.floor(first / 65536) + Math.floor(second / 65536);
}

/** Philox4x32-10: four u32 of a counter of four u32 and a key of two. */
export function philox4x32(counter: Words4, key: Words2): [number, number, number, number] {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, a);
    const low0 = Math.imul(MULTIPLIER_0, a) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, c);
    const low1 = Math.imul(MULTIPLIER_1, c) >>> 0;
    [a, b, c, d] = [(high1 ^ b ^ k0) >>> 0, low1, (high0 ^ d ^ k1) >>> 0, low0];
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [a, b, c, d];
}

/** The words that a key stands for: Philox's key is the seed; its counter is (element / 4, op, step). */
export interface KeyWords {
  readonly seed: Words2;
  readonly op: number;
  readonly step: Words2;
}

/** @throws RangeError when a part of the key is no integer or out of range */
export function keyWords({ seed, step, op }: RandomKey): KeyWords {
  const whole = (value: number, below: number) => Number.isInteger(value) && value >= 0 && value < below;
  const limit = Number.MAX_SAFE_INTEGER + 1;
  if ((typeof seed === 'number' && !whole(Math.abs(seed), limit)) || !whole(step, limit) || !whole(op, TWO_32)) {
    throw new RangeError(
      `random: expected a seed that is a bigint or a safe integer, a step from 0 and an op from 0 below 2^32, ` +
        `got seed ${seed}, step ${step}, op ${op}. Use a bigint for seeds of more than 53 bits.`,
    );
  }
  const bits = BigInt.asUintN(64, BigInt(seed));
  return {
    seed: [Number(bits & 0xffffffffn), Number(bits >> 32n)],
    op,
    step: [step % TWO_32, Math.floor(step / TWO_32)],
  };
}

/** The first `count` u32 of a stream: element e is word e % 4 of counter ⌊e / 4⌋. */
export function randomWords(key: RandomKey, count: number): Uint32Array {
  const { seed, op, step } = keyWords(key);
  const words = new Uint32Array(count);
  for (let e = 0; e < count; e += 4) {
    const block = philox4x32([e / 4, op, step[0], step[1]], seed);
    for (let lane = 0; lane < 4 && e + lane < count; lane++) words[e + lane] = block[lane];
  }
  return words;
}

/** Integers in [0, below), ⌊word · below / 2^32⌋: no value is off its share by more than 2^-32. */
export function randomIntegers(key: RandomKey, count: number, below: number): Uint32Array {
  invariant(below >= 1 && below <= TWO_32, `random integers below ${below}`);
  const words = randomWords(key, count);
  return below === TWO_32 ? words : words.map((word) => multiplyHigh(word, below));
}

/** Multiples of 2^-24 in [0, 1): the upper 24 bits of each word. */
export function randomUniforms(key: RandomKey, count: number): Float32Array {
  return Float32Array.from(randomWords(key, count), (word) => (word >>> 8) / 2 ** 24);
}

/**
 * Standard normal numbers by Box and Muller, in float64. Words a, b of a pair give u = (⌊a / 2^8⌋ + 1) / 2^24 and
 * v = ⌊b / 2^8⌋ / 2^24, and those r cos 2πv, r sin 2πv with r = sqrt(-2 ln u): at most 5.77.
 */
export function randomNormals(key: RandomKey, count: number): Float64Array {
  const words = randomWords(key, Math.ceil(count / 2) * 2);
  const normals = new Float64Array(count);
  for (let e = 0; e < count; e += 2) {
    const radius = Math.sqrt(-2 * Math.log(((words[e] >>> 8) + 1) / 2 ** 24));
    const [cosine, sine] = turn(words[e + 1] >>> 8);
    normals[e] = radius * cosine;
    if (e + 1 < count) normals[e + 1] = radius * sine;
  }
  return normals;
}

/** Cosine and sine of k / 2^24 turns. The nearest quarter turn is taken off exactly, so that zeros are zeros. */
function turn(k: number): [number, number] {
  const quarter = (k + 2 ** 21) >>> 22;
  const angle = (k - quarter * 2 ** 22) * ((2 * Math.PI) / 2 ** 24);
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  switch (quarter & 3) {
    case 0:
      return [c, s];
    case 1:
      return [-s, c];
    case 2:
      return [-c, -s];
    default:
      return [s, -c];
  }
}
