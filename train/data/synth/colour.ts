/** Arithmetic on colours in [0, 1]. */
import type { Colour } from './moods.ts';
import { mix } from './noise.ts';

export const blend = (a: Colour, b: Colour, t: number): Colour => [
  mix(a[0], b[0], t),
  mix(a[1], b[1], t),
  mix(a[2], b[2], t),
];

export const scale = (a: Colour, s: number): Colour => [a[0] * s, a[1] * s, a[2] * s];

/** Colour by colour: what a surface gives back of a light. */
export const filter = (a: Colour, b: Colour): Colour => [a[0] * b[0], a[1] * b[1], a[2] * b[2]];

export const brightness = ([r, g, b]: Colour): number => 0.3 * r + 0.59 * g + 0.11 * b;
