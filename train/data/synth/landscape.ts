import type { Picture } from '../image/picture.ts';
import { fractal, lattice, mix, ridged, smoothstep, valueNoise } from './noise.ts';

type Colour = readonly [number, number, number];

/** Colours and light of a drawn landscape. */
export interface Mood {
  readonly zenith: Colour;
  readonly horizon: Colour;
  readonly sun: Colour;
  /** height of the sun above the horizon, as a share of the sky */
  readonly sunHeight: number;
  readonly sunX: number;
  readonly cloud: Colour;
  readonly cloudCover: number;
  readonly rock: Colour;
  readonly snow: Colour;
  readonly forest: Colour;
  readonly meadow: Colour;
  readonly water: Colour;
  /** how strongly distance fades into the horizon's colour */
  readonly haze: number;
}

export const MOODS = {
  noon: {
    zenith: [0.18, 0.42, 0.78],
    horizon: [0.72, 0.85, 0.95],
    sun: [1, 0.98, 0.9],
    sunHeight: 0.85,
    sunX: 0.75,
    cloud: [0.98, 0.98, 1],
    cloudCover: 0.5,
    rock: [0.45, 0.44, 0.46],
    snow: [0.96, 0.97, 1],
    forest: [0.12, 0.28, 0.13],
    meadow: [0.36, 0.52, 0.2],
    water: [0.14, 0.34, 0.46],
    haze: 0.55,
  },
  dusk: {
    zenith: [0.16, 0.12, 0.32],
    horizon: [0.99, 0.55, 0.24],
    sun: [1, 0.78, 0.42],
    sunHeight: 0.12,
    sunX: 0.32,
    cloud: [0.93, 0.42, 0.36],
    cloudCover: 0.6,
    rock: [0.3, 0.2, 0.27],
    snow: [0.96, 0.62, 0.5],
    forest: [0.13, 0.09, 0.12],
    meadow: [0.36, 0.22, 0.14],
    water: [0.5, 0.26, 0.24],
    haze: 0.75,
  },
  moonlight: {
    zenith: [0.02, 0.04, 0.12],
    horizon: [0.16, 0.24, 0.4],
    sun: [0.85, 0.9, 1],
    sunHeight: 0.7,
    sunX: 0.25,
    cloud: [0.2, 0.26, 0.4],
    cloudCover: 0.45,
    rock: [0.1, 0.13, 0.2],
    snow: [0.45, 0.55, 0.72],
    forest: [0.02, 0.05, 0.08],
    meadow: [0.06, 0.11, 0.13],
    water: [0.05, 0.1, 0.2],
    haze: 0.5,
  },
  autumn: {
    zenith: [0.5, 0.6, 0.7],
    horizon: [0.9, 0.87, 0.78],
    sun: [1, 0.95, 0.8],
    sunHeight: 0.5,
    sunX: 0.6,
    cloud: [0.93, 0.92, 0.9],
    cloudCover: 0.7,
    rock: [0.5, 0.44, 0.38],
    snow: [0.95, 0.93, 0.88],
    forest: [0.66, 0.3, 0.08],
    meadow: [0.72, 0.56, 0.22],
    water: [0.34, 0.4, 0.4],
    haze: 0.6,
  },
} satisfies Record<string, Mood>;

export type MoodName = keyof typeof MOODS;

/**
 * Draws a landscape: sky with clouds and a sun, two mountain ranges, forest, and a lake that mirrors them. The same
 * seed gives the same picture at any size, up to sampling.
 *
 * @param seed  of the terrain and the clouds
 * @param mood  colours and light
 */
export function drawLandscape(width: number, height: number, seed: number, mood: MoodName): Picture {
  const light: Mood = MOODS[mood];
  const rgb = new Uint8Array(3 * width * height);
  const aspect = width / height;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const colour = scene(light, seed, ((column + 0.5) / width) * aspect, (row + 0.5) / height, aspect);
      const grain = (lattice(seed + 99, column, row) - 0.5) * 0.015;
      for (let c = 0; c < 3; c++) {
        rgb[3 * (row * width + column) + c] = Math.round(255 * Math.min(1, Math.max(0, colour[c] + grain)));
      }
    }
  }
  return { width, height, bitDepth: 8, rgb };
}

const HORIZON = 0.56;
const SHORE = 0.7;

/** Colour at x in [0, aspect], y in [0, 1] from the top. */
function scene(light: Mood, seed: number, x: number, y: number, aspect: number): Colour {
  const shore = SHORE + 0.03 * (fractal(seed + 7, x * 3, 0, 3) - 0.5);
  if (y <= shore) return land(light, seed, x, y, aspect);
  if (y > 0.9 + 0.12 * fractal(seed + 8, x * 2, 1, 3)) return bank(light, seed, x, y);
  const depth = (y - shore) / (1 - shore);
  const ripple = (valueNoise(seed + 9, x * 14, y * (260 - 150 * depth)) - 0.5) * (0.006 + 0.05 * depth);
  const mirrored = land(light, seed, x + ripple, Math.max(0, shore - (y - shore) * 1.15 + ripple), aspect);
  const glint = 0.1 * smoothstep(0.72, 0.95, valueNoise(seed + 10, x * 40, y * 400));
  return blend(mirrored, light.water, 0.3 + 0.35 * depth).map((v, c) => v + glint * light.sun[c]) as unknown as Colour;
}

function land(light: Mood, seed: number, x: number, y: number, aspect: number): Colour {
  const near = HORIZON + 0.1 - 0.1 * fractal(seed + 3, x * 5, 0.5, 5);
  if (y > near) return forest(light, seed, x, y, near);
  const middle = HORIZON - 0.3 * ridged(seed + 2, x * 1.7, 2.5, 6) ** 1.5 + 0.08;
  if (y > middle) return mountain(light, seed + 20, x, y, middle, 0.35);
  const far = HORIZON - 0.42 * ridged(seed + 1, x * 1.1 + 4, 1.5, 6) ** 2 + 0.02;
  if (y > far) return mountain(light, seed + 40, x, y, far, 0.75);
  return sky(light, seed, x, y, aspect);
}

function sky(light: Mood, seed: number, x: number, y: number, aspect: number): Colour {
  const t = Math.min(1, y / HORIZON);
  const base = blend(light.zenith, light.horizon, t ** 1.6);
  const [sunX, sunY] = [light.sunX * aspect, HORIZON * (1 - light.sunHeight)];
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

const blend = (a: Colour, b: Colour, t: number): Colour => [mix(a[0], b[0], t), mix(a[1], b[1], t), mix(a[2], b[2], t)];
const scale = (a: Colour, s: number): Colour => [a[0] * s, a[1] * s, a[2] * s];
