/** How the classes of a drawn landscape look in a light: every picture is its label map, painted. */
import { blend, filter, scale } from './colour.ts';
import { LAND_CLASSES, type LandClass } from './land-classes.ts';
import { paintGround } from './land-paint-ground.ts';
import { paintThing } from './land-paint-things.ts';
import { hazy, type Seen } from './land-seen.ts';
import { backdropAt, cloudDensity, type Hit, lookAt } from './land-shape.ts';
import type { Colour } from './moods.ts';
import { fractal, ridged, smoothstep, valueNoise } from './noise.ts';

/** Colour at a point of the picture, x and y in [0, 1]. */
export function paint(seen: Seen, x: number, y: number): Colour {
  return paintHit(seen, lookAt(seen.scene, x, y), x, y);
}

function paintHit(seen: Seen, hit: Hit, x: number, y: number): Colour {
  const [name] = LAND_CLASSES[hit.id];
  const { mood } = seen;
  if (name === 'sky' || name === 'cloud' || name === 'sun') return paintSky(seen, name, x, y);
  if (hit.thing) return hazy(mood, paintThing(seen, name, hit), 0.7 * hit.distance ** 2);
  if (name === 'lake' || name === 'river' || name === 'sea') return paintWater(seen, name, hit, x, y);
  const far = FAR[name];
  if (far && hit.distance >= 0.6 && (name !== 'snow' || hit.v === 1)) return far(seen, hit, x, y);
  return hazy(mood, paintGround(seen, name, hit, x, y), 0.75 * hit.distance ** 2.2);
}

function paintSky({ scene, mood, side }: Seen, name: LandClass, x: number, y: number): Colour {
  const { seed, horizon, sun } = scene;
  const t = Math.min(1, y / horizon);
  let colour = blend(mood.zenith, mood.horizon, t ** 1.5);
  if (sun) {
    const distance = Math.hypot(x - sun.x, y - sun.y);
    colour = blend(colour, mood.sun, 0.6 * Math.exp(-distance * 7));
    if (name === 'sun') return blend(colour, mood.sun, smoothstep(0.038, 0.03, distance));
  }
  if (name !== 'cloud') return colour;
  const density = cloudDensity(seed, horizon, x, y);
  const towards = cloudDensity(seed, horizon, x + 0.02 * side, y - 0.022);
  const lit = smoothstep(-0.09, 0.11, density - towards);
  const body = blend(blend(mood.cloud, mood.horizon, 0.55), scale(mood.cloud, 0.62), 0.5);
  const cover = smoothstep(-0.02, 0.1, density - (0.78 - 0.42 * scene.cloudCover));
  return blend(colour, blend(body, mood.cloud, lit), 0.25 + 0.72 * cover);
}

type Painter = (seen: Seen, hit: Hit, x: number, y: number) => Colour;

