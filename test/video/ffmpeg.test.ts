/** The whole way through a real ffmpeg, with painters that need no GPU. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Picture } from '../../train/data/image/picture.ts';
import { writeImage } from '../../train/data/image/write.ts';
import { decodeArguments, type Encoding, uprightSize } from '../../train/data/video/arguments.ts';
import { chooseEncoder } from '../../train/data/video/container.ts';
import { videoSink } from '../../train/data/video/film-sink.ts';
import { writeRotation } from '../../train/data/video/mp4-rotation.ts';
import { decodeFrames } from '../../train/data/video/pipes.ts';
import { probeVideo, type VideoInfo } from '../../train/data/video/probe.ts';
import { findFfmpeg } from '../../train/data/video/tools.ts';
import { openWorkFolder } from '../../train/data/video/work-folder.ts';
import { paintFilm } from '../../train/infer/stylize-video.ts';
import { miaobi } from '../cli/spawn.ts';
import { scratch } from './scratch.ts';

const ffmpeg = await findFfmpeg().catch((error: Error) => {
  console.warn(`test/video/ffmpeg.test.ts: left out. ${error.message}`);
  return undefined;
});

const LENGTH = 11;
const SEGMENT = 6;
const BLACK: Picture = { width: 9, height: 9, bitDepth: 8, rgb: new Uint8Array(243) };
/** Different corners, so that a turn shows. */
const PICTURE = `nullsrc=s=96x64:r=24000/1001,geq=r='255*lt(X,48)':g='255*lt(Y,32)':b='mod(N*20,256)'`;

