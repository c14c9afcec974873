/**
 * The rotation of an MP4 or QuickTime film, written into the header of its track of pictures. ffmpeg's own options for
 * it have changed their names and their sign between versions.
 *
 * @see ISO/IEC 14496-12, 8.3.2 Track Header Box
 */
import { type FileHandle, open } from 'node:fs/promises';
import { DataError } from '../../errors.ts';

interface Box {
  readonly type: string;
  /** of its content */
  readonly start: number;
  readonly end: number;
}

/**
 * Turns a film for its players.
 *
 * @param degrees  counterclockwise, as ffprobe prints them: -90, 90 or 180
 * @throws DataError when the file has no track of pictures
 */
export async function writeRotation(path: string, degrees: number, width: number, height: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    for (const moov of await boxesIn(file, 0, size, 'moov')) {
      for (const trak of await boxesIn(file, moov.start, moov.end, 'trak')) {
        if (!(await isVideoTrack(file, trak))) continue;
        const [header] = await boxesIn(file, trak.start, trak.end, 'tkhd');
        const [version] = await bytesAt(file, header.start, 1);
        const matrix = rotationMatrix(degrees, width, height);
        await file.write(matrix, 0, matrix.length, header.start + (version === 1 ? 52 : 40));
        return;
      }
    }
  } finally {
    await file.close();
  }
  throw new DataError(`${path}: expected an MP4 film to write its rotation into, but it has no track of pictures.`);
}

/** The nine numbers of a track header, 16.16 and 2.30 fixed point: a turn, and the shift that keeps the corner at 0, 0. */
export function rotationMatrix(degrees: number, width: number, height: number): Uint8Array {
  const radians = (degrees * Math.PI) / 180;
  const [cosine, sine] = [Math.round(Math.cos(radians)), Math.round(Math.sin(radians))];
  const x = degrees === -90 ? height : degrees === 180 ? width : 0;
  const y = degrees === 90 ? width : degrees === 180 ? height : 0;
  const view = new DataView(new ArrayBuffer(36));
  const fixed = [cosine, -sine, 0, sine, cosine, 0, x, y, 0].map((value) => value * 0x10000);
  fixed[8] = 0x40000000;
  for (const [i, value] of fixed.entries()) view.setInt32(4 * i, value);
  return new Uint8Array(view.buffer);
}

async function isVideoTrack(file: FileHandle, trak: Box): Promise<boolean> {
  for (const mdia of await boxesIn(file, trak.start, trak.end, 'mdia')) {
    for (const { start } of await boxesIn(file, mdia.start, mdia.end, 'hdlr')) {
      if (text(await bytesAt(file, start + 8, 4)) === 'vide') return true;
    }
  }
  return false;
}

/** The boxes of one type between two places of a file. */
async function boxesIn(file: FileHandle, start: number, end: number, type: string): Promise<Box[]> {
  const found: Box[] = [];
  for (let at = start; at + 8 <= end; ) {
    const head = Buffer.from(await bytesAt(file, at, 16));
    const short = head.readUInt32BE(0);
    const size = short === 1 ? Number(head.readBigUInt64BE(8)) : short === 0 ? end - at : short;
    if (size < 8) break;
    const name = text(head.subarray(4, 8));
    if (name === type) found.push({ type, start: at + (short === 1 ? 16 : 8), end: Math.min(end, at + size) });
    at += size;
  }
  return found;
}

/** Zeros where the file ends before. */
async function bytesAt(file: FileHandle, at: number, length: number): Promise<Uint8Array> {
  return (await file.read(new Uint8Array(length), 0, length, at)).buffer;
}

const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