const FAR: Readonly<Partial<Record<LandClass, Painter>>> = {
  mountain: (seen, hit, x, y) => paintMountain(seen, seen.mood.rock, hit, x, y),
  snow: (seen, hit, x, y) => paintMountain(seen, scale(seen.mood.snow, 1.05), hit, x, y),
  hill({ scene, mood, side }, { u, distance }, x, y) {
    const { seed } = scene;
    const woods = smoothstep(0.42, 0.6, fractal(seed + 12, x * 6, y * 22, 4));
    const grain = 0.75 + 0.5 * fractal(seed + 13, x * 40, y * 70, 3);
    const slope = fractal(seed + 14, x * 5 + 0.15 * side, y * 9, 3) - fractal(seed + 14, x * 5, y * 9, 3);
    const ground = scale(blend(mood.meadow, mood.forest, 0.25 + 0.75 * woods), grain * (0.95 + 0.9 * slope));
    return hazy(mood, ground, 0.62 * distance * (0.55 + 0.6 * smoothstep(0, 0.14, u)));
  },
  forest({ scene, mood, side }, { u }, x, y) {
    const crowns =
      valueNoise(scene.seed + 15, x * 120, y * 80) * 0.6 + fractal(scene.seed + 15, x * 45, y * 50, 3) * 0.4;
    const lit = 0.5 + 0.9 * crowns + 0.25 * side * (valueNoise(scene.seed + 16, x * 120, y * 30) - 0.5);
    const ground = scale(blend(mood.forest, mood.meadow, 0.18 * crowns), lit);
    return hazy(mood, ground, 0.3 + 0.25 * smoothstep(0.05, 0, u));
  },
  fog(seen, { u, v }, x, y) {
    const { mood, clear, scene } = seen;
    const behind = paintHit(seen, backdropAt(clear, x, y), x, y);
    const wisps = fractal(scene.seed + 17, x * 5, y * 26, 4);
    const veil = blend(blend(mood.horizon, mood.cloud, 0.6), mood.cloud, smoothstep(0.3, 0.7, wisps));
    return blend(behind, veil, 0.5 + 0.42 * smoothstep(0.9, 0.2, u) + 0.3 * (v - 0.5));
  },
  cliff({ scene, light, mood, side }, { u, v }, x, y) {
    const { seed } = scene;
    const layers = 0.5 + 0.5 * Math.sin(70 * y + 9 * fractal(seed + 33, x * 5, y * 4, 3));
    const crack = ridged(seed + 34, x * 26, y * 7, 4);
    const face = fractal(seed + 35, x * 12 + 0.2 * side, y * 10, 4) - fractal(seed + 35, x * 12, y * 10, 4);
    const stone: Colour = [0.5, 0.43, 0.37];
    const shade = 0.62 + 0.2 * layers + 1.3 * face - 0.35 * smoothstep(0.72, 0.95, crack);
    const ground = scale(filter(stone, light), shade);
    const moss = smoothstep(0.05, 0, u) * 0.8 + 0.4 * smoothstep(0.6, 0.75, fractal(seed + 36, x * 9, y * 9, 3));
    return hazy(mood, blend(ground, scale(mood.forest, 0.8 + 0.6 * crack), Math.min(0.85, moss)), 0.22 + 0.1 * v);
  },
  waterfall({ scene, mood }, { u, v }, _x, y) {
    const strands = valueNoise(scene.seed + 37, v * 5, y * 9) * 0.6 + valueNoise(scene.seed + 38, v * 11, y * 22) * 0.4;
    const white = blend(mood.snow, mood.cloud, 0.4);
    const edge = smoothstep(1, 0.6, Math.abs(v));
    return blend(mood.water, white, (0.3 + 0.7 * strands) * (0.5 + 0.5 * edge) + 0.25 * smoothstep(0.2, 0.4, u));
  },
};

function paintMountain({ scene, mood, side }: Seen, stone: Colour, { u, distance }: Hit, x: number, y: number): Colour {
  const { seed } = scene;
  const e = 0.006;
  const relief = (dx: number) => ridged(seed + 21, (x + dx) * 6, y * 9, 5);
  const slope = (relief(e * side) - relief(-e * side)) / (2 * e);
  const shade = Math.min(1.25, Math.max(0.42, 0.8 + 0.055 * slope));
  const woods = smoothstep(0.1, 0.22, u + 0.1 * (relief(0) - 0.5)) * (stone === mood.rock ? 0.6 : 0);
  const ground = scale(blend(stone, mood.forest, woods), shade);
  return hazy(mood, ground, 0.62 * distance * (0.65 + 0.4 * smoothstep(0, 0.3, u)));
}

const OWN_COLOUR: Readonly<Partial<Record<LandClass, number>>> = { lake: 0.3, river: 0.34, sea: 0.6 };

/** Water mirrors what is beyond it, the less the steeper one looks down, and has a colour of its own and ripples. */
function paintWater(seen: Seen, name: LandClass, { v: z, distance }: Hit, x: number, y: number): Colour {
  const { scene, mood } = seen;
  const { seed, horizon, sun } = scene;
  const depth = 1 - distance;
  const long = name === 'sea' ? 11 : 7;
  const waves = fractal(seed + 50, x * long * (0.6 + 2 * distance), Math.log(z) * (name === 'sea' ? 42 : 22), 3) - 0.5;
  const ripple = waves * (0.012 + (name === 'river' ? 0.02 : 0.05) * depth);
  const mirrorY = Math.max(0.005, horizon - (y - horizon) * 0.85 - 0.004 + 2 * ripple);
  const mirrorX = x + 0.4 * ripple;
  const mirrored = paintHit(seen, backdropAt(scene, mirrorX, Math.min(mirrorY, horizon - 0.002)), mirrorX, mirrorY);
  let colour = blend(mirrored, mood.water, (OWN_COLOUR[name] ?? 0) + 0.3 * depth);
  colour = scale(colour, 0.95 + (name === 'river' ? 0.3 : 0.55) * waves * (0.5 + depth));
  if (sun) {
    const glint = Math.exp(-(((x - sun.x) / (0.05 + 0.12 * depth)) ** 2)) * smoothstep(0.02, 0.22, waves);
    colour = blend(colour, mood.sun, 0.75 * glint);
  }
  const foam = name === 'sea' ? smoothstep(0.24, 0.4, waves) * 0.55 * (0.25 + depth) : 0;
  return hazy(mood, blend(colour, mood.snow, foam), 0.5 * distance ** 3);
}
