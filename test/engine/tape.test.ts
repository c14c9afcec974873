import { beforeAll, describe, expect, it } from 'vitest';
import {
  customGradient,
  type Device,
  defineOp,
  GradientError,
  grad,
  type Op,
  recompute,
  ShapeError,
  scope,
  stopGradient,
  type Tensor,
  tensor,
  vjp,
} from '../../engine/index.ts';
import { add, affine, exp, full, greater, mul, relu, reshape, square, sub, sum, tanh } from '../../kernels/index.ts';
import { testDevice } from '../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const vector = (...values: number[]) => tensor(device, values, [values.length]);
const one = (like: Tensor) => full(like, { shape: [], dtype: 'f32' }, 1);

/** dloss/dx for each x, as plain numbers; checks that nothing is left behind. */
async function gradients(loss: () => Tensor, ...wrt: Tensor[]): Promise<(number[] | undefined)[]> {
  const live = device.liveTensors;
  const found = scope(() => vjp(() => [loss()], wrt).pull([one(wrt[0])]));
  const values: (number[] | undefined)[] = [];
  for (const t of found) values.push(t && [...(await t.data())]);
  for (const t of found) t?.dispose();
  expect(device.liveTensors).toBe(live);
  return values;
}

describe('the tape', () => {
  it('adds up the gradients of a value that is used several times', async () => {
    const x = vector(1, 2, -3);
    expect(await gradients(() => sum(add(mul(x, x), x)), x)).toEqual([[3, 5, -5]]);
    expect(await gradients(() => sum(add(x, add(x, x))), x)).toEqual([[3, 3, 3]]);
  });

  it('follows a value through views of it', async () => {
    const x = vector(1, 2, 3, 4);
    const loss = () => {
      const m = reshape(x, [2, 2]);
      return sum(add(sum(mul(m, m)), sum(mul(x, x))));
    };
    expect(await gradients(loss, x)).toEqual([[4, 8, 12, 16]]);
  });

  it('gives the gradient of a value in between, and of the result itself', async () => {
    const x = vector(1, 2);
    const live = device.liveTensors;
    const y = mul(x, x);
    expect(await gradients(() => sum(mul(y, x)), y, x)).toEqual([
      [1, 2],
      [1, 4],
    ]);
    expect(await gradients(() => x, x)).toEqual([[1]]);
    y.dispose();
    expect(device.liveTensors).toBe(live);
  });

  it('says undefined where nothing flows, and grad() zeros', async () => {
    const [x, z] = [vector(1, 2), vector(3, 4)];
    const fn = (p: { x: Tensor; z: Tensor }) => sum(mul(p.x, stopGradient(p.z)));
    expect(await gradients(() => fn({ x, z }), x, z)).toEqual([[3, 4], undefined]);
    const { value, grads } = grad(fn)({ x, z });
    expect(await value.item()).toBe(11);
    expect([...(await grads.z.data())]).toEqual([0, 0]);
    expect([...(await grads.x.data())]).toEqual([3, 4]);
  });

  it('lets no gradient through comparisons', async () => {
    const x = vector(1, -2);
    expect(await gradients(() => sum(mul(greater(x, affine(x, { scale: -1 })), x)), x)).toEqual([[1, 0]]);
  });

  it('returns what stands beside the loss untouched', async () => {
    const x = vector(1, 2);
    const live = device.liveTensors;
    const { value, grads } = grad((p: { x: Tensor }) => {
      const y = mul(p.x, p.x);
      return { loss: sum(y), y, count: 2 };
    })({ x });
    expect(value.count).toBe(2);
    expect([...(await value.y.data())]).toEqual([1, 4]);
    expect([...(await grads.x.data())]).toEqual([2, 4]);
    expect(device.liveTensors).toBe(live + 3);
  });

  it('asks for a scalar loss, and leaves nothing behind', () => {
    const x = vector(1, 2);
    const live = device.liveTensors;
    expect(() => scope(() => grad((p: { x: Tensor }) => mul(p.x, p.x))({ x }))).toThrow(ShapeError);
    expect(device.liveTensors).toBe(live);
  });
});

