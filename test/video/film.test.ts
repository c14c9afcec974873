import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Picture } from '../../train/data/image/picture.ts';
import type { FilmSink } from '../../train/data/video/film-sink.ts';
import { frameName, readFrames } from '../../train/data/video/frame-folder.ts';
import {
  differences,
  nextSegmentFrames,
  openWorkFolder,
  type WorkFolder,
  workFolderOf,
} from '../../train/data/video/work-folder.ts';
import { type FramePainter, paintFilm } from '../../train/infer/stylize-video.ts';
import { scratch } from './scratch.ts';

const frame = (value: number): Picture => ({
  width: 1,
  height: 1,
  bitDepth: 8,
  rgb: Uint8Array.of(value, value, value),
});

/** Adds up what it sees, so that a frame's result depends on all before it. */
function summing(memory: unknown): FramePainter {
  let sum = (memory as number | undefined) ?? 0;
  return {
    paint: async (picture) => {
      sum = (sum + picture.rgb[0]) % 251;
      return frame(sum);
    },
    memory: () => sum,
  };
}

/** Segments as files of one byte a frame; the result is all of them. */
function byteSink(work: WorkFolder, events: string[] = []): FilmSink & { result(): number[] } {
  let result: number[] = [];
  return {
    open(index) {
      const bytes: number[] = [];
      return {
        write: async ({ rgb }) => void bytes.push(rgb[0]),
        close: async () => writeFileSync(work.fileOf(index), Uint8Array.from(bytes)),
        abort: async () => void events.push(`abort ${index}`),
      };
    },
    async finish() {
      result = work.segments.flatMap(({ index }) => [...readFileSync(work.fileOf(index))]);
    },
    result: () => result,
  };
}

async function* clip(length: number, from: number, failAt = Number.POSITIVE_INFINITY) {
  for (let i = from; i < length; i++) {
    if (i === failAt) throw new Error('broken');
    yield frame(i + 1);
  }
}

const LENGTH = 23;
const INPUTS = { content: 'a', '--style': 'b' };

async function paint(output: string, changes: { failAt?: number; stopAfter?: number; segmentFrames?: number } = {}) {
  const { failAt, stopAfter = Number.POSITIVE_INFINITY, segmentFrames = 5 } = changes;
  const work = await openWorkFolder(output, INPUTS);
  const events: string[] = [];
  const sink = byteSink(work, events);
  let painted = 0;
  const outcome = await paintFilm({
    source: (from) => clip(LENGTH, from, failAt),
    sink,
    work,
    painter: summing,
    segmentFrames,
    stopRequested: () => painted >= stopAfter,
    onFrame: () => void painted++,
  }).catch((error: Error) => error.message);
  return { outcome, painted, events, work, result: sink.result() };
}

async function uninterrupted(): Promise<number[]> {
  const { result, outcome } = await paint(join(scratch(), 'out.mp4'));
  expect(outcome).toEqual({ frames: LENGTH, interrupted: false });
  expect(result).toHaveLength(LENGTH);
  return result;
}

describe('a film', () => {
  it('goes on after a failure with what its segments hold, to the same result', async () => {
    const expected = await uninterrupted();
    const output = join(scratch(), 'out.mp4');
    const first = await paint(output, { failAt: 13 });
    expect([first.outcome, first.painted, first.events]).toEqual(['broken', 13, ['abort 2']]);
    const second = await paint(output);
    expect(second.painted).toBe(LENGTH - 10);
    expect(second.result).toEqual(expected);
  });

  it('keeps every frame when it is asked to stop, and has its segments in place again afterwards', async () => {
    const expected = await uninterrupted();
    const output = join(scratch(), 'out.mp4');
    const first = await paint(output, { stopAfter: 7 });
    expect(first.outcome).toEqual({ frames: 7, interrupted: true });
    const second = await paint(output);
    expect(second.painted).toBe(LENGTH - 7);
    expect(second.work.segments.map(({ frames }) => frames)).toEqual([5, 2, 3, 5, 5, 3]);
    expect(second.result).toEqual(expected);
  });

  it('stopped at any frame gives the same', async () => {
    const expected = await uninterrupted();
    for (let stopAfter = 1; stopAfter < LENGTH; stopAfter += 3) {
      const output = join(scratch(), 'out.mp4');
      await paint(output, { stopAfter });
      expect((await paint(output)).result).toEqual(expected);
    }
  });

  it('whose segments are all finished is only joined', async () => {
    const output = join(scratch(), 'out.mp4');
    const { result } = await paint(output);
    const again = await paint(output);
    expect([again.painted, again.result]).toEqual([0, result]);
  });
});

