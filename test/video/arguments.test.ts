import { describe, expect, it } from 'vitest';
import {
  decodeArguments,
  type Encoding,
  encodeArguments,
  joinArguments,
  matrixOf,
  SEGMENT_OF_VARYING,
  segmentList,
  timescale,
  turnsBack,
  uprightSize,
} from '../../train/data/video/arguments.ts';
import { chooseEncoder, containerOf } from '../../train/data/video/container.ts';
import { rotationMatrix } from '../../train/data/video/mp4-rotation.ts';
import { videoInfo } from './scratch.ts';

const ffmpeg = (major: number) => ({ major, encoders: new Set(['libx264', 'mpeg4']) });
const valueAfter = (args: readonly string[], flag: string) => args[args.indexOf(flag) + 1];
const size = { width: 192, height: 128 };

const encoding = (changes: Partial<Encoding> = {}): Encoding => ({
  encoder: 'libx264',
  size,
  rate: { num: 30000, den: 1001 },
  quality: 95,
  like: videoInfo(),
  output: 'out.mp4',
  ...changes,
});

describe('decoding', () => {
  it('gives every frame once, from the first that is not painted, in the names of each version', () => {
    const args = decodeArguments(videoInfo(), { skip: 16, size }, ffmpeg(5));
    expect(valueAfter(args, '-vsync')).toBe('passthrough');
    expect(valueAfter(args, '-vf')).toMatch(/^trim=start_frame=16,scale=192:128:.*in_color_matrix=bt601$/);
    expect(valueAfter(args, '-pix_fmt')).toBe('rgb24');
    expect(args.at(-1)).toBe('pipe:1');
    const newer = decodeArguments(videoInfo(), { skip: 0, size }, ffmpeg(7));
    expect(valueAfter(newer, '-fps_mode')).toBe('passthrough');
    expect(newer).not.toContain('-vsync');
    expect(valueAfter(newer, '-vf')).not.toContain('trim');
  });

  it('reads untagged colours as players do: BT.601 below 720 lines, else BT.709', () => {
    expect(matrixOf(videoInfo({ height: 576 }))).toBe('smpte170m');
    expect(matrixOf(videoInfo({ height: 1080 }))).toBe('bt709');
    expect(matrixOf(videoInfo({ height: 1080, colours: { matrix: 'bt470bg', fullRange: false } }))).toBe('bt470bg');
  });

  it('takes a path that looks like an option or a protocol for a path', () => {
    expect(valueAfter(decodeArguments(videoInfo({ path: '-y:clip' }), { skip: 0, size }, ffmpeg(6)), '-i')).toBe(
      'file:-y:clip',
    );
  });
});

