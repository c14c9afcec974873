import { beforeAll, describe, expect, it } from 'vitest';
import { type Device, leaves, type Tensor, tensor } from '../../engine/index.ts';
import '../../kernels/index.ts';
import { adam } from '../../train/optim/adam.ts';
import { testDevice } from '../support/device.ts';
import { generator, normals } from '../support/samples.ts';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const SHAPES = { conv: { weight: [3, 5, 3, 3], bias: [3] }, scale: [1], long: [70, 40] } as const;

/** The update as Kingma and Ba write it, in float64. */
function reference(
  p: Float64Array,
  grads: readonly Float64Array[],
  o: {
    lr: number;
    b1: number;
    b2: number;
    eps: number;
    decay: number;
    decoupled: boolean;
    scales: readonly number[];
    rawEps?: boolean;
  },
): Float64Array {
  const out = p.slice();
  const m = new Float64Array(p.length);
  const v = new Float64Array(p.length);
  grads.forEach((raw, index) => {
    const t = index + 1;
    for (let i = 0; i < out.length; i++) {
      const g = raw[i] * o.scales[index] + (o.decoupled ? 0 : o.decay * out[i]);
      if (o.decoupled) out[i] -= o.lr * o.decay * out[i];
      m[i] = o.b1 * m[i] + (1 - o.b1) * g;
      v[i] = o.b2 * v[i] + (1 - o.b2) * g * g;
      const root = Math.sqrt(1 - o.b2 ** t);
      const step = (o.lr * m[i]) / (1 - o.b1 ** t);
      out[i] -= o.rawEps ? (step * root) / (Math.sqrt(v[i]) + o.eps) : step / (Math.sqrt(v[i]) / root + o.eps);
    }
  });
  return out;
}

const flatShapes = [SHAPES.conv.weight, SHAPES.conv.bias, SHAPES.scale, SHAPES.long];
const draw = (seed: number) => flatShapes.map((shape, i) => normals(generator(seed + i), shape).data.map(Math.fround));
function tree(values: readonly Float64Array[]) {
  const [weight, bias, scale, long] = values.map((data, i) => tensor(device, data, flatShapes[i]));
  return { conv: { weight, bias }, scale, long };
}

async function run(options: { decay: number; decoupled: boolean; clip?: number; eps?: number; rawEps?: boolean }) {
  const { eps = 1e-8, rawEps } = options;
  const start = draw(1);
  const gradients = [draw(10), draw(20), draw(30)];
  const initial = tree(start);
  const { decay: weightDecay, decoupled, clip: clipNorm } = options;
  const optimizer = adam(initial, { weightDecay, decoupled, clipNorm, eps, rawEps });
  const scales: number[] = [];
  for (const [i, g] of gradients.entries()) {
    const grads = tree(g);
    const control = optimizer.update(grads, 0.01, i + 1);
    const [scale, ok, norm] = await control.data();
    const want = Math.sqrt(g.reduce((sum, leaf) => sum + leaf.reduce((s, x) => s + x * x, 0), 0));
    expect(ok).toBe(1);
    expect(norm / want).toBeCloseTo(1, 6);
    expect(scale).toBeCloseTo(options.clip ? Math.min(1, options.clip / (want + 1e-6)) : 1, 6);
    scales.push(scale);
    for (const [, leaf] of [...leaves(grads), ['', control] as [string, Tensor]]) leaf.dispose();
  }
  const got = await Promise.all(leaves(optimizer.params).map(([, leaf]) => leaf.data()));
  const constants = { lr: 0.01, b1: 0.9, b2: 0.999, eps, scales };
  for (const [leaf, data] of got.entries()) {
    const want = reference(
      start[leaf],
      gradients.map((g) => g[leaf]),
      { ...constants, ...options, eps },
    );
    for (const [i, x] of data.entries()) expect(Math.abs(x - want[i]), `leaf ${leaf}, element ${i}`).toBeLessThan(2e-6);
  }
  optimizer.dispose();
  for (const [, leaf] of leaves(initial)) leaf.dispose();
}

describe('adam', () => {
  it('follows the definition over three steps', () => run({ decay: 0, decoupled: false }));
  it('adds eps behind the correction of the second moment', () => run({ decay: 0, decoupled: false, eps: 0.1 }));
  it('adds eps to the raw root in the form of Jittor', () =>
    run({ decay: 0, decoupled: false, eps: 0.1, rawEps: true }));
  it('adds weight decay to the gradient', () => run({ decay: 0.1, decoupled: false }));
  it('shrinks parameters when the decay is decoupled', () => run({ decay: 0.1, decoupled: true }));
  it('clips the global norm over all leaves', () => run({ decay: 0, decoupled: false, clip: 2 }));

  it('leaves everything as it is when a gradient is not finite or a factorisation failed', async () => {
    const start = draw(1);
    const initial = tree(start);
    const optimizer = adam(initial);
    const bad = draw(10);
    bad[3][77] = Number.NaN;
    const notFinite = tree(bad);
    expect((await optimizer.update(notFinite, 0.01, 1).data())[1]).toBe(0);
    const info = tensor(device, [0, 3, 0], [3], 'u32');
    const control = await optimizer.update(tree(draw(20)), 0.01, 1, info).data();
    expect([control[1], control[3]]).toEqual([0, 3]);
    for (const [i, [, leaf]] of leaves(optimizer.params).entries()) {
      expect(Array.from(await leaf.data())).toEqual(Array.from(start[i]));
    }
    for (const [, leaf] of leaves(optimizer.moment1)) expect((await leaf.data()).every((x) => x === 0)).toBe(true);
  });
});
