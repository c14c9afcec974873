import { describe, expect, it } from 'vitest';
import { looksLikeVideo } from '../../train/data/video/container.ts';
import { packetTime, parseProbe } from '../../train/data/video/probe.ts';
import { nearestRate, parseRate } from '../../train/data/video/rational.ts';
import { type Timing, timeOf, timingOf } from '../../train/data/video/timing.ts';
import { encoderNames, lastWords, majorVersion } from '../../train/data/video/tools.ts';

const television = { num: 30000, den: 1001 };

describe('rates', () => {
  it('are read as fractions, and decimals near those of television become these', () => {
    expect(parseRate('30000/1001')).toEqual(television);
    expect(parseRate('50/2')).toEqual({ num: 25, den: 1 });
    expect(parseRate('29.97')).toEqual(television);
    expect(parseRate('23.976')).toEqual({ num: 24000, den: 1001 });
    expect(parseRate('12.5')).toEqual({ num: 25, den: 2 });
    expect(parseRate('16:15')).toEqual({ num: 16, den: 15 });
  });

  it('are refused where they are no rate', () => {
    for (const text of ['0/0', '0', '-3', 'fast', '1e3', '']) expect(parseRate(text)).toBeUndefined();
  });

  it('are found again from their value', () => {
    for (const num of [24, 30, 60, 120]) {
      expect(nearestRate((num * 1000) / 1001)).toEqual({ num: num * 1000, den: 1001 });
      expect(nearestRate(num)).toEqual({ num, den: 1 });
    }
  });
});

describe('timing', () => {
  const constant = (frames: number, rate: number, round = (t: number) => t) =>
    Array.from({ length: frames }, (_, i) => round(3 + i / rate));

  it('keeps a stated rate whose time stamps are rounded to milliseconds, in any order', () => {
    const times = constant(1000, 30000 / 1001, (t) => Math.round(t * 1000) / 1000).reverse();
    expect(timingOf(times, [television], 1e-3)).toEqual({ frames: 1000, rate: television });
  });

  it('takes the second of the stated rates where the first is not that of the frames', () => {
    const found = timingOf(
      constant(100, 25),
      [
        { num: 50, den: 1 },
        { num: 25, den: 1 },
      ],
      1e-3,
    );
    expect(found).toEqual({ frames: 100, rate: { num: 25, den: 1 } });
  });

  it('reports a rate that varies, with the mean and the time of every frame', () => {
    const later = Array.from({ length: 50 }, (_, i) => 4 + i / 25);
    const times = [...later, ...constant(50, 50)];
    const found = timingOf(times, [{ num: 50, den: 1 }], 1e-3);
    const mean = 99 / 2.96;
    expect(found && found.rate.num / found.rate.den).toBeCloseTo(mean, 2);
    const want = [...constant(50, 50), ...later].map((time) => time - 3);
    expect(found?.times).toEqual(want);
    const timing = found as Timing;
    expect([0, 49, 50, 99].map((frame) => timeOf(timing, frame))).toEqual([0, 49, 50, 99].map((frame) => want[frame]));
    // beyond what was counted the mean goes on
    expect(timeOf(timing, 101)).toBeCloseTo(want[99] + 2 / mean, 3);
    expect(timeOf({ rate: { num: 25, den: 1 } }, 5)).toBe(0.2);
  });

  it('knows a film of one frame, and none', () => {
    expect(timingOf([0], [{ num: 25, den: 1 }], 1e-3)).toEqual({ frames: 1, rate: { num: 25, den: 1 } });
    expect(timingOf([7], [], 1e-3)).toEqual({ frames: 1, rate: { num: 25, den: 1 } });
    expect(timingOf([], [], 1e-3)).toBeUndefined();
  });

  it('leaves out packets that are not shown', () => {
    expect(packetTime('1.5,1.4,K__')).toBe(1.5);
    expect(packetTime('N/A,0.25,___')).toBe(0.25);
    expect(packetTime('-0.04,-0.08,KD_')).toBeUndefined();
    expect(packetTime('N/A,N/A,K__')).toBeUndefined();
  });
});

