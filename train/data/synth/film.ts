/** A drawn film: the camera pans over a landscape while the sun moves across the sky and sinks. */
import type { Picture } from '../image/picture.ts';
import { drawLandscape } from './landscape.ts';
import { type Colour, MOODS, type Mood } from './moods.ts';
import { mix } from './noise.ts';

/** How much wider the landscape is than the picture. */
const PANORAMA = 1.5;

/**
 * Draws one frame.
 *
 * @param frame   from 0 to `frames` - 1
 * @param frames  of the whole film, which goes from noon to dusk
 */
export function drawFilmFrame(width: number, height: number, seed: number, frame: number, frames: number): Picture {
  const t = frames > 1 ? frame / (frames - 1) : 0;
  const wide = Math.round(PANORAMA * width);
  const left = Math.round(t * (wide - width));
  return cropColumns(drawLandscape(wide, height, seed, lightAt(t)), left, width);
}

/** Noon at 0, dusk at 1; the sun goes from right to left. */
function lightAt(t: number): Mood {
  const { noon, dusk } = MOODS;
  const colours = (key: 'zenith' | 'horizon' | 'sun' | 'cloud' | 'rock' | 'snow' | 'forest' | 'meadow' | 'water') =>
    noon[key].map((value, c) => mix(value, dusk[key][c], t)) as unknown as Colour;
  return {
    zenith: colours('zenith'),
    horizon: colours('horizon'),
    sun: colours('sun'),
    cloud: colours('cloud'),
    rock: colours('rock'),
    snow: colours('snow'),
    forest: colours('forest'),
    meadow: colours('meadow'),
    water: colours('water'),
    sunHeight: mix(noon.sunHeight, dusk.sunHeight, t),
    sunX: mix(noon.sunX, dusk.sunX, t),
    cloudCover: mix(noon.cloudCover, dusk.cloudCover, t),
    haze: mix(noon.haze, dusk.haze, t),
  };
}

function cropColumns({ width, height, rgb }: Picture, left: number, columns: number): Picture {
  const out = new Uint8Array(3 * columns * height);
  for (let y = 0; y < height; y++) {
    const from = 3 * (y * width + left);
    out.set(rgb.subarray(from, from + 3 * columns), 3 * y * columns);
  }
  return { width: columns, height, bitDepth: 8, rgb: out };
}
