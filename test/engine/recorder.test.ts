import { beforeAll, describe, expect, it, vi } from 'vitest';
import { acquireDevice } from '../../engine/device/node.ts';
import { type Device, scope, tensor } from '../../engine/index.ts';
import { add, broadcastTo, mul, sum } from '../../kernels/index.ts';
import { testDevice } from '../support/device.ts';
import { affineKernel } from '../support/kernels.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const f32 = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

/** What the next submits are made of, one string a pass or copy: `c` a copy, `dd` a pass of two dispatches. */
function watchEncoding(device: Device): string[] {
  const seen: string[] = [];
  const create = device.gpu.createCommandEncoder.bind(device.gpu);
  vi.spyOn(device.gpu, 'createCommandEncoder').mockImplementation(() => {
    const encoder = create();
    const begin = encoder.beginComputePass.bind(encoder);
    const copy = encoder.copyBufferToBuffer.bind(encoder) as (...args: unknown[]) => undefined;
    encoder.beginComputePass = (descriptor) => {
      const pass = begin(descriptor);
      const dispatch = pass.dispatchWorkgroups.bind(pass);
      const index = seen.push('') - 1;
      pass.dispatchWorkgroups = (...grid) => {
        seen[index] += 'd';
        return dispatch(...grid);
      };
      return pass;
    };
    encoder.copyBufferToBuffer = ((...args: unknown[]) => {
      seen.push('c');
      return copy(...args);
    }) as typeof encoder.copyBufferToBuffer;
    return encoder;
  });
  return seen;
}