describe('the probe', () => {
  const cover = { codec_type: 'video', width: 500, height: 500, disposition: { attached_pic: 1 } };
  const stream = {
    codec_type: 'video',
    codec_name: 'hevc',
    width: 1920,
    height: 1080,
    pix_fmt: 'yuv420p10le',
    sample_aspect_ratio: '4:3',
    r_frame_rate: '30000/1001',
    avg_frame_rate: '30000/1001',
    time_base: '1/30000',
    start_time: '0.5',
    color_space: 'bt709',
    color_range: 'tv',
    color_transfer: 'unknown',
    side_data_list: [{}, { rotation: -90 }],
  };
  const sound = { codec_type: 'audio', codec_name: 'opus' };
  const probe = (...streams: object[]) =>
    parseProbe('x.mkv', JSON.stringify({ streams, format: { start_time: '0.1' } }));

  it('reads the pictures, not the cover, and what goes with them', () => {
    expect(probe(cover, sound, stream, { codec_type: 'subtitle' })).toEqual({
      path: 'x.mkv',
      codec: 'hevc',
      width: 1920,
      height: 1080,
      rotation: -90,
      pixelAspect: { num: 4, den: 3 },
      bitDepth: 10,
      colours: { matrix: 'bt709', primaries: undefined, transfer: undefined, fullRange: false },
      audio: ['opus'],
      startDelay: 0.4,
      averageRate: television,
      baseRate: television,
      tick: 1 / 30000,
      others: 2,
    });
  });

  it('reads rotation from where older versions put it, folded to half a turn', () => {
    const turned = (degrees: number) => probe({ ...stream, side_data_list: [{ rotation: degrees }] }).rotation;
    expect([turned(270), turned(-180), turned(180), turned(360), turned(-270)]).toEqual([-90, 180, 180, 0, 90]);
    expect(probe({ ...stream, side_data_list: undefined, tags: { rotate: '90' } }).rotation).toBe(-90);
  });

  it('refuses files without pictures', () => {
    expect(() => probe(sound)).toThrow(/no track of pictures \(it has: audio\)/);
    expect(() => parseProbe('x', '{}')).toThrow(/it has: nothing/);
  });
});

describe('what ffmpeg prints', () => {
  it('tells its version and its encoders', () => {
    expect(majorVersion('ffmpeg version 5.1.9-0+deb12u1 Copyright')).toBe(5);
    expect(majorVersion('ffmpeg version n7.1 Copyright')).toBe(7);
    expect(majorVersion('ffmpeg version N-118193-g5f38c82 Copyright')).toBe(Number.POSITIVE_INFINITY);
    const list = ' V..... = Video\n A..... = Audio\n V....D libx264   H.264\n V.S... mpeg4  MPEG-4\n A....D aac  AAC\n';
    expect([...encoderNames(list)]).toEqual(['libx264', 'mpeg4']);
  });

  it('is cut to its last words', () => {
    expect(lastWords('first\n[mov @ 0x55d0c0]  moov atom not found\nConversion failed!\n')).toBe('moov atom not found');
    expect(lastWords('')).toBe('it said nothing');
  });
});

it('tells films from pictures by their first bytes', () => {
  const head = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
  for (const film of [
    '\0\0\0 ftypisom',
    '\x1aE\xdf\xa3........',
    'RIFF\0\0\0\0AVI ',
    'FLV\x01....',
    '\0\0\x01\xba....',
  ]) {
    expect(looksLikeVideo(head(film)), film).toBe(true);
  }
  for (const other of ['\0\0\0 ftypavif', '\0\0\0 ftypheic', 'RIFF\0\0\0\0WEBP', '\x89PNG\r\n\x1a\n', 'text', '']) {
    expect(looksLikeVideo(head(other)), other).toBe(false);
  }
});
