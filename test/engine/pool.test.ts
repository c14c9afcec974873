import { describe, expect, it } from 'vitest';
import { LimitError, OutOfMemoryError } from '../../engine/errors.ts';
import { Pool, type PooledBuffer, type PoolOptions, sizeClass } from '../../engine/pool.ts';
import { generator } from '../support/samples.ts';

const MIB = 2 ** 20;

/** A pool whose buffers are never made: what it would ask of the driver is counted. */
function makePool(options: Partial<PoolOptions> = {}) {
  const driver = { created: [] as number[], destroyed: [] as number[] };
  const pool = new Pool({
    maxBindingBytes: 128 * MIB,
    budgetBytes: Number.POSITIVE_INFINITY,
    create: (bytes) => {
      driver.created.push(bytes);
      return undefined;
    },
    destroy: ({ id }) => driver.destroyed.push(id),
    settle: () => true,
    ...options,
  });
  return { pool, driver };
}

describe('size classes', () => {
  it('hold what is asked, waste at most an eighth, and keep vec4 access inside the buffer', () => {
    const random = generator(1);
    for (let i = 0; i < 2000; i++) {
      const bytes = Math.ceil(2 ** (random() * 30));
      const size = sizeClass(bytes);
      expect(size).toBeGreaterThanOrEqual(bytes);
      expect(size % 256).toBe(0);
      if (bytes > 4096) expect(size).toBeLessThanOrEqual(bytes * 1.125);
      expect(sizeClass(size)).toBe(size);
    }
  });

  it('are eight an octave', () => {
    const classes = new Set(Array.from({ length: MIB }, (_, i) => sizeClass(MIB + 1 + i)));
    expect(classes.size).toBe(8);
  });
});

describe('the pool', () => {
  it('hands out the free buffer with the lowest id, whatever the order of frees', () => {
    const { pool } = makePool();
    const buffers = [1, 2, 3, 4].map(() => pool.acquire(1000));
    for (const i of [2, 0, 3, 1]) pool.release(buffers[i]);
    expect([1, 2, 3, 4].map(() => pool.acquire(1000).id)).toEqual(buffers.map(({ id }) => id));
  });

  it('gives a repeated step the same buffers though it frees them in random order', () => {
    const { pool } = makePool();
    const random = generator(2);
    const step = () => {
      const live: PooledBuffer[] = [];
      const ids: number[] = [];
      const sizes = generator(3);
      for (let i = 0; i < 200; i++) {
        const buffer = pool.acquire(256 * (1 + Math.floor(sizes() * 4)));
        ids.push(buffer.id);
        live.push(buffer);
        // how many are freed, and of which size, is the same in every step
        if (i % 3 === 2) pool.release(live.splice(live.length - 2, 1)[0]);
      }
      live.sort(() => random() - 0.5);
      for (const buffer of live) pool.release(buffer);
      return ids;
    };
    const first = step();
    expect(step()).toEqual(first);
    expect(step()).toEqual(first);
  });

  it('keeps sizes apart and counts what is used, allocated and their peaks', () => {
    const { pool, driver } = makePool();
    const small = pool.acquire(1000);
    const large = pool.acquire(5000);
    expect(small.bytes).toBe(1024);
    expect(large.bytes).toBe(5120);
    pool.release(small);
    expect(pool.acquire(4900).id).not.toBe(small.id);
    expect(pool.stats).toEqual({
      usedBytes: 10240,
      allocatedBytes: 11264,
      peakUsedBytes: 10240,
      peakAllocatedBytes: 11264,
      buffers: 3,
      created: 3,
    });
    pool.release(large);
    pool.resetPeaks();
    expect(pool.stats.peakUsedBytes).toBe(5120);
    expect(pool.stats.peakAllocatedBytes).toBe(11264);
    expect(driver.created).toEqual([1024, 5120, 5120]);
  });

  it('throws before the driver is asked for more than the budget', () => {
    const { pool, driver } = makePool({ budgetBytes: 3 * MIB });
    pool.acquire(2 * MIB);
    let error: unknown;
    try {
      pool.acquire(2 * MIB);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(OutOfMemoryError);
    expect(error).toMatchObject({ neededBytes: 4 * MIB, budgetBytes: 3 * MIB });
    expect((error as Error).message).toContain('2.0 MiB more are needed, 2.0 MiB are in use and the budget is 3.0 MiB');
    expect(driver.created).toEqual([2 * MIB]);
    expect(pool.stats.allocatedBytes).toBe(2 * MIB);
  });

  it('gives free buffers of other sizes back before it gives up', () => {
    const { pool, driver } = makePool({ budgetBytes: 3 * MIB });
    const first = pool.acquire(2 * MIB);
    pool.release(first);
    pool.acquire(3 * MIB);
    expect(driver.destroyed).toEqual([first.id]);
    expect(pool.stats).toMatchObject({ allocatedBytes: 3 * MIB, buffers: 1, created: 2 });
  });

  it('lends a larger free buffer when nothing can be given back now', () => {
    const { pool } = makePool({ budgetBytes: 5 * MIB, settle: () => false });
    const [small, large] = [pool.acquire(2 * MIB), pool.acquire(3 * MIB)];
    pool.release(small);
    pool.release(large);
    expect(pool.acquire(2.5 * MIB).id).toBe(large.id);
  });

  it('destroys nothing while recorded work may still name it', () => {
    let settled = false;
    const { pool, driver } = makePool({ settle: () => settled });
    pool.release(pool.acquire(1000));
    expect(pool.trim()).toBe(0);
    settled = true;
    expect(pool.trim()).toBe(1024);
    expect(driver.destroyed).toHaveLength(1);
    expect(pool.stats).toMatchObject({ allocatedBytes: 0, buffers: 0 });
  });

  it('names the limit when no kernel could bind the buffer', () => {
    const { pool, driver } = makePool();
    expect(() => pool.acquire(129 * MIB)).toThrow(LimitError);
    expect(() => pool.acquire(129 * MIB)).toThrow(/maxStorageBufferBindingSize.*129\.0 MiB.*128\.0 MiB/);
    expect(driver.created).toEqual([]);
    expect(pool.acquire(128 * MIB).bytes).toBe(128 * MIB);
  });

  it('notices a second release', () => {
    const { pool } = makePool();
    const buffer = pool.acquire(1);
    pool.release(buffer);
    expect(() => pool.release(buffer)).toThrow('released twice');
  });
});
