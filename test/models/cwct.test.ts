import { describe, expect, it } from 'vitest';
import { type Device, type Tensor, tensor } from '../../engine/index.ts';
import { covarianceStatistics } from '../../kernels/index.ts';
import { cwct, cwctGradient, cwctMasked } from '../../models/cap-vstnet/cwct.ts';
import { affineMap } from '../../models/cap-vstnet/cwct-host.ts';
import { latentStatistics } from '../../models/cap-vstnet/statistics-host.ts';
import { matmul64 } from '../../models/layers/linalg64.ts';
import { testDevice } from '../support/device.ts';

const device = await testDevice();

/** Uniform in [-1, 1), repeatable, channels mixed so that the covariance is not diagonal. */
function latent(items: number, n: number, pixels: number, seed: number): Float32Array {
  let state = seed;
  const x = Float32Array.from({ length: items * n * pixels }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  for (let i = pixels; i < x.length; i++) x[i] += 0.5 * x[i - pixels];
  return x;
}

/** Runs `use` on uploaded latents and checks that nothing but them was left on the device. */
async function withLatents<R>(
  on: Device,
  shapes: readonly (readonly number[])[],
  use: (tensors: Tensor[], values: Float32Array[]) => Promise<R>,
): Promise<R> {
  const before = on.liveTensors;
  const values = shapes.map(([items, n, h, w], k) => latent(items, n, h * w, k + 1));
  const tensors = values.map((x, k) => tensor(on, x, shapes[k]));
  const result = await use(tensors, values);
  for (const t of tensors) t.dispose();
  expect(on.liveTensors).toBe(before);
  return result;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i] - b[i]));
  return worst;
}

/** Terms of a sum of length n of values near 1, in float32. */
const tolerance = (n: number) => 32 * Math.sqrt(n) * 2 ** -24;

describe('cwct', () => {
  it("gives each item of the batch its own style's mean and covariance", async () => {
    const shapes = [
      [2, 5, 7, 9],
      [2, 5, 8, 6],
    ];
    await withLatents(device, shapes, async ([content, style], [, styleValues]) => {
      const { out } = await cwct(content, [{ latent: style, weight: 1 }]);
      const values = (await out.data()) as Float32Array;
      out.dispose();
      const [got, wanted] = [latentStatistics(values, 2, 5), latentStatistics(styleValues, 2, 5)];
      expect(largestDifference(got.mean, wanted.mean)).toBeLessThan(tolerance(5));
      expect(largestDifference(got.covariance, wanted.covariance)).toBeLessThan(tolerance(5));
    });
  });

  it('returns the content for alphaContent 1', async () => {
    const shape = [1, 6, 5, 5];
    await withLatents(device, [shape, shape], async ([content, style], [values]) => {
      const { out } = await cwct(content, [{ latent: style, weight: 1 }], { alphaContent: 1 });
      expect(largestDifference(await out.data(), values)).toBeLessThan(tolerance(6));
      out.dispose();
    });
  });

  it('refuses latents that do not pair', async () => {
    const shapes = [
      [1, 4, 3, 3],
      [1, 5, 3, 3],
    ];
    await withLatents(device, shapes, async ([content, style]) => {
      await expect(cwct(content, [{ latent: style, weight: 1 }])).rejects.toThrow(/latents \[B, N, h, w\] of one B/);
    });
  });
});

