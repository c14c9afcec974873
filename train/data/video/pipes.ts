/**
 * Raw frames through pipes. Both ends wait for each other: ffmpeg decodes no further than the pipe holds, and a frame is
 * only written when the encoder has room, so memory does not grow with the length of a film.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { DataError } from '../../errors.ts';
import { ended, lastWords } from './tools.ts';

/** Children stand in a group of their own, so that Ctrl-C reaches this process alone, which ends them in order. */
const OWN_GROUP = { detached: process.platform !== 'win32', windowsHide: true } as const;

/** Cuts a stream of bytes into frames. A rest that is no whole frame is dropped. */
export async function* cutFrames(stream: AsyncIterable<Uint8Array>, frameBytes: number): AsyncGenerator<Uint8Array> {
  let frame = new Uint8Array(frameBytes);
  let filled = 0;
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length; ) {
      const take = Math.min(frameBytes - filled, chunk.length - at);
      frame.set(chunk.subarray(at, at + take), filled);
      filled += take;
      at += take;
      if (filled < frameBytes) continue;
      yield frame;
      frame = new Uint8Array(frameBytes);
      filled = 0;
    }
  }
}

/**
 * The frames that ffmpeg writes to stdout. Ending the iteration early ends ffmpeg.
 *
 * @param what  is being decoded, for messages
 * @throws MissingToolError when ffmpeg is not there
 * @throws DataError when ffmpeg fails before the end of the film
 */
export async function* decodeFrames(
  what: string,
  args: readonly string[],
  frameBytes: number,
): AsyncGenerator<Uint8Array> {
  const child = spawn('ffmpeg', args, { ...OWN_GROUP, stdio: ['ignore', 'pipe', 'pipe'] });
  const errors = collectErrors(child.stderr);
  const end = ended('ffmpeg', child);
  end.catch(() => {}); // awaited below, or of no interest
  try {
    yield* cutFrames(child.stdout, frameBytes);
    const code = await end;
    if (code === 0) return;
    throw new DataError(
      `${what}: expected to decode it to its end, but ffmpeg ended with ${code}: ${lastWords(errors())}. ` +
        'Copy or export the film again; what is painted so far is kept.',
    );
  } finally {
    child.kill('SIGKILL');
  }
}

export interface FrameWriter {
  /** Takes one frame; resolves when there is room for another. */
  write(frame: Uint8Array): Promise<void>;
  /** Ends the file. @throws DataError when ffmpeg fails */
  close(): Promise<void>;
  /** Stops at once; the file is of no use. */
  abort(): void;
}

/**
 * An ffmpeg that takes frames on stdin.
 *
 * @param what  is being written, for messages
 */
export function encodeFrames(what: string, args: readonly string[]): FrameWriter {
  const child: ChildProcessByStdio<Writable, null, Readable> = spawn('ffmpeg', args, {
    ...OWN_GROUP,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const errors = collectErrors(child.stderr);
  const end = ended('ffmpeg', child);
  end.catch(() => {});
  let broken = false;
  child.stdin.on('error', () => {
    broken = true; // ffmpeg is gone; its exit code and last words say why
  });
  const check = async () => {
    const code = await end;
    if (code !== 0 || broken) {
      throw new DataError(
        `${what}: expected to write it, but ffmpeg ended with ${code}: ${lastWords(errors())}. ` +
          'Segments that are finished are kept: mend the cause and run the same command again.',
      );
    }
  };
  return {
    async write(frame) {
      if (!broken && child.stdin.write(frame)) return;
      if (!broken) await Promise.race([once(child.stdin, 'drain').catch(() => {}), end]);
      if (broken || child.exitCode !== null) await check();
    },
    async close() {
      child.stdin.end();
      await check();
    },
    abort() {
      child.kill('SIGKILL');
      child.stdin.destroy();
    },
  };
}

/** The end of what a child writes to stderr. */
function collectErrors(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (more: string) => {
    text = (text + more).slice(-4000);
  });
  return () => text;
}