describe('the recorder', () => {
  it('keeps uploads in order with the work around them', async () => {
    const x = tensor(device, [1, 2], [2]);
    const before = add(x, x);
    device.upload(x.storage.buffer, f32(10, 20));
    const after = add(x, x);
    device.upload(x.storage.buffer, f32(100, 200));
    expect([...(await before.data())]).toEqual([2, 4]);
    expect([...(await after.data())]).toEqual([20, 40]);
    expect([...(await x.data())]).toEqual([100, 200]);
    for (const t of [x, before, after]) t.dispose();
  });

  it('lets later work reuse a freed buffer', async () => {
    const kept = scope(() => {
      const x = tensor(device, [1, 2, 3], [3]);
      const doubled = scope(() => mul(x, tensor(device, [2], [1])));
      const buffer = doubled.storage.buffer.id;
      const sum = add(doubled, x);
      doubled.dispose();
      const again = tensor(device, [7, 7, 7], [3]);
      expect(again.storage.buffer.id).toBe(buffer);
      return sum;
    });
    expect([...(await kept.data())]).toEqual([3, 6, 9]);
    kept.dispose();
  });

  it('puts a whole flush into one pass, which only copies split', async () => {
    // not poisoned: poison is copied in
    const plain = await acquireDevice({ device: process.env.MIAOBI_DEVICE });
    const seen = watchEncoding(plain);
    const x = tensor(plain, [1], [1]);
    for (let i = 0; i < 5; i++) add(x, x);
    plain.upload(x.storage.buffer, f32(3));
    for (let i = 0; i < 3; i++) add(x, x);
    await plain.finish();
    expect(seen).toEqual(['c', 'ddddd', 'c', 'ddd']);
    expect(plain.recorder.submits).toBe(1);
    plain.destroy();
  });

  it('waits for pipelines that still compile', async () => {
    const kernel = affineKernel('test.waits');
    const x = tensor(device, [1, 2], [2]);
    const y = kernel(x, 3, 1);
    expect(device.recorder.flushIfReady()).toBe(false);
    expect(device.recorder.pending).toBeGreaterThan(0);
    await device.flush();
    expect(device.recorder.pending).toBe(0);
    expect([...(await y.data())]).toEqual([4, 7]);
    for (const t of [x, y]) t.dispose();
  });

  it('takes along what is recorded while it waits', async () => {
    const [first, second] = [affineKernel('test.first'), affineKernel('test.second')];
    const x = tensor(device, [1], [1]);
    const y = first(x, 2, 0);
    const flushed = device.flush();
    const z = second(y, 2, 1);
    await flushed;
    expect(await z.item()).toBe(5);
    for (const t of [x, y, z]) t.dispose();
  });

  it('gives an idle GPU its first work soon, and then longer submits', async () => {
    const rate = device.info.software ? 1e10 : 5e12;
    const kernel = affineKernel('test.soon', { flops: rate * 0.003, bytes: 0 });
    let x = tensor(device, [1], [1]);
    const next = () => {
      const y = kernel(x, 2, 1);
      x.dispose();
      x = y;
    };
    next();
    await x.data(); // compiled, and waited for
    const start = device.recorder.submits;
    const after: number[] = [];
    for (let i = 0; i < 26; i++) {
      next();
      after.push(device.recorder.submits - start);
    }
    // of 3 ms each: one passes 2 ms, two pass 4, three 8, six 16, eleven 32
    expect(after.flatMap((submits, i) => (submits > (after[i - 1] ?? 0) ? [i + 1] : []))).toEqual([1, 3, 6, 12, 23]);
    await device.finish();
    x.dispose();
  });

  it('submits what is to run together in the end, and a profile of a part of it times that part', async () => {
    const rate = device.info.software ? 1e10 : 5e12;
    const kernel = affineKernel('test.together', { flops: rate * 0.003, bytes: 0 });
    const x = tensor(device, [1], [1]);
    kernel(x, 2, 1).dispose();
    await device.finish();
    const start = device.recorder.submits;
    const profiles = device.recorder.together(() =>
      [1, 2, 3].map((calls) => {
        const profiler = device.profile();
        for (let i = 0; i < calls; i++) kernel(x, 2, 1).dispose();
        device.recorder.profiler = undefined;
        kernel(x, 2, 1).dispose();
        return profiler;
      }),
    );
    expect(device.recorder.submits).toBe(start);
    await device.finish();
    expect(device.recorder.submits).toBe(start + 1);
    const rows = await Promise.all(profiles.map((profiler) => profiler.results()));
    expect(rows.map((own) => own.map(({ calls }) => calls))).toEqual([[1], [2], [3]]);
    x.dispose();
  });

  it('does not take the GPU for idle when a result is there that other work follows', async () => {
    const rate = device.info.software ? 1e10 : 5e12;
    const kernel = affineKernel('test.follows', { flops: rate * 0.003, bytes: 0 });
    let x = tensor(device, [1], [1]);
    const next = () => {
      const y = kernel(x, 2, 1);
      x.dispose();
      x = y;
    };
    next();
    await x.data(); // compiled, and waited for
    next();
    const reading = x.data();
    for (let i = 0; i < 3; i++) next();
    const start = device.recorder.submits;
    expect([...(await reading)]).toEqual([7]);
    const after: number[] = [];
    for (let i = 0; i < 6; i++) {
      next();
      after.push(device.recorder.submits - start);
    }
    // the first, the reading and the three were submits: the fourth may take 16 ms
    expect(after).toEqual([0, 0, 0, 0, 0, 1]);
    await device.finish();
    x.dispose();
  });

  it('cuts what gathered while pipelines compiled into submits of bearable length', async () => {
    const rate = device.info.software ? 1e10 : 5e12;
    const kernel = affineKernel('test.gathered', { flops: rate * 0.03, bytes: 0 });
    let x = tensor(device, [1], [1]);
    await device.finish();
    const start = device.recorder.submits;
    for (let i = 0; i < 5; i++) {
      const next = kernel(x, 2, 1);
      x.dispose();
      x = next;
    }
    expect(device.recorder.submits).toBe(start);
    await device.finish();
    // two dispatches pass the 50 ms
    expect(device.recorder.submits).toBe(start + 3);
    expect(await x.item()).toBe(63);
    x.dispose();
  });

  it('submits by itself when the estimated time passes the limit, once the pipelines are there', async () => {
    const rate = device.info.software ? 1e10 : 5e12;
    const kernel = affineKernel('test.dear', { flops: rate * 0.03, bytes: 0 });
    const x = tensor(device, [1], [1]);
    await device.finish();
    const start = device.recorder.submits;
    const made = [kernel(x, 1, 0)];
    expect(device.recorder.submits).toBe(start);
    await device.finish();
    expect(device.recorder.submits).toBe(start + 1);
    // the first submits of an idle GPU are shorter than 30 ms
    for (let i = 0; i < 4; i++) made.push(kernel(x, 1, 0));
    expect(device.recorder.submits).toBe(start + 5);
    made.push(kernel(x, 1, 0));
    expect(device.recorder.submits).toBe(start + 5);
    made.push(kernel(x, 1, 1));
    expect(device.recorder.submits).toBe(start + 6);
    expect(device.recorder.pending).toBe(0);
    expect(await made[6].item()).toBe(2);
    for (const t of [x, ...made]) t.dispose();
  });

  it('submits by itself after 2000 records', async () => {
    const kernel = affineKernel('test.many');
    const x = tensor(device, [1], [1]);
    kernel(x, 1, 0).dispose();
    await device.finish();
    const start = device.recorder.submits;
    for (let i = 0; i < 2000; i++) kernel(x, 1, 0).dispose();
    expect(device.recorder.submits).toBeGreaterThan(start);
    x.dispose();
    await device.finish();
  });

  it('gives each of thousands of dispatches its own parameters', async () => {
    const kernel = affineKernel('test.params');
    // still compiling: all of these are one submit, which takes several chunks of the arena
    let x = tensor(device, [0], [1]);
    let want = 0;
    const start = device.recorder.submits;
    for (let i = 0; i < 2500; i++) {
      const next = kernel(x, 1, i % 7);
      x.dispose();
      x = next;
      want += i % 7;
    }
    expect(device.recorder.submits).toBe(start);
    expect(await x.item()).toBe(want);
    x.dispose();
  });

  it('folds a grid of more than 65535 workgroups and still covers every element', async () => {
    const count = 65536 * 256 + 5;
    const one = tensor(device, [1], [1, 1]);
    const total = scope(() => sum(broadcastTo(one, [count, 1])));
    // of the pairwise sums of ones only the last is above 2^24 and rounds
    expect(await total.item()).toBe(Math.fround(count));
    for (const t of [one, total]) t.dispose();
  });
});

describe('bind groups', () => {
  it('are all cached from the third repetition of a step', async () => {
    const w = tensor(device, [0.5, -0.25, 2], [3, 1]);
    const step = () =>
      scope(() => {
        let h = tensor(device, [1, 2, 3, 4, 5, 6], [3, 2]);
        for (let i = 0; i < 6; i++)
          h = add(
            mul(h, w),
            scope(() => add(h, h)),
          );
        return h;
      });
    const misses: number[] = [];
    for (let i = 0; i < 5; i++) {
      const before = device.bindGroupMisses;
      step().dispose();
      await device.flush();
      misses.push(device.bindGroupMisses - before);
    }
    expect(misses[0]).toBeGreaterThan(0);
    expect(misses.slice(2)).toEqual([0, 0, 0]);
    w.dispose();
  });

  it('of a destroyed buffer are made anew', async () => {
    const x = tensor(device, [1, 2], [2]);
    const first = add(x, x);
    await device.finish();
    first.dispose();
    device.pool.trim();
    const second = add(x, x);
    expect([...(await second.data())]).toEqual([2, 4]);
    for (const t of [x, second]) t.dispose();
  });
});
