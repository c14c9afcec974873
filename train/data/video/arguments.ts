/**
 * The command lines of ffmpeg. Between the films and the network frames travel upright, as rows of 8-bit RGB.
 *
 * Rotation: ffmpeg turns frames upright while it decodes. Where the result can say that it is to be turned, the frames
 * are turned back before they are encoded, and it is stored as the original was.
 */
import type { Size } from '../../../models/cap-vstnet/tiles.ts';
import { type Container, containerOf } from './container.ts';
import { fileArgument, type VideoInfo } from './probe.ts';
import type { Rational } from './rational.ts';
import { timeOf } from './timing.ts';
import type { Ffmpeg } from './tools.ts';

const QUIET = ['-hide_banner', '-v', 'error', '-nostdin'];
const SCALER = 'flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp';

/** How stored frames become upright ones, and back, for the turns that lose nothing. */
const TURNS: Readonly<Record<number, string>> = {
  90: 'transpose=clock',
  180: 'hflip,vflip',
  [-90]: 'transpose=cclock',
};

/** Whether a rotation is by quarter turns; others are left to ffmpeg and not undone. */
export const isQuarterTurn = (rotation: number): boolean => rotation === 0 || rotation in TURNS;

/** The size of a frame as a viewer sees it. */
export function uprightSize({ width, height, rotation }: Pick<VideoInfo, 'width' | 'height' | 'rotation'>): Size {
  return Math.abs(rotation) === 90 ? { width: height, height: width } : { width, height };
}

/** Matrix of YUV: what the file says, else what players assume for its height. */
export function matrixOf({ colours, height }: Pick<VideoInfo, 'colours' | 'height'>): string {
  const { matrix } = colours;
  if (matrix !== undefined && matrix !== 'gbr') return matrix;
  return height >= 720 ? 'bt709' : 'smpte170m';
}

/** Names that the scaler has for the matrices that it knows; others are near to BT.709. */
const SCALER_MATRIX: Readonly<Record<string, string>> = {
  bt709: 'bt709',
  fcc: 'fcc',
  bt470bg: 'bt601',
  smpte170m: 'bt601',
  smpte240m: 'smpte240m',
  bt2020nc: 'bt2020',
  bt2020c: 'bt2020',
};
const scalerMatrix = (matrix: string): string => SCALER_MATRIX[matrix] ?? 'bt709';

/**
 * From a film to raw frames on stdout.
 *
 * @param skip  frames that are decoded and left out
 * @param size  of the frames, upright
 */
export function decodeArguments(
  info: VideoInfo,
  { skip, size }: { skip: number; size: Size },
  { major }: Ffmpeg,
): string[] {
  const isYuv = info.colours.matrix !== 'gbr';
  const from = isYuv ? `:in_color_matrix=${scalerMatrix(matrixOf(info))}` : '';
  const filters = [
    ...(skip > 0 ? [`trim=start_frame=${skip}`] : []),
    `scale=${size.width}:${size.height}:${SCALER}${from}`,
  ];
  return [
    ...QUIET,
    ...['-i', fileArgument(info.path), '-map', '0:V:0', '-vf', filters.join(',')],
    ...everyFrameOnce(major),
    ...['-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'],
  ];
}

/** No frame dropped or repeated to keep a rate. */
const everyFrameOnce = (major: number): string[] =>
  major >= 6 ? ['-fps_mode', 'passthrough'] : ['-vsync', 'passthrough'];

/** How a film's frames are encoded. */
export interface Encoding {
  readonly encoder: string;
  /** upright */
  readonly size: Size;
  readonly rate: Rational;
  /** of a film whose rate varies: its frames keep their times, in segments of at most `SEGMENT_OF_VARYING` */
  readonly varying?: { readonly times: readonly number[]; readonly ffmpeg: Pick<Ffmpeg, 'major'> } | undefined;
  /** 1 to 100 */
  readonly quality: number;
  /** of the film that is repainted; undefined when the frames are from a folder */
  readonly like?: VideoInfo | undefined;
  /** the name of the film in the end */
  readonly output: string;
}

/** Frames of a segment at most where each has a time of its own, for all of them are said on the command line. */
export const SEGMENT_OF_VARYING = 256;

/** Ticks a second there: a frame of the usual rates lasts a whole number of them, and MPEG-4 takes no more than 65,535. */
const FINE_TICKS = 60_000;

/** No frame moved to keep a rate. The last one has no duration: an edit list would end before it and leave it out. */
const varyingArguments = ({ major }: Pick<Ffmpeg, 'major'>): string[] => [
  ...everyFrameOnce(major),
  ...['-enc_time_base', `1:${FINE_TICKS}`, '-use_editlist', '0'],
];

/** Gives each frame of a segment its time: seconds from the segment's first frame, in ticks. */
function timesFilter({ rate, varying }: Encoding, first: number): string[] {
  if (!varying) return [];
  const at = (frame: number) => timeOf({ rate, times: varying.times }, frame);
  const ticks = Array.from({ length: SEGMENT_OF_VARYING }, (_, i) =>
    Math.round((at(first + i) - at(first)) * FINE_TICKS),
  );
  const sum = ticks.map((time, i) => `eq(N,${i})*${time}`).join('+');
  return [`settb=1/${FINE_TICKS}`, `setpts='${sum}'`];
}

/**
 * From raw frames on stdin to one segment, an MP4 file.
 *
 * @param first  frames of the film before this segment
 */
