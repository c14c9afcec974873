/** What a film is: size, rate, frames, rotation, sound, colours, read by ffprobe. */
import { DataError, RequestError } from '../../errors.ts';
import { parseRate, type Rational, rational } from './rational.ts';
import { type Timing, timingOf } from './timing.ts';
import { outputOf } from './tools.ts';

/** Colour tags of a stream as ffmpeg names them; undefined where the file says nothing. */
export interface ColourTags {
  readonly matrix?: string | undefined;
  readonly primaries?: string | undefined;
  readonly transfer?: string | undefined;
  readonly fullRange: boolean;
}

export interface VideoInfo {
  readonly path: string;
  readonly codec: string;
  /** as stored, before rotation */
  readonly width: number;
  readonly height: number;
  /** degrees counterclockwise by which players turn the stored picture, as ffprobe prints it: -180 to 180 */
  readonly rotation: number;
  /** width of a pixel over its height */
  readonly pixelAspect: Rational;
  readonly bitDepth: number;
  readonly colours: ColourTags;
  /** codecs of the sound tracks */
  readonly audio: readonly string[];
  /** seconds by which the first frame follows the start of the file */
  readonly startDelay: number;
  /** tracks that a repainted film goes without: subtitles, data */
  readonly others: number;
  readonly timing: Timing;
}

/** Everything of `VideoInfo` but the timing, and what the timing is computed from. */
export interface StreamFacts extends Omit<VideoInfo, 'timing'> {
  readonly averageRate: Rational | undefined;
  readonly baseRate: Rational | undefined;
  /** seconds of one tick of the time stamps */
  readonly tick: number;
}

/**
 * Asks ffprobe about a film. The frames are counted, and their spacing measured, without decoding them.
 *
 * @throws RequestError when there is no such file; DataError when it has no pictures or is damaged
 * @throws MissingToolError when ffprobe is not there
 */
export async function probeVideo(path: string): Promise<VideoInfo> {
  const show = 'stream:stream_tags=rotate:stream_side_data=rotation:format=start_time';
  let text: string;
  try {
    text = await outputOf('ffprobe', ['-v', 'error', '-show_entries', show, '-of', 'json', fileArgument(path)]);
  } catch (error) {
    throw error instanceof DataError ? unreadable(path, error) : error;
  }
  const { averageRate, baseRate, tick, ...facts } = parseProbe(path, text);
  const times: number[] = [];
  const entries = 'packet=pts_time,dts_time,flags';
  const args = [
    '-v',
    'error',
    '-select_streams',
    'V:0',
    '-show_entries',
    entries,
    '-of',
    'csv=p=0',
    fileArgument(path),
  ];
  await outputOf('ffprobe', args, (line) => {
    const time = packetTime(line);
    if (time !== undefined) times.push(time);
  });
  const timing = timingOf(times, [baseRate, averageRate], tick);
  if (!timing) throw new DataError(`${path}: expected a film, but it holds no frame. Copy or export it again.`);
  return { ...facts, timing };
}

/** A path that ffmpeg can take for neither a protocol nor an option. */
export function fileArgument(path: string): string {
  return `file:${path}`;
}

function unreadable(path: string, { message }: DataError): Error {
  if (/No such file/i.test(message)) {
    return new RequestError(`${path}: expected a film, but there is no such file. Check the spelling of the path.`);
  }
  return new DataError(
    `${path}: expected a film, but ${message.replaceAll(`file:${path}: `, '')}. ` +
      'Copy or export it again; ffprobe FILE says more.',
  );
}

/** Seconds of one line of the list of packets; undefined for packets that are not shown or have no time. */
export function packetTime(line: string): number | undefined {
  const [pts, dts, flags = ''] = line.trim().split(',');
  if (flags.includes('D')) return undefined;
  const time = Number.parseFloat(pts);
  const decoded = Number.parseFloat(dts);
  return Number.isFinite(time) ? time : Number.isFinite(decoded) ? decoded : undefined;
}

interface RawStream {
  readonly codec_type?: string;
  readonly codec_name?: string;
  readonly width?: number;
  readonly height?: number;
  readonly pix_fmt?: string;
  readonly bits_per_raw_sample?: string;
  readonly sample_aspect_ratio?: string;
  readonly r_frame_rate?: string;
  readonly avg_frame_rate?: string;
  readonly time_base?: string;
  readonly start_time?: string;
  readonly color_range?: string;
  readonly color_space?: string;
  readonly color_transfer?: string;
  readonly color_primaries?: string;
  readonly disposition?: { readonly attached_pic?: number };
  readonly side_data_list?: readonly { readonly rotation?: number | string }[];
  readonly tags?: { readonly rotate?: string };
}

/**
 * Reads the JSON of ffprobe: the first stream of pictures that is no cover.
 *
 * @throws DataError when there is none
 */
export function parseProbe(path: string, text: string): StreamFacts {
  const { streams = [], format = {} } = JSON.parse(text) as {
    streams?: readonly RawStream[];
    format?: { readonly start_time?: string };
  };
  const stream = streams.find((s) => s.codec_type === 'video' && !s.disposition?.attached_pic);
  if (!stream?.width || !stream.height) {
    const kinds = streams.map((s) => s.codec_type).join(', ');
    throw new DataError(
      `${path}: expected a film, but it has no track of pictures (it has: ${kinds || 'nothing'}). Name another file.`,
    );
  }
  const audio = streams.filter((s) => s.codec_type === 'audio').map((s) => s.codec_name ?? 'unknown');
  const base = parseRate(stream.time_base ?? '');
  return {
    path,
    codec: stream.codec_name ?? 'unknown',
    width: stream.width,
    height: stream.height,
    rotation: rotationOf(stream),
    pixelAspect: parseRate(stream.sample_aspect_ratio ?? '') ?? rational(1),
    bitDepth: depthOf(stream),
    colours: {
      matrix: known(stream.color_space),
      primaries: known(stream.color_primaries),
      transfer: known(stream.color_transfer),
      fullRange: stream.color_range === 'pc' || (stream.pix_fmt ?? '').startsWith('yuvj'),
    },
    audio,
    startDelay: Math.max(0, seconds(stream.start_time) - seconds(format.start_time)),
    averageRate: parseRate(stream.avg_frame_rate ?? ''),
    baseRate: parseRate(stream.r_frame_rate ?? ''),
    tick: base ? base.num / base.den : 1e-3,
    others: streams.length - 1 - audio.length,
  };
}

const seconds = (text: string | undefined): number => (Number.isFinite(Number(text)) ? Number(text) : 0);
const known = (tag: string | undefined) => (tag === undefined || /^(unknown|reserved)$/.test(tag) ? undefined : tag);

function rotationOf({ side_data_list = [], tags }: RawStream): number {
  const side = side_data_list.find(({ rotation }) => rotation !== undefined)?.rotation;
  const degrees = side !== undefined ? Number(side) : -Number(tags?.rotate ?? 0);
  if (!Number.isFinite(degrees)) return 0;
  const turned = ((Math.round(degrees) % 360) + 360) % 360;
  return turned > 180 ? turned - 360 : turned;
}

function depthOf({ bits_per_raw_sample, pix_fmt = '' }: RawStream): number {
  const stated = Number(bits_per_raw_sample);
  if (stated >= 8) return stated;
  const found = /(?:p|gray|gbrp)(9|10|12|14|16)(?:le|be)$/.exec(pix_fmt);
  return found ? Number(found[1]) : 8;
}