describe('encoding', () => {
  it('gives each frame of a segment its own time where the rate varies', () => {
    const times = [0, 0.5, 1, 1.02, 1.04];
    const varying = { times, ffmpeg: { major: 6 } };
    const args = encodeArguments(encoding({ varying }), 'part.mp4', 2);
    const filter = valueAfter(args, '-vf');
    expect(filter).toMatch(/^settb=1\/60000,setpts='eq\(N,0\)\*0\+eq\(N,1\)\*1200\+eq\(N,2\)\*2400\+eq\(N,3\)\*4402\+/);
    expect(filter).toContain(`eq(N,${SEGMENT_OF_VARYING - 1})`);
    expect(filter).not.toContain(`eq(N,${SEGMENT_OF_VARYING})`);
    expect([valueAfter(args, '-fps_mode'), valueAfter(args, '-enc_time_base')]).toEqual(['passthrough', '1:60000']);
    expect(valueAfter(args, '-video_track_timescale')).toBe('60000');
    expect(valueAfter(joinArguments(encoding({ varying }), 'l', 'r'), '-video_track_timescale')).toBe('60000');
    expect(encodeArguments(encoding(), 'part.mp4', 2).join(' ')).not.toMatch(/setpts|enc_time_base|passthrough/);
  });

  it('keeps a fractional rate exactly', () => {
    const args = encodeArguments(encoding(), 'part.mp4');
    expect(valueAfter(args, '-framerate')).toBe('30000/1001');
    expect(valueAfter(args, '-video_track_timescale')).toBe('30000');
    expect(timescale({ num: 25, den: 1 })).toBe(10_000);
    for (const rate of [
      { num: 24, den: 1 },
      { num: 24000, den: 1001 },
      { num: 12345, den: 1000 },
    ]) {
      expect((timescale(rate) * rate.den) % rate.num).toBe(0);
    }
  });

  it('takes the frame upright and stores it as it was, where the file can say that it is turned', () => {
    const turned = videoInfo({ rotation: -90 });
    expect(uprightSize(turned)).toEqual({ width: 128, height: 192 });
    const args = encodeArguments(encoding({ like: turned, size: uprightSize(turned) }), 'part.mp4');
    expect(valueAfter(args, '-video_size')).toBe('128x192');
    expect(valueAfter(args, '-vf')).toMatch(/^transpose=cclock,/);
    expect(turnsBack(encoding({ like: turned }))).toBe(-90);
    expect(turnsBack(encoding({ like: turned, output: 'out.mkv' }))).toBe(0);
    expect(turnsBack(encoding({ like: videoInfo({ rotation: 30 }) }))).toBe(0);
  });

  it('keeps the shape of pixels and says which colours it wrote', () => {
    const like = videoInfo({
      pixelAspect: { num: 16, den: 15 },
      colours: { matrix: 'bt470bg', primaries: 'bt470bg', fullRange: true },
    });
    const args = encodeArguments(encoding({ like }), 'part.mp4');
    expect(valueAfter(args, '-vf')).toMatch(/out_color_matrix=bt601:out_range=tv,format=yuv420p,setsar=16\/15$/);
    expect([valueAfter(args, '-colorspace'), valueAfter(args, '-color_primaries')]).toEqual(['bt470bg', 'bt470bg']);
    expect(args).not.toContain('-color_trc');
  });

  it('has no subsampled colours where a side is odd', () => {
    const args = encodeArguments(encoding({ size: { width: 191, height: 128 }, like: undefined }), 'part.mp4');
    expect(valueAfter(args, '-vf')).toContain('format=yuv444p');
  });

  it('chooses an encoder that this ffmpeg has', () => {
    expect(chooseEncoder('a.mp4', ffmpeg(5))).toBe('libx264');
    expect(chooseEncoder('a.mov', { encoders: new Set(['mpeg4']) })).toBe('mpeg4');
    expect(() => chooseEncoder('a.webm', ffmpeg(5))).toThrow(/libvpx-vp9/);
    expect(() => containerOf('a.avi')).toThrow(/expected the name of a film to end in .mp4/);
  });
});

describe('joining', () => {
  it('encodes nothing again and brings the sound, late pictures as late as they were', () => {
    const args = joinArguments(encoding({ like: videoInfo({ startDelay: 0.08 }) }), 'list', 'joined.mp4');
    expect(valueAfter(args, '-c')).toBe('copy');
    expect(valueAfter(args, '-itsoffset')).toBe('0.080000');
    expect(args.indexOf('-itsoffset')).toBeLessThan(args.indexOf('list'));
    expect(args.join(' ')).toContain('-map 0:v:0 -map 1:a?');
    expect(joinArguments(encoding({ like: undefined }), 'list', 'joined.mp4').join(' ')).not.toContain('1:a');
  });

  it('lists segments with their durations', () => {
    const text = segmentList(['segment-0.mp4', 'segment-1.mp4'], [(8 * 1001) / 30000, (3 * 1001) / 30000]);
    expect(text).toBe(
      "ffconcat version 1.0\nfile 'segment-0.mp4'\nduration 0.266933333\nfile 'segment-1.mp4'\nduration 0.100100000\n",
    );
  });
});

it('turns a film by a matrix that keeps its corner at 0, 0', () => {
  const apply = (degrees: number, x: number, y: number) => {
    const view = new DataView(rotationMatrix(degrees, 192, 128).buffer as ArrayBuffer);
    const m = (i: number) => view.getInt32(4 * i) / 0x10000;
    return [m(0) * x + m(3) * y + m(6), m(1) * x + m(4) * y + m(7)];
  };
  const corners = [
    [0, 0],
    [192, 0],
    [192, 128],
    [0, 128],
  ];
  const turned = (degrees: number) => corners.map(([x, y]) => apply(degrees, x, y));
  expect(turned(-90)).toEqual([
    [128, 0],
    [128, 192],
    [0, 192],
    [0, 0],
  ]);
  expect(turned(90)).toEqual([
    [0, 192],
    [0, 0],
    [128, 0],
    [128, 192],
  ]);
  expect(turned(180)).toEqual([
    [192, 128],
    [0, 128],
    [0, 0],
    [192, 0],
  ]);
});
