/** What a film is written as: codec and container, by the extension of its file. */
import { extname } from 'node:path';
import { RequestError } from '../../errors.ts';
import { MissingToolError } from '../../tools.ts';
import type { Ffmpeg } from './tools.ts';

/** Extensions that are taken for films. */
export const VIDEO_EXTENSIONS: readonly string[] =
  '.mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .ts .m2ts .mts .wmv .flv .3gp .ogv .y4m'.split(' ');

export interface Container {
  /** ffmpeg's name of it */
  readonly format: string;
  /** whether it can say that players should turn the picture */
  readonly keepsRotation: boolean;
  /** encoders that suit it, best first */
  readonly encoders: readonly string[];
  /** of the whole film, when its segments are joined */
  readonly joinArguments: readonly string[];
}

const H264 = ['libx264', 'libopenh264', 'mpeg4'];
const mp4: Container = {
  format: 'mp4',
  keepsRotation: true,
  encoders: H264,
  joinArguments: ['-movflags', '+faststart'],
};

const CONTAINERS: Readonly<Record<string, Container>> = {
  '.mp4': mp4,
  '.m4v': mp4,
  '.mov': { ...mp4, format: 'mov' },
  '.mkv': { format: 'matroska', keepsRotation: false, encoders: H264, joinArguments: [] },
  '.webm': { format: 'webm', keepsRotation: false, encoders: ['libvpx-vp9'], joinArguments: [] },
};

/** Extensions of films that can be written. */
export const WRITABLE_VIDEOS: readonly string[] = Object.keys(CONTAINERS);

export function isVideoName(path: string): boolean {
  return VIDEO_EXTENSIONS.includes(extname(path).toLowerCase());
}

/** Matroska and WebM, MPEG program streams, FLV, raw frames. */
const MAGIC = ['\x1aE\xdf\xa3', '\x00\x00\x01\xba', 'FLV\x01', 'YUV4MPEG2'];

/**
 * Whether the first bytes of a file are those of a film, whatever its name: MP4 and its relatives (but no AVIF or
 * HEIC picture), Matroska and WebM, AVI, MPEG, FLV, YUV4MPEG.
 */
export function looksLikeVideo(head: Uint8Array): boolean {
  const text = String.fromCharCode(...head.subarray(0, 12));
  if (text.slice(4, 8) === 'ftyp') return !/^(avif|avis|heic|heix|mif1|msf1)$/.test(text.slice(8, 12));
  if (text.startsWith('RIFF')) return text.slice(8, 11) === 'AVI';
  return MAGIC.some((magic) => text.startsWith(magic));
}

/** @throws RequestError when no film can be written under this name */
export function containerOf(path: string): Container {
  const extension = extname(path).toLowerCase();
  const container = CONTAINERS[extension];
  if (container) return container;
  throw new RequestError(
    `${path}: expected the name of a film to end in ${WRITABLE_VIDEOS.join(' ')}, but it ends in ` +
      `${extension === '' ? 'no extension' : extension}. Use .mp4.`,
  );
}

/** @throws MissingToolError when this ffmpeg has none of the container's encoders */
export function chooseEncoder(path: string, { encoders }: Pick<Ffmpeg, 'encoders'>): string {
  const wanted = containerOf(path).encoders;
  const found = wanted.find((name) => encoders.has(name));
  if (found) return found;
  throw new MissingToolError(
    `${path}: expected an ffmpeg with ${wanted.join(' or ')}, but this one has ${wanted.length === 1 ? 'it not' : 'none of them'}. ` +
      'Install a complete build of ffmpeg, or write another kind of file.',
  );
}
