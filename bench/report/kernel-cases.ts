/** The kernels that a report times: matrix products and convolutions of GauGAN's shapes, and passes bound by memory. */
import { bytesPerElement, type Device, type DType, scope, type Tensor } from '../../engine/index.ts';
import { add, conv2d, instanceNorm, matmul, spade, tanh } from '../../kernels/index.ts';
import { opNamed } from '../op-named.ts';
import { type ConvPass, type ConvShape, outSize, type Work } from '../peers/cases.ts';
import { uniform } from '../uniform.ts';
import { backwardOf, type TimedPass, type Variant, type VariantName } from '../variant.ts';

/** A kernel with the passes that are timed in turns. */
export interface KernelCase {
  readonly op: string;
  readonly sample: string;
  readonly passes: readonly string[];
  /** what bounds it, and so which bar it has to pass */
  readonly bound: 'arithmetic' | 'memory';
  /** the same by pass, for another library; products alone */
  readonly works: readonly Work[];
  readonly make: (device: Device, dtype: DType) => TimedPass[];
}

/** @param software  sizes that a software adapter does in seconds */
export function kernelCases(software: boolean): KernelCase[] {
  return [
    product(software ? 512 : 4096),
    ...(software ? SMALL_CONVOLUTIONS : CONVOLUTIONS).map(convolution),
    ...trafficCases(software ? 1 << 22 : 1 << 26),
  ];
}

/** Of GauGAN at 256², batch 8, from the narrow map to the wide one; then of CAP-VSTNet at 1024². */
const CONVOLUTIONS: readonly ConvShape[] = [
  conv(256, 256, 64, 8),
  conv(64, 64, 256, 8),
  conv(1024, 1024, 8, 8),
  conv(1024, 1024, 16, 8),
  conv(128, 256, 128, 8),
  conv(256, 64, 256, 1),
  conv(64, 256, 256, 1),
];

const SMALL_CONVOLUTIONS: readonly ConvShape[] = [conv(64, 64, 32, 1), conv(16, 16, 64, 1), conv(128, 128, 8, 1)];

function conv(channels: number, outChannels: number, size: number, batch: number): ConvShape {
  return { batch, channels, outChannels, size, kernel: 3, stride: 1, padding: 1 };
}

/** Names of all variants of a case in one storage type. */
export function namesOf({ op, sample, passes }: KernelCase, dtype: DType): VariantName[] {
  return passes.map((pass) => ({ op, sample, pass, dtype }));
}

export function variantsOf(device: Device, one: KernelCase, dtype: DType): Variant[] {
  return one.make(device, dtype).map((timed) => ({ op: one.op, sample: one.sample, dtype, ...timed }));
}

/** Operations by the definition, however few an algorithm needs; 0 where arithmetic is not what takes the time. */
export function flopsOf(work: Work): number {
  if (work.kind === 'matmul') return 2 * work.size ** 3;
  if (work.kind !== 'conv') return 0;
  const { batch, channels, outChannels, size, kernel } = work.shape;
  return 2 * batch * size ** 2 * channels * outChannels * kernel ** 2;
}

function product(size: number): KernelCase {
  return {
    ...{ op: 'matmul', sample: `${size}³`, passes: ['forward'], bound: 'arithmetic' },
    works: [{ kind: 'matmul', size }],
    make: (device, dtype) => {
      const [a, b] = [1, 2].map((seed) => uniform(device, [size, size], dtype, seed));
      return [timed('forward', [a, b], () => [matmul(a, b)])];
    },
  };
}

const CONV_PASSES: readonly ConvPass[] = ['forward', 'input gradient', 'weight gradient'];

function convolution(shape: ConvShape): KernelCase {
  const { batch, channels, outChannels, size, kernel, stride, padding } = shape;
  const window = { stride, padding };
  return {
    ...{ op: 'conv2d', sample: `3×3, ${channels}>${outChannels} at ${size}², batch ${batch}` },
    ...{ passes: CONV_PASSES, bound: 'arithmetic' },
    works: CONV_PASSES.map((pass) => ({ kind: 'conv', pass, shape })),
    make: (device, dtype) => {
      const out = outSize(shape);
      const x = uniform(device, [batch, channels, size, size], dtype, 1);
      const weight = uniform(device, [outChannels, channels, kernel, kernel], dtype, 2);
      const dy = uniform(device, [batch, outChannels, out, out], dtype, 3);
      // gradients by the ops that the sweep calls, so that no forward pass is timed with them
      const [input, weights] = [opNamed('convTranspose2d'), opNamed('conv2dWeightGrad')];
      return [
        timed('forward', [x, weight, dy], () => [conv2d(x, { weight }, window)]),
        timed('input gradient', [], () => [input({ x: dy, weight }, { ...window, size: [size, size] }).y]),
        timed('weight gradient', [], () => [weights({ x, g: dy }, { ...window, kernel: [kernel, kernel] }).w]),
      ];
    },
  };
}

