import { expect, it } from 'vitest';
import { testDevice } from '../support/device.ts';
import { makeSmallNetwork, trainSmall, trainStep } from '../support/small-network.ts';

it('leaves tensors and memory as they were over 200 repetitions of a network with its gradient', async () => {
  const device = await testDevice();
  const network = makeSmallNetwork(device);
  await trainSmall(device, network, 3);
  const { pool } = device;
  const start = { live: device.liveTensors, ...pool.stats };
  const dispatches = device.recorder.dispatches;
  for (let i = 0; i < 200; i++) {
    const { loss, params } = trainStep(network);
    for (const t of [loss, ...Object.values(params)]) t.dispose();
    expect(device.liveTensors).toBe(start.live);
    if (i % 20 === 0) await device.flush();
  }
  await device.finish();
  expect(device.recorder.dispatches - dispatches).toBeGreaterThan(200 * 15);
  const { usedBytes, allocatedBytes, created, buffers } = pool.stats;
  expect({ usedBytes, allocatedBytes, created, buffers }).toEqual({
    usedBytes: start.usedBytes,
    allocatedBytes: start.allocatedBytes,
    created: start.created,
    buffers: start.buffers,
  });
});

it('finds every bind group and buffer from the third repetition on', async () => {
  const device = await testDevice();
  const network = makeSmallNetwork(device, 2);
  const misses: number[] = [];
  for (let i = 0; i < 5; i++) {
    const before = device.bindGroupMisses + device.pool.stats.created;
    const { loss, params } = trainStep(network);
    for (const t of [loss, ...Object.values(params)]) t.dispose();
    await device.flush();
    misses.push(device.bindGroupMisses + device.pool.stats.created - before);
  }
  expect(misses[0]).toBeGreaterThan(0);
  expect(misses.slice(2)).toEqual([0, 0, 0]);
});

it('lowers the loss, so that what is measured above is a training', async () => {
  const device = await testDevice();
  const losses = await trainSmall(device, makeSmallNetwork(device, 3), 12);
  expect(losses[11]).toBeLessThan(losses[0] * 0.9);
});
