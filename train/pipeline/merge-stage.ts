/** Stage `merge`: the generated picture and the stylized one, mixed pixel by pixel. */
import { type Picture, to8Bit } from '../data/image/picture.ts';
import { readImage } from '../data/image/read.ts';
import { writeImage } from '../data/image/write.ts';
import type { Recipe } from './recipe.ts';
import { madeBy, type PictureStage } from './stage.ts';

type Options = NonNullable<Recipe['merge']>;

export function mergeStage({ alpha, format, quality }: Options): PictureStage {
  return {
    name: 'merge',
    version: 1,
    settings: { alpha, format, quality },
    description: `${alpha} of the stylized picture, ${1 - alpha} of the generated one`,
    extension: `.${format}`,
    reads: ['generate', 'stylize'],
    inputs: (item, earlier) => ({
      generated: madeBy('generate', item, earlier),
      stylized: madeBy('stylize', item, earlier),
    }),
    open: async () => ({
      async paint(_, { generated, stylized }, output) {
        const mixed = mix(to8Bit(await readImage(generated)), to8Bit(await readImage(stylized)), alpha);
        return writeImage(output, mixed, { overwrite: true, quality });
      },
      dispose() {},
    }),
  };
}

/**
 * a (1 - share) + b share, of two 8-bit pictures.
 *
 * @throws RangeError when their sizes differ
 */
export function mix(a: Picture, b: Picture, share: number): Picture {
  if (a.width !== b.width || a.height !== b.height) {
    throw new RangeError(`mix: expected one size, got ${a.width} x ${a.height} and ${b.width} x ${b.height}.`);
  }
  const rgb = Uint8Array.from(a.rgb, (value, i) => Math.round(value * (1 - share) + b.rgb[i] * share));
  return { width: a.width, height: a.height, bitDepth: 8, rgb };
}