describe('cwctMasked', () => {
  it('moves the matched regions by their own statistics and leaves the rest', async () => {
    const n = 3;
    const side = 8;
    const labels = Int32Array.from({ length: side * side }, (_, i) => (i % side < 3 ? 1 : i % side < 6 ? 2 : 3));
    const styleLabels = labels.map((label) => (label === 3 ? 9 : label));
    const shape = [1, n, side, side];
    await withLatents(device, [shape, shape], async ([content, style], [values, styleValues]) => {
      const map = (of: Int32Array) => ({ labels: of, width: side, height: side });
      const { out, items } = await cwctMasked(content, style, [map(labels)], [map(styleLabels)]);
      const got = (await out.data()) as Float32Array;
      out.dispose();
      expect(items[0].plan.labels).toEqual([1, 2]);
      const region = (x: Float32Array, of: Int32Array, label: number) =>
        Float32Array.from(x).filter((_, i) => of[i % of.length] === label);
      for (const label of [1, 2]) {
        const moved = latentStatistics(region(got, labels, label), 1, n);
        const wanted = latentStatistics(region(styleValues, styleLabels, label), 1, n);
        expect(largestDifference(moved.mean, wanted.mean)).toBeLessThan(tolerance(n));
        expect(largestDifference(moved.covariance, wanted.covariance)).toBeLessThan(tolerance(n));
      }
      expect(region(got, labels, 3)).toEqual(region(values, labels, 3));
    });
  });

  it('is cwct where one label covers everything', async () => {
    const shape = [2, 4, 4, 6];
    await withLatents(device, [shape, shape], async ([content, style]) => {
      const all = [0, 1].map(() => ({ labels: new Int32Array(24), width: 6, height: 4 }));
      const masked = await cwctMasked(content, style, all, all);
      const plain = await cwct(content, [{ latent: style, weight: 1 }]);
      expect(largestDifference(await masked.out.data(), await plain.out.data())).toBeLessThan(tolerance(4));
      masked.out.dispose();
      plain.out.dispose();
    });
  });
});

describe('cwctGradient', () => {
  const n = 4;
  const shapes = [
    [1, n, 5, 6],
    [1, n, 4, 7],
    [1, n, 6, 6],
  ];
  const weights = [0.3, 0.7];
  const alphaContent = 0.2;

  /** ⟨dy, cwct(content, styles)⟩ in float64. */
  function loss([content, ...styles]: Float32Array[], dy: Float32Array): number {
    const statistics = [content, ...styles].map((x) => latentStatistics(x, 1, n));
    const mixed = styles.map((_, k) => ({ statistics: statistics[k + 1], weight: weights[k] }));
    const { matrix, offset } = affineMap(statistics[0], mixed, n, { alphaContent });
    const pixels = content.length / n;
    const y = matmul64(matrix, Float64Array.from(content), n, n, pixels);
    return y.reduce((s, v, i) => s + dy[i] * (v + offset[Math.floor(i / pixels)]), 0);
  }

  it.each([0, 1, 2])('matches differences of the definition in latent %i', async (which) => {
    await withLatents(device, shapes, async (tensors, values) => {
      const [content, ...latents] = tensors;
      const styles = latents.map((latent, k) => ({ latent, weight: weights[k] }));
      const dy = latent(1, n, 30, 77);
      const dyTensor = tensor(device, dy, content.shape);
      const done = await cwct(content, styles, { alphaContent });
      const found = await cwctGradient(content, styles, done, dyTensor, alphaContent);
      const gradients = [found.content, ...found.styles];
      const gradient = await gradients[which].data();
      for (const t of [done.out, dyTensor, ...gradients]) t.dispose();

      const direction = latent(1, n, values[which].length / n, 99);
      const moved = (h: number) =>
        loss(
          // rounding x ± h·d to float32 costs about 2^-25 / h = 3e-5 of the gradient's norm
          values.map((x, k) => (k === which ? x.map((v, i) => v + h * direction[i]) : x)),
          dy,
        );
      const h = 2 ** -10;
      const slope = (moved(h) - moved(-h)) / (2 * h);
      const predicted = direction.reduce((s, d, i) => s + d * gradient[i], 0);
      expect(Math.abs(predicted - slope)).toBeLessThan(1e-4 * Math.max(1, Math.abs(slope)));
    });
  });
});

it('agrees with the GPU sums that larger latents use', async () => {
  await withLatents(device, [[1, 7, 33, 31]], async ([x], [values]) => {
    const [exact, gpu] = [latentStatistics(values, 1, 7), await covarianceStatistics(x)];
    expect(largestDifference(gpu.mean, exact.mean)).toBeLessThan(tolerance(1));
    expect(largestDifference(gpu.covariance, exact.covariance)).toBeLessThan(2e-6);
  });
});
