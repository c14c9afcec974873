/** Which class a point of a drawn landscape belongs to: its label map, and what is needed to paint it. */
import { LAND, type LandClass } from './land-classes.ts';
import type { LandScene, Thing, Way } from './land-scene.ts';
import { thingAt } from './land-things.ts';
import { fractal, ridged, valueNoise } from './noise.ts';

/** What is seen at a point. */
export interface Hit {
  readonly id: number;
  /** 0 at the eye, 1 at the horizon and beyond */
  readonly distance: number;
  /** coordinates within what is seen, each class its own: down from a crest, across a thing, … */
  readonly u: number;
  readonly v: number;
  /** what stands there */
  readonly thing?: Thing;
}

const hit = (name: LandClass, distance: number, u = 0, v = 0): Hit => ({ id: LAND[name], distance, u, v });

/** Sees through the point x from the left, y from the top, both in [0, 1]. */
export function lookAt(scene: LandScene, x: number, y: number): Hit {
  return thingsAt(scene, x, y) ?? fenceAt(scene, x, y) ?? groundAt(scene, x, y) ?? backdropAt(scene, x, y);
}

/** The ground at a height of the picture: how far away it is, from 1. @returns undefined above the horizon */
export function distanceOf({ horizon }: LandScene, y: number): number | undefined {
  const d = (y - horizon) / (1 - horizon);
  return d <= 0 ? undefined : 1 / (0.95 * d + 0.05);
}

/** Where the ground at a distance is in the picture. */
export function heightOf({ horizon }: LandScene, z: number): number {
  return horizon + ((1 - horizon) * (1 / z - 0.05)) / 0.95;
}

const FARTHEST = 20;
const haze = (z: number) => Math.min(1, Math.log(z) / Math.log(FARTHEST));

/** Everything that does not stand on the plain: the far land and the sky. */
export function backdropAt(scene: LandScene, x: number, y: number): Hit {
  const { seed, horizon } = scene;
  const cliff = cliffAt(scene, x, y);
  if (cliff) return cliff;
  if (scene.forest > 0) {
    const top = horizon - scene.forest * (0.45 + 0.9 * fractal(seed + 3, x * 4, 0.5, 2) * crowns(seed, x));
    if (y > top) return hit('forest', 0.72, y - top);
  }
  if (scene.hills > 0) {
    const top = horizon + 0.02 - scene.hills * (0.25 + 1.1 * fractal(seed + 2, x * 2.2 + 7, 1.5, 4));
    if (y > top) return hit('hill', 0.8, y - top);
  }
  if (scene.fog > 0) {
    const thick = fractal(seed + 4, x * 4, y * 22, 4);
    const middle = horizon - scene.fog * (0.5 + 0.9 * valueNoise(seed + 5, x * 2, 3));
    const off = Math.abs(y - middle) / scene.fog;
    if (off < 1.5 * thick - 0.05) return hit('fog', 0.9, off, thick);
  }
  if (scene.mountains > 0) {
    const top = horizon - scene.mountains * ridged(seed + 1, x * 1.3 + 4, 1.5, 6) ** 1.7 - 0.015;
    if (y > top) {
      const line = scene.snow * (0.35 + 1.5 * fractal(seed + 6, x * 9, y * 9, 4)) - 0.02;
      return hit(y - top < line ? 'snow' : 'mountain', 0.9, y - top, 1);
    }
  }
  return y > horizon ? hit('hill', 0.95, y - horizon) : skyAt(scene, x, y);
}

/** Bumps of tree tops against the sky. */
const crowns = (seed: number, x: number) =>
  0.55 + 0.45 * Math.abs(Math.sin(x * 90 + 5 * valueNoise(seed + 9, x * 14, 0)));

function skyAt({ seed, horizon, cloudCover, sun }: LandScene, x: number, y: number): Hit {
  const density = cloudDensity(seed, horizon, x, y);
  const threshold = 0.78 - 0.42 * cloudCover;
  if (density > threshold) return hit('cloud', 1, density - threshold, y / horizon);
  if (sun && Math.hypot(x - sun.x, y - sun.y) < 0.036) return hit('sun', 1);
  return hit('sky', 1, y / horizon);
}

/** Clouds are flatter and smaller towards the horizon. */
export function cloudDensity(seed: number, horizon: number, x: number, y: number): number {
  const flat = 1 / (0.3 + 0.9 * (1 - Math.min(1, y / horizon)));
  return fractal(seed + 7, x * 2.6 * flat ** 0.6, y * 7 * flat, 5);
}

