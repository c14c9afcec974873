import { describe, expect, it } from 'vitest';
import { prefetch } from '../../train/data/loader.ts';

/** A maker of batches that counts what it began and lets them finish in its own time. */
function maker(delayOf: (step: number) => number = () => 0) {
  const begun: number[] = [];
  const make = async (step: number) => {
    begun.push(step);
    await new Promise((resolve) => setTimeout(resolve, delayOf(step)));
    return { step };
  };
  return { begun, make };
}

describe('prefetching', () => {
  it('begins the next batches before they are asked for, and no more than it may hold', async () => {
    const { begun, make } = maker();
    const loader = prefetch(make, { ahead: 2 });
    await loader.batch(0);
    expect(begun).toEqual([0, 1, 2]);
    await loader.batch(1);
    expect(begun).toEqual([0, 1, 2, 3]);
    expect((await loader.batch(2)).step).toBe(2);
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });

  it('holds at most the batches ahead, however slowly they are used', async () => {
    const live = new Set<number>();
    let most = 0;
    const loader = prefetch(
      async (step) => {
        live.add(step);
        most = Math.max(most, live.size);
        return { step };
      },
      { ahead: 3 },
    );
    for (let step = 0; step < 40; step++) {
      const batch = await loader.batch(step);
      await new Promise((resolve) => setTimeout(resolve, 1));
      live.delete(batch.step);
    }
    expect(most).toBe(4); // three ahead, and the one in use
  });

  it('gives the same step again, an earlier and a far one', async () => {
    const { begun, make } = maker((step) => (7 * step) % 5);
    const loader = prefetch(make, { ahead: 2 });
    for (const step of [0, 1, 0, 2, 2, 100, 101, 3, 102]) expect((await loader.batch(step)).step).toBe(step);
    expect(begun).toEqual([0, 1, 2, 3, 0, 4, 2, 100, 101, 102, 103, 3, 104]);
  });

  it('rejects with the step that failed, and only when it is asked for', async () => {
    const loader = prefetch(
      async (step) => {
        if (step === 2) throw new Error('no batch 2');
        return step;
      },
      { ahead: 3 },
    );
    expect(await loader.batch(0)).toBe(0);
    expect(await loader.batch(1)).toBe(1);
    await expect(loader.batch(2)).rejects.toThrow('no batch 2');
    expect(await loader.batch(3)).toBe(3);
  });

  it('refuses steps that are none, and everything once it is closed', async () => {
    let ended = 0;
    const loader = prefetch(async (step) => step, {
      close: async () => {
        ended++;
      },
    });
    await expect(loader.batch(-1)).rejects.toThrow('expected a step, a whole number from 0, but got -1');
    await expect(loader.batch(0.5)).rejects.toThrow(RangeError);
    await loader.close();
    expect(ended).toBe(1);
    await expect(loader.batch(0)).rejects.toThrow('closed before step 0');
  });
});
