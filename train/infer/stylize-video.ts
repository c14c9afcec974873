/**
 * Films: frame after frame through the same painter, in segments that are kept when a run is interrupted. At any time
 * one frame is in memory, and what the pipes hold.
 */
import type { CapVstnet } from '../../models/cap-vstnet/latent.ts';
import { stylizer } from '../../models/cap-vstnet/stylize.ts';
import { fromPlanar, type Picture, toPlanar } from '../data/image/picture.ts';
import type { FilmSink, SegmentWriter } from '../data/video/film-sink.ts';
import { nextSegmentFrames, type WorkFolder } from '../data/video/work-folder.ts';
import { makeSmoother, type SmoothingState } from './smooth.ts';
import type { LoadedStyle, StylizePictureOptions } from './stylize-picture.ts';

/** Paints the frames of one film in their order. */
export interface FramePainter {
  paint(frame: Picture): Promise<Picture>;
  /** What it remembers of earlier frames: plain data. */
  memory(): unknown;
}

export interface FramePainterOptions extends StylizePictureOptions {
  /** share of the earlier frames in the statistics, 0 to 1; see smooth.ts */
  readonly smooth?: number;
  /** `memory()` of the painter that this one takes over from */
  readonly from?: unknown;
  /** hears of scene changes that smoothing has found */
  readonly onCut?: () => void;
}

/**
 * A painter of frames: the styles are encoded once, with the first frame.
 *
 * @throws NonFiniteError (paint) when the weights do not fit the mode and the result is no picture
 */
export function framePainter(
  net: CapVstnet,
  styles: readonly Pick<LoadedStyle, 'picture' | 'weight'>[],
  options: FramePainterOptions = {},
): FramePainter {
  const { alphaContent, tile, compat, smooth = 0, from, onCut } = options;
  const paint = stylizer(net, styles, tile);
  const smoother = smooth > 0 ? makeSmoother(smooth, from as SmoothingState | undefined) : undefined;
  return {
    async paint(frame) {
      const { width, height, bitDepth, alpha } = frame;
      if (smoother?.see(frame)) onCut?.();
      const picture = { planar: toPlanar(frame), width, height };
      const planar = await paint(picture, { alphaContent, contentStatistics: smoother?.smooth });
      return fromPlanar(planar, width, height, { bitDepth, alpha, truncate: compat });
    },
    memory: () => smoother?.state(),
  };
}

export interface FilmJob {
  /** The frames from number `from` on. */
  readonly source: (from: number) => AsyncIterable<Picture>;
  readonly sink: FilmSink;
  readonly work: WorkFolder;
  /** Makes the painter. @param memory  what the last finished segment left */
  readonly painter: (memory: unknown) => FramePainter;
  readonly segmentFrames: number;
  /** asked after each frame: once it says so, the segment is closed with the frames that it has */
  readonly stopRequested?: () => boolean;
  readonly onFrame?: () => void;
}

export interface FilmResult {
  /** painted in all, earlier runs included */
  readonly frames: number;
  /** stopped before the end; the same job goes on from here */
  readonly interrupted: boolean;
}

/**
 * Paints a film, or the rest of it.
 *
 * @throws what the source, the painter or the sink throw; finished segments stay
 */
export async function paintFilm(job: FilmJob): Promise<FilmResult> {
  const { source, sink, work, stopRequested = () => false, onFrame } = job;
  let first = work.segments.reduce((sum, { frames }) => sum + frames, 0);
  const painter = job.painter(work.segments.at(-1)?.memory);
  let writer: SegmentWriter | undefined;
  let frames = 0;
  const finishSegment = async () => {
    if (!writer) return;
    await writer.close();
    writer = undefined;
    await work.record({ index: work.segments.length, first, frames, memory: painter.memory() });
    first += frames;
    frames = 0;
  };
  try {
    for await (const frame of source(first)) {
      const painted = await painter.paint(frame);
      writer ??= sink.open(work.segments.length, first);
      await writer.write(painted);
      frames++;
      onFrame?.();
      const stopped = stopRequested();
      if (stopped || frames === nextSegmentFrames(first, job.segmentFrames)) await finishSegment();
      if (stopped) return { frames: first, interrupted: true };
    }
    await finishSegment();
  } finally {
    await writer?.abort();
  }
  await sink.finish();
  return { frames: first, interrupted: false };
}
