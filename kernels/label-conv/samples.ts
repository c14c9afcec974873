import type { DType, Sample, Shape } from '../../engine/index.ts';
import type { StraightActivation, Window } from './label-conv.ts';

/** A label map; some labels lie past the classes. */
const label = (shape: Shape, below: number) => ({ shape, kind: 'label' as const, below });
const F32: readonly DType[] = ['f32'];

/** GauGAN's shared layer of a SPADE norm, and APF-GAN's classes. */
const BENCH = [
  { n: 1, size: 256, classes: 182 },
  { n: 1, size: 64, classes: 182 },
  { n: 1, size: 256, classes: 29 },
] as const;
const benchName = ({ size, classes }: (typeof BENCH)[number]) => `${classes} classes>128 at ${size}²`;

export const convSamples: readonly Sample<'labels' | 'weight' | 'bias' | 'residual', Window & { dtype?: DType }>[] = [
  { inputs: { labels: label([2, 6, 7], 6), weight: [5, 5, 3, 3], bias: [5] }, attrs: { padding: 1 } },
  {
    inputs: { labels: label([1, 9, 8], 3), weight: [18, 2, 4, 4], residual: [1, 18, 5, 5] },
    attrs: { stride: 2, padding: 2 },
    dtypes: F32,
  },
  { inputs: { labels: label([2, 5, 5], 210), weight: [4, 200, 1, 1], bias: [4] }, dtypes: F32 },
  {
    inputs: { labels: label([1, 5, 9], 4), weight: [3, 4, 2, 3] },
    attrs: { stride: [2, 3], padding: [0, 2, 1, 0] },
    dtypes: F32,
  },
  { inputs: { labels: label([1, 3, 3], 4e9), weight: [1, 7, 3, 3], bias: [1] }, attrs: { padding: 1 }, dtypes: F32 },
];

export const activatedSamples: readonly Sample<
  'labels' | 'weight' | 'bias' | 'residual',
  Window & { activation: StraightActivation; slope: number; dtype?: DType }
>[] = [
  {
    inputs: { labels: label([1, 7, 8], 13), weight: [20, 12, 3, 3], bias: [20] },
    attrs: { padding: 1, activation: 'relu' },
  },
  {
    inputs: { labels: label([2, 8, 8], 6), weight: [6, 5, 4, 4], bias: [6], residual: [2, 6, 5, 5] },
    attrs: { stride: 2, padding: 2, activation: 'leakyRelu', slope: 0.2 },
  },
  ...BENCH.map((shape) => ({
    inputs: {
      labels: label([shape.n, shape.size, shape.size], shape.classes),
      weight: [128, shape.classes, 3, 3],
      bias: [128],
    },
    attrs: { padding: 1, activation: 'relu' as const },
    bench: benchName(shape),
  })),
];

export const weightGradSamples: readonly Sample<
  'labels' | 'g',
  Window & { classes: number; kernel: readonly [number, number]; dtype?: DType }
>[] = [
  {
    inputs: { labels: label([2, 6, 8], 5), g: [2, 3, 6, 8] },
    attrs: { padding: 1, classes: 4, kernel: [3, 3] },
  },
  {
    inputs: { labels: label([1, 9, 7], 200), g: [1, 70, 5, 4] },
    attrs: { stride: 2, padding: 2, classes: 200, kernel: [4, 4] },
    dtypes: F32,
  },
  // many slots
  { inputs: { labels: label([2, 90, 5], 3), g: [2, 2, 90, 5] }, attrs: { classes: 2, kernel: [1, 1] }, dtypes: F32 },
];
