/** `synth-data video`: the frames of a drawn film, a style for it, and with ffmpeg the film itself, with a tone. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MissingToolError } from '../../tools.ts';
import { clipArguments } from '../video/arguments.ts';
import { chooseEncoder } from '../video/container.ts';
import { findFfmpeg, outputOf } from '../video/tools.ts';
import { encodePng } from './encode-png.ts';
import { drawFilmFrame } from './film.ts';
import type { SynthFile, SynthKind, SynthRequest } from './kind.ts';
import { drawLandscape } from './landscape.ts';

/** 3 to 2, of even sides. */
const heightOf = (width: number): number => 2 * Math.round(width / 3);

const CLIP = 'clip.mp4';

export const videoSet: SynthKind = {
  sizes: [32, 4096],
  files({ count, size, seed }) {
    const width = 2 * Math.round(size / 2);
    const height = heightOf(width);
    const frames = Array.from(
      { length: count },
      (_, frame): SynthFile => ({
        path: `frames/${String(frame).padStart(5, '0')}.png`,
        encode: async () => encodePng(drawFilmFrame(width, height, seed, frame, count)),
      }),
    );
    const style = async () => encodePng(drawLandscape(width, height, seed + 1, 'autumn'));
    return [...frames, { path: 'style.png', encode: style }];
  },
  async finish(out, { overwrite }) {
    const path = join(out, CLIP);
    if (!overwrite && (await stat(path).catch(() => undefined)))
      return { files: [], notes: [`${path}: left as it is`] };
    try {
      const ffmpeg = await findFfmpeg();
      await outputOf('ffmpeg', clipArguments(join(out, 'frames', '%05d.png'), path, chooseEncoder(path, ffmpeg)));
      return { files: [path], notes: [] };
    } catch (error) {
      if (!(error instanceof MissingToolError)) throw error;
      return { files: [], notes: [`${path} was not made: ${error.message}`] };
    }
  },
  next(out: string, _: SynthRequest) {
    return `miaobi stylize ${out}/${CLIP} --style ${out}/style.png -o painted.mp4   (or: ${out}/frames --frames -o painted/)`;
  },
};
