/** Landscapes that all differ: the terrain, the light and the colours are drawn from a seed. */
import { type RandomKey, randomUniforms, randomWords } from '../../../engine/random.ts';
import type { Picture } from '../image/picture.ts';
import { drawLandscape, type Terrain } from './landscape.ts';
import { type Colour, MOODS, type Mood, type MoodName } from './moods.ts';
import { mix } from './noise.ts';

/**
 * Draws one landscape of a family of moods: one of them leans towards another, with a tint, a sun and clouds of its own;
 * horizon, heights, shore and bank vary, and three pictures in ten have no lake.
 *
 * @param tint  how far a picture's red, green and blue may be off those of its moods: 0.1 for a tenth
 * @param key   decides everything but the size
 */
export function drawVaried(
  width: number,
  height: number,
  moods: readonly MoodName[],
  tint: number,
  key: RandomKey,
): Picture {
  const [terrainSeed] = randomWords(key, 1);
  const uniforms = randomUniforms({ ...key, op: key.op + 1 }, 32);
  let taken = 0;
  const between = (low: number, high: number) => mix(low, high, uniforms[taken++]);
  const mood = variedMood(moods, tint, between);
  return drawLandscape(width, height, terrainSeed >>> 8, mood, variedTerrain(between));
}

export type Draw = (low: number, high: number) => number;

function variedTerrain(between: Draw): Terrain {
  const horizon = between(0.36, 0.66);
  const lake = between(0, 1) < 0.7;
  const shore = lake ? horizon + between(0.08, 0.2) : 2;
  const bank = Math.min(0.96, shore + between(0.1, 0.35));
  return { horizon, shore, bank, far: between(0.15, 0.5), middle: between(0.05, 0.36) };
}

/** A mood of a family: one of them leans towards another, with a tint, and a sun, clouds and haze of its own. */
export function variedMood(moods: readonly MoodName[], tint: number, between: Draw): Mood {
  const pick = (): Mood => MOODS[moods[Math.floor(between(0, moods.length))]];
  const [first, second] = [pick(), pick()];
  const lean = between(0, 0.45);
  const gains = [0, 1, 2].map(() => between(1 - tint, 1 + tint));
  const colour = (name: { [K in keyof Mood]: Mood[K] extends Colour ? K : never }[keyof Mood]): Colour => {
    const channel = (c: 0 | 1 | 2) => Math.min(1, mix(first[name][c], second[name][c], lean) * gains[c]);
    return [channel(0), channel(1), channel(2)];
  };
  return {
    ...{ zenith: colour('zenith'), horizon: colour('horizon'), sun: colour('sun'), cloud: colour('cloud') },
    ...{ rock: colour('rock'), snow: colour('snow'), forest: colour('forest'), meadow: colour('meadow') },
    water: colour('water'),
    sunHeight: Math.min(1, Math.max(0.05, first.sunHeight + between(-0.25, 0.25))),
    sunX: between(0.1, 0.9),
    cloudCover: Math.min(0.95, Math.max(0.15, first.cloudCover + between(-0.3, 0.25))),
    haze: Math.min(0.95, Math.max(0.2, first.haze + between(-0.2, 0.2))),
  };
}
