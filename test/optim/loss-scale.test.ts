import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Device, leaves, scope, tensor } from '../../engine/index.ts';
import '../../kernels/index.ts';
import { adam } from '../../train/optim/adam.ts';
import { type LossScale, type LossScaleConfig, lossScale } from '../../train/optim/loss-scale.ts';
import { readPacked } from '../../train/recipes/pack.ts';
import { testDevice } from '../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const opened: LossScale[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.dispose();
});

function open(config: LossScaleConfig = {}): LossScale {
  const scale = lossScale(device, config);
  opened.push(scale);
  return scale;
}

/** Tells a scale of updates that went well, and of overflows. */
function tell(scale: LossScale, overflows: readonly boolean[], failed = 0): void {
  for (const overflowed of overflows) {
    scope(() => scale.next(tensor(device, [1, overflowed || failed > 0 ? 0 : 1, 2.5, failed], [4])));
  }
}

const heard = async (scale: LossScale) => scale.heard(await readPacked(() => scale.reading));

/** The scale at the start and after each event. */
async function course(scale: LossScale, overflows: readonly boolean[]): Promise<number[]> {
  const seen = [(await heard(scale)).value];
  for (const overflowed of overflows) {
    tell(scale, [overflowed]);
    seen.push((await heard(scale)).value);
  }
  return seen;
}

describe('the loss scale', () => {
  it('starts where PyTorch does, comes down in strides until a first update, and halves with every later overflow', async () => {
    const seen = await course(open(), [true, true, false, true, true]);
    expect(seen).toEqual([65536, 4096, 256, 256, 128, 64]);
  });

  it('doubles after as many good steps in a row as the interval says, and counts anew after each change', async () => {
    const scale = open({ initial: 8, growthInterval: 3 });
    const seen = await course(scale, [false, false, true, false, false, false, false, false, false, false]);
    expect(seen).toEqual([8, 8, 8, 4, 4, 4, 8, 8, 8, 16, 16]);
  });

  it('stays as it is where an update was forbidden for another reason', async () => {
    const scale = open({ growthInterval: 2 });
    tell(scale, [false]);
    tell(scale, [false, true], 3);
    expect(await heard(scale)).toEqual({ value: 65536, steady: 1 });
  });

  it('stays a normal number of f32 whatever happens', async () => {
    const [down, up] = [open(), open({ growthInterval: 1 })];
    tell(down, new Array(200).fill(true));
    tell(up, new Array(200).fill(false));
    expect([(await heard(down)).value, (await heard(up)).value]).toEqual([2 ** -24, 2 ** 64]);
  });

  it('goes on from its state as if nothing had been between', async () => {
    const events = Array.from({ length: 40 }, (_, i) => (i * 7) % 11 === 0);
    const whole = open({ growthInterval: 4 });
    tell(whole, events);
    const first = open({ growthInterval: 4 });
    tell(first, events.slice(0, 17));
    const second = open({ growthInterval: 4 });
    second.restore(JSON.parse(JSON.stringify(await heard(first))));
    tell(second, events.slice(17));
    expect(await heard(second)).toEqual(await heard(whole));
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
    const control = await optimizer.update(grads, 0.01, 1, undefined, open({ initial: scale })).data();
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
