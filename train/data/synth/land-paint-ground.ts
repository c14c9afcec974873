/** How the plain of a drawn landscape looks: one texture a class, in the plain's coordinates. */
import { blend, filter, scale } from './colour.ts';
import type { LandClass } from './land-classes.ts';
import type { Seen } from './land-seen.ts';
import type { Hit } from './land-shape.ts';
import { wayMiddle } from './land-shape.ts';
import type { Colour } from './moods.ts';
import { fractal, lattice, ridged, smoothstep, valueNoise } from './noise.ts';

/** A point of the plain: across and z of the plain, x and y of the picture. */
interface Spot {
  readonly across: number;
  readonly z: number;
  readonly x: number;
  readonly y: number;
  /** noise of a frequency at distance 1, which loses its finest octaves with the distance */
  readonly grain: (seed: number, frequency: number) => number;
}

type Texture = (seen: Seen, spot: Spot) => Colour;

export function paintGround(seen: Seen, name: LandClass, { u: across, v: z }: Hit, x: number, y: number): Colour {
  const octaves = Math.max(1, Math.round(5 - Math.log2(Math.max(1, z))));
  const grain = (seed: number, frequency: number) =>
    fractal(seen.scene.seed + seed, across * frequency, z * frequency * 1.6, octaves);
  const texture = TEXTURES[name] ?? TEXTURES.earth!;
  const colour = texture(seen, { across, z, x, y, grain });
  return scale(colour, shadowOf(seen, across, z));
}

/** What stands on the plain keeps light from it, on the side away from the light. */
function shadowOf({ scene, side }: Seen, across: number, z: number): number {
  let light = 1;
  for (const { kind, x, z: at, size } of scene.things) {
    if (kind === 'boat') continue;
    const reach = kind === 'broadleaf' || kind === 'conifer' ? 0.3 : 0.62;
    const off =
      ((across - x + side * reach * 0.7 * size) / (reach * 1.25 * size)) ** 2 + ((z - at) / (0.42 * size)) ** 2;
    if (off < 4) light *= 1 - 0.5 * Math.exp(-1.3 * off);
  }
  return light;
}

/** Upright blades that shorten with the distance. */
function blades({ scene }: Seen, { x, y, z }: Spot): number {
  const near = 1 / z;
  return 0.5 + near * 1.1 * (valueNoise(scene.seed + 60, x * 170, y * 34 * (0.4 + z * 0.6)) - 0.5);
}

function grass(seen: Seen, spot: Spot): Colour {
  const { mood } = seen;
  const tufts = 0.55 * spot.grain(61, 5) + 0.45 * blades(seen, spot);
  const broad = fractal(seen.scene.seed + 62, spot.across * 0.7, spot.z * 1.1, 3);
  return scale(blend(mood.meadow, mood.forest, 0.75 - 0.45 * tufts - 0.35 * broad), 0.62 + 0.72 * tufts);
}

