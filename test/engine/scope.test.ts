import { beforeEach, describe, expect, it } from 'vitest';
import { acquireDevice } from '../../engine/device/node.ts';
import { type Device, DisposedError, empty, hold, keep, scope, type Tensor, tensor } from '../../engine/index.ts';
import { reshape } from '../../kernels/index.ts';

// Lifetimes need no values: the null backend records and runs nothing.
let device: Device;
beforeEach(async () => {
  device = await acquireDevice({ device: 'null', debug: true });
});

const make = (...shape: number[]): Tensor => empty(device, { shape, dtype: 'f32' });

describe('scope', () => {
  it('frees what is made in it and gives the memory back', () => {
    scope(() => {
      make(4);
      make(1000);
      expect(device.liveTensors).toBe(2);
    });
    expect(device.liveTensors).toBe(0);
    expect(device.pool.stats.usedBytes).toBe(0);
  });

  it('lets returned tensors live, in arrays, objects and maps alike', () => {
    const result = scope(() => {
      make(9);
      return { a: make(1), b: [make(2), { c: make(3) }], m: new Map([['d', make(4)]]), n: 5, none: undefined };
    });
    expect(device.liveTensors).toBe(4);
    expect([result.a, result.b[0], result.m.get('d')].map((t) => (t as Tensor).disposed)).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('hands what it returns to the scope around it', () => {
    scope(() => {
      const inner = scope(() => [make(1), make(2)]);
      expect(device.liveTensors).toBe(2);
      expect(inner[0].disposed).toBe(false);
    });
    expect(device.liveTensors).toBe(0);
  });

  it('holds what it returns for a later scope, and leaves alone what was there before', () => {
    const outer = make(3);
    const held = scope(() =>
      hold(() => {
        make(9);
        return { outer, made: make(1), list: [make(2)] };
      }),
    );
    expect(device.liveTensors).toBe(3);
    scope(() => {
      const { outer: same, made } = held.take();
      expect([same, made.disposed]).toEqual([outer, false]);
    });
    expect([device.liveTensors, outer.disposed]).toEqual([1, false]);
    held.dispose();
    expect(outer.disposed).toBe(false);
  });

  it('frees what is held where no scope takes it', () => {
    const held = hold(() => [make(1), make(2)]);
    expect(device.liveTensors).toBe(2);
    held.dispose();
    expect(device.liveTensors).toBe(0);
    scope(() => held.take());
    expect(device.liveTensors).toBe(0);
  });

  it('leaves tensors of the surroundings alone, returned or not', () => {
    const outer = make(3);
    expect(scope(() => outer)).toBe(outer);
    scope(() => {});
    expect(outer.disposed).toBe(false);
    scope(() => {
      const middle = make(1);
      scope(() => middle);
      expect(middle.disposed).toBe(false);
    });
    expect(device.liveTensors).toBe(1);
  });

  it('frees everything when it is left by an exception, and is gone', () => {
    const failure = new Error('on purpose');
    expect(() =>
      scope(() => {
        make(1);
        scope(() => {
          make(2);
          throw failure;
        });
      }),
    ).toThrow(failure);
    expect(device.liveTensors).toBe(0);
    const outside = make(1);
    expect(outside.owner).toBeUndefined();
  });

  it('refuses a promise and frees what was made before it', () => {
    expect(() =>
      scope(async () => {
        make(1);
      }),
    ).toThrow(/synchronous function; await outside/);
    expect(device.liveTensors).toBe(0);
  });

  it('keeps a buffer as long as one view of it lives', () => {
    const view = scope(() => reshape(make(2, 6), [3, 4]));
    expect(device.liveTensors).toBe(1);
    expect(device.pool.stats.usedBytes).toBe(256);
    view.dispose();
    expect(device.pool.stats.usedBytes).toBe(0);
  });
});

describe('keep', () => {
  it('moves a tensor one scope out', () => {
    scope(() => {
      let kept: Tensor | undefined;
      scope(() => {
        kept = keep(make(1));
        make(2);
      });
      expect(kept?.disposed).toBe(false);
      expect(device.liveTensors).toBe(1);
    });
    expect(device.liveTensors).toBe(0);
  });

  it('changes nothing for a tensor of another scope', () => {
    scope(() => {
      const outer = make(1);
      scope(() => keep(outer));
      expect(outer.disposed).toBe(false);
    });
    expect(device.liveTensors).toBe(0);
  });
});

describe('a freed tensor', () => {
  it('says so, with its shape and both places, when it is used', () => {
    const t = make(2, 3);
    t.dispose();
    t.dispose();
    expect(device.liveTensors).toBe(0);
    let error: unknown;
    try {
      reshape(t, [6]);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(DisposedError);
    const { message } = error as Error;
    expect(message).toContain('shape [2,3] was used after it was freed');
    expect(message).toContain('keep()');
    expect(message).toMatch(/Made: .*scope\.test\.ts.*Freed: .*scope\.test\.ts/s);
  });

  it('is told from `using` by nothing', () => {
    {
      using t = make(1);
      expect(t.disposed).toBe(false);
    }
    expect(device.liveTensors).toBe(0);
  });

  it('cannot be read', async () => {
    const t = make(1);
    t.dispose();
    await expect(t.data()).rejects.toThrow(DisposedError);
  });
});

describe('a new tensor', () => {
  it('needs as many values as its shape holds', () => {
    expect(() => tensor(device, [1, 2, 3], [2, 2])).toThrow('shape [2,2] has 4 elements, but 3 values came');
    expect(device.liveTensors).toBe(0);
  });

  it('needs extents of at least one', () => {
    expect(() => make(2, 0)).toThrow('extents of at least 1, got [2,0]');
    expect(() => make(2, 1.5)).toThrow('extents of at least 1');
    expect(device.pool.stats.usedBytes).toBe(0);
  });

  it('has one element where item() is asked', async () => {
    await expect(make(2).item()).rejects.toThrow('expected one element, got shape [2]');
  });
});
