import { beforeAll, describe, expect, it } from 'vitest';
import { acquireDevice } from '../../engine/device/node.ts';
import {
  type Device,
  grad,
  recompute,
  roofSeconds,
  scope,
  type Tensor,
  tensor,
  throughputOf,
} from '../../engine/index.ts';
import type { Dispatch } from '../../engine/recorder.ts';
import { add, measureRoofline, mul, sub, sum, tanh } from '../../kernels/index.ts';

let device: Device;
beforeAll(async () => {
  device = await acquireDevice({ device: process.env.MIAOBI_DEVICE });
});

describe('a profile', () => {
  it('has a row a kernel, with calls, cost and time', async () => {
    const x = tensor(device, new Float32Array(40000).fill(0.5), [40000]);
    const profiler = device.profile();
    const y = scope(() => tanh(add(mul(x, x), tanh(x))));
    await device.finish();
    device.recorder.profiler = undefined;
    add(x, y).dispose();
    await device.finish();
    const rows = await profiler.results();
    expect(rows.map(({ kernel, calls }) => [kernel, calls]).sort()).toEqual([
      ['pointwise.binary', 2],
      ['pointwise.unary', 2],
    ]);
    for (const { ms, bytes } of rows) {
      expect(bytes).toBeGreaterThanOrEqual(2 * 2 * 160000);
      if (device.capabilities.timestamps) expect(ms).toBeGreaterThan(0);
      else expect(ms).toBeNaN();
    }
    for (const t of [x, y]) t.dispose();
  });

  it('counts the calls of ops, those of the gradient too, and their time on the host', () => {
    const x = tensor(device, [1, 2], [2]);
    const profiler = device.profile();
    const step = () => scope(() => grad((p: { x: Tensor }) => sum(mul(p.x, p.x)))({ x }));
    step();
    // what is only forecast is not counted
    device.forecast(step);
    device.recorder.profiler = undefined;
    const calls = Object.fromEntries(profiler.ops().map(({ op, calls, hostMs }) => [op, hostMs > 0 ? calls : 0]));
    expect(calls.sum).toBe(1);
    // x · x forward, and backward once for each factor
    expect(calls.mul).toBe(3);
    expect(calls.add).toBe(1);
    x.dispose();
  });

  it('tells forward, backward and named phases apart, also where a sweep computes forward again', async () => {
    const x = tensor(device, new Float32Array(4000).fill(0.5), [4000]);
    const profiler = device.profile();
    scope(() => {
      const block = (p: { x: Tensor }) => sum(recompute((h) => [tanh(h)] as const, [p.x])[0]);
      const { grads } = grad(block)({ x });
      device.recorder.inPhase('optimiser', () => sub(x, grads.x));
    });
    await device.finish();
    device.recorder.profiler = undefined;
    const phases = await profiler.phases();
    const kernels = await profiler.results();
    expect(phases.map(({ phase }) => phase)).toEqual(['forward', 'backward', 'optimiser']);
    const [forward, backward, optimiser] = phases;
    expect(optimiser.calls).toBe(1);
    // tanh again, its derivative, and the spread of the sum
    expect(backward.calls).toBeGreaterThan(2);
    for (const pick of ['calls', 'flops', 'bytes'] as const) {
      const total = kernels.reduce((all, row) => all + row[pick], 0);
      expect(forward[pick] + backward[pick] + optimiser[pick]).toBe(total);
    }
    if (device.capabilities.timestamps) for (const { ms } of phases) expect(ms).toBeGreaterThan(0);
    x.dispose();
  });

  it('times any number of dispatches in one submit', async () => {
    const none = await acquireDevice({ device: 'null' });
    const profiler = none.profile();
    const dispatch = { kernel: 'test', cost: { flops: 1, bytes: 1 } } as unknown as Dispatch;
    const seen = new Map<GPUQuerySet, Set<number>>();
    for (let i = 0; i < 5000; i++) {
      const { querySet, beginningOfPassWriteIndex: at = -1 } = profiler.passFor(dispatch)
        .timestampWrites as GPUComputePassTimestampWrites;
      seen.set(querySet, (seen.get(querySet) ?? new Set()).add(at));
      expect(at).toBeLessThan(4096);
    }
    // each with a place of its own
    expect([...seen.values()].reduce((n, places) => n + places.size, 0)).toBe(5000);
    none.destroy();
  });
});

describe('the roofline', () => {
  const roofline = { bytesPerSecond: 1e9, flopsPerSecond: 4e9 };

  it('is memory below the ridge and arithmetic above it', () => {
    expect(roofSeconds(roofline, { flops: 1e9, bytes: 1e9 })).toBe(1);
    expect(roofSeconds(roofline, { flops: 8e9, bytes: 1e9 })).toBe(2);
    expect(throughputOf(roofline, { flops: 8e9, bytes: 1e9 }, 4)).toEqual({ gflops: 2, gbs: 0.25, share: 0.5 });
  });

  it('is measured with numbers that a machine can have', async () => {
    const { bytesPerSecond, flopsPerSecond, halfFlopsPerSecond } = await measureRoofline(device);
    expect(bytesPerSecond).toBeGreaterThan(1e8);
    expect(bytesPerSecond).toBeLessThan(2e13);
    expect(flopsPerSecond).toBeGreaterThan(1e9);
    expect(flopsPerSecond).toBeLessThan(1e15);
    expect(halfFlopsPerSecond !== undefined).toBe(device.capabilities.f16);
    expect(device.recorder.profiler).toBeUndefined();
  });
});
