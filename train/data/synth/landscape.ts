import type { Picture } from '../image/picture.ts';
import { blend, scale } from './colour.ts';
import { type Colour, MOODS, type Mood, type MoodName } from './moods.ts';
import { fractal, lattice, ridged, smoothstep, valueNoise } from './noise.ts';

export type { MoodName };

/** The lie of the land, as shares of the picture's height from the top. */
export interface Terrain {
  readonly horizon: number;
  /** where the lake begins; 1.1 and more: there is none */
  readonly shore: number;
  /** where the bank on this side begins, about */
  readonly bank: number;
  /** heights of the far and the middle mountains at most */
  readonly far: number;
  readonly middle: number;
}

/** A lake before two ranges. */
export const LAKE: Terrain = { horizon: 0.56, shore: 0.7, bank: 0.9, far: 0.42, middle: 0.3 };

/**
 * Draws a landscape: sky with clouds and a sun, two mountain ranges, forest, and a lake that mirrors them. The same
 * seed gives the same picture at any size, up to sampling.
 *
 * @param seed     of the terrain and the clouds
 * @param mood     colours and light
 * @param terrain  {@link LAKE}
 */
export function drawLandscape(
  width: number,
  height: number,
  seed: number,
  mood: MoodName | Mood,
  terrain: Terrain = LAKE,
): Picture {
  const place: Place = { light: typeof mood === 'string' ? MOODS[mood] : mood, terrain, seed, aspect: width / height };
  const rgb = new Uint8Array(3 * width * height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const colour = scene(place, ((column + 0.5) / width) * place.aspect, (row + 0.5) / height);
      const grain = (lattice(seed + 99, column, row) - 0.5) * 0.015;
      for (let c = 0; c < 3; c++) {
        rgb[3 * (row * width + column) + c] = Math.round(255 * Math.min(1, Math.max(0, colour[c] + grain)));
      }
    }
  }
  return { width, height, bitDepth: 8, rgb };
}

interface Place {
  readonly light: Mood;
  readonly terrain: Terrain;
  readonly seed: number;
  readonly aspect: number;
}

/** Colour at x in [0, aspect], y in [0, 1] from the top. */
function scene(place: Place, x: number, y: number): Colour {
  const { light, terrain, seed } = place;
  const shore = terrain.shore + 0.03 * (fractal(seed + 7, x * 3, 0, 3) - 0.5);
  if (y <= shore) return land(place, x, y);
  if (y > terrain.bank + 0.12 * fractal(seed + 8, x * 2, 1, 3)) return bank(light, seed, x, y);
  const depth = (y - shore) / (1 - shore);
  const ripple = (valueNoise(seed + 9, x * 14, y * (260 - 150 * depth)) - 0.5) * (0.006 + 0.05 * depth);
  const mirrored = land(place, x + ripple, Math.max(0, shore - (y - shore) * 1.15 + ripple));
  const glint = 0.1 * smoothstep(0.72, 0.95, valueNoise(seed + 10, x * 40, y * 400));
  return blend(mirrored, light.water, 0.3 + 0.35 * depth).map((v, c) => v + glint * light.sun[c]) as unknown as Colour;
}

function land(place: Place, x: number, y: number): Colour {
  const { light, seed } = place;
  const { horizon, far: farHeight, middle: middleHeight } = place.terrain;
  const near = horizon + 0.1 - 0.1 * fractal(seed + 3, x * 5, 0.5, 5);
  if (y > near) return forest(light, seed, x, y, near);
  const middle = horizon - middleHeight * ridged(seed + 2, x * 1.7, 2.5, 6) ** 1.5 + 0.08;
  if (y > middle) return mountain(light, seed + 20, x, y, middle, 0.35);
  const far = horizon - farHeight * ridged(seed + 1, x * 1.1 + 4, 1.5, 6) ** 2 + 0.02;
  if (y > far) return mountain(light, seed + 40, x, y, far, 0.75);
  return sky(place, x, y);
}

function sky({ light, seed, aspect, terrain: { horizon } }: Place, x: number, y: number): Colour {
  const t = Math.min(1, y / horizon);
  const base = blend(light.zenith, light.horizon, t ** 1.6);
  const [sunX, sunY] = [light.sunX * aspect, horizon * (1 - light.sunHeight)];
  const distance = Math.hypot(x - sunX, y - sunY);
  const glow = 0.55 * Math.exp(-distance * 7) + smoothstep(0.034, 0.026, distance);
  const lit = blend(base, light.sun, Math.min(1, glow));
  const flat = 1 / (0.35 + (1 - t));
  const density = fractal(seed + 5, x * 3 * flat, y * 9 * flat, 6);
  const cover = smoothstep(1 - light.cloudCover, 1.15 - light.cloudCover, density) * 0.9;
  const underside = smoothstep(0.1, 0.6, density - fractal(seed + 5, x * 3 * flat, y * 9 * flat - 0.25, 6) + 0.3);
  return blend(lit, blend(light.horizon, light.cloud, underside), cover);
}

function mountain(light: Mood, seed: number, x: number, y: number, crest: number, distance: number): Colour {
  const height = y - crest;
  const e = 0.004;
  const relief = (dx: number, dy: number) => ridged(seed, (x + dx) * 6, (y + dy) * 9, 5);
  const slope = (relief(e, 0) - relief(-e, 0)) / e;
  const shade = 0.75 + 0.045 * slope * (light.sunX > 0.5 ? 1 : -1);
  const snowline = smoothstep(0.12, 0.02, height + 0.1 * (relief(0, 0) - 0.5));
  const ground = blend(blend(light.forest, light.rock, smoothstep(0.16, 0.05, height)), light.snow, snowline);
  const haze = light.haze * distance * (0.7 + 0.3 * smoothstep(0, 0.3, height));
  return blend(scale(ground, shade), light.horizon, haze);
}

function forest(light: Mood, seed: number, x: number, y: number, top: number): Colour {
  const crowns = valueNoise(seed + 6, x * 90, y * 45) * 0.6 + fractal(seed + 6, x * 40, y * 25, 4) * 0.4;
  const clearing = smoothstep(0.55, 0.7, fractal(seed + 11, x * 4, y * 14, 4));
  const ground = blend(light.forest, light.meadow, clearing);
  return blend(scale(ground, 0.6 + 0.8 * crowns), light.horizon, light.haze * 0.28 * smoothstep(0.12, 0, y - top));
}

function bank(light: Mood, seed: number, x: number, y: number): Colour {
  const blades = valueNoise(seed + 12, x * 150, y * 28) * 0.55 + fractal(seed + 12, x * 18, y * 18, 5) * 0.45;
  const flower = lattice(seed + 13, Math.floor(x * 120), Math.floor(y * 120)) > 0.985;
  const ground = scale(blend(light.forest, light.meadow, 0.35 + 0.6 * blades), 0.55 + 0.75 * blades);
  return flower ? blend(ground, light.sun, 0.6) : ground;
}
