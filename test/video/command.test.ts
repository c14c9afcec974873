/** `miaobi stylize` and `miaobi eval style` on frames in a folder, which need no ffmpeg; killed for real. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeImage } from '../../train/data/image/write.ts';
import { drawFilmFrame } from '../../train/data/synth/film.ts';
import { miaobi } from '../cli/spawn.ts';
import { scratch } from './scratch.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const LENGTH = 6;
const device = process.env.MIAOBI_DEVICE ? ['--device', process.env.MIAOBI_DEVICE] : [];

async function drawFrames(folder: string): Promise<{ frames: string; style: string }> {
  const frames = join(folder, 'frames');
  for (let i = 0; i < LENGTH; i++) await writeImage(join(frames, `f${i}.png`), drawFilmFrame(24, 16, 5, i, LENGTH));
  const style = join(folder, 'style.png');
  await writeImage(style, drawFilmFrame(24, 16, 9, 3, 4));
  return { frames, style };
}

const bytesOf = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name)).toString('base64')]));

describe('a folder of frames', () => {
  let whole: Record<string, string>;
  const folder: { frames: string; style: string; args: (out: string) => string[] } = {
    frames: '',
    style: '',
    args: () => [],
  };

  beforeAll(async () => {
    const place = mkdtempSync(join(tmpdir(), 'miaobi-video-'));
    Object.assign(folder, await drawFrames(place));
    folder.args = (out) => {
      const kind = ['--frames', '--smooth', '0.7', '--segment', '2'];
      return ['stylize', folder.frames, '--style', folder.style, ...kind, '-o', out, ...device];
    };
    const out = join(place, 'painted');
    const { code, stdout, stderr } = await miaobi(folder.args(out));
    expect([code, stdout], stderr).toEqual([0, `${out}\n`]);
    expect(existsSync(`${out}.part`)).toBe(false);
    whole = bytesOf(out);
    return () => rmSync(place, { recursive: true, force: true });
  });

  it('becomes a folder of frames of the same names', () => {
    expect(Object.keys(whole)).toEqual(Array.from({ length: LENGTH }, (_, i) => `f${i}.png`));
    expect(new Set(Object.values(whole)).size).toBe(LENGTH);
  });

  it('that was killed is finished to the same bytes', async () => {
    const out = join(scratch(), 'painted');
    const args = ['--import', import.meta.resolve('tsx'), `${root}cli/main.ts`, ...folder.args(out)];
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('close', (_, signal) => resolve(signal)));
    while (!existsSync(join(`${out}.part`, 'segment-000000.json')) && child.exitCode === null) await sleep(20);
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    const { code, stderr } = await miaobi(folder.args(out));
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/going on after [24] of 6 frames/);
    expect(bytesOf(out)).toEqual(whole);
  });

  it('that was interrupted ends with 130 after the frame in hand, and is finished to the same bytes', async () => {
    const out = join(scratch(), 'painted');
    const args = ['--import', import.meta.resolve('tsx'), `${root}cli/main.ts`, ...folder.args(out)];
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('close', resolve));
    while (!existsSync(join(out, 'f0.png')) && child.exitCode === null) await sleep(5);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    const { code, stderr } = await miaobi(folder.args(out));
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/going on after [1-5] of 6 frames/);
    expect(bytesOf(out)).toEqual(whole);
  });

  it('is measured against its style and its content', async () => {
    const args = ['eval', 'style', folder.frames, folder.style, '--content', folder.frames, '--frames', '--json'];
    const { code, stdout, stderr } = await miaobi([...args, '--limit', '2', ...device]);
    expect(code, stderr).toBe(0);
    const { mean, results } = JSON.parse(stdout);
    expect(results.map(({ name }: { name: string }) => name)).toEqual(['f0.png', 'f1.png']);
    expect(mean.ssim).toBeCloseTo(1, 9);
    expect(mean.flicker).toBe(mean.contentFlicker);
    expect(mean.gram).toBeGreaterThan(0);
  });

  it('is refused where its flags make no sense', async () => {
    const refused = async (args: readonly string[], reason: RegExp) => {
      const { code, stdout, stderr } = await miaobi(args);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(reason);
    };
    const { frames, style } = folder;
    const stylize = ['stylize', frames, '--style', style];
    await Promise.all([
      refused([...stylize, '--smooth', '0.5'], /--smooth: expected a film, but pictures came/),
      refused([...stylize, '--frames', '-o', frames], /expected another folder than that of the content/),
      refused([...stylize, '--frames', '-o', `${frames}/..`], /expected an empty folder for the frames/),
      refused([...stylize, '--frames', '--fps', '25'], /--fps: expected -o FILE.mp4/),
      refused([...stylize, '--frames', '--content-seg', style], /whose regions move/),
      refused(['eval', 'style', frames, style, '--content', style], /expected 6 pictures, one for each result/),
    ]);
  });
});