export function encodeArguments(encoding: Encoding, segment: string, first = 0): string[] {
  const { encoder, size, rate, varying, quality, like } = encoding;
  const matrix = like ? matrixOf(like) : size.height >= 720 ? 'bt709' : 'smpte170m';
  const { primaries = like ? undefined : 'bt709', transfer = like ? undefined : 'bt709' } = like?.colours ?? {};
  const back = turnsBack(encoding);
  const filters = [
    ...timesFilter(encoding, first),
    ...(back === 0 ? [] : [TURNS[back]]),
    `scale=${SCALER}:out_color_matrix=${scalerMatrix(matrix)}:out_range=tv`,
    `format=${pixelFormat(encoding)}`,
    ...(like ? [`setsar=${like.pixelAspect.num}/${like.pixelAspect.den}`] : []),
  ];
  return [
    ...QUIET,
    ...['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-video_size', `${size.width}x${size.height}`],
    ...['-framerate', `${rate.num}/${rate.den}`, '-i', 'pipe:0', '-vf', filters.join(',')],
    ...['-c:v', encoder, ...qualityArguments(encoder, quality)],
    ...(varying ? varyingArguments(varying.ffmpeg) : []),
    ...['-colorspace', matrix, '-color_range', 'tv'],
    ...(primaries ? ['-color_primaries', primaries] : []),
    ...(transfer ? ['-color_trc', transfer] : []),
    ...['-video_track_timescale', String(ticksOf(encoding)), '-f', 'mp4', '-y', fileArgument(segment)],
  ];
}

/** By how much frames are turned back to be stored as the original was. */
export function turnsBack({ output, like }: Pick<Encoding, 'output' | 'like'>): number {
  if (!like || like.rotation === 0 || !containerOf(output).keepsRotation || !isQuarterTurn(like.rotation)) return 0;
  return like.rotation;
}

/** 4:2:0 as players expect it, which needs even sides. */
function pixelFormat({ size, encoder }: Encoding): string {
  return (size.width % 2 === 0 && size.height % 2 === 0) || encoder === 'mpeg4' ? 'yuv420p' : 'yuv444p';
}

const ticksOf = ({ rate, varying }: Pick<Encoding, 'rate' | 'varying'>): number =>
  varying ? FINE_TICKS : timescale(rate);

/** Ticks a second in which a frame lasts a whole number of them, at least 10,000. */
export function timescale({ num }: Rational): number {
  return num * Math.ceil(10_000 / num);
}

/**
 * 95 is visually lossless, 1 the least. Frames are stored in the order in which they are shown (no B-frames): segments
 * then follow each other without a gap.
 */
function qualityArguments(encoder: string, quality: number): string[] {
  const crf = Math.round(51 - 0.37 * quality);
  if (encoder === 'libx264') return ['-preset', 'medium', '-bf', '0', '-crf', String(crf)];
  if (encoder === 'libvpx-vp9') return ['-crf', String(Math.min(63, crf)), '-b:v', '0', '-row-mt', '1'];
  if (encoder === 'libopenh264') return ['-rc_mode', 'quality', '-qmin', String(crf), '-qmax', String(crf + 4)];
  return ['-q:v', String(Math.max(1, Math.round(31 - 0.3 * quality)))];
}

/** The list that the concat reader takes. Names are of its own folder. */
export function segmentList(names: readonly string[], durations: readonly number[]): string {
  const lines = names.map((name, i) => `file '${name}'\nduration ${durations[i].toFixed(9)}`);
  return `ffconcat version 1.0\n${lines.join('\n')}\n`;
}

/** From segments to the film, nothing encoded again; sound, chapters and titles come from the original. */
export function joinArguments(
  encoding: Pick<Encoding, 'output' | 'like' | 'rate' | 'varying'>,
  list: string,
  result: string,
): string[] {
  const { output, like } = encoding;
  const { format, joinArguments: more } = containerOf(output);
  const delay = like && like.startDelay > 5e-4 ? ['-itsoffset', like.startDelay.toFixed(6)] : [];
  const sound = like ? ['-i', fileArgument(like.path), '-map', '0:v:0', '-map', '1:a?'] : ['-map', '0:v:0'];
  return [
    ...QUIET,
    ...delay,
    ...['-f', 'concat', '-safe', '0', '-i', list, ...sound, '-c', 'copy'],
    ...(like ? ['-map_metadata', '1', '-map_chapters', '1'] : []),
    ...timescaleOf(format, ticksOf(encoding)),
    ...[...more, '-f', format, '-y', fileArgument(result)],
  ];
}

const timescaleOf = (format: Container['format'], ticks: number): string[] =>
  format === 'mp4' || format === 'mov' ? ['-video_track_timescale', String(ticks)] : [];

/** Copies a second of the sound into a file of this kind: fails where the container cannot hold it. */
export function trySoundArguments(info: VideoInfo, output: string, result: string): string[] {
  const { format } = containerOf(output);
  const copy = ['-map', '0:a', '-c', 'copy', '-t', '1', '-f', format, '-y', fileArgument(result)];
  return [...QUIET, '-i', fileArgument(info.path), ...copy];
}

/** A film of television's 29.97 frames a second with a tone, from numbered pictures. */
export function clipArguments(pattern: string, result: string, encoder: string): string[] {
  return [
    ...QUIET,
    ...['-framerate', '30000/1001', '-i', pattern, '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'],
    ...['-map', '0:v', '-map', '1:a', '-shortest', '-fflags', '+shortest', '-max_interleave_delta', '100M'],
    ...['-vf', `scale=${SCALER}:out_color_matrix=bt601:out_range=tv,format=yuv420p`, '-colorspace', 'smpte170m'],
    ...['-c:v', encoder, ...qualityArguments(encoder, 95), '-c:a', 'aac', '-movflags', '+faststart', '-y', result],
  ];
}
