import { beforeAll, describe, expect, it } from 'vitest';
import { type Device, leaves, tensor } from '../../engine/index.ts';
import '../../kernels/index.ts';
import { adam } from '../../train/optim/adam.ts';
import { lossScale } from '../../train/optim/loss-scale.ts';
import { testDevice } from '../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

describe('the loss scale', () => {
  it('starts where PyTorch does, comes down in strides until a first update, and halves with every later overflow', () => {
    const scale = lossScale();
    const seen = [scale.value];
    for (const overflowed of [true, true, false, true, true]) {
      scale.next(overflowed);
      seen.push(scale.value);
    }
    expect(seen).toEqual([65536, 4096, 256, 256, 128, 64]);
  });

  it('doubles after as many good steps in a row as the interval says, and counts anew after each change', () => {
    const scale = lossScale({ initial: 8, growthInterval: 3 });
    const seen: number[] = [];
    for (const overflowed of [false, false, true, false, false, false, false, false, false, false]) {
      scale.next(overflowed);
      seen.push(scale.value);
    }
    expect(seen).toEqual([8, 8, 4, 4, 4, 8, 8, 8, 16, 16]);
  });

  it('stays a normal number of f32 whatever happens', () => {
    const down = lossScale();
    for (let i = 0; i < 500; i++) down.next(true);
    const up = lossScale({ growthInterval: 1 });
    for (let i = 0; i < 500; i++) up.next(false);
    for (const { value } of [down, up]) {
      expect(Math.fround(value)).toBe(value);
      expect(Math.fround(1 / value) * value).toBe(1);
    }
  });

  it('goes on from its state as if nothing had been between', () => {
    const events = Array.from({ length: 40 }, (_, i) => (i * 7) % 11 === 0);
    const whole = lossScale({ growthInterval: 4 });
    for (const overflowed of events) whole.next(overflowed);
    const first = lossScale({ growthInterval: 4 });
    for (const overflowed of events.slice(0, 17)) first.next(overflowed);
    const second = lossScale({ growthInterval: 4 });
    second.restore(JSON.parse(JSON.stringify(first.state())));
    for (const overflowed of events.slice(17)) second.next(overflowed);
    expect(second.state()).toEqual(whole.state());
  });
});

describe('gradients of a scaled loss', () => {
  const values = [3, -4, 12, 0.5];
  const start = [1, 2, 3, 4];

  async function updated(scale: number, clipNorm?: number, gradient = values) {
    const initial = { w: tensor(device, start, [4]) };
    const optimizer = adam(initial, { clipNorm });
    const grads = {
      w: tensor(
        device,
        gradient.map((g) => g * scale),
        [4],
      ),
    };
    const control = await optimizer.update(grads, 0.01, 1, undefined, scale).data();
    const [params, moment] = await Promise.all([optimizer.params.w.data(), optimizer.moment1.w.data()]);
    optimizer.dispose();
    for (const [, leaf] of [...leaves(initial), ...leaves(grads)]) leaf.dispose();
    return { control: Array.from(control), params: Array.from(params), moment: Array.from(moment) };
  }

  it.each([undefined, 5])(
    'update as those of the loss itself, bit for bit, with a clipping norm of %s',
    async (clip) => {
      const plain = await updated(1, clip);
      const scaled = await updated(2 ** 13, clip);
      expect(scaled.params).toEqual(plain.params);
      expect(scaled.moment).toEqual(plain.moment);
      expect(scaled.control[2]).toBe(plain.control[2]);
      expect(scaled.control[2]).toBeCloseTo(Math.hypot(...values), 5);
      expect(scaled.control[0]).toBe(plain.control[0] / 2 ** 13);
    },
  );

  it('update nothing where one of them is infinite', async () => {
    const { control, params, moment } = await updated(4, 5, [1, Number.POSITIVE_INFINITY, 2, 3]);
    expect(control[1]).toBe(0);
    expect(params).toEqual(start);
    expect(moment).toEqual([0, 0, 0, 0]);
  });
});
