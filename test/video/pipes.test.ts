import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { cutFrames, decodeFrames, encodeFrames } from '../../train/data/video/pipes.ts';
import { outputOf } from '../../train/data/video/tools.ts';
import { MissingToolError } from '../../train/tools.ts';
import { fakeProgram } from './scratch.ts';

/** Programs of a test are scripts, which Windows does not start by their first line. */
const posix = describe.runIf(process.platform !== 'win32');

async function* chunks(...sizes: number[]) {
  let value = 0;
  for (const size of sizes) yield Uint8Array.from({ length: size }, () => value++ % 256);
}

describe('a stream of bytes', () => {
  it('is cut into frames wherever its chunks end, and a rest is dropped', async () => {
    const frames: number[][] = [];
    for await (const frame of cutFrames(chunks(1, 9, 2, 0, 4), 5)) frames.push([...frame]);
    expect(frames).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9],
      [10, 11, 12, 13, 14],
    ]);
  });

  it('gives frames that the next one does not overwrite', async () => {
    const frames: Uint8Array[] = [];
    for await (const frame of cutFrames(chunks(8), 4)) frames.push(frame);
    expect([...frames[0]]).toEqual([0, 1, 2, 3]);
  });
});

posix('a decoder', () => {
  const FRAME = 300_000;

  it('is not asked for more than the pipe holds', async () => {
    const folder = fakeProgram(
      'ffmpeg',
      `let written = 0; const next = () => process.stdout.write(Buffer.alloc(${FRAME}, written), () => {
         fs.writeFileSync(args[0], String(++written)); next(); }); next();`,
    );
    const count = join(folder, 'count');
    const seen: number[] = [];
    for await (const frame of decodeFrames('clip', [count], FRAME)) {
      seen.push(frame[0]);
      await sleep(100);
      if (seen.length === 4) break;
    }
    expect(seen).toEqual([0, 1, 2, 3]);
    const written = Number(readFileSync(count, 'utf8'));
    expect(written).toBeLessThanOrEqual(6);
    await sleep(300);
    expect(Number(readFileSync(count, 'utf8')), 'it ends with the iteration').toBe(written);
  });

  it('that fails half way gives its frames, then the reason', async () => {
    fakeProgram(
      'ffmpeg',
      `process.stdout.write(Buffer.alloc(10)); console.error('Invalid data found'); process.exitCode = 1;`,
    );
    let frames = 0;
    const reading = (async () => {
      for await (const _ of decodeFrames('clip.mp4', [], 5)) frames++;
    })();
    await expect(reading).rejects.toThrow(
      /clip.mp4: expected to decode it to its end, but ffmpeg ended with 1: Invalid data found/,
    );
    expect(frames).toBe(2);
  });
});

posix('an encoder', () => {
  it('gets all frames in their order', async () => {
    const folder = fakeProgram('ffmpeg', 'process.stdin.pipe(fs.createWriteStream(args[0]));');
    const writer = encodeFrames('out.mp4', [join(folder, 'film')]);
    for (let i = 0; i < 20; i++) await writer.write(new Uint8Array(100_000).fill(i));
    await writer.close();
    const film = readFileSync(join(folder, 'film'));
    expect(film.length).toBe(2_000_000);
    expect(Array.from({ length: 20 }, (_, i) => film[i * 100_000 + 99_999])).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    );
  });

  it('that is slow makes the writer wait', async () => {
    fakeProgram('ffmpeg', 'setTimeout(() => process.stdin.resume(), 1500);');
    const writer = encodeFrames('out.mp4', []);
    await writer.write(new Uint8Array(1000));
    let passed = false;
    const writing = writer.write(new Uint8Array(3_000_000)).then(() => {
      passed = true;
    });
    await sleep(500);
    expect(passed).toBe(false);
    await writing;
    await writer.close();
  });

  it('that gives up is reported with its last words, at the next frame or the end', async () => {
    fakeProgram('ffmpeg', `console.error('No space left on device'); process.exitCode = 28;`);
    const writer = encodeFrames('out.mp4', []);
    const writing = (async () => {
      for (let i = 0; i < 100; i++) await writer.write(new Uint8Array(1_000_000));
      await writer.close();
    })();
    await expect(writing).rejects.toThrow(
      /out.mp4: expected to write it, but ffmpeg ended with 28: No space left on device/,
    );
  });

  it('that is aborted ends at once', async () => {
    const folder = fakeProgram('ffmpeg', 'setTimeout(() => fs.writeFileSync(args[0], "late"), 600);');
    const writer = encodeFrames('out.mp4', [join(folder, 'late')]);
    await sleep(200);
    writer.abort();
    await sleep(700);
    expect(existsSync(join(folder, 'late'))).toBe(false);
  });
});

it('says how to get a program that is missing', async () => {
  const failure = outputOf('no-such-program-anywhere', []);
  await expect(failure).rejects.toThrow(MissingToolError);
  await expect(failure).rejects.toThrow(/not on the search path. Get it with: .*ffmpeg/);
});
