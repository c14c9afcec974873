/** The shapes that variants of the matrix kernels are chosen by. */
import type { Device, Tensor } from '../engine/index.ts';
import { conv2d, matmul } from '../kernels/index.ts';
import { type ChosenFor, type MatrixWork, shapeClass, type WorkWindow } from '../kernels/lib/variant.ts';
import { opNamed } from './op-named.ts';
import { uniform } from './uniform.ts';

/** A shape to time: several stand for a class, and a variant must win in all that it computes. */
export interface TuneShape {
  readonly work: MatrixWork;
  readonly sample: string;
  /** a software driver takes seconds for it, in each of half a dozen runs of each variant */
  readonly large: boolean;
  readonly make: (device: Device) => { readonly inputs: readonly Tensor[]; readonly run: () => Tensor };
}

type Precision = 'f32' | 'f16';
type Size = Pick<TuneShape, 'large'>;
type ProductShape = readonly [m: number, k: number, n: number];

interface ConvShape {
  readonly channels: number;
  readonly outChannels: number;
  readonly size: number;
  readonly kernel: number;
  /** 1 where it is left out */
  readonly batch?: number;
}

const SMALL_PRODUCTS: readonly ProductShape[] = [
  [1, 65536, 1],
  [4, 65536, 4],
  [1, 1024, 1024],
  [4, 512, 512],
  [512, 512, 1],
  [2048, 256, 4],
  [32, 256, 1024],
  [256, 512, 32],
  [32, 2048, 1024],
  [512, 4096, 16],
  [32, 128, 8192],
  [8192, 128, 32],
  [32, 64, 16384],
  [16384, 64, 32],
  [512, 512, 512],
  [256, 256, 256],
  [64, 4096, 64],
  [256, 2048, 256],
  [512, 64, 2048],
];

const LARGE_PRODUCTS: readonly ProductShape[] = [
  [16, 512, 65536],
  [1024, 256, 1024],
  [1024, 1024, 1024],
  [2048, 2048, 2048],
  [4096, 4096, 4096],
];

const SMALL_CONVOLUTIONS: readonly ConvShape[] = [
  { channels: 64, outChannels: 64, size: 64, kernel: 3 },
  { channels: 64, outChannels: 64, size: 16, kernel: 3 },
  { channels: 128, outChannels: 128, size: 32, kernel: 3 },
  { channels: 256, outChannels: 256, size: 16, kernel: 3 },
  { channels: 512, outChannels: 512, size: 8, kernel: 3 },
  { channels: 128, outChannels: 128, size: 7, kernel: 3 },
  { channels: 256, outChannels: 64, size: 32, kernel: 1 },
  { channels: 256, outChannels: 32, size: 32, kernel: 3 },
  { channels: 64, outChannels: 32, size: 16, kernel: 3 },
  { channels: 32, outChannels: 32, size: 64, kernel: 3 },
  { channels: 16, outChannels: 16, size: 128, kernel: 3 },
  { channels: 16, outChannels: 16, size: 16, kernel: 3 },
  { channels: 64, outChannels: 16, size: 32, kernel: 1 },
  { channels: 16, outChannels: 4, size: 128, kernel: 3 },
  { channels: 64, outChannels: 3, size: 64, kernel: 7 },
  { channels: 2, outChannels: 16, size: 128, kernel: 1 },
  { channels: 4, outChannels: 64, size: 64, kernel: 1 },
  { channels: 4, outChannels: 4, size: 128, kernel: 1 },
  { channels: 1, outChannels: 1, size: 128, kernel: 1 },
];

const MIDDLE_CONVOLUTIONS: readonly ConvShape[] = [
  { channels: 64, outChannels: 64, size: 128, kernel: 3 },
  { channels: 64, outChannels: 128, size: 64, kernel: 3 },
];

/** GauGAN at 256²: its residual blocks and SPADE's modulations, and the single pixels of its shortcuts. */
const GAUGAN: readonly ConvShape[] = [1, 8].flatMap((batch) => [
  { channels: 1024, outChannels: 1024, size: 8, kernel: 3, batch },
  { channels: 1024, outChannels: 1024, size: 16, kernel: 3, batch },
  { channels: 512, outChannels: 512, size: 32, kernel: 3, batch },
  { channels: 256, outChannels: 256, size: 64, kernel: 3, batch },
  { channels: 128, outChannels: 256, size: 128, kernel: 3, batch },
  { channels: 64, outChannels: 64, size: 256, kernel: 3, batch },
  { channels: 1024, outChannels: 512, size: 32, kernel: 1, batch },
  { channels: 256, outChannels: 128, size: 128, kernel: 1, batch },
]);

