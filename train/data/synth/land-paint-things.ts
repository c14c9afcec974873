/** How trees, rocks, houses and boats of a drawn landscape look. */
import { blend, brightness, filter, scale } from './colour.ts';
import type { LandClass } from './land-classes.ts';
import type { Seen } from './land-seen.ts';
import type { Hit } from './land-shape.ts';
import type { Colour } from './moods.ts';
import { fractal, lattice, ridged, smoothstep, valueNoise } from './noise.ts';

export function paintThing(seen: Seen, name: LandClass, { u, v, thing }: Hit): Colour {
  const { mood, light, side } = seen;
  const seed = thing?.seed ?? 0;
  switch (name) {
    case 'tree':
      return thing?.kind === 'conifer' ? conifer(seen, u, v, seed) : leaves(seen, u, (v - 0.6) / 0.4, seed, 0.45);
    case 'bush':
      return leaves(seen, u / 0.7, (v - 0.3) / 0.5, seed, 0.65);
    case 'trunk': {
      const bark = valueNoise(seed, u * 90, v * 9);
      return scale(filter([0.36, 0.26, 0.18], light), 0.5 + 0.55 * bark + 5 * side * u);
    }
    case 'rock': {
      const face = fractal(seed, u * 3 + 0.12 * side, v * 3, 4) - fractal(seed, u * 3, v * 3, 4);
      const crack = smoothstep(0.8, 0.97, ridged(seed + 1, u * 3, v * 3, 3));
      const lit = 0.55 + 0.35 * v + 0.28 * side * u + 1.2 * face - 0.3 * crack;
      return scale(filter([0.56, 0.53, 0.5], light), Math.max(0.25, lit));
    }
    case 'house':
      return house(seen, u, v, seed);
    default:
      return boat(light, mood.snow, u, v, seed, side);
  }
}

/** Clumps of leaves on a ball that is lit from above and one side. */
function leaves({ mood, side }: Seen, u: number, v: number, seed: number, fresh: number): Colour {
  const clumps = fractal(seed + 2, u * 6, v * 6, 3);
  const fine = valueNoise(seed + 3, u * 34, v * 34);
  const lit = 0.62 + 0.3 * v + 0.42 * side * u + 0.9 * (clumps - 0.5) + 0.35 * (fine - 0.5);
  return scale(blend(mood.forest, mood.meadow, fresh + 0.35 * (lit - 0.6)), Math.max(0.22, 0.2 + 0.95 * lit));
}

function conifer({ mood, side }: Seen, u: number, v: number, seed: number): Colour {
  const tier = (v * 7) % 1;
  const needles = valueNoise(seed + 4, u * 50, v * 70);
  const lit = 0.5 + 1.3 * side * u + 0.35 * tier + 0.5 * (needles - 0.5);
  return scale(blend(mood.forest, mood.meadow, 0.12 * needles), Math.max(0.3, 0.35 + lit));
}

function house({ mood, light, side }: Seen, u: number, v: number, seed: number): Colour {
  const plaster: Colour = lattice(seed, 1, 1) > 0.5 ? [0.88, 0.82, 0.7] : [0.72, 0.6, 0.5];
  const tiles: Colour = lattice(seed, 2, 2) > 0.5 ? [0.64, 0.27, 0.2] : [0.42, 0.34, 0.34];
  if (v > 0.47) {
    const rows = 0.85 + 0.25 * ((v * 16) % 1) + 0.2 * (valueNoise(seed, u * 40, Math.floor(v * 16)) - 0.5);
    return scale(filter(tiles, light), rows * (1 + 0.15 * side * Math.sign(u)));
  }
  const isWindow = v > 0.2 && v < 0.36 && Math.abs(Math.abs(u) - 0.27) < 0.08;
  const isDoor = v < 0.27 && Math.abs(u) < 0.07;
  if (isWindow && Math.abs(Math.abs(u) - 0.27) > 0.008) {
    const night = smoothstep(0.5, 0.25, brightness(mood.horizon));
    return blend(blend(filter([0.22, 0.26, 0.32], light), mood.horizon, 0.3), [1, 0.78, 0.36], night);
  }
  if (isDoor) return filter([0.36, 0.22, 0.14], light);
  const shade =
    0.86 + 0.16 * side * u + 0.1 * (fractal(seed, u * 20, v * 20, 2) - 0.5) - 0.22 * smoothstep(0.4, 0.47, v);
  return scale(filter(plaster, light), shade);
}

function boat(light: Colour, white: Colour, u: number, v: number, seed: number, side: number): Colour {
  if (v < 0.165) {
    const hull: Colour = lattice(seed, 3, 3) > 0.5 ? [0.55, 0.2, 0.16] : [0.3, 0.34, 0.42];
    return v > 0.12 ? scale(filter([0.92, 0.88, 0.8], light), 1) : scale(filter(hull, light), 0.75 + 2 * v);
  }
  if (Math.abs(u) < 0.013) return filter([0.4, 0.3, 0.2], light);
  const belly = 0.84 + 0.3 * side * u - 0.12 * Math.abs(Math.sin(v * 9));
  return scale(blend(filter([0.96, 0.93, 0.86], light), white, 0.35), belly);
}
