import { describe, expect, it } from 'vitest';
import {
  isValidLabel,
  labelsFromColours,
  matchLabels,
  nearestIndices,
  resizeLabels,
} from '../models/cap-vstnet/segment.ts';
import { mergeStyle, type Relations, remapCross, remapSelf } from '../models/cap-vstnet/segment-remap.ts';

describe('labelsFromColours', () => {
  const label = (...rgb: number[]) => labelsFromColours(Uint8Array.from(rgb), 1, 1)[0];

  it('gives every palette colour its label', () => {
    const palette = [
      [0, 0, 0],
      [255, 255, 255],
      [0, 255, 0],
      [0, 0, 255],
      [255, 0, 0],
      [255, 255, 0],
      [128, 128, 128],
      [0, 255, 255],
      [255, 0, 255],
    ];
    expect([...labelsFromColours(Uint8Array.from(palette.flat()), 3, 3)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('takes the nearest colour for a stray one', () => {
    expect(label(90, 90, 90)).toBe(6); // grey 114, black 270
    expect(label(200, 60, 60)).toBe(4); // red 175, grey 208
    expect(label(140, 60, 0)).toBe(4); // red 175, black 200
    expect(label(100, 80, 0)).toBe(0); // black 180, grey 204
  });

  it('gives a tie to the colour that is earlier in the palette', () => {
    expect(label(64, 64, 64)).toBe(0); // black and grey 192: black is earlier
    expect(label(160, 159, 0)).toBe(5); // yellow 95 + 96, grey 32 + 31 + 128: yellow is earlier
    expect(label(0, 160, 159)).toBe(6); // cyan 95 + 96, grey 128 + 32 + 31: grey is earlier
  });

  it('says how many values it expected', () => {
    expect(() => labelsFromColours(new Uint8Array(4), 1, 1)).toThrow(/1 x 1 x 3 = 3 values, but rgb has 4/);
  });
});

describe('nearest resizing of labels', () => {
  it('takes floor((i + 0.5) · in / out)', () => {
    expect([...nearestIndices(7, 3)]).toEqual([1, 3, 5]); // 1.17, 3.5, 5.83
    expect([...nearestIndices(3, 7)]).toEqual([0, 0, 1, 1, 1, 2, 2]); // (i + 0.5) · 3 / 7
    expect([...nearestIndices(4, 4)]).toEqual([0, 1, 2, 3]);
  });

  it('stays inside for any pair of lengths', () => {
    for (let input = 1; input < 40; input++) {
      for (let output = 1; output < 40; output++) {
        const indices = nearestIndices(input, output);
        expect(indices[0]).toBeGreaterThanOrEqual(0);
        expect(indices[output - 1]).toBeLessThan(input);
        for (let i = 0; i < output; i++)
          expect(Math.abs(indices[i] - ((i + 0.5) * input) / output)).toBeLessThanOrEqual(1);
      }
    }
  });

  it('keeps rows and columns apart', () => {
    const labels = Int32Array.from([1, 2, 3, 4, 5, 6]); // 2 rows of 3
    expect([...resizeLabels(labels, 3, 2, 1, 4)]).toEqual([2, 2, 5, 5]);
  });
});

describe('label validity', () => {
  it('wants more than 10 pixels on both sides', () => {
    expect(isValidLabel(10, 11)).toBe(false);
    expect(isValidLabel(11, 10)).toBe(false);
    expect(isValidLabel(11, 11)).toBe(true);
  });

  it('wants each side less than 100 times the other', () => {
    expect(isValidLabel(1100, 11)).toBe(false);
    expect(isValidLabel(1099, 11)).toBe(true);
    expect(isValidLabel(11, 1100)).toBe(false);
  });

  it('lists the labels of the content alone, in order', () => {
    const content = Uint8Array.from([...Array(20).fill(9), ...Array(12).fill(2)]);
    const style = Uint8Array.from([...Array(30).fill(2), ...Array(30).fill(5)]);
    expect(matchLabels(content, style)).toEqual([
      { label: 2, content: 12, style: 30, valid: true },
      { label: 9, content: 20, style: 0, valid: false },
    ]);
  });
});

describe('remapping', () => {
  // columns are classes: 0 is most like 1, then 2, 3; 1 like 3, 0, 2; 2 like 3, 1, 0; 3 like 2, 1, 0; itself last
  const relations: Relations = { classes: 4, related: [1, 3, 3, 2, 2, 0, 1, 1, 3, 2, 0, 0, 0, 1, 2, 3] };
  const repeat = (...runs: [number, number][]) => Uint8Array.from(runs.flatMap(([label, n]) => Array(n).fill(label)));

  it('gives a small label to the most related large one', () => {
    // 0 covers 1 %; its best relative 1 covers 1 % too, so the next, 2, takes it; 1's best is 3
    const labels = repeat([0, 1], [1, 1], [2, 58], [3, 40]);
    expect([...remapSelf(labels, relations, 0.02)]).toEqual([...repeat([2, 1], [3, 1], [2, 58], [3, 40])]);
  });

  it('keeps a label whose share is exactly the least', () => {
    const labels = repeat([0, 2], [2, 98]);
    expect([...remapSelf(labels, relations, 0.02)]).toEqual([...labels]);
  });

  it('keeps a small label without a large relative', () => {
    const labels = repeat([0, 1], [1, 1], [2, 1], [3, 1]);
    expect([...remapSelf(labels, relations, 0.5)]).toEqual([...labels]);
  });

  it('gives content labels that the style lacks to relatives that it has', () => {
    expect([...remapCross(Uint8Array.from([0, 1, 2, 3]), Uint8Array.from([2, 0]), relations)]).toEqual([0, 0, 2, 2]);
  });

  it('gives style labels that the content lacks to relatives that both have', () => {
    // style has 0, 1, 3; content has 0, 2: of the style only 0 is used, so 1 and 3 become 0
    expect([...mergeStyle(Uint8Array.from([0, 2]), Uint8Array.from([0, 1, 3]), relations)]).toEqual([0, 0, 0]);
  });

  it('leaves its arguments as they are', () => {
    const content = Uint8Array.from([1, 1]);
    remapCross(content, Uint8Array.from([3]), relations);
    expect([...content]).toEqual([1, 1]);
  });

  it('refuses a label that the table does not cover', () => {
    expect(() => remapCross(Uint8Array.from([7]), Uint8Array.from([1]), relations)).toThrow(
      /labels 0 to 3, but the map holds 7/,
    );
  });
});