function cliffAt({ seed, horizon, cliff }: LandScene, x: number, y: number): Hit | undefined {
  if (!cliff) return undefined;
  const inwards = cliff.right ? 1 - x : x;
  const foot = horizon + 0.03 + 0.02 * fractal(seed + 31, x * 6, 2, 3);
  if (y > foot) return undefined;
  const edge = cliff.width * (1 + 0.25 * (fractal(seed + 30, y * 7, 1, 4) - 0.5)) - 0.16 * (foot - y);
  const top =
    cliff.top + 0.1 * (fractal(seed + 32, x * 8, 4, 4) - 0.5) + 0.25 * Math.max(0, inwards - 0.6 * cliff.width);
  if (inwards > edge || y < top) return undefined;
  const [middle, half] = [0.52 * cliff.width, 0.028 + 0.03 * ((y - top) / (foot - top))];
  const across = (inwards - middle + 0.012 * Math.sin(y * 25)) / half;
  if (cliff.fall && Math.abs(across) < 1) return hit('waterfall', 0.6, y - top, across);
  return hit('cliff', 0.6, y - top, inwards);
}

/** @returns undefined above the horizon, and where something of the backdrop stands before it */
function groundAt(scene: LandScene, x: number, y: number): Hit | undefined {
  const z = distanceOf(scene, y);
  if (z === undefined || cliffAt(scene, x, y)) return undefined;
  const across = (x - 0.5) * z;
  return { ...hit(groundClass(scene, across, z), haze(z)), u: across, v: z };
}

/** The class of the plain at a point of it. */
export function groundClass(scene: LandScene, across: number, z: number): LandClass {
  const { seed, ground, patches, shore, lake, sea, frozen } = scene;
  const far = Math.log(z);
  const wobble = fractal(seed + 10, across * 0.9, far * 2.4, 4) - 0.5;
  for (const way of scene.ways) {
    const off = Math.abs(across - wayMiddle(way, z)) / (way.width * (1 + 0.5 * wobble));
    if (off < 1) return way.kind === 'river' && frozen ? 'ice' : way.kind;
    if (way.kind === 'river' && off < 1.35) return shore;
  }
  if (lake) {
    const reach =
      ((across - lake.x * z * 0.4) / (lake.width * 0.75)) ** 2 + ((far - lake.z) / lake.depth) ** 2 + wobble;
    if (reach < 1) return frozen ? 'ice' : 'lake';
    if (reach < 1.28) return shore;
  }
  if (sea) {
    const beyond = far - sea.shore - sea.slope * (across / z) * 2 - 0.25 * wobble;
    if (beyond > 0) return 'sea';
    if (beyond > -0.18) return shore;
  }
  return fractal(seed + 11, across * 0.8, far * 3, 4) > 0.72 - 0.36 * patches.cover ? patches.kind : ground;
}

export const wayMiddle = ({ x, sway, bend, phase }: Way, z: number): number =>
  x + sway * (Math.sin(bend * z + phase) - Math.sin(bend + phase) * 0.5);

const WATER: readonly LandClass[] = ['lake', 'river', 'sea'];
const NO_PLACE: readonly LandClass[] = [...WATER, 'ice', 'road', 'path'];

/** Whether a thing can be where it was put: boats on water, everything else on land and beside the ways. */
export function canStand(scene: LandScene, { kind, x, z }: Thing): boolean {
  const under = groundClass(scene, x, z);
  return kind === 'boat' ? WATER.includes(under) : !NO_PLACE.includes(under);
}

function thingsAt(scene: LandScene, x: number, y: number): Hit | undefined {
  for (const thing of scene.things) {
    const part = thingAt(thing, heightOf(scene, thing.z), x, y);
    if (part) return { ...hit(part.name, haze(thing.z), part.u, part.v), thing };
  }
  return undefined;
}

/** Posts and two rails; they end at water and ways. */
function fenceAt(scene: LandScene, x: number, y: number): Hit | undefined {
  const z = scene.fence;
  if (z === undefined) return undefined;
  const scale = 1 / z;
  const base = heightOf(scene, z) + 0.02 * scale * Math.sin(x * 9);
  const up = (base - y) / scale;
  if (up < 0 || up > 0.13) return undefined;
  const post = Math.abs(((((x * z * 4.5) % 1) + 1) % 1) - 0.5) < 0.07;
  const rail = Math.abs(up - 0.055) < 0.014 || Math.abs(up - 0.1) < 0.014;
  if (!post && !rail) return undefined;
  if (NO_PLACE.includes(groundClass(scene, (x - 0.5) * z, z))) return undefined;
  return hit('fence', haze(z), up / 0.13, x * z);
}
