/** Pictures and weights that the tests of `miaobi stylize` make for themselves. */
import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll } from 'vitest';
import { CAP_VSTNET, parameterSpecs } from '../../models/cap-vstnet/config.ts';
import { damped, initialParameters } from '../../models/cap-vstnet/parameters.ts';
import { serialize } from '../../models/checkpoint/safetensors.ts';
import type { TensorMap } from '../../models/checkpoint/tensor-map.ts';
import { type Picture, peak } from '../../train/data/image/picture.ts';

/** An empty folder that goes when the test file ends. */
export function folderOfFile(): { path: string; at: (...names: string[]) => string } {
  const path = mkdtempSync(join(tmpdir(), 'miaobi-stylize-'));
  afterAll(() => rm(path, { recursive: true, force: true }));
  return { path, at: (...names) => join(path, ...names) };
}

export type Mood = 'noon' | 'dusk' | 'moss';

const MOODS: Record<Mood, { readonly base: readonly number[]; readonly reach: readonly number[] }> = {
  noon: { base: [0.5, 0.55, 0.6], reach: [0.35, 0.3, 0.3] },
  dusk: { base: [0.6, 0.35, 0.3], reach: [0.25, 0.2, 0.15] },
  moss: { base: [0.25, 0.45, 0.2], reach: [0.15, 0.3, 0.1] },
};

/** A picture with hills, ripples and grain, so that all its channels vary and none is a copy of another. */
export function scene(width: number, height: number, mood: Mood, bitDepth: 8 | 16 = 8): Picture {
  const { base, reach } = MOODS[mood];
  const max = peak(bitDepth);
  const rgb = bitDepth === 8 ? new Uint8Array(3 * width * height) : new Uint16Array(3 * width * height);
  let state = 12345;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++, at++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        const hill = Math.sin(0.21 * x + 0.13 * y + 1.7 * c) * 0.6 + Math.sin(0.47 * y - 0.31 * x * (c + 1)) * 0.25;
        rgb[at] = Math.round(max * (base[c] + reach[c] * (hill + 0.15 * (state / 2 ** 31 - 1))));
      }
    }
  }
  return { width, height, bitDepth, rgb };
}

/** A picture as sharp takes it, to be given a format. */
export function pixels({ width, height, bitDepth, rgb }: Picture): Sharp {
  const image = sharp(rgb, { raw: { width, height, channels: 3 } });
  return bitDepth === 16 ? image.toColourspace('rgb16') : image;
}

/** Writes a scene as PNG. */
export async function scenePng(path: string, width: number, height: number, mood: Mood): Promise<string> {
  await pixels(scene(width, height, mood))
    .png()
    .toFile(path);
  return path;
}

/** A colour mask whose columns are painted from left to right in equal stripes. */
export async function stripes(path: string, width: number, height: number, colours: readonly (readonly number[])[]) {
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    rgb.set(colours[Math.floor(((i % width) * colours.length) / width)], 3 * i);
  }
  await sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(path);
  return path;
}

/** The untrained weights of a seed as a checkpoint, which loads faster than they are drawn. */
export async function weightsFile(path: string, seed = 0): Promise<string> {
  const source = damped(CAP_VSTNET.photo, initialParameters(seed));
  const tensors: TensorMap = new Map();
  parameterSpecs(CAP_VSTNET.photo).forEach((spec, i) => {
    const values = Float32Array.from(source(spec, i));
    tensors.set(spec.key, { dtype: 'F32', shape: spec.shape, bytes: new Uint8Array(values.buffer) });
  });
  await writeFile(path, serialize(tensors, new Map([['mode', 'photo']])));
  return path;
}
