/** Where painted frames go: into segments of a film, or into a folder of pictures. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DataError } from '../../errors.ts';
import { type Picture, to8Bit } from '../image/picture.ts';
import { writeImage } from '../image/write.ts';
import { type Encoding, encodeArguments, joinArguments, segmentList, turnsBack } from './arguments.ts';
import { writeRotation } from './mp4-rotation.ts';
import { encodeFrames } from './pipes.ts';
import { probeVideo } from './probe.ts';
import { timeOf } from './timing.ts';
import { outputOf } from './tools.ts';
import type { WorkFolder } from './work-folder.ts';

/** Takes the frames of one segment. */
export interface SegmentWriter {
  write(frame: Picture): Promise<void>;
  /** The segment is whole. */
  close(): Promise<void>;
  abort(): Promise<void>;
}

export interface FilmSink {
  /** @param first  frames before this segment */
  open(index: number, first: number): SegmentWriter;
  /** Makes the result of all segments. @throws DataError when it has not as many frames as were painted */
  finish(): Promise<void>;
}

/** Segments encoded by ffmpeg, joined in the end without being encoded again. */
export function videoSink(work: WorkFolder, encoding: Encoding): FilmSink {
  return {
    open(index, first) {
      const file = work.fileOf(index);
      // an encoder that outlives a killed run may still write under its own name
      const temporary = join(work.path, `.${process.pid}-${basename(file)}`);
      const pipe = encodeFrames(encoding.output, encodeArguments(encoding, temporary, first));
      return {
        write: (frame) => pipe.write(to8Bit(frame).rgb as Uint8Array),
        async close() {
          await pipe.close();
          await rename(temporary, file);
        },
        async abort() {
          pipe.abort();
          await rm(temporary, { force: true });
        },
      };
    },
    async finish() {
      const { segments } = work;
      const names = segments.map(({ index }) => basename(work.fileOf(index)));
      const list = join(work.path, 'list.ffconcat');
      const at = (frame: number) => timeOf({ rate: encoding.rate, times: encoding.varying?.times }, frame);
      const text = segmentList(
        names,
        segments.map(({ first, frames }) => at(first + frames) - at(first)),
      );
      await writeFile(list, text);
      const joined = join(work.path, `joined-${basename(encoding.output)}`);
      await outputOf('ffmpeg', joinArguments(encoding, list, joined));
      const painted = segments.reduce((sum, { frames }) => sum + frames, 0);
      const { timing } = await probeVideo(joined);
      if (timing.frames !== painted) {
        throw new DataError(
          `${encoding.output}: expected ${painted} frames after joining the segments, but ${timing.frames} came. ` +
            `The segments are kept in ${work.path}; try another version of ffmpeg.`,
        );
      }
      const back = turnsBack(encoding);
      if (back !== 0 && encoding.like) await writeRotation(joined, back, encoding.like.width, encoding.like.height);
      await rename(joined, encoding.output);
    },
  };
}

/**
 * Pictures in a folder.
 *
 * @param nameOf  the file name of a frame by its number from 0
 */
export function folderSink(folder: string, nameOf: (frame: number) => string, quality: number): FilmSink {
  return {
    open(_, first) {
      let at = first;
      return {
        async write(frame) {
          await writeImage(join(folder, nameOf(at++)), frame, { overwrite: true, quality });
        },
        close: async () => {},
        abort: async () => {},
      };
    },
    finish: async () => void (await mkdir(folder, { recursive: true })),
  };
}