describe('the work folder', () => {
  it('counts a segment only with its record and its whole file, and none behind a gap', async () => {
    const output = join(scratch(), 'out.mp4');
    const { work } = await paint(output);
    expect(work.segments).toHaveLength(5);
    truncateSync(work.fileOf(3), 2);
    expect((await openWorkFolder(output, INPUTS)).segments).toHaveLength(3);
    rmSync(work.fileOf(1).replace(/mp4$/, 'json'));
    expect((await openWorkFolder(output, INPUTS)).segments).toHaveLength(1);
    expect(readdirSync(work.path).sort()).toEqual(['plan.json', 'segment-000000.json', 'segment-000000.mp4']);
  });

  it('is not continued with other inputs, unless it is to be started anew', async () => {
    const output = join(scratch(), 'out.mp4');
    await paint(output, { stopAfter: 6 });
    const other = { ...INPUTS, '--style': 'c', '--alpha': '0.5' };
    await expect(openWorkFolder(output, other)).rejects.toThrow(/differs in: --alpha, --style/);
    expect((await openWorkFolder(output, INPUTS)).segments).toHaveLength(2);
    expect((await openWorkFolder(output, other, true)).segments).toHaveLength(0);
  });

  it('is taken for that of other inputs when its plan cannot be read', async () => {
    const output = join(scratch(), 'out.mp4');
    const { work } = await paint(output, { stopAfter: 6 });
    writeFileSync(join(work.path, 'plan.json'), '{"version":');
    await expect(openWorkFolder(output, INPUTS)).rejects.toThrow(/differs in: --style, content/);
  });

  it('that cannot be made is refused, with the reason', async () => {
    const file = join(scratch(), 'file');
    writeFileSync(file, '');
    await expect(openWorkFolder(join(file, 'out.mp4'), INPUTS)).rejects.toThrow(/a part of the path is a file/);
  });

  it('stands beside the output and goes in the end', async () => {
    const output = join(scratch(), 'frames');
    expect(workFolderOf(`${output}/`)).toBe(`${output}.part`);
    const work = await openWorkFolder(output, INPUTS);
    await work.remove();
    expect(existsSync(work.path)).toBe(false);
  });

  it('names what differs', () => {
    expect(differences({ a: '1', b: '2' }, { a: '1', c: '3' })).toEqual(['b', 'c']);
    expect([nextSegmentFrames(0, 5), nextSegmentFrames(7, 5), nextSegmentFrames(10, 5)]).toEqual([5, 3, 5]);
  });
});

describe('a folder of frames', () => {
  it('is read from the first frame that is missing, all of one size', async () => {
    const read = async (file: string) => ({ ...frame(Number(file)), ...(file === '4' ? { width: 2 } : {}) });
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { rgb } of readFrames(['1', '2', '3', '4'], read, { width: 1, height: 1 }, 1)) seen.push(rgb[0]);
    })();
    await expect(reading).rejects.toThrow(/^4: expected a frame of 1 x 1 as the first one, but it is 2 x 1/);
    expect(seen).toEqual([2, 3]);
  });

  it('keeps names where their kind can be written', () => {
    expect([frameName('in/0001.PNG'), frameName('in/b.c.bmp'), frameName('x.jpg')]).toEqual([
      '0001.PNG',
      'b.c.png',
      'x.jpg',
    ]);
  });
});
