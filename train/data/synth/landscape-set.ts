/**
 * `synth-data landscape`: label maps of 29 classes, the landscapes that they are maps of, and for each a photo of another
 * place in the same light.
 */
import { randomUniforms } from '../../../engine/random.ts';
import { encodeIds } from '../image/encode-ids.ts';
import { shellWord } from '../shell-word.ts';
import { encodePng } from './encode-png.ts';
import type { SynthFile, SynthKind, SynthRequest } from './kind.ts';
import { LAND_CLASSES } from './land-classes.ts';
import { drawLandLabels, drawLandPicture, drawPlace } from './land-picture.ts';
import { MOODS, type Mood, type MoodName } from './moods.ts';
import { mix } from './noise.ts';
import { variedMood } from './varied-landscape.ts';

/** Numbers of the random streams of places, of reference photos' places, and of lights. */
const [PLACE, PHOTO, LIGHT] = [0x5e710000, 0x5e720000, 0x5e730000];
/** Lights of a set: picture i is in light i mod this, and so is the reference photo of that number. */
const LIGHTS = 16;
/** How far red, green and blue of a light may be off those of its moods. */
const TINT = 0.06;

const number = (index: number) => String(index).padStart(5, '0');
const photo = (index: number) => `light-${String(index % LIGHTS).padStart(2, '0')}.png`;

export const landscapeSet: SynthKind = {
  sizes: [32, 2048],
  files(request) {
    const { count, size, seed } = request;
    const indices = Array.from({ length: count }, (_, index) => index);
    const scene = (index: number) => drawPlace({ seed, step: index, op: PLACE });
    const labels = indices.map(
      (index): SynthFile => ({
        path: `labels/${number(index)}.png`,
        encode: () => encodeIds(drawLandLabels(scene(index), size), size, size),
      }),
    );
    const images = indices.map(
      (index): SynthFile => ({
        path: `images/${number(index)}.png`,
        encode: async () => encodePng(drawLandPicture(scene(index), lightOf(seed, index), size)),
      }),
    );
    const references = indices.slice(0, LIGHTS).map(
      (index): SynthFile => ({
        path: `references/${photo(index)}`,
        encode: async () =>
          encodePng(drawLandPicture(drawPlace({ seed, step: index, op: PHOTO }), lightOf(seed, index), size)),
      }),
    );
    const named = Object.fromEntries(indices.map((index) => [`${number(index)}.png`, photo(index)]));
    const classes = LAND_CLASSES.map(([name, color], id) => ({ id, name, color }));
    return [
      ...labels,
      ...images,
      ...references,
      { path: 'label_to_img.json', encode: json(named) },
      { path: 'palette.json', encode: json({ classes }) },
    ];
  },
  next(out, { size }: SynthRequest) {
    const crop = Math.min(256, Math.floor(size / 32) * 32);
    const sizes = crop === 256 ? '--use-vae' : `--load-size ${Math.round((crop * 286) / 256)} --crop-size ${crop}`;
    const folder = (name: string) => shellWord(`${out}/${name}`);
    return (
      `miaobi train gaugan --label-dir ${folder('labels')} --image-dir ${folder('images')} ` +
      `--label-nc ${LAND_CLASSES.length} --no-instance ${sizes}`
    );
  },
};

function lightOf(seed: number, index: number): Mood {
  const light = index % LIGHTS;
  const uniforms = randomUniforms({ seed, step: light, op: LIGHT }, 32);
  let taken = 0;
  const names = Object.keys(MOODS) as MoodName[];
  // every mood has its turn, and leans towards one that chance chooses
  const family = [names[light % names.length], names[Math.floor(uniforms[31] * names.length)]];
  return variedMood([family[0], family[0], family[1]], TINT, (low, high) => mix(low, high, uniforms[taken++]));
}

const json = (value: unknown) => async () => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
