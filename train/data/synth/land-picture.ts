/** Label maps and pictures of drawn scenes. */
import type { RandomKey } from '../../../engine/random.ts';
import type { Picture } from '../image/picture.ts';
import { paint } from './land-paint.ts';
import { drawScene, type LandScene } from './land-scene.ts';
import { seenIn } from './land-seen.ts';
import { canStand, lookAt } from './land-shape.ts';
import type { Mood } from './moods.ts';
import { lattice } from './noise.ts';

/** A place, with what can stand there. @param key  as of `drawScene` */
export function drawPlace(key: RandomKey): LandScene {
  const scene = drawScene(key);
  return { ...scene, things: scene.things.filter((thing) => canStand(scene, thing)) };
}

/** @returns [size, size] ids of {@link LAND_CLASSES}, each of what is at the middle of its pixel */
export function drawLandLabels(scene: LandScene, size: number): Uint8Array<ArrayBuffer> {
  const ids = new Uint8Array(size * size);
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++, at++) ids[at] = lookAt(scene, (x + 0.5) / size, (y + 0.5) / size).id;
  }
  return ids;
}

/** Offsets of the points that a pixel on a border is the mean of. */
const FINE = [0.25, 0.75];

/** Paints the scene that the labels are of; borders between classes are smoothed. */
export function drawLandPicture(scene: LandScene, mood: Mood, size: number): Picture {
  const ids = drawLandLabels(scene, size);
  const seen = seenIn(scene, mood);
  const rgb = new Uint8Array(3 * size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const offsets = isBorder(ids, size, x, y) ? FINE : [0.5];
      const sum = [0, 0, 0];
      for (const dy of offsets) {
        for (const dx of offsets) {
          const colour = paint(seen, (x + dx) / size, (y + dy) / size);
          for (let c = 0; c < 3; c++) sum[c] += Math.min(1, Math.max(0, colour[c]));
        }
      }
      const noise = (lattice(scene.seed + 99, x, y) - 0.5) * 0.02;
      for (let c = 0; c < 3; c++) {
        const value = sum[c] / offsets.length ** 2 + noise;
        rgb[3 * (y * size + x) + c] = Math.round(255 * Math.min(1, Math.max(0, value)));
      }
    }
  }
  return { width: size, height: size, bitDepth: 8, rgb };
}

function isBorder(ids: Uint8Array, size: number, x: number, y: number): boolean {
  const id = ids[y * size + x];
  const differs = (dx: number, dy: number) =>
    x + dx >= 0 && x + dx < size && y + dy >= 0 && y + dy < size && ids[(y + dy) * size + x + dx] !== id;
  return differs(1, 0) || differs(-1, 0) || differs(0, 1) || differs(0, -1);
}
