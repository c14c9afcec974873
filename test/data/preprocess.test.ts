import { describe, expect, it } from 'vitest';
import { roundHalfEven } from '../../models/gaugan/config.ts';
import { PREPROCESS_MODES } from '../../train/choices.ts';
import {
  centrePlacement,
  cropRange,
  drawPlacement,
  outputSize,
  type Preprocess,
  placeSample,
  resizedSize,
  resizePlane,
} from '../../train/data/datasets/preprocess.ts';
import { colourLabels, labelColourMap, pictureBytes, tilePictures } from '../../train/data/image/label-colours.ts';

const rule = (mode: Preprocess['mode'], more: Partial<Preprocess> = {}): Preprocess => ({
  ...{ mode, loadSize: 24, cropSize: 16, aspectRatio: 1 },
  ...more,
});

describe("GauGAN's preprocessing", () => {
  it.each([
    ['resize_and_crop', [24, 24], [16, 16], [8, 8]],
    ['crop', [36, 27], [16, 16], [20, 11]],
    ['scale_width', [24, 18], [24, 18], [0, 0]],
    ['scale_width_and_crop', [24, 18], [16, 16], [8, 2]],
    // the shorter side stays 27, the longer is 36 · 24 / 27
    ['scale_shortside', [32, 27], [32, 27], [0, 0]],
    ['scale_shortside_and_crop', [32, 27], [16, 16], [16, 11]],
    ['fixed', [16, 16], [16, 16], [0, 0]],
    // 36 / 32 and 27 / 32 are rounded to 1
    ['none', [32, 32], [32, 32], [0, 0]],
  ] as const)('brings 36 x 27 pixels with %s to its size', (mode, resized, output, range) => {
    const size = { width: 36, height: 27 };
    const found = [resizedSize(rule(mode), size), outputSize(rule(mode), size)];
    expect(found.map(({ width, height }) => [width, height])).toEqual([resized, output]);
    const { x, y } = cropRange(rule(mode), size);
    expect([x, y]).toEqual(range);
  });

  it('has a case for every mode, and rounds as Python does', () => {
    expect(PREPROCESS_MODES).toHaveLength(8);
    expect([0.5, 1.5, 2.5, 2.4999, 3.51].map(roundHalfEven)).toEqual([0, 2, 2, 2, 4]);
    const wide = resizedSize(rule('fixed', { cropSize: 18, aspectRatio: 4 / 3 }), { width: 1, height: 1 });
    expect(wide).toEqual({ width: 18, height: 14 });
    expect(resizedSize(rule('none'), { width: 80, height: 48 })).toEqual({ width: 64, height: 64 });
  });

  it('draws every offset, the largest too, and mirrors every second sample', () => {
    const size = { width: 18, height: 16 };
    const words = [0, 2 ** 31, 2 ** 32 - 1];
    const at = words.map((word) => drawPlacement(rule('crop'), size, [word, word, word], true));
    expect(at).toEqual([
      { x: 0, y: 0, flip: false },
      { x: 1, y: 0, flip: true },
      { x: 2, y: 0, flip: true },
    ]);
    expect(drawPlacement(rule('crop'), size, words, false).flip).toBe(false);
    expect(centrePlacement(rule('crop'), { width: 40, height: 8 })).toEqual({ x: 12, y: 0, flip: false });
  });

  it('puts zeros outside the picture, and keeps ids of 32 bits as they are', () => {
    const ids = Int32Array.of(-1, 2_000_000_001, 3, 4);
    const plane = { width: 2, height: 2, channels: 1, pixels: ids };
    const { pixels } = placeSample(rule('crop', { cropSize: 3 }), plane, { x: 0, y: 0, flip: true });
    expect([...pixels]).toEqual([0, 2_000_000_001, -1, 0, 4, 3, 0, 0, 0]);
    const doubled = resizePlane(plane, { width: 4, height: 2 }).pixels;
    expect([...doubled.subarray(0, 4)]).toEqual([-1, -1, 2_000_000_001, 2_000_000_001]);
  });
});

describe('what GauGAN shows', () => {
  it('has the colours of the bits of id + 1', () => {
    const map = labelColourMap(31);
    const colour = (id: number) => [...map.subarray(3 * id, 3 * id + 3)];
    // 1 = 001, 2 = 010, 4 = 100 in bits; 8 sets the second bit of red, 9 both
    expect([0, 1, 3, 7, 8].map(colour)).toEqual([
      [128, 0, 0],
      [0, 128, 0],
      [0, 0, 128],
      [64, 0, 0],
      [192, 0, 0],
    ]);
    expect([...labelColourMap(35).subarray(3 * 23, 3 * 24)]).toEqual([70, 130, 180]);
    expect([...labelColourMap(182).subarray(3 * 156, 3 * 157)]).toEqual([95, 219, 255]);
    expect([...colourLabels([1, 99], map)]).toEqual([0, 128, 0, 0, 0, 0]);
  });

  it('has bytes whose fraction is cut off, and tiles with black at the end', () => {
    expect([...pictureBytes([-2, -1, 0, 0.999, 1, 7], 2)]).toEqual([0, 127, 255, 0, 254, 255]);
    const three = Uint8Array.from({ length: 9 }, (_, i) => i + 1);
    const { width, height, rgb } = tilePictures(three, 1, 1, 2);
    expect([width, height, ...rgb]).toEqual([2, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0]);
  });
});
