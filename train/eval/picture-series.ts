/** A film, a folder of frames or pictures: one picture after another, at most so large. */
import { basename } from 'node:path';
import { expandInputs } from '../data/image/expand.ts';
import { type Picture, resizePicture, toPlanar } from '../data/image/picture.ts';
import { readImage } from '../data/image/read.ts';
import { decodeArguments, uprightSize } from '../data/video/arguments.ts';
import { isVideoName } from '../data/video/container.ts';
import { decodeFrames } from '../data/video/pipes.ts';
import { probeVideo } from '../data/video/probe.ts';
import { findFfmpeg } from '../data/video/tools.ts';
import type { Planes } from './image-similarity.ts';

export interface Series {
  /** about; a film may hold fewer frames than it says */
  readonly length: number;
  readonly isFilm: boolean;
  readonly pictures: () => AsyncGenerator<{ readonly name: string; readonly planes: Planes }>;
}

/**
 * @param path     a film, a picture, a folder of pictures or a pattern
 * @param maxSize  larger sides are reduced to it
 * @throws RequestError, DataError when there is nothing to read; MissingToolError for a film without ffmpeg
 */
export async function openSeries(path: string, maxSize: number): Promise<Series> {
  if (!isVideoName(path)) {
    const files = await expandInputs([path]);
    return {
      length: files.length,
      isFilm: false,
      async *pictures() {
        for (const file of files) yield { name: basename(file), planes: await readPlanes(file, maxSize) };
      },
    };
  }
  const [ffmpeg, info] = [await findFfmpeg(), await probeVideo(path)];
  const size = sizeWithin(uprightSize(info), maxSize);
  return {
    length: info.timing.frames,
    isFilm: true,
    async *pictures() {
      const args = decodeArguments(info, { skip: 0, size }, ffmpeg);
      let frame = 0;
      for await (const rgb of decodeFrames(path, args, 3 * size.width * size.height)) {
        const picture: Picture = { ...size, bitDepth: 8, rgb };
        yield { name: `${basename(path)} ${frame++}`, planes: planesOf(picture) };
      }
    },
  };
}

/** One picture, reduced to `maxSize` where it is larger. @throws RequestError, DataError as `readImage` */
export async function readPlanes(file: string, maxSize: number): Promise<Planes> {
  return planesOf(reduced(await readImage(file), maxSize));
}

function sizeWithin({ width, height }: { width: number; height: number }, maxSize: number) {
  const scale = Math.min(1, maxSize / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

function reduced(picture: Picture, maxSize: number): Picture {
  const { width, height } = sizeWithin(picture, maxSize);
  return width === picture.width ? picture : resizePicture(picture, width, height, 'bicubic');
}

export const planesOf = (picture: Picture): Planes => ({
  planes: toPlanar(picture),
  width: picture.width,
  height: picture.height,
});
