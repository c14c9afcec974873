import { describe, expect, it } from 'vitest';
import { fractal } from '../../train/data/synth/noise.ts';
import { blockMotion, warpError } from '../../train/eval/block-motion.ts';
import type { Planes } from '../../train/eval/image-similarity.ts';

const [WIDTH, HEIGHT] = [45, 34];

/** A textured picture seen through a window at `left`, `top`. */
function view(left: number, top: number, change = (value: number, _x: number, _y: number) => value): Planes {
  const planes = new Float32Array(3 * WIDTH * HEIGHT);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        const value = fractal(3 + c, (x + left) / 3, (y + top) / 3, 3);
        planes[(c * HEIGHT + y) * WIDTH + x] = change(value, x, y);
      }
    }
  }
  return { planes, width: WIDTH, height: HEIGHT };
}

describe('block motion', () => {
  it('finds where a moved picture was, away from what came in at the border', () => {
    const motion = blockMotion(view(20, 20), view(23, 18));
    const columns = Math.ceil(WIDTH / 8);
    for (let row = 1; row < 3; row++) {
      for (let column = 0; column < 4; column++) {
        const block = row * columns + column;
        expect([motion.dx[block], motion.dy[block], motion.found[block]]).toEqual([3, -2, 1]);
      }
    }
  });

  it('is nought in a picture that stands still, flat ones included', () => {
    for (const frame of [view(0, 0), view(0, 0, () => 0.5)]) {
      const { dx, dy, found } = blockMotion(frame, frame);
      expect([...dx, ...dy].every((v) => v === 0)).toBe(true);
      expect(found.every((v) => v === 1)).toBe(true);
    }
  });

  it('does not claim to have found what is new', () => {
    const motion = blockMotion(
      view(0, 0, () => 0),
      view(0, 0, (_, x) => (x < 16 ? 1 : 0)),
    );
    const columns = Math.ceil(WIDTH / 8);
    motion.found.forEach((found, block) => {
      expect(found).toBe(block % columns < 2 ? 0 : 1);
    });
  });
});

describe('the warp error', () => {
  const [before, now] = [view(20, 20), view(22, 20)];
  const motion = blockMotion(before, now);

  it('is nought for a film that is painted alike, whatever its colours', () => {
    const inverted = (value: number) => 1 - value;
    const painted = warpError(view(20, 20, inverted), view(22, 20, inverted), motion);
    const plain = warpError(before, now, motion);
    expect(painted.error).toBeCloseTo(plain.error, 6);
    expect(plain.error).toBeLessThan(0.01);
    expect(plain.matched).toBeGreaterThan(0.7);
  });

  it('measures a flicker of brightness as what it is', () => {
    const flickering = warpError(
      view(20, 20),
      view(22, 20, (v) => v + 0.2),
      motion,
    );
    expect(flickering.error).toBeCloseTo(0.2, 2);
  });

  it('refuses frames of two sizes', () => {
    const other = { planes: new Float32Array(12), width: 2, height: 2 };
    expect(() => warpError(before, other, motion)).toThrow(/expected two frames of one size/);
    expect(() => blockMotion(other, now)).toThrow(/blockMotion/);
  });
});
