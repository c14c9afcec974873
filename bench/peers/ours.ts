import { type Device, grad, scope, type Tensor, tensor } from '../../engine/index.ts';
import {
  add,
  affine,
  cholesky,
  conv2d,
  instanceNorm,
  matmul,
  mean,
  square,
  sub,
  sum,
  tanh,
  triangularSolve,
} from '../../kernels/index.ts';
import { opNamed } from '../op-named.ts';
import { EPS, type Inputs, RATE, type Work } from './cases.ts';
import { joined, type Library, type Prepared } from './library.ts';

export async function loadOurs(device: Device, version: string): Promise<Library> {
  return { name: 'miaobi', version, prepare: async (work, inputs) => prepare(device, work, inputs) };
}

type Values = Readonly<Record<string, Tensor>>;

function prepare(device: Device, work: Work, inputs: Inputs): Prepared {
  const values: Values = scope(() =>
    Object.fromEntries(Object.entries(inputs).map(([name, { data, shape }]) => [name, tensor(device, data, shape)])),
  );
  const make = maker(work, values);
  const free = (results: readonly Tensor[]) => {
    for (const one of results) one.dispose();
  };
  return {
    async run(times) {
      for (let i = 0; i < times; i++) free(scope(make));
      await device.finish();
    },
    async result() {
      const results = scope(make);
      const parts: Float32Array[] = [];
      for (const one of results) parts.push((await one.data()) as Float32Array);
      free(results);
      return joined(parts);
    },
    dispose() {
      free(Object.values(values));
      device.pool.trim();
    },
  };
}

function maker(work: Work, { a, b, l, x, w, dy, t, w0, w1, w2 }: Values): () => Tensor[] {
  switch (work.kind) {
    case 'matmul':
      return () => [matmul(a, b)];
    case 'conv': {
      const { stride, padding } = work.shape;
      if (work.pass === 'forward') return () => [conv2d(x, { weight: w }, { stride, padding })];
      return convGradient(work, { x, w, dy });
    }
    case 'instanceNorm':
      return () => [instanceNorm(a, { eps: EPS })];
    case 'add':
      return () => [add(a, b)];
    case 'tanh':
      return () => [tanh(a)];
    case 'sum':
      return () => [sum(a, { axes: [1] })];
    case 'cholesky':
      return () => {
        const { l, info } = cholesky(a);
        info.dispose();
        return [l];
      };
    case 'solve':
      return () => [triangularSolve(l, b)];
    case 'chain':
      return () => {
        let h = a;
        for (let i = 0; i < work.ops; i += 2) h = tanh(add(h, b));
        return [h];
      };
    case 'step': {
      const lossOf = grad((weights: { w0: Tensor; w1: Tensor; w2: Tensor }) => {
        const layer = (h: Tensor, weight: Tensor) => conv2d(h, { weight }, { padding: 1 });
        const h0 = instanceNorm(layer(x, weights.w0), { eps: EPS, activation: 'relu' });
        const h1 = instanceNorm(layer(h0, weights.w1), { eps: EPS, activation: 'relu' });
        const y = conv2d(h1, { weight: weights.w2 }, { padding: 1, activation: 'relu' });
        return mean(square(sub(y, t)));
      });
      return () => {
        const { grads } = lossOf({ w0, w1, w2 });
        return [sub(w0, by(grads.w0)), sub(w1, by(grads.w1)), sub(w2, by(grads.w2))];
      };
    }
  }
}

const by = (gradient: Tensor): Tensor => affine(gradient, { scale: RATE });

/** Gradients by the ops that the sweep calls, so that no forward pass is timed with them. */
function convGradient({ pass, shape }: Work & { kind: 'conv' }, { x, w, dy }: Values): () => Tensor[] {
  const { stride, padding, size, kernel } = shape;
  const window = { stride, padding };
  if (pass === 'weight gradient') {
    const op = opNamed('conv2dWeightGrad');
    return () => [op({ x, g: dy }, { ...window, kernel: [kernel, kernel] }).w];
  }
  const op = opNamed('convTranspose2d');
  return () => [op({ x: dy, weight: w }, { ...window, size: [size, size] }).y];
}