/** CAP-VSTNet at 1024²: from 16 to 4 channels and back, 64 to 16, 256 to 64. */
const CAP_VSTNET: readonly ConvShape[] = [
  { width: 256, size: 256 },
  { width: 64, size: 512 },
  { width: 16, size: 1024 },
].flatMap(({ width, size }) => [
  { channels: width, outChannels: width / 4, size, kernel: 3 },
  { channels: width / 4, outChannels: width / 4, size, kernel: 3 },
  { channels: width / 4, outChannels: width, size, kernel: 3 },
]);

export const tuneShapes: readonly TuneShape[] = (['f32', 'f16'] as const).flatMap((dtype) => [
  ...SMALL_PRODUCTS.map((shape) => product(shape, dtype, { large: false })),
  ...LARGE_PRODUCTS.map((shape) => product(shape, dtype, { large: true })),
  ...SMALL_CONVOLUTIONS.flatMap((shape) => convolutions(shape, dtype, { large: false })),
  ...[...MIDDLE_CONVOLUTIONS, ...GAUGAN, ...CAP_VSTNET].flatMap((shape) => convolutions(shape, dtype, { large: true })),
]);

function product([m, k, n]: ProductShape, dtype: Precision, { large }: Size): TuneShape {
  return {
    work: { kind: 'matmul', rows: m, columns: n, terms: k, batch: 1, dtype },
    sample: `${m}×${k} · ${k}×${n}`,
    large,
    make: (device) => {
      const [a, b] = [uniform(device, [m, k], dtype, 1), uniform(device, [k, n], dtype, 2)];
      return { inputs: [a, b], run: () => matmul(a, b) };
    },
  };
}

function convolutions(shape: ConvShape, dtype: Precision, size: Size): TuneShape[] {
  return [convolution(shape, dtype, size), weightGradient(shape, dtype, size)];
}

function sampleOf({ channels, outChannels, size, kernel, batch = 1 }: ConvShape): string {
  return `${kernel}×${kernel}, ${channels}>${outChannels} at ${size}²${batch === 1 ? '' : `, batch ${batch}`}`;
}

function windowOf(kernel: number): WorkWindow {
  return { kernel: [kernel, kernel], stride: [1, 1], outStride: [1, 1], dilation: [1, 1] };
}

function convolution(shape: ConvShape, dtype: Precision, { large }: Size): TuneShape {
  const { channels, outChannels, size, kernel, batch = 1 } = shape;
  return {
    work: {
      ...{ kind: 'conv2d', rows: outChannels, columns: batch * size * size, terms: channels * kernel ** 2, batch: 1 },
      ...{ dtype, window: windowOf(kernel) },
    },
    sample: sampleOf(shape),
    large,
    make: (device) => {
      const x = uniform(device, [batch, channels, size, size], dtype, 1);
      const weight = uniform(device, [outChannels, channels, kernel, kernel], dtype, 2);
      return { inputs: [x, weight], run: () => conv2d(x, { weight }, { padding: (kernel - 1) / 2 }) };
    },
  };
}

function weightGradient(shape: ConvShape, dtype: Precision, { large }: Size): TuneShape {
  const { channels, outChannels, size, kernel, batch = 1 } = shape;
  const call = opNamed('conv2dWeightGrad');
  return {
    work: {
      ...{ kind: 'conv2dWeightGrad', rows: outChannels, columns: channels * kernel ** 2 },
      ...{ terms: batch * size * size, batch: 1, dtype, window: windowOf(kernel) },
    },
    sample: sampleOf(shape),
    large,
    make: (device) => {
      const x = uniform(device, [batch, channels, size, size], dtype, 1);
      const g = uniform(device, [batch, outChannels, size, size], dtype, 2);
      const attrs = { padding: (kernel - 1) / 2, kernel: [kernel, kernel] };
      return { inputs: [x, g], run: () => call({ x, g }, attrs).w };
    },
  };
}

/** The shapes to time on a device, those with a text in their class or sample. */
export function shapesFor({ capabilities: { software, f16 } }: ChosenFor, filter: string): readonly TuneShape[] {
  return tuneShapes.filter(
    ({ work, sample, large }) =>
      !(software && large) && (f16 || work.dtype !== 'f16') && `${shapeClass(work)}: ${sample}`.includes(filter),
  );
}