describe('memory of the tape', () => {
  const bytes = 256 * 1024;
  const large = () => full(vector(0), { shape: [bytes / 4], dtype: 'f32' }, 0.1);

  it('holds only what an op says that it saves', () => {
    scope(() => {
      const x = large();
      const used = () => device.pool.stats.usedBytes;
      const saved = (fn: () => Tensor) => {
        const before = used();
        const { outputs, release } = vjp(() => [fn()], [x]);
        const during = used() - before - bytes;
        release();
        outputs[0].dispose();
        expect(used()).toBe(before);
        return during / bytes;
      };
      // affine saves nothing; exp its result, the last of which is alive anyway
      expect(saved(() => affine(affine(affine(x, { scale: 2 }), { scale: 2 }), { scale: 2 }))).toBe(0);
      expect(saved(() => exp(exp(exp(x))))).toBe(2);
      // the product saves both of its inputs, x being alive anyway
      expect(saved(() => mul(affine(x, { scale: 2 }), x))).toBe(1);
    });
  });

  it('is given back as the sweep passes', () => {
    scope(() => {
      const x = large();
      const depth = 12;
      const { outputs, pull } = vjp(() => {
        let h: Tensor = x;
        for (let i = 0; i < depth; i++) h = tanh(h);
        return [sum(h)];
      }, [x]);
      const start = device.pool.stats.usedBytes;
      device.pool.resetPeaks();
      const [dx] = pull([one(x)]);
      // twelve saved activations; the sweep adds a gradient, the next one, and what the broadcast of the sum takes
      expect(device.pool.stats.peakUsedBytes - start).toBeLessThanOrEqual(3 * bytes);
      expect(start - device.pool.stats.usedBytes).toBeGreaterThanOrEqual((depth - 1) * bytes - 1024);
      for (const t of [...outputs, dx]) t?.dispose();
    });
  });

  it('goes when the function under it throws', () => {
    const live = device.liveTensors;
    const used = device.pool.stats.usedBytes;
    const x = vector(1);
    const failing = () => {
      exp(exp(x));
      throw new Error('on purpose');
    };
    expect(() => vjp(failing, [x])).toThrow('on purpose');
    x.dispose();
    expect(device.liveTensors).toBe(live);
    expect(device.pool.stats.usedBytes).toBe(used);
  });

  it('goes when a gradient does not exist', () => {
    const used = device.pool.stats.usedBytes;
    const live = device.liveTensors;
    scope(() => {
      const x = vector(1, 2);
      const { pull } = vjp(() => [sum(opaque({ x: exp(x) }).y)], [x]);
      expect(() => pull([one(x)])).toThrow(GradientError);
    });
    expect(device.liveTensors).toBe(live);
    expect(device.pool.stats.usedBytes).toBe(used);
  });
});

/** An op that has no derivative. */
const opaque: Op<'x', readonly ['y'], object> = defineOp({
  name: 'test.opaque',
  inputs: ['x'],
  outputs: ['y'],
  defaults: {},
  shape: ({ x }) => ({ y: { shape: x.shape, dtype: x.dtype } }),
  view: 'x',
  forward: () => {},
  reference: ({ x }) => ({ y: x }),
  samples: [],
});

describe('an op without a derivative', () => {
  it('names itself and the way out', () => {
    scope(() => {
      const x = vector(1, 2);
      const { pull } = vjp(() => [sum(opaque({ x }).y)], [x]);
      expect(() => pull([one(x)])).toThrow(/test\.opaque has no derivative.*stopGradient/s);
    });
  });

  it('is no obstacle where no gradient passes', async () => {
    const x = vector(1, 2);
    expect(await gradients(() => sum(mul(x, stopGradient(opaque({ x }).y))), x)).toEqual([[1, 2]]);
    const constant = vector(5, 6);
    expect(await gradients(() => sum(mul(x, opaque({ x: constant }).y)), x)).toEqual([[5, 6]]);
  });
});