interface Traffic {
  readonly op: string;
  readonly sample?: string;
  readonly passes: readonly string[];
  /** values of the widest input for one of the result */
  readonly width: number;
  /** pictures of a piece */
  readonly batch: number;
  readonly inputs: (shape: readonly number[]) => readonly (readonly number[])[];
  readonly run: (inputs: readonly Tensor[]) => Tensor;
}

const SIDE = 256;
const SLOPE = 0.2;
const BOTH = ['forward', 'backward'];

const spadeOf = (norm: 'batch' | 'instance', batch: number): Traffic => ({
  ...{ op: 'spade', sample: `${norm}, `, passes: BOTH, width: 2, batch },
  inputs: ([n, c, h, w]) => [
    [n, c, h, w],
    [n, 2 * c, h, w],
  ],
  run: ([x, gammaBeta]) => spade(x, gammaBeta, { norm, activation: 'leakyRelu', slope: SLOPE, training: true }).y,
});

const TRAFFIC: readonly Traffic[] = [
  { op: 'add', passes: ['forward'], width: 1, batch: 1, inputs: (s) => [s, s], run: ([a, b]) => add(a, b) },
  { op: 'tanh', passes: BOTH, width: 1, batch: 1, inputs: (s) => [s], run: ([x]) => tanh(x) },
  { op: 'instanceNorm', passes: BOTH, width: 1, batch: 1, inputs: (s) => [s], run: ([x]) => instanceNorm(x) },
  spadeOf('instance', 1),
  spadeOf('batch', 8),
];

/**
 * Passes over so many values, which leave every cache; in pieces where one binding does not hold them.
 *
 * @param bindingBytes  of the largest piece; the device's limit when left out
 */
export function trafficCases(values: number, bindingBytes?: number): KernelCase[] {
  const planes = values / SIDE ** 2;
  return TRAFFIC.map((one) => ({
    ...{ op: one.op, sample: `${one.sample ?? ''}${planes} planes of ${SIDE}²`, passes: one.passes },
    ...{ bound: 'memory', works: [] },
    make: (device, dtype) => {
      const most = bindingBytes ?? device.capabilities.maxBindingBytes;
      const shapes = piecesOf(planes, one, most / bytesPerElement(dtype));
      const pieces = shapes.map((shape, i) => one.inputs(shape).map((s, k) => uniform(device, s, dtype, 8 * i + k)));
      const forward = timed('forward', pieces.flat(), () => onlyLast(pieces, (piece) => [one.run(piece)]));
      if (!one.passes.includes('backward')) return [forward];
      const sweeps = pieces.map((piece) => backwardOf(device, piece, () => one.run(piece)));
      const backward: TimedPass = {
        pass: 'backward',
        prepare: () => sweeps.forEach((sweep) => void sweep?.prepare()),
        run: () => onlyLast(sweeps, (sweep) => sweep?.run() ?? []),
        release: () => sweeps.forEach((sweep) => void sweep?.release()),
      };
      return [forward, backward];
    },
  }));
}

/** Shapes that hold all planes, none with an input of more values than a binding. */
export function piecesOf(
  planes: number,
  { width, batch }: Pick<Traffic, 'width' | 'batch'>,
  mostValues: number,
): number[][] {
  const channels = planes / batch;
  const fits = Math.floor(mostValues / (width * batch * SIDE ** 2));
  const count = Math.ceil(channels / Math.max(1, Math.min(fits, channels)));
  const each = Math.ceil(channels / count);
  return Array.from({ length: count }, (_, i) => [batch, Math.min(each, channels - i * each), SIDE, SIDE]);
}

/** Results of the last piece; those before are freed on the way. */
function onlyLast<T>(pieces: readonly T[], run: (piece: T) => readonly Tensor[]): readonly Tensor[] {
  let kept: readonly Tensor[] = [];
  for (const piece of pieces) {
    for (const tensor of kept) tensor.dispose();
    kept = scope(() => [...run(piece)]);
  }
  return kept;
}

function timed(pass: string, owned: readonly Tensor[], run: () => readonly Tensor[]): TimedPass {
  const release = () => {
    for (const tensor of owned) tensor.dispose();
  };
  return { pass, prepare: () => {}, run, release };
}
