/** ONNX Runtime Web with its WebGPU provider. Inputs and outputs stay on the GPU; weights are constants of the graph. */
import { setFlagsFromString } from 'node:v8';
import type { Device } from '../../engine/index.ts';
import { EPS, type Input, type Inputs, outSize, type Work } from './cases.ts';
import type { Library, Prepared } from './library.ts';
import { type OnnxGraph, type OnnxNode, onnxModel } from './onnx-model.ts';

interface OrtTensor {
  getData(): Promise<Float32Array>;
  dispose(): void;
}

/** What is used of onnxruntime-web. */
interface Ort {
  readonly env: { readonly versions: { readonly web?: string; readonly common: string }; logLevel: string };
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<Session>;
  };
  readonly Tensor: { fromGpuBuffer(buffer: GPUBuffer, options: object): OrtTensor };
}

interface Session {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

export async function loadOnnxruntime(device: Device, version: string): Promise<Library> {
  // The optimising compiler works for half a minute on its module, in the background: a core that a software driver lacks,
  // for every library here. Its host code is a small part of each run.
  setFlagsFromString('--liftoff-only');
  copySharedMemory(device.gpu.queue);
  const name = 'onnxruntime-web/webgpu';
  const ort = (await import(name)) as Ort;
  ort.env.logLevel = 'error';
  return { name: 'onnxruntime-web', version, prepare: (work, inputs) => prepare(ort, device, work, inputs) };
}

/** Dawn's binding refuses memory that threads share, which the library's is. */
function copySharedMemory(queue: GPUQueue): void {
  const write = queue.writeBuffer;
  queue.writeBuffer = function (this: GPUQueue, buffer, offset, data: GPUAllowSharedBufferSource, ...range) {
    const shared = ArrayBuffer.isView(data) && data.buffer instanceof SharedArrayBuffer;
    // it hands over views of bytes
    return write.call(
      this,
      buffer,
      offset,
      (shared ? new Uint8Array(data as Uint8Array) : data) as typeof data,
      ...range,
    );
  };
}

async function prepare(ort: Ort, device: Device, work: Work, inputs: Inputs): Promise<Prepared | string> {
  const graph = graphOf(work, inputs);
  if (typeof graph === 'string') return graph;
  const session = await ort.InferenceSession.create(onnxModel(graph), {
    executionProviders: [{ name: 'webgpu', device: device.gpu }],
    preferredOutputLocation: 'gpu-buffer',
  });
  const buffers = graph.inputs.map(({ name }) => upload(device.gpu, inputs[name].data));
  const feeds = Object.fromEntries(
    graph.inputs.map(({ name, shape }, i) => [
      name,
      ort.Tensor.fromGpuBuffer(buffers[i], { dataType: 'float32', dims: shape }),
    ]),
  );
  return {
    async run(times) {
      for (let i = 0; i < times; i++) (await session.run(feeds)).y.dispose();
      await device.gpu.queue.onSubmittedWorkDone();
    },
    async result() {
      const { y } = await session.run(feeds);
      const data = await y.getData();
      y.dispose();
      return data;
    },
    dispose() {
      void session.release();
      for (const buffer of buffers) buffer.destroy();
    },
  };
}

function upload(gpu: GPUDevice, data: Float32Array<ArrayBuffer>): GPUBuffer {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  // its kernels read vectors of four
  const buffer = gpu.createBuffer({ size: Math.ceil(data.byteLength / 16) * 16, usage });
  gpu.queue.writeBuffer(buffer, 0, data);
  return buffer;
}

function graphOf(work: Work, inputs: Inputs): OnnxGraph | string {
  const [given, constant] = [
    (name: string) => ({ name, ...inputs[name] }),
    (name: string) => ({ name, ...inputs[name] }),
  ];
  const output = (shape: readonly number[]) => ({ name: 'y', shape });
  const one = (node: Omit<OnnxNode, 'output'>): OnnxNode[] => [{ ...node, output: 'y' }];
  switch (work.kind) {
    case 'matmul':
      return {
        ...{ inputs: [given('a'), given('b')], output: output(inputs.a.shape), constants: [] },
        nodes: one({ op: 'MatMul', inputs: ['a', 'b'] }),
      };
    case 'cholesky':
    case 'solve':
      return 'it has no factorisations or triangular solves';
    case 'conv': {
      const { stride, padding, batch, channels, outChannels, size } = work.shape;
      const window = { strides: [stride, stride], pads: [padding, padding, padding, padding] };
      if (work.pass === 'weight gradient') return 'it has no gradients';
      if (work.pass === 'forward') {
        const out = outSize(work.shape);
        return {
          ...{ inputs: [given('x')], output: output([batch, outChannels, out, out]), constants: [constant('w')] },
          nodes: one({ op: 'Conv', inputs: ['x', 'w'], attributes: window }),
        };
      }
      // rows that the stride left over
      const rest = (size + 2 * padding - work.shape.kernel) % stride;
      const attributes = { ...window, output_padding: [rest, rest] };
      return {
        ...{ inputs: [given('dy')], output: output([batch, channels, size, size]), constants: [constant('w')] },
        nodes: one({ op: 'ConvTranspose', inputs: ['dy', 'w'], attributes }),
      };
    }
    case 'instanceNorm': {
      const filled = (name: string, value: number) => ({
        ...{ name, shape: [work.planes], data: new Float32Array(work.planes).fill(value) },
      });
      return {
        ...{ inputs: [given('a')], output: output(inputs.a.shape), constants: [filled('one', 1), filled('zero', 0)] },
        nodes: one({
          op: 'InstanceNormalization',
          inputs: ['a', 'one', 'zero'],
          attributes: { epsilon: { float: EPS } },
        }),
      };
    }
    case 'add':
      return {
        ...{ inputs: [given('a'), given('b')], output: output(inputs.a.shape), constants: [] },
        nodes: one({ op: 'Add', inputs: ['a', 'b'] }),
      };
    case 'tanh':
      return {
        ...{ inputs: [given('a')], output: output(inputs.a.shape), constants: [] },
        nodes: one({ op: 'Tanh', inputs: ['a'] }),
      };
    case 'sum':
      return {
        ...{ inputs: [given('a')], output: output([work.rows]) },
        constants: [{ name: 'axes', shape: [1], data: BigInt64Array.of(1n) }],
        nodes: one({ op: 'ReduceSum', inputs: ['a', 'axes'], attributes: { keepdims: 0 } }),
      };
    case 'chain':
      return chainOf(work.ops, given('a'), given('b'));
    case 'step':
      return 'it does not train';
  }
}

function chainOf(ops: number, a: Input & { name: string }, b: Input & { name: string }): OnnxGraph {
  const nodes: OnnxNode[] = [];
  let last = 'a';
  for (let i = 0; i < ops; i += 2) {
    const output = i + 2 < ops ? `h${i}` : 'y';
    nodes.push({ op: 'Add', inputs: [last, 'b'], output: `s${i}` }, { op: 'Tanh', inputs: [`s${i}`], output });
    last = output;
  }
  return { inputs: [a, b], output: { name: 'y', shape: a.shape }, nodes, constants: [] };
}
