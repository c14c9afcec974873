import { describe, expect, it } from 'vitest';
import { tensor, vjp } from '../../engine/index.ts';
import { full, warp, warpField } from '../../kernels/index.ts';
import { temporalLoss } from '../../train/losses/temporal.ts';
import { testDevice } from '../support/device.ts';

const device = await testDevice();
const [WIDTH, HEIGHT] = [9, 6];
const AREA = WIDTH * HEIGHT;

const uniformFlow = (x: number, y: number) =>
  warpField(
    Array.from({ length: 2 * AREA }, (_, i) => (i < AREA ? x : y)),
    WIDTH,
    HEIGHT,
  );

describe('warpField', () => {
  /** The source column of each pixel of the first row. */
  const columns = (flowX: number) => Array.from(uniformFlow(flowX, 0).sources.subarray(0, WIDTH), (s) => s % WIDTH);

  it('stretches a resting picture by half a pixel at each end, as the original does', () => {
    // column x is sampled at 9x/8 − 1/2: −0.5, 0.625, 1.75, 2.875, 4, 5.125, 6.25, 7.375, 8.5
    expect(columns(0)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    // and one to the right of that: 0.625 …, 9.625, kept inside
    expect(columns(-1)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 8]);
    expect(columns(2)).toEqual([0, 0, 0, 1, 2, 3, 4, 5, 6]);
  });

  it('takes the even one of two neighbours that are equally near', () => {
    // of four columns, position m is sampled at 4m/3 − 1/2: 0.75, 1.5 and 2.25 at 0.5, 1.5 and 2.5, without rounding
    const moved = [0.75, 1.5, 2.25, 3];
    const flow = [...moved.map((m, x) => x - m), 0, 0, 0, 0];
    expect([...warpField(flow, 4, 1).sources]).toEqual([0, 2, 2, 3]);
  });

  it('lists the readers of every pixel in order', () => {
    const flow = Array.from({ length: 2 * AREA }, (_, i) => 5 * Math.sin(i * i));
    const { sources, starts, targets } = warpField(flow, WIDTH, HEIGHT);
    for (let p = 0; p < AREA; p++) {
      const readers = Array.from(sources.keys()).filter((target) => sources[target] === p);
      expect([...targets.subarray(starts[p], starts[p + 1])]).toEqual(readers);
    }
    expect(starts[AREA]).toBe(AREA);
  });

  it('refuses a flow of another size', () => {
    expect(() => warpField([1, 2, 3], 2, 1)).toThrow(/\[2, 1, 2\] of 4 numbers, got 3/);
  });
});

describe('warp', () => {
  it('refuses pictures of another size than the flow', () => {
    const x = tensor(device, new Float32Array(AREA), [1, 1, WIDTH, HEIGHT]);
    expect(() => warp(x, uniformFlow(0, 0))).toThrow(/\[N, C, 6, 9\] .* got \[1,1,9,6\]/);
    x.dispose();
  });
});

describe('temporalLoss', () => {
  it('is the mean distance along the motion, with gradients of ±1 / size gathered at the sources', async () => {
    const field = uniformFlow(2, 1);
    const a = Float32Array.from({ length: AREA }, (_, i) => Math.sin(i));
    const b = Float32Array.from({ length: AREA }, (_, i) => Math.cos(2 * i));
    const [first, second] = [a, b].map((v) => tensor(device, v, [1, 1, HEIGHT, WIDTH]));
    const { outputs, pull } = vjp(() => [temporalLoss(first, second, field)], [first, second]);
    const [da, db] = pull([full(first, outputs[0], 1)]);
    const differences = Array.from(field.sources, (source, i) => a[source] - b[i]);
    expect(await outputs[0].item()).toBeCloseTo(differences.reduce((s, e) => s + Math.abs(e), 0) / AREA, 6);
    const want = new Float64Array(AREA);
    differences.forEach((e, i) => {
      want[field.sources[i]] += Math.sign(e) / AREA;
    });
    (await da!.data()).forEach((g, i) => {
      expect(g).toBeCloseTo(want[i], 6);
    });
    (await db!.data()).forEach((g, i) => {
      expect(g).toBeCloseTo(-Math.sign(differences[i]) / AREA, 8);
    });
    for (const t of [first, second, outputs[0], da, db]) t?.dispose();
  });

  it('refuses frames of two shapes', () => {
    const [a, b] = [
      [1, 1, HEIGHT, WIDTH],
      [1, 3, HEIGHT, WIDTH],
    ].map((shape) => tensor(device, new Float32Array(shape[1] * AREA), shape));
    expect(() => temporalLoss(a, b, uniformFlow(0, 0))).toThrow(/got \[1,1,6,9\] and \[1,3,6,9\]/);
    for (const t of [a, b]) t.dispose();
  });
});