const TEXTURES: Readonly<Partial<Record<LandClass, Texture>>> = {
  grass,
  field(seen, spot) {
    const { mood, light } = seen;
    const ripe = blend(mood.meadow, filter([0.86, 0.7, 0.32], light), 0.72);
    const rows = 0.5 + 0.5 * Math.sin(spot.across * 16 + 1.5 * fractal(seen.scene.seed + 63, spot.across, spot.z, 2));
    const strength = 0.3 * smoothstep(9, 2, spot.z);
    return scale(ripe, 0.72 + 0.34 * spot.grain(64, 7) + strength * (rows - 0.5) + 0.25 * (blades(seen, spot) - 0.5));
  },
  flowers(seen, spot) {
    const { light, scene } = seen;
    const ground = grass(seen, spot);
    const [cells, size] = [26, 0.42];
    const [column, row] = [spot.across * cells, Math.log(spot.z) * cells * 1.6];
    const [i, j] = [Math.floor(column), Math.floor(row)];
    const [dx, dy] = [column - i - 0.25 - 0.5 * lattice(scene.seed + 65, i, j), row - j - 0.5];
    const kind = lattice(scene.seed + 66, i, j);
    if (kind > 0.62 || Math.hypot(dx, dy) > size * (0.7 + 0.6 * kind)) return ground;
    const petals: Colour = kind < 0.36 ? [0.93, 0.32, 0.55] : kind < 0.5 ? [0.98, 0.85, 0.3] : [0.95, 0.92, 0.96];
    return blend(ground, scale(filter(petals, light), 1.05), 0.85 * smoothstep(14, 3, spot.z) + 0.1);
  },
  earth({ light }, { grain }) {
    const clods = 0.6 * grain(67, 6) + 0.4 * grain(68, 22);
    return scale(filter([0.5, 0.34, 0.22], light), 0.55 + 0.85 * clods);
  },
  path({ light }, { grain }) {
    return scale(filter([0.74, 0.58, 0.4], light), 0.72 + 0.5 * (0.5 * grain(69, 9) + 0.5 * grain(70, 30)));
  },
  road({ scene, light }, { across, z, grain }) {
    const tar = scale(filter([0.3, 0.3, 0.32], light), 0.85 + 0.3 * grain(71, 30));
    const way = scene.ways.find(({ kind }) => kind === 'road');
    if (!way) return tar;
    const off = Math.abs(across - wayMiddle(way, z)) / way.width;
    const dash = off < 0.07 && (z * 1.6) % 1 < 0.55;
    const edge = off > 0.82 && off < 0.9;
    return dash || edge ? blend(tar, filter([0.92, 0.9, 0.82], light), 0.8) : tar;
  },
  sand({ scene, light }, { across, z, grain }) {
    const dunes = fractal(scene.seed + 72, across * 1.2, z * 2, 3);
    const ripples = 0.5 + 0.5 * Math.sin(z * 34 + across * 9 + 14 * dunes);
    const strength = 0.09 * smoothstep(4, 1.4, z);
    return scale(
      filter([0.93, 0.82, 0.58], light),
      0.76 + 0.26 * dunes + 0.14 * grain(73, 14) + strength * (ripples - 0.5),
    );
  },
  snow({ scene, mood, side }, { across, z, grain }) {
    const drift = (at: number) => fractal(scene.seed + 74, at * 1.1, z * 1.7, 3);
    const slope = (drift(across + 0.08 * side) - drift(across)) / 0.08;
    const lit = 0.9 - 0.14 * slope + 0.08 * (grain(75, 16) - 0.5);
    return blend(scale(mood.snow, Math.min(1.05, lit)), mood.zenith, 0.12 + 0.12 * Math.max(0, slope));
  },
  rock({ scene, light, side }, { across, z, grain }) {
    const face = (at: number) => fractal(scene.seed + 76, at * 3.2, z * 5, 3);
    const slope = (face(across) - face(across + 0.07 * side)) / 0.07;
    const crack = smoothstep(0.8, 0.96, ridged(scene.seed + 77, across * 4, z * 6, 3));
    return scale(filter([0.52, 0.5, 0.48], light), 0.6 + 0.45 * grain(78, 9) - 0.13 * slope - 0.3 * crack);
  },
  ice({ scene, mood }, { across, z, grain }) {
    const crack = smoothstep(0.9, 0.98, ridged(scene.seed + 79, across * 2.4, z * 3.4, 3));
    const sheet = blend(blend(mood.water, mood.horizon, 0.45), mood.snow, 0.3 + 0.35 * grain(80, 4));
    return blend(sheet, mood.snow, 0.6 * crack);
  },
  reed(seen, spot) {
    const { mood, light } = seen;
    const stalks = valueNoise(seen.scene.seed + 81, spot.x * 150, spot.y * 16);
    const straw = blend(mood.meadow, filter([0.66, 0.58, 0.28], light), 0.6);
    return scale(blend(mood.forest, straw, 0.25 + 0.75 * stalks), 0.6 + 0.6 * stalks + 0.2 * (spot.grain(82, 8) - 0.5));
  },
  fence(seen, spot) {
    return scale(
      filter([0.5, 0.38, 0.27], seen.light),
      0.75 + 0.5 * valueNoise(seen.scene.seed + 83, spot.x * 60, spot.y * 200),
    );
  },
};