describe('recompute', () => {
  /** Σ of a deep chain that saves every activation; `w` comes through the closure. */
  const block = (w: Tensor) => (h: Tensor) => {
    let out = h;
    for (let i = 0; i < 5; i++) out = tanh(mul(out, w));
    return [out] as const;
  };
  const chain = (x: Tensor, w: Tensor, wrap: boolean) => {
    let h = x;
    for (let i = 0; i < 4; i++) h = wrap ? recompute(block(w), [h])[0] : scope(() => block(w)(h)[0]);
    return sum(mul(h, h));
  };

  it('gives the same gradient, in parameters of the closure too', async () => {
    const [x, w] = [vector(0.5, -1, 2), vector(1.5, 0.75, -1.25)];
    const plain = await gradients(() => chain(x, w, false), x, w);
    const again = await gradients(() => chain(x, w, true), x, w);
    expect(again[0]).toEqual(plain[0]);
    // dw is summed block by block, so in another order
    plain[1]?.forEach((value, i) => {
      expect(Math.abs((again[1]?.[i] as number) - value)).toBeLessThanOrEqual(16 * 2 ** -24 * Math.abs(value));
    });
  });

  it('takes less memory', () => {
    const peak = (wrap: boolean) =>
      scope(() => {
        const x = full(vector(0), { shape: [65536], dtype: 'f32' }, 0.5);
        const w = full(x, x, 1.5);
        device.pool.resetPeaks();
        const start = device.pool.stats.usedBytes;
        vjp(() => [chain(x, w, wrap)], [x, w]).pull([one(x)]);
        return (device.pool.stats.peakUsedBytes - start) / 262144;
      });
    const [plain, again] = [peak(false), peak(true)];
    // one saved activation for each of 20 stages, against one for each of 4 blocks and 5 of the block that runs again
    expect(plain).toBeGreaterThanOrEqual(20);
    expect(again).toBeLessThan(15);
  });

  it('nests, and may stand under a second gradient', async () => {
    const x = vector(0.5, -0.25);
    const inner = (h: Tensor) => [tanh(mul(h, h))] as const;
    const outer = (h: Tensor) => [mul(recompute(inner, [h])[0], h)] as const;
    const plain = await gradients(() => sum(outer(x)[0]), x);
    expect(await gradients(() => sum(recompute(outer, [x])[0]), x)).toEqual(plain);
    const second = (wrap: boolean) => () => {
      const { pull } = vjp(() => [sum(wrap ? recompute(outer, [x])[0] : outer(x)[0])], [x]);
      return sum(square(pull([one(x)])[0] as Tensor));
    };
    const want = await gradients(second(false), x);
    expect(await gradients(second(true), x)).toEqual(want);
  });

  it('may make constants and stop gradients inside, which are made again in the sweep', async () => {
    const x = vector(0.5, 2);
    const block = (h: Tensor) => {
      const two = tensor(device, [2], [1]);
      const fixed = stopGradient(mul(h, h));
      return [mul(mul(h, two), add(fixed, full(h, h, 1)))] as const;
    };
    const plain = await gradients(() => sum(block(x)[0]), x);
    expect(await gradients(() => sum(recompute(block, [x])[0]), x)).toEqual(plain);
    expect(plain).toEqual([[2.5, 10]]);
  });

  it('may pass an input through, or return a value twice', async () => {
    const x = vector(1, 2);
    const through = () => recompute((h: Tensor) => [h, mul(h, h)] as const, [x]);
    expect(await gradients(() => sum(mul(...through())), x)).toEqual([[3, 12]]);
    const twice = () => {
      const [a, b] = recompute(
        (h: Tensor) => {
          const y = mul(h, h);
          return [y, y] as const;
        },
        [x],
      );
      return sum(add(a, affine(b, { scale: 2 })));
    };
    expect(await gradients(twice, x)).toEqual([[6, 12]]);
  });

  it('passes gradients to several outputs, and none to unused ones', async () => {
    const x = vector(1, 2);
    const both = () => recompute((h: Tensor) => [mul(h, h), exp(h)] as const, [x]);
    expect(await gradients(() => sum(both()[0]), x)).toEqual([[2, 4]]);
    expect(await gradients(() => sum(add(both()[0], affine(both()[1], { scale: 0 }))), x)).toEqual([[2, 4]]);
  });
});

describe('customGradient', () => {
  it('uses the gradient it is given instead of that of the forward pass', async () => {
    const [x, w] = [vector(1, 2), vector(3, 4)];
    const seen: unknown[] = [];
    const straight = () =>
      customGradient({
        name: 'straight',
        inputs: [x, w],
        forward: () => [relu(affine(mul(x, w), { scale: -1 }))] as const,
        saves: () => [w],
        backward: ([dy], saved, needs) => {
          seen.push(saved.length, ...needs);
          return [dy && mul(dy, saved[0]), undefined];
        },
      });
    expect(await gradients(() => sum(straight()[0]), x)).toEqual([[3, 4]]);
    expect(seen).toEqual([1, true, false]);
  });

  it('may hand gradients over one by one, which add up', async () => {
    const x = vector(1, 2);
    const block = () =>
      customGradient({
        name: 'in pieces',
        inputs: [x],
        forward: () => [affine(x, { scale: 6 })] as const,
        saves: () => [],
        backward: ([dy], _, __, emit) => {
          for (const scale of [1, 2]) scope(() => emit(0, affine(dy as Tensor, { scale })));
          return [affine(dy as Tensor, { scale: 3 })];
        },
      });
    expect(await gradients(() => sum(block()[0]), x)).toEqual([[6, 6]]);
  });

  it('rebuilds what it did not save, as a reversible block does', async () => {
    const [a, b] = [vector(1, 2), vector(0.5, -1)];
    // (a, b) → (a + tanh b, b): a is found again by subtraction
    const coupled = () =>
      customGradient({
        name: 'coupling',
        inputs: [a, b],
        forward: () => [add(a, tanh(b)), affine(b, {})] as const,
        saves: (outputs) => outputs,
        backward: ([dc, dd], [c, d]) => {
          const rebuilt = sub(c, tanh(d));
          const { pull } = vjp(() => [add(rebuilt, tanh(d))], [rebuilt, d]);
          const [da, db] = pull([dc]);
          return [da, db && dd ? add(db, dd) : db];
        },
      });
    const plain = await gradients(() => sum(mul(add(a, tanh(b)), b)), a, b);
    const reversible = await gradients(() => sum(mul(...coupled())), a, b);
    for (const [i, values] of plain.entries()) {
      values?.forEach((value, j) => {
        expect(reversible[i]?.[j]).toBeCloseTo(value, 5);
      });
    }
  });
});
