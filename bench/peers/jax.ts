/** jax-js: traced functions, compiled to fused kernels. Arrays are handed over; `.ref` keeps one. */
import type { Device } from '../../engine/index.ts';
import { EPS, type Inputs, RATE, type Work } from './cases.ts';
import { joined, type Library, type Prepared } from './library.ts';

interface A {
  readonly ref: A;
  readonly shape: number[];
  add(b: A | number): A;
  sub(b: A): A;
  mul(b: A | number): A;
  reshape(shape: readonly number[]): A;
  data(): Promise<Float32Array>;
  dispose(): void;
}
type F = (...args: A[]) => A | A[];
type Pairs = [number, number][];

/** What is used of @jax-js/jax. */
interface Jax {
  init(device: 'webgpu'): Promise<string[]>;
  defaultDevice(device: 'webgpu'): void;
  jit(fn: F): F & { dispose(): void };
  grad(fn: F, options: { argnums: number[] }): (...args: A[]) => A[];
  blockUntilReady(what: A[]): Promise<unknown>;
  readonly numpy: {
    array(data: Float32Array): A;
    matmul(a: A, b: A): A;
    sum(a: A, axis?: number): A;
    mean(a: A, axis?: number | number[], options?: { keepdims: boolean }): A;
    square(a: A): A;
    sqrt(a: A): A;
    reciprocal(a: A): A;
    tanh(a: A): A;
  };
  readonly nn: { relu(a: A): A };
  readonly lax: {
    convGeneralDilated(x: A, w: A, strides: number[], padding: Pairs): A;
    readonly linalg: {
      cholesky(a: A): A;
      triangularSolve(l: A, b: A, options: { leftSide: boolean; lower: boolean }): A;
    };
  };
}

/** The library asks for a device of its own: `navigator.gpu` gives it ours. */
export async function loadJax(_device: Device, version: string): Promise<Library> {
  const name = '@jax-js/jax';
  const jax = (await import(name)) as Jax;
  const devices = await jax.init('webgpu');
  if (!devices.includes('webgpu')) throw new Error(`jax-js has no WebGPU here, only ${devices.join(', ')}`);
  jax.defaultDevice('webgpu');
  return { name: 'jax-js', version, prepare: async (work, inputs) => prepare(jax, work, inputs) };
}

function prepare(jax: Jax, work: Work, inputs: Inputs): Prepared {
  const given = work.kind === 'conv' ? convInputs(work, inputs) : inputs;
  const values = Object.values(given).map(({ data, shape }) => jax.numpy.array(data).reshape(shape));
  const { fn, traced } = functionOf(jax, work);
  const compiled = traced ? jax.jit(fn) : undefined;
  const make = () => [(compiled ?? fn)(...values.map((value) => value.ref))].flat();
  return {
    async run(times) {
      const results: A[] = [];
      for (let i = 0; i < times; i++) results.push(...make());
      await jax.blockUntilReady(results);
      for (const one of results) one.dispose();
    },
    async result() {
      const parts: Float32Array[] = [];
      for (const one of make()) parts.push(await one.data());
      return joined(parts);
    },
    dispose() {
      for (const value of values) value.dispose();
      compiled?.dispose();
    },
  };
}

/** x, w and, for gradients, dy. What it is derived by is zeros: the gradient of something linear is the same anywhere. */
function convInputs({ pass, shape }: Work & { kind: 'conv' }, inputs: Inputs): Inputs {
  const { batch, channels, outChannels, size, kernel } = shape;
  const zeros = (extents: number[]) => ({ shape: extents, data: new Float32Array(extents.reduce((a, b) => a * b)) });
  if (pass === 'forward') return inputs;
  const x = inputs.x ?? zeros([batch, channels, size, size]);
  const w = inputs.w ?? zeros([outChannels, channels, kernel, kernel]);
  return { x, w, dy: inputs.dy };
}

/**
 * Functions are traced, except the chain: as one expression it is nested deeper than the WGSL compiler goes; and the
 * triangular solve, which the tracer hands a transposed view that its routine refuses.
 */
function functionOf(jax: Jax, work: Work): { fn: F; traced: boolean } {
  const { numpy: np, lax, nn } = jax;
  const conv = (x: A, w: A, stride: number, padding: number) =>
    lax.convGeneralDilated(
      x,
      w,
      [stride, stride],
      [
        [padding, padding],
        [padding, padding],
      ],
    );
  const norm = (h: A) => {
    const centred = h.ref.sub(np.mean(h, [2, 3], { keepdims: true }));
    const variance = np.mean(np.square(centred.ref), [2, 3], { keepdims: true });
    return centred.mul(np.reciprocal(np.sqrt(variance.add(EPS))));
  };
  const fn = (): F => {
    switch (work.kind) {
      case 'matmul':
        return (a, b) => np.matmul(a, b);
      case 'conv': {
        const { stride, padding } = work.shape;
        if (work.pass === 'forward') return (x, w) => conv(x, w, stride, padding);
        const loss: F = (x, w, dy) => np.sum(conv(x, w, stride, padding).mul(dy));
        return jax.grad(loss, { argnums: [work.pass === 'input gradient' ? 0 : 1] });
      }
      case 'instanceNorm':
        return norm;
      case 'add':
        return (a, b) => a.add(b);
      case 'tanh':
        return (a) => np.tanh(a);
      case 'sum':
        return (a) => np.sum(a, 1);
      case 'cholesky':
        return (a) => lax.linalg.cholesky(a);
      case 'solve':
        return (l, b) => lax.linalg.triangularSolve(l, b, { leftSide: true, lower: true });
      case 'chain':
        return (a, b) => {
          let h = a;
          for (let i = 0; i < work.ops; i += 2) h = np.tanh(h.add(b.ref));
          b.dispose();
          return h;
        };
      case 'step': {
        const gradients = jax.grad(
          (x, t, w0, w1, w2) => {
            const h0 = nn.relu(norm(conv(x, w0, 1, 1)));
            const h1 = nn.relu(norm(conv(h0, w1, 1, 1)));
            return np.mean(np.square(nn.relu(conv(h1, w2, 1, 1)).sub(t)));
          },
          { argnums: [2, 3, 4] },
        );
        return (x, t, ...weights) => {
          const found = gradients(x, t, ...weights.map((w) => w.ref));
          return weights.map((w, i) => w.sub(found[i].mul(RATE)));
        };
      }
    }
  };
  return { fn: fn(), traced: work.kind !== 'chain' && work.kind !== 'solve' };
}
