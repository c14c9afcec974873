import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { drawSet } from '../../train/data/synth/draw-set.ts';
import { drawFilmFrame } from '../../train/data/synth/film.ts';
import { synthEntry } from '../../train/data/synth/kinds.ts';
import { probeVideo } from '../../train/data/video/probe.ts';
import { findFfmpeg } from '../../train/data/video/tools.ts';
import { blockMotion } from '../../train/eval/block-motion.ts';
import { planesOf } from '../../train/eval/picture-series.ts';
import { makeSmoother } from '../../train/infer/smooth.ts';
import { scratch } from './scratch.ts';

const [WIDTH, HEIGHT, FRAMES] = [96, 64, 24];
const frame = (i: number) => drawFilmFrame(WIDTH, HEIGHT, 3, i, FRAMES);

describe('a drawn film', () => {
  it('is a function of its seed, and goes from light to dusk', () => {
    expect(frame(5).rgb).toEqual(frame(5).rgb);
    expect(drawFilmFrame(WIDTH, HEIGHT, 4, 5, FRAMES).rgb).not.toEqual(frame(5).rgb);
    const blue = ({ rgb }: { rgb: ArrayLike<number> }) => rgb[2] - rgb[0];
    expect(blue(frame(0))).toBeGreaterThan(20);
    expect(blue(frame(FRAMES - 1))).toBeLessThan(0);
  });

  it('moves as a camera that turns to the right, without a cut', () => {
    const { dx, dy, found } = blockMotion(planesOf(frame(10)), planesOf(frame(11)));
    const moved = [...dx.keys()].filter((block) => found[block] && dx[block] === 2 && dy[block] === 0).length;
    expect(moved).toBeGreaterThan(dx.length / 2);
    const smoother = makeSmoother(0.5);
    for (let i = 0; i < FRAMES; i++) expect(smoother.see(frame(i))).toBe(false);
  });
});

const ffmpeg = await findFfmpeg().catch(() => undefined);

describe('the data set of a film', () => {
  it('has its frames, a style and, where ffmpeg is, the film', async () => {
    const out = scratch();
    const entry = synthEntry('video');
    const kind = await entry.load();
    const request = { count: 5, size: 48, seed: 2 };
    await drawSet(entry, out, request, { workers: 1 });
    expect(readdirSync(join(out, 'frames'))).toEqual(Array.from({ length: 5 }, (_, i) => `0000${i}.png`));
    const finished = await kind.finish?.(out, { overwrite: false });
    const clip = join(out, 'clip.mp4');
    expect(existsSync(clip)).toBe(ffmpeg !== undefined);
    expect(finished?.files).toEqual(ffmpeg ? [clip] : []);
    if (!ffmpeg) return;
    const facts = { width: 48, height: 32, audio: ['aac'], timing: { frames: 5, rate: { num: 30000, den: 1001 } } };
    expect(await probeVideo(clip)).toMatchObject(facts);
    expect(await kind.finish?.(out, { overwrite: false })).toMatchObject({
      files: [],
      notes: [expect.stringContaining('left as it is')],
    });
  });

  it('says how to get the film where ffmpeg is missing', async () => {
    const before = process.env.PATH;
    onTestFinished(() => {
      process.env.PATH = before;
    });
    process.env.PATH = scratch();
    const finished = await (await synthEntry('video').load()).finish?.(scratch(), { overwrite: false });
    expect(finished?.files).toEqual([]);
    expect(finished?.notes[0]).toMatch(/clip.mp4 was not made: ff(mpeg|probe): expected this program/);
  });
});
