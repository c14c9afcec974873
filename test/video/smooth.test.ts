import { describe, expect, it } from 'vitest';
import type { Statistics } from '../../kernels/index.ts';
import { cholesky64 } from '../../models/layers/linalg64.ts';
import type { Picture } from '../../train/data/image/picture.ts';
import { cellsOf, isCut, makeSmoother } from '../../train/infer/smooth.ts';
import { generator, normal } from '../support/samples.ts';

const N = 3;
const random = generator(5);

function statistics(): Statistics {
  const a = Array.from({ length: N * N }, () => normal(random));
  const covariance = new Float64Array(N * N);
  for (let i = 0; i < N; i++) {
    for (let j = 0; j < N; j++) for (let k = 0; k < N; k++) covariance[i * N + j] += a[i * N + k] * a[j * N + k];
  }
  return { mean: Float64Array.from({ length: N }, () => normal(random)), covariance, count: Float64Array.of(9) };
}

function flat(value: number): Picture {
  return { width: 20, height: 12, bitDepth: 8, rgb: new Uint8Array(3 * 20 * 12).fill(value) };
}

function run(share: number, frames: readonly Statistics[], values: readonly number[] = frames.map(() => 100)) {
  const smoother = makeSmoother(share);
  return frames.map((own, i) => {
    smoother.see(flat(values[i]));
    return smoother.smooth([own])[0];
  });
}

const frames = Array.from({ length: 6 }, statistics);

describe('smoothing', () => {
  it('is the frame itself with a share of 0, and the first frame with 1', () => {
    expect(run(0, frames).map(({ mean }) => mean)).toEqual(frames.map(({ mean }) => mean));
    for (const { mean, covariance } of run(1, frames))
      expect([mean, covariance]).toEqual([frames[0].mean, frames[0].covariance]);
  });

  it('weighs a frame by the share to the power of its age', () => {
    const share = 0.7;
    const last = run(share, frames)[5];
    for (const key of ['mean', 'covariance'] as const) {
      last[key].forEach((value, i) => {
        let expected = share ** 5 * frames[0][key][i];
        for (let t = 1; t <= 5; t++) expected += (1 - share) * share ** (5 - t) * frames[t][key][i];
        expect(value).toBeCloseTo(expected, 12);
      });
    }
  });

  it('gives covariances that factorise', () => {
    for (const { covariance } of run(0.9, frames)) expect(cholesky64(covariance, N).info).toBe(0);
  });

  it('goes on from its written state to the same bits', () => {
    const values = [10, 12, 14, 90, 91, 92];
    const whole = run(0.8, frames, values);
    const first = makeSmoother(0.8);
    for (let i = 0; i < 3; i++) {
      first.see(flat(values[i]));
      first.smooth([frames[i]]);
    }
    const second = makeSmoother(0.8, JSON.parse(JSON.stringify(first.state())));
    for (let i = 3; i < 6; i++) {
      second.see(flat(values[i]));
      const [{ mean, covariance }] = second.smooth([frames[i]]);
      expect([mean, covariance]).toEqual([whole[i].mean, whole[i].covariance]);
    }
  });

  it('starts anew at a cut', () => {
    const found = run(0.9, frames, [50, 51, 52, 200, 201, 202]);
    expect(found[3].mean).toEqual(frames[3].mean);
    expect(found[2].mean).not.toEqual(frames[2].mean);
    expect(found[4].mean).not.toEqual(frames[4].mean);
  });
});

describe('cuts', () => {
  it('stand out against the change before them; fast movement does not', () => {
    expect(isCut(0.3, 0.01)).toBe(true);
    expect(isCut(0.02, 0.01)).toBe(false);
    expect(isCut(0.2, 0.19)).toBe(false);
  });

  it('are seen in the brightness of cells, whatever the size and depth', () => {
    expect(cellsOf(flat(255)).every((cell) => Math.abs(cell - 1) < 1e-12)).toBe(true);
    const deep: Picture = { ...flat(0), bitDepth: 16, rgb: new Uint16Array(3 * 20 * 12).fill(65535) };
    expect(cellsOf(deep)[0]).toBeCloseTo(1, 12);
    expect(cellsOf({ ...flat(0), width: 2, height: 2, rgb: new Uint8Array(12).fill(51) })[0]).toBeCloseTo(0.2, 12);
  });
});
