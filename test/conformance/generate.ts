/**
 * Values made by formula, so that large inputs and parameters need no file.
 *
 * `w1` is used for CAP-VSTNet, `det_v1` for everything later, `cos` for cotangents. All arithmetic is unsigned 32-bit
 * or double; the result is rounded to float32 once. The formulas and their self-tests are part of the golden format.
 */

const GOLDEN_RATIO = 0x9e3779b9;

/** FNV-1a over the UTF-8 bytes of `text`, 32 bits. */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash >>> 0;
}

/** The "lowbias32" integer hash: three xor-shifts around two multiplications. */
export function mix(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** The finaliser of MurmurHash3. */
function murmur(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** `n` values, uniform in [-bound, bound) with 24 bits each. */
export function w1(key: string, seed: number, n: number, bound: number): Float32Array {
  const start = mix(fnv1a32(`${seed}:${key}`));
  return Float32Array.from(
    { length: n },
    (_, i) => (2 * ((mix(start + Math.imul(i, GOLDEN_RATIO)) >>> 8) / 2 ** 24) - 1) * bound,
  );
}

/** `n` doubles, uniform in [-1, 1): the `w` of det_v1, element i of the formula being i + 1 here. */
export function detUnit(name: string, seed: number, n: number): Float64Array {
  const key = fnv1a32(name) ^ seed;
  return Float64Array.from({ length: n }, (_, i) => 2 * (murmur(key + Math.imul(i + 1, GOLDEN_RATIO)) / 2 ** 32) - 1);
}

/** `n` values b + a·w. */
export function det(name: string, seed: number, n: number, b: number, a: number): Float32Array {
  return Float32Array.from(detUnit(name, seed, n), (w) => b + a * w);
}

/** cos(0), cos(1), … */
export function cosines(n: number): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => Math.cos(i));
}

/** Zeroes everything above the diagonal of each matrix of the last two axes, in place. */
export function lowerTriangle(shape: readonly number[], data: Float32Array): Float32Array {
  const [rows, columns] = shape.slice(-2);
  for (let i = 0; i < data.length; i++) {
    const column = i % columns;
    const row = Math.floor(i / columns) % rows;
    if (column > row) data[i] = 0;
  }
  return data;
}
