/** Smooth deterministic noise for drawn pictures. */

/** A hash of a lattice point to [0, 1). */
export function lattice(seed: number, x: number, y: number): number {
  let h = (Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ Math.imul(seed, 0x9e3779b1)) >>> 0;
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b) >>> 0;
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) >>> 0;
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}

/** Value noise in [0, 1], interpolated by a quintic. */
export function valueNoise(seed: number, x: number, y: number): number {
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [u, v] = [fade(x - x0), fade(y - y0)];
  const top = mix(lattice(seed, x0, y0), lattice(seed, x0 + 1, y0), u);
  const bottom = mix(lattice(seed, x0, y0 + 1), lattice(seed, x0 + 1, y0 + 1), u);
  return mix(top, bottom, v);
}

/** Fractal sum of `octaves` of value noise, in [0, 1]. */
export function fractal(seed: number, x: number, y: number, octaves: number): number {
  let total = 0;
  let amplitude = 0.5;
  let weight = 0;
  for (let octave = 0; octave < octaves; octave++) {
    total += amplitude * valueNoise(seed + octave * 1013, x * 2 ** octave, y * 2 ** octave);
    weight += amplitude;
    amplitude /= 2;
  }
  return total / weight;
}

/** Sharp crests: 1 on the ridges of the noise, 0 in its valleys. */
export function ridged(seed: number, x: number, y: number, octaves: number): number {
  let total = 0;
  let amplitude = 0.5;
  let weight = 0;
  for (let octave = 0; octave < octaves; octave++) {
    total += amplitude * (1 - Math.abs(2 * valueNoise(seed + octave * 2027, x * 2 ** octave, y * 2 ** octave) - 1));
    weight += amplitude;
    amplitude /= 2;
  }
  return total / weight;
}

export const mix = (a: number, b: number, t: number) => a + (b - a) * t;
const fade = (t: number) => t * t * t * (t * (6 * t - 15) + 10);

/** 0 below `low`, 1 above `high`, smooth between. */
export function smoothstep(low: number, high: number, x: number): number {
  const t = Math.min(1, Math.max(0, (x - low) / (high - low)));
  return t * t * (3 - 2 * t);
}
