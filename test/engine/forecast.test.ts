import { beforeAll, describe, expect, it } from 'vitest';
import { acquireDevice } from '../../engine/device/node.ts';
import { type Device, empty, OutOfMemoryError, scope, tensor } from '../../engine/index.ts';
import { add, exp, sum } from '../../kernels/index.ts';
import { makeSmallNetwork, trainStep } from '../support/small-network.ts';

let device: Device;
beforeAll(async () => {
  device = await acquireDevice({ device: process.env.MIAOBI_DEVICE });
});

const step = (network: ReturnType<typeof makeSmallNetwork>) => () => {
  trainStep(network);
};

describe('a forecast', () => {
  it('is the peak that the pool then has, and the work that the recorder then gets', async () => {
    const network = makeSmallNetwork(device);
    await device.finish();
    const forecast = device.forecast(step(network));
    const before = { allocated: device.pool.stats.allocatedBytes, dispatches: device.recorder.dispatches };
    const profiler = device.profile();
    scope(step(network));
    await device.finish();
    device.recorder.profiler = undefined;
    const rows = await profiler.results();
    expect(device.pool.stats.peakAllocatedBytes - before.allocated).toBe(forecast.peakBytes);
    expect(device.recorder.dispatches - before.dispatches).toBe(forecast.dispatches);
    expect(rows.reduce((total, { flops }) => total + flops, 0)).toBe(forecast.flops);
    expect(rows.reduce((total, { bytes }) => total + bytes, 0)).toBe(forecast.bytes);
    expect(forecast.flops).toBeGreaterThan(1e4);
  });

  it('computes nothing, compiles nothing and leaves the pool alone', () => {
    const network = makeSmallNetwork(device, 2);
    const state = () => ({
      ...device.pool.stats,
      live: device.liveTensors,
      pending: device.recorder.pending,
      dispatches: device.recorder.dispatches,
      misses: device.bindGroupMisses,
      compiled: device.pipelines.compiled,
    });
    const before = state();
    device.forecast(step(network));
    expect(state()).toEqual(before);
  });

  it('compiles the pipelines of the run when it is to prepare it', async () => {
    const fresh = await acquireDevice({ device: process.env.MIAOBI_DEVICE });
    const network = makeSmallNetwork(fresh);
    const forecast = await fresh.prepare(step(network));
    const { compiled } = fresh.pipelines;
    expect(compiled).toBeGreaterThan(5);
    expect(fresh.recorder.dispatches).toBe(0);
    scope(step(network));
    // nothing is waited for
    expect(fresh.recorder.flushIfReady()).toBe(true);
    await fresh.finish();
    expect(fresh.pipelines.compiled).toBe(compiled);
    expect(fresh.recorder.dispatches).toBe(forecast.dispatches);
    fresh.destroy();
  });

  it('compiles on other devices first where it is asked to, to the same end', async () => {
    const fresh = await acquireDevice({ device: process.env.MIAOBI_DEVICE });
    const network = makeSmallNetwork(fresh);
    const forecast = fresh.forecast(step(network));
    await forecast.compile(true);
    const { compiled } = fresh.pipelines;
    expect(compiled).toBeGreaterThan(5);
    scope(step(network));
    expect(fresh.recorder.flushIfReady()).toBe(true);
    await fresh.finish();
    expect(fresh.pipelines.compiled).toBe(compiled);
    fresh.destroy();
  });

  it('costs no memory for sizes that the machine does not have', () => {
    const { peakBytes } = device.forecast(() => {
      const side = Math.floor(Math.sqrt(device.capabilities.maxBindingBytes / 4));
      const x = empty(device, { shape: [side, side], dtype: 'f32' });
      let h = x;
      for (let i = 0; i < 20; i++) h = exp(h);
    });
    expect(peakBytes).toBeGreaterThan(20 * 0.99 * device.capabilities.maxBindingBytes);
  });

  it('says when the budget would not do, with the same error as the run', async () => {
    const small = await acquireDevice({ device: process.env.MIAOBI_DEVICE, budgetBytes: 3 * 2 ** 20 });
    const x = tensor(small, new Float32Array(2 ** 18), [2 ** 18]);
    const two = () => {
      add(exp(x), exp(x));
    };
    expect(() => small.forecast(two)).toThrow(OutOfMemoryError);
    expect(() => scope(two)).toThrow(OutOfMemoryError);
    // what was there goes on working
    await small.finish();
    const total = scope(() => sum(exp(x)));
    expect(await total.item()).toBe(2 ** 18);
    small.destroy();
  });

  it('is over after an exception', () => {
    const real = device.pool;
    expect(() =>
      device.forecast(() => {
        throw new Error('on purpose');
      }),
    ).toThrow('on purpose');
    expect(device.pool).toBe(real);
    expect(device.forecasting).toBeUndefined();
  });
});
