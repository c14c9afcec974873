/** A drawn landscape in a light. */
import { blend, brightness, scale } from './colour.ts';
import type { LandScene } from './land-scene.ts';
import type { Colour, Mood } from './moods.ts';

/** A scene and the light that it is seen in. */
export interface Seen {
  readonly scene: LandScene;
  /** the scene without its fog */
  readonly clear: LandScene;
  readonly mood: Mood;
  /** what falls on things, where a grey stone gives back half of it */
  readonly light: Colour;
  /** the side that the light comes from: -1 left, 1 right; the sun's where it is in the picture */
  readonly side: number;
}

export function seenIn(scene: LandScene, mood: Mood): Seen {
  const bare = scale(mood.rock, 2.1);
  const grey = brightness(bare);
  // the rock of a desert is red by itself, not by its light alone
  const light = blend(bare, [grey, grey, grey], 0.4);
  const clear = { ...scene, fog: 0 };
  return { scene, clear, mood, light, side: (scene.sun?.x ?? 0) > 0.5 ? 1 : -1 };
}

/** The farther, the more of the horizon's colour. */
export function hazy(mood: Mood, colour: Colour, share: number): Colour {
  return blend(colour, mood.horizon, mood.haze * share);
}
