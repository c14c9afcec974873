/** What stands where in a drawn landscape: drawn from a seed, the same at every size. */
import { type RandomKey, randomUniforms, randomWords } from '../../../engine/random.ts';
import type { LandClass } from './land-classes.ts';
import { mix } from './noise.ts';

/** A thing that stands on the ground, in the ground's coordinates. */
export interface Thing {
  readonly kind: 'broadleaf' | 'conifer' | 'bush' | 'rock' | 'house' | 'boat';
  /** to the right of the middle */
  readonly x: number;
  /** how far away: 1 at the lower edge of the picture */
  readonly z: number;
  /** height, where the picture is 1 high at distance 1 */
  readonly size: number;
  readonly seed: number;
}

/** A band that runs into the distance: its middle at distance z is x + sway · sin(bend · z + phase). */
export interface Way {
  readonly kind: 'path' | 'road' | 'river';
  readonly x: number;
  readonly sway: number;
  readonly bend: number;
  readonly phase: number;
  readonly width: number;
}

/** Shares are of the picture's height, from the top. */
export interface LandScene {
  readonly seed: number;
  readonly horizon: number;
  readonly mountains: number;
  /** how far snow comes down from the crests; 0: none */
  readonly snow: number;
  readonly hills: number;
  readonly forest: number;
  readonly cloudCover: number;
  /** where the sun stands, if it is in the picture */
  readonly sun?: { readonly x: number; readonly y: number };
  readonly fog: number;
  /** a wall of rock at one side, with a waterfall or without */
  readonly cliff?: { readonly right: boolean; readonly width: number; readonly top: number; readonly fall: boolean };
  readonly ground: LandClass;
  readonly patches: { readonly kind: LandClass; readonly cover: number };
  readonly lake?: { readonly x: number; readonly z: number; readonly width: number; readonly depth: number };
  readonly frozen: boolean;
  readonly sea?: { readonly shore: number; readonly slope: number };
  readonly shore: LandClass;
  readonly ways: readonly Way[];
  /** distance of a fence across the picture */
  readonly fence?: number;
  readonly things: readonly Thing[];
}

type Draw = (low: number, high: number) => number;

/** The lie of one landscape. @param key  decides everything; `op` and the two numbers after it are used */
export function drawScene(key: RandomKey): LandScene {
  const uniforms = randomUniforms({ ...key, op: key.op + 1 }, 256);
  let taken = 0;
  const between: Draw = (low, high) => mix(low, high, uniforms[taken++]);
  const chance = (share: number) => between(0, 1) < share;
  const oneOf = <T>(...choices: readonly T[]): T => choices[Math.floor(between(0, choices.length))];

  const seed = randomWords(key, 1)[0] >>> 8;
  const horizon = between(0.34, 0.56);
  const water = oneOf('none', 'lake', 'lake', 'river', 'river', 'sea', 'sea', 'none');
  const isSea = water === 'sea';
  const wintry = chance(0.17);
  const ground: LandClass = isSea
    ? 'sand'
    : wintry
      ? 'snow'
      : oneOf<LandClass>('grass', 'grass', 'grass', 'field', 'earth');
  const patches: LandClass[] = isSea
    ? ['grass', 'rock', 'sand']
    : wintry
      ? ['grass', 'earth', 'snow']
      : ['flowers', 'flowers', 'earth', 'field', 'grass'];
  const way = (kind: Way['kind'], width: number): Way => ({
    ...{ kind, width, x: between(-0.35, 0.35), sway: between(0.1, 0.5), bend: between(0.25, 0.7) },
    phase: between(0, 6.28),
  });
  const ways: Way[] = [];
  if (water === 'river') ways.push(way('river', between(0.12, 0.26)));
  if (!isSea && water !== 'lake' && chance(0.5)) {
    const road = chance(0.4);
    ways.push(way(road ? 'road' : 'path', road ? between(0.14, 0.2) : between(0.05, 0.1)));
  }
  return {
    ...{ seed, horizon, ground, ways, frozen: wintry && chance(0.7) },
    mountains: chance(isSea ? 0.45 : 0.75) ? between(0.15, 0.36) : 0,
    snow: wintry ? between(0.06, 0.16) : chance(0.5) ? between(0.02, 0.08) : 0,
    hills: isSea ? (chance(0.4) ? between(0.02, 0.06) : 0) : chance(0.75) ? between(0.05, 0.15) : 0,
    forest: isSea ? 0 : chance(0.65) ? between(0.02, 0.06) : 0,
    cloudCover: between(0.15, 0.62),
    sun: chance(0.45) ? { x: between(0.12, 0.88), y: between(0.06, horizon * 0.6) } : undefined,
    fog: chance(0.25) ? between(0.04, 0.09) : 0,
    cliff: chance(0.22)
      ? { right: chance(0.5), width: between(0.18, 0.34), top: between(0.08, horizon * 0.6), fall: chance(0.65) }
      : undefined,
    patches: { kind: oneOf(...patches), cover: between(0.12, 0.5) },
    lake:
      water === 'lake'
        ? { x: between(-0.8, 0.8), z: between(0.6, 1.3), width: between(1, 2.6), depth: between(0.35, 0.75) }
        : undefined,
    sea: isSea ? { shore: between(0.35, 1), slope: between(-0.35, 0.35) } : undefined,
    shore: isSea || wintry ? (isSea ? 'sand' : 'snow') : oneOf<LandClass>('sand', 'reed', 'rock', 'reed'),
    fence: !isSea && chance(0.25) ? between(1.5, 2.6) : undefined,
    things: drawThings(between, chance, water !== 'none', isSea, wintry),
  };
}

function drawThings(
  between: Draw,
  chance: (share: number) => boolean,
  hasWater: boolean,
  isSea: boolean,
  wintry: boolean,
): Thing[] {
  const things: Thing[] = [];
  const place = (kind: Thing['kind'], size: number, near: number, far: number) => {
    const z = near * (far / near) ** between(0, 1);
    things.push({ kind, z, size, x: between(-0.52, 0.52) * z, seed: Math.floor(between(0, 65536)) });
  };
  const conifers = wintry || chance(0.4);
  const trees = chance(isSea ? 0.35 : 0.85) ? Math.floor(between(1, isSea ? 3 : 9)) : 0;
  for (let i = 0; i < trees; i++) {
    place(conifers === chance(0.85) ? 'conifer' : 'broadleaf', between(0.45, 0.95), 1.3, 7);
  }
  for (let i = Math.floor(between(0, isSea ? 2 : 6)); i > 0; i--) place('bush', between(0.09, 0.2), 1.1, 5);
  for (let i = Math.floor(between(0, 5)); i > 0; i--) place('rock', between(0.06, 0.2), 1.05, 5);
  if (chance(0.3)) place('house', between(0.4, 0.6), 2.2, 5);
  if (hasWater && chance(0.6)) for (let i = chance(0.3) ? 2 : 1; i > 0; i--) place('boat', between(0.22, 0.4), 1.8, 6);
  return things.sort((a, b) => a.z - b.z);
}
