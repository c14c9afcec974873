/** The outlines of what stands in a drawn landscape. */
import type { LandClass } from './land-classes.ts';
import type { Thing } from './land-scene.ts';
import { fractal, valueNoise } from './noise.ts';

/** Which part of a thing a point is: u from left to right, v from the foot up, in shares of its size. */
export interface Part {
  readonly name: LandClass;
  readonly u: number;
  readonly v: number;
}

/**
 * The part of a thing at a point of the picture.
 *
 * @param foot  where the thing stands, from the top of the picture
 */
export function thingAt(thing: Thing, foot: number, x: number, y: number): Part | undefined {
  const size = thing.size / thing.z;
  const u = (x - 0.5 - thing.x / thing.z) / size;
  const v = (foot - y) / size;
  if (Math.abs(u) > 0.8 || v < -0.12 || v > 1.15) return undefined;
  const name = OUTLINES[thing.kind](u, v, thing.seed);
  return name && { name, u, v };
}

type Outline = (u: number, v: number, seed: number) => LandClass | undefined;

const OUTLINES: Readonly<Record<Thing['kind'], Outline>> = {
  broadleaf(u, v, seed) {
    const ragged = 0.22 * (fractal(seed, u * 7 + 3, v * 7, 3) - 0.5);
    const [width, middle] = [0.3 + 0.1 * valueNoise(seed, 1, 1), 0.66];
    const crown = Math.hypot(u / width, (v - middle) / 0.36) + 2.2 * ragged;
    // a second, lower bulge to one side
    const side = valueNoise(seed, 2, 2) > 0.5 ? 0.18 : -0.18;
    const bulge = Math.hypot((u - side) / 0.24, (v - 0.52) / 0.2) + 2.2 * ragged;
    if (crown < 1 || bulge < 1) return 'tree';
    return v >= -0.02 && v < 0.6 && Math.abs(u) < 0.035 + 0.03 * Math.max(0, 0.12 - v) * 8 ? 'trunk' : undefined;
  },
  conifer(u, v, seed) {
    if (v > 0.1 && v < 1) {
      const tier = (v * 7) % 1;
      const half = 0.26 * (1 - v) * (0.72 + 0.5 * (1 - tier)) + 0.03 * (valueNoise(seed, v * 40, u > 0 ? 1 : 0) - 0.5);
      if (Math.abs(u) < half + 0.008) return 'tree';
    }
    return v >= -0.01 && v <= 0.14 && Math.abs(u) < 0.028 ? 'trunk' : undefined;
  },
  bush(u, v, seed) {
    const ragged = 0.5 * (fractal(seed, u * 5 + 9, v * 5, 3) - 0.5);
    return v > -0.05 && Math.hypot(u / 0.72, (v - 0.3) / 0.55) + ragged < 1 ? 'bush' : undefined;
  },
  rock(u, v, seed) {
    const ragged = 0.55 * (fractal(seed, u * 2.5 + 5, v * 2.5, 2) - 0.5);
    const slant = 0.3 * (valueNoise(seed, 4, 4) - 0.5);
    return v > -0.06 && Math.abs((u + slant * v) / 0.7) ** 2.6 + Math.abs(v / 0.75) ** 2 + ragged < 1
      ? 'rock'
      : undefined;
  },
  house(u, v) {
    const wall = Math.abs(u) < 0.5 && v >= -0.02 && v < 0.48;
    const roof = v >= 0.46 && v < 0.9 && Math.abs(u) < 0.6 - 0.62 * (v - 0.46);
    const chimney = u > 0.2 && u < 0.3 && v >= 0.6 && v < 1;
    return wall || roof || chimney ? 'house' : undefined;
  },
  boat(u, v) {
    const hull = v > -0.03 && v < 0.16 && Math.abs(u) < 0.34 + 0.7 * v;
    const mast = Math.abs(u) < 0.012 && v < 1;
    const sail = v > 0.22 && v < 0.98 && u > 0.02 && u < 0.42 * (1 - (v - 0.22) / 0.76) + 0.02;
    const jib = v > 0.24 && v < 0.8 && u < -0.02 && u > -0.28 * (1 - (v - 0.24) / 0.56) - 0.02;
    return hull || sail || jib || (mast && v >= 0) ? 'boat' : undefined;
  },
};
