/** Small data sets of label maps that the tests make for themselves. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { type Mood, scenePng } from '../cli/pictures.ts';

/** Writes numbers as the grey values of an 8-bit PNG with one channel. */
export async function idsPng(path: string, width: number, height: number, idAt: (x: number, y: number) => number) {
  const ids = Uint8Array.from({ length: width * height }, (_, i) => idAt(i % width, Math.floor(i / width)));
  await sharp(ids, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toFile(path);
  return path;
}

/** Bands of classes that differ from pair to pair. */
export const bands = (pair: number, classes: number) => (x: number, y: number) =>
  (Math.floor(y / 5) + Math.floor(x / 9) * pair) % classes;

export interface LabelSet {
  readonly labels: string;
  readonly images: string;
  readonly instances: string;
}

/** Folders labels/, images/ and instances/ with pairs of the sizes, named 1, 2, …, 10, …  */
export async function labelSet(folder: string, sizes: readonly (readonly [number, number])[]): Promise<LabelSet> {
  const set = {
    labels: join(folder, 'labels'),
    images: join(folder, 'images'),
    instances: join(folder, 'instances'),
  };
  for (const path of Object.values(set)) mkdirSync(path, { recursive: true });
  const moods: Mood[] = ['noon', 'dusk', 'moss'];
  for (const [i, [width, height]] of sizes.entries()) {
    await idsPng(join(set.labels, `${i + 1}.png`), width, height, bands(i + 1, 6));
    await scenePng(join(set.images, `${i + 1}.png`), width, height, moods[i % 3]);
    await idsPng(
      join(set.instances, `${i + 1}.png`),
      width,
      height,
      (x, y) => 100 + Math.floor(x / 7) + 8 * Math.floor(y / 8),
    );
  }
  return set;
}
