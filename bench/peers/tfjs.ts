/** TensorFlow.js on its WebGPU backend, which asks `navigator.gpu` for a device and is given ours. Pictures are channels-last there; weights are [kH, kW, I, O]. */
import { createRequire } from 'node:module';
import type { Device } from '../../engine/index.ts';
import { EPS, type Inputs, RATE, type Work } from './cases.ts';
import { CHANNELS_LAST, CHANNELS_SECOND, joined, type Library, type Prepared, transpose } from './library.ts';

interface T {
  readonly shape: number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}

/** What is used of @tensorflow/tfjs-core. */
interface Core {
  readonly version_core: string;
  tensor(data: Float32Array, shape: readonly number[]): T;
  tidy<R>(fn: () => R): R;
  matMul(a: T, b: T): T;
  conv2d(x: T, w: T, stride: number, padding: number): T;
  moments(x: T, axes: number[], keepDims: boolean): { mean: T; variance: T };
  add(a: T, b: T | number): T;
  sub(a: T, b: T): T;
  mul(a: T, b: T | number): T;
  rsqrt(a: T): T;
  tanh(a: T): T;
  relu(a: T): T;
  square(a: T): T;
  sum(a: T, axis: number): T;
  mean(a: T): T;
  grads(fn: (...inputs: T[]) => T): (inputs: T[]) => T[];
  dispose(what: unknown): void;
  engine(): { runKernel(name: string, inputs: Record<string, T>, attrs: object): T };
  backend(): Backend;
  setBackend(name: string): Promise<boolean>;
}

interface Backend {
  submitQueue(): void;
  readonly commandEncoder: unknown;
  endComputePassEncoder(): void;
}

export async function loadTfjs(device: Device): Promise<Library> {
  const [core, webgpu] = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-webgpu'];
  const tf = (await import(core)) as Core & { default?: Core };
  await import(webgpu);
  // its main entry leaves them out; they find the same registry, which is global. tsx reads the module for require
  createRequire(import.meta.url)('@tensorflow/tfjs-core/dist/register_all_gradients');
  if (!(await tf.setBackend('webgpu'))) throw new Error('its WebGPU backend did not start');
  const backend = tf.backend();
  const finish = async () => {
    backend.endComputePassEncoder();
    if (backend.commandEncoder) backend.submitQueue();
    await device.gpu.queue.onSubmittedWorkDone();
  };
  return {
    name: 'tfjs',
    version: tf.version_core,
    prepare: async (work, inputs) =>
      work.kind === 'cholesky' || work.kind === 'solve' ? NO_LINALG : prepare(tf, work, inputs, finish),
  };
}

function prepare(tf: Core, work: Timed, inputs: Inputs, finish: () => Promise<void>): Prepared {
  const values = Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => {
      if (input.shape.length < 4) return [name, tf.tensor(input.data, input.shape)];
      const order = name.startsWith('w') ? WEIGHT : CHANNELS_LAST;
      const { data, shape } = transpose(input.data, input.shape, order);
      return [name, tf.tensor(data, shape)];
    }),
  );
  const make = maker(tf, work, values);
  return {
    async run(times) {
      for (let i = 0; i < times; i++) tf.dispose(tf.tidy(make));
      await finish();
    },
    async result() {
      const results = tf.tidy(make);
      const parts: Float32Array[] = [];
      for (const one of results) {
        const data = await one.data();
        const isWeight = work.kind === 'step' || (work.kind === 'conv' && work.pass === 'weight gradient');
        const order = isWeight ? WEIGHT_BACK : CHANNELS_SECOND;
        parts.push(one.shape.length < 4 ? data : transpose(data, one.shape, order).data);
      }
      tf.dispose(results);
      return joined(parts);
    },
    dispose: () => tf.dispose(values),
  };
}

/** What it has something for. */
type Timed = Exclude<Work, { kind: 'cholesky' | 'solve' }>;
const NO_LINALG = 'it has no factorisations or triangular solves';

/** [O, I, kH, kW] → [kH, kW, I, O], and back. */
const WEIGHT = [2, 3, 1, 0];
const WEIGHT_BACK = [3, 2, 0, 1];

function maker(tf: Core, work: Timed, { a, b, x, w, dy, t, w0, w1, w2 }: Record<string, T>): () => T[] {
  const norm = (h: T) => {
    const { mean, variance } = tf.moments(h, [1, 2], true);
    return tf.mul(tf.sub(h, mean), tf.rsqrt(tf.add(variance, EPS)));
  };
  switch (work.kind) {
    case 'matmul':
      return () => [tf.matMul(a, b)];
    case 'conv': {
      const { stride, padding, size, kernel, channels, outChannels, batch } = work.shape;
      const attrs = { strides: stride, pad: padding, dataFormat: 'NHWC' };
      if (work.pass === 'forward') return () => [tf.conv2d(x, w, stride, padding)];
      if (work.pass === 'input gradient') {
        const inputShape = [batch, size, size, channels];
        return () => [tf.engine().runKernel('Conv2DBackpropInput', { dy, filter: w }, { ...attrs, inputShape })];
      }
      const filterShape = [kernel, kernel, channels, outChannels];
      return () => [tf.engine().runKernel('Conv2DBackpropFilter', { x, dy }, { ...attrs, filterShape })];
    }
    case 'instanceNorm':
      return () => [norm(a)];
    case 'add':
      return () => [tf.add(a, b)];
    case 'tanh':
      return () => [tf.tanh(a)];
    case 'sum':
      return () => [tf.sum(a, 1)];
    case 'chain':
      return () => {
        let h = a;
        for (let i = 0; i < work.ops; i += 2) h = tf.tanh(tf.add(h, b));
        return [h];
      };
    case 'step': {
      const gradients = tf.grads((...weights) => {
        const h0 = tf.relu(norm(tf.conv2d(x, weights[0], 1, 1)));
        const h1 = tf.relu(norm(tf.conv2d(h0, weights[1], 1, 1)));
        return tf.mean(tf.square(tf.sub(tf.relu(tf.conv2d(h1, weights[2], 1, 1)), t)));
      });
      const weights = [w0, w1, w2];
      return () => gradients(weights).map((gradient, i) => tf.sub(weights[i], tf.mul(gradient, RATE)));
    }
  }
}