function run(...args: string[]): void {
  const { status, stderr } = spawnSync('ffmpeg', ['-v', 'error', '-y', ...args], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
}

function makeClip(path: string, ...more: string[]): void {
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${(LENGTH * 1001) / 24000}`];
  run('-f', 'lavfi', '-i', PICTURE, ...sound, ...['-frames:v', String(LENGTH), '-pix_fmt', 'yuv444p', ...more, path]);
}

async function* framesOf(info: VideoInfo, skip = 0): AsyncGenerator<Picture> {
  const size = uprightSize(info);
  const args = decodeArguments(info, { skip, size }, ffmpeg as NonNullable<typeof ffmpeg>);
  for await (const rgb of decodeFrames(info.path, args, 3 * size.width * size.height)) {
    yield { ...size, bitDepth: 8, rgb };
  }
}

async function repaint(info: VideoInfo, output: string, failAt = Number.POSITIVE_INFINITY): Promise<number> {
  const encoding: Encoding = {
    encoder: chooseEncoder(output, ffmpeg as NonNullable<typeof ffmpeg>),
    size: uprightSize(info),
    rate: info.timing.rate,
    varying: info.timing.times && { times: info.timing.times, ffmpeg: ffmpeg as NonNullable<typeof ffmpeg> },
    quality: 100,
    like: info,
    output,
  };
  const work = await openWorkFolder(output, { content: info.path });
  let painted = 0;
  await paintFilm({
    source: (from) => framesOf(info, from),
    sink: videoSink(work, encoding),
    work,
    painter: () => ({
      paint: async (frame) => {
        if (painted === failAt) throw new Error('killed');
        painted++;
        return frame;
      },
      memory: () => undefined,
    }),
    segmentFrames: SEGMENT,
  });
  return painted;
}

const pixels = (frames: readonly Picture[]) => frames.map(({ rgb }) => Buffer.from(rgb).toString('base64'));

async function all(path: string): Promise<Picture[]> {
  const frames: Picture[] = [];
  for await (const frame of framesOf(await probeVideo(path))) frames.push(frame);
  return frames;
}

/** Mean difference of two films in 8-bit steps. */
function distance(a: readonly Picture[], b: readonly Picture[]): number {
  let total = 0;
  let count = 0;
  a.forEach((frame, k) => {
    frame.rgb.forEach((value, i) => {
      total += Math.abs(value - b[k].rgb[i]);
      count++;
    });
  });
  return total / count;
}

describe.runIf(ffmpeg)('a film', () => {
  it('keeps its rate, frames, sound and rotation', async () => {
    const folder = scratch();
    for (const rotation of [-90, 90, 180]) {
      const clip = join(folder, `clip${rotation}.mp4`);
      makeClip(clip);
      await writeRotation(clip, rotation, 96, 64);
      const info = await probeVideo(clip);
      expect(info).toMatchObject({
        rotation,
        audio: ['aac'],
        timing: { frames: LENGTH, rate: { num: 24000, den: 1001 } },
      });
      const output = join(folder, `out${rotation}.mp4`);
      expect(await repaint(info, output)).toBe(LENGTH);
      const { path: _, colours: __, ...facts } = await probeVideo(output);
      expect(facts).toMatchObject({ width: 96, height: 64, rotation, audio: ['aac'], timing: info.timing });
      const [before, after] = [await all(clip), await all(output)];
      expect(after).toHaveLength(LENGTH);
      expect([after[0].width, after[0].height]).toEqual(Math.abs(rotation) === 90 ? [64, 96] : [96, 64]);
      expect(distance(before, after), `turned by ${rotation}`).toBeLessThan(6);
    }
  });

  it('is upright in a container that cannot say that it is turned', async () => {
    const folder = scratch();
    const clip = join(folder, 'clip.mp4');
    makeClip(clip);
    await writeRotation(clip, -90, 96, 64);
    const output = join(folder, 'out.mkv');
    await repaint(await probeVideo(clip), output);
    const info = await probeVideo(output);
    expect(info).toMatchObject({ width: 64, height: 96, rotation: 0, audio: ['aac'], timing: { frames: LENGTH } });
    expect(distance(await all(clip), await all(output))).toBeLessThan(6);
  });

  it('that was interrupted is finished to the same frames', async () => {
    const folder = scratch();
    const clip = join(folder, 'clip.mp4');
    makeClip(clip);
    const info = await probeVideo(clip);
    const [whole, resumed] = [join(folder, 'whole.mp4'), join(folder, 'resumed.mp4')];
    await repaint(info, whole);
    await expect(repaint(info, resumed, SEGMENT + 2)).rejects.toThrow('killed');
    expect(await repaint(info, resumed)).toBe(LENGTH - SEGMENT);
    expect(pixels(await all(resumed))).toEqual(pixels(await all(whole)));
  });

  it('starts at any frame with the very pixels that reading from the start gives', async () => {
    const clip = join(scratch(), 'clip.mp4');
    makeClip(clip, '-g', '100', '-bf', '3');
    const info = await probeVideo(clip);
    const whole = await all(clip);
    const tail: Picture[] = [];
    for await (const frame of framesOf(info, 5)) tail.push(frame);
    expect(pixels(tail)).toEqual(pixels(whole.slice(5)));
  });

  it.each([
    ['out.mp4', 16],
    ['out.mkv', 16],
    // the last segment has one frame
    ['out.mov', 13],
  ])('whose rate varies keeps the time of every frame: %s', async (name, frames) => {
    const folder = scratch();
    const clip = join(folder, 'varying.mkv');
    // two frames a second, then all
    const filter = `select='gte(n,48)+not(mod(n,12))'`;
    run('-f', 'lavfi', '-i', `${PICTURE},${filter}`, '-frames:v', String(frames), '-vsync', 'passthrough', clip);
    const info = await probeVideo(clip);
    const times = info.timing.times as readonly number[];
    expect(times).toHaveLength(frames);
    expect(times[1]).toBeCloseTo(12 / 24, 1);
    expect(times[frames - 1] - times[frames - 2]).toBeCloseTo(1 / 24, 2);
    const output = join(folder, name);
    await repaint(info, output);
    const { timing } = await probeVideo(output);
    expect(timing.times).toHaveLength(frames);
    // matroska's time stamps are milliseconds
    for (const [i, time] of times.entries()) expect(Math.abs((timing.times?.[i] ?? 0) - time)).toBeLessThan(2e-3);
    expect(distance(await all(clip), await all(output))).toBeLessThan(6);
  });

  it('whose sound the result cannot hold is refused before the work', async () => {
    const folder = scratch();
    const clip = join(folder, 'clip.mp4');
    makeClip(clip);
    await writeImage(join(folder, 'style.png'), BLACK);
    const planned = (output: string) => {
      const args = ['stylize', clip, '--style', join(folder, 'style.png'), '-o', join(folder, output), '--dry-run'];
      return miaobi([...args, '--device', 'null']);
    };
    const [webm, mkv] = await Promise.all([planned('out.webm'), planned('out.mkv')]);
    expect(webm).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/\(aac\), but .webm cannot/) });
    expect(mkv.code, mkv.stderr).toBe(0);
    expect(mkv.stdout).toMatch(/96 x 64, 11 frames at 23.976\/s, to .*out.mkv/);
  });

  it('that is none is refused', async () => {
    const folder = scratch();
    const sound = join(folder, 'sound.mp4');
    run('-f', 'lavfi', '-i', 'sine=duration=0.2', sound);
    await expect(probeVideo(sound)).rejects.toThrow(/no track of pictures \(it has: audio\)/);
    await expect(probeVideo(join(folder, 'none.mp4'))).rejects.toThrow(/there is no such file/);
  });
});

it('ends with 9 and the way to get ffmpeg where it is missing', async () => {
  const folder = scratch();
  const clip = join(folder, 'clip.mp4');
  writeFileSync(clip, 'x');
  await writeImage(join(folder, 'style.png'), BLACK);
  const args = ['stylize', clip, '--style', join(folder, 'style.png'), '-o', join(folder, 'out.mp4')];
  const { code, stdout, stderr } = await miaobi(args, { env: { PATH: folder } });
  expect([code, stdout]).toEqual([9, '']);
  expect(stderr).toMatch(/error: ff(mpeg|probe): expected this program for video.*\bffmpeg/);
});
