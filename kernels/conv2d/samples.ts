import type { DType, Sample } from '../../engine/index.ts';
import type { Activation } from '../lib/activation.ts';
import type { Window } from './geometry.ts';

/** Most samples run in f32 alone: every kernel, tile and flag is a compilation, and one sample a kernel covers f16. */
const F32 = ['f32'] as const;

export const convSamples: readonly Sample<
  'x' | 'weight' | 'bias' | 'residual',
  Window & { scale: number; grid: number; gradScale?: number | undefined }
>[] = [
  { inputs: { x: [2, 3, 7, 9], weight: [5, 3, 3, 3], bias: [5] }, attrs: { padding: 1 } },
  {
    inputs: { x: [1, 4, 8, 10], weight: [18, 4, 3, 3], bias: [18], residual: [1, 18, 8, 10] },
    attrs: { padding: 1, paddingMode: 'reflect', scale: -1 },
  },
  // more rows than columns in a tile: several images and rows share one
  { inputs: { x: [3, 17, 5, 3], weight: [33, 17, 3, 3] }, attrs: { padding: 1 }, dtypes: F32 },
  {
    inputs: { x: [1, 6, 9, 37], weight: [3, 6, 3, 3] },
    attrs: { padding: 1, paddingMode: 'replicate', stride: 2 },
    dtypes: F32,
  },
  {
    inputs: { x: [1, 3, 9, 11], weight: [6, 3, 4, 2] },
    attrs: { stride: [2, 1], dilation: [1, 2], padding: [1, 2, 0, 3] },
    dtypes: F32,
  },
  { inputs: { x: [2, 6, 7, 5], weight: [36, 3, 1, 1], bias: [36] }, attrs: { groups: 2 } },
  {
    inputs: { x: [1, 5, 8, 8], weight: [10, 1, 3, 3] },
    attrs: { groups: 5, padding: 1, paddingMode: 'reflect' },
    dtypes: F32,
  },
  { inputs: { x: [1, 2, 8, 9], weight: [3, 2, 7, 7] }, attrs: { padding: 3, paddingMode: 'reflect' }, dtypes: F32 },
  // more channels than any tile has
  { inputs: { x: [1, 2, 6, 5], weight: [70, 2, 3, 3] }, attrs: { padding: 1 }, dtypes: F32 },
  // a window that skips pixels, and padding wider than the picture
  { inputs: { x: [1, 3, 8, 9], weight: [2, 3, 2, 2] }, attrs: { stride: 3, dilation: 2 }, dtypes: F32 },
  { inputs: { x: [1, 2, 2, 3], weight: [2, 2, 3, 3] }, attrs: { padding: 4, paddingMode: 'replicate' }, dtypes: F32 },
  { inputs: { x: [1, 3, 1, 1], weight: [2, 3, 1, 1] }, dtypes: F32 },
  { inputs: { x: [2, 5, 6, 22], weight: [9, 5, 1, 1], bias: [9] } },
  ...[
    { n: 64, o: 64, size: 64, bench: '64>64 at 64²' },
    { n: 20, o: 20, size: 50, bench: '20>20 at 50²' },
    { n: 24, o: 24, size: 48, bench: '24>24 at 48²' },
    { n: 256, o: 64, size: 128, bench: 'cap-vstnet stage 2, 256>64 at 128²' },
    { n: 64, o: 256, size: 128, bench: 'cap-vstnet stage 2, 64>256 at 128²' },
    { n: 16, o: 16, size: 256, bench: 'cap-vstnet stage 1, 16>16 at 256²' },
    { n: 16, o: 4, size: 512, bench: 'cap-vstnet stage 0, 16>4 at 512²' },
    { n: 4, o: 16, size: 512, bench: 'cap-vstnet stage 0, 4>16 at 512²' },
  ].map(({ n, o, size, bench }) => ({
    inputs: { x: [1, n, size, size], weight: [o, n, 3, 3], bias: [o] },
    attrs: { padding: 1, paddingMode: 'reflect' as const },
    bench,
  })),
  ...[
    [27, 41],
    [28, 40],
  ].map(([h, w]) => ({
    inputs: { x: [1, 64, h, w], weight: [64, 64, 3, 3] },
    attrs: { padding: 1 },
    bench: `64>64 at ${h}×${w}`,
  })),
  {
    inputs: { x: [1, 64, 128, 128], weight: [128, 64, 3, 3] },
    attrs: { padding: 1, stride: 2 },
    bench: '64>128 at 128², stride 2',
  },
  { inputs: { x: [1, 512, 64, 64], weight: [64, 512, 1, 1] }, bench: '1x1, 512>64 at 64²' },
];

export const activatedSamples: readonly Sample<
  'x' | 'weight' | 'bias',
  Window & { activation: Activation; slope: number }
>[] = [
  { inputs: { x: [1, 3, 7, 9], weight: [6, 3, 3, 3], bias: [6] }, attrs: { padding: 1, activation: 'relu' } },
  { inputs: { x: [1, 3, 6, 5], weight: [6, 3, 3, 3], bias: [6] }, attrs: { activation: 'leakyRelu', slope: 0.2 } },
  { inputs: { x: [1, 2, 6, 5], weight: [6, 2, 3, 3], bias: [6] }, attrs: { activation: 'tanh' }, dtypes: F32 },
  { inputs: { x: [1, 2, 6, 5], weight: [6, 2, 3, 3], bias: [6] }, attrs: { activation: 'sigmoid' }, dtypes: F32 },
];

export const transposedSamples: readonly Sample<
  'x' | 'weight' | 'bias',
  Window & { size: readonly [number, number] }
>[] = [
  { inputs: { x: [2, 5, 7, 9], weight: [5, 3, 3, 3], bias: [3] }, attrs: { padding: 1, size: [7, 9] } },
  { inputs: { x: [1, 4, 5, 6], weight: [4, 20, 4, 4] }, attrs: { padding: 1, stride: 2, size: [10, 12] } },
  {
    inputs: { x: [1, 3, 4, 5], weight: [3, 2, 3, 3], bias: [2] },
    attrs: { stride: [2, 3], dilation: [2, 1], padding: 1, size: [9, 13] },
    dtypes: F32,
  },
  {
    inputs: { x: [1, 6, 7, 8], weight: [6, 2, 3, 3] },
    attrs: { padding: 1, paddingMode: 'reflect', groups: 3, size: [7, 8] },
    dtypes: F32,
  },
  {
    inputs: { x: [1, 64, 64, 64], weight: [64, 64, 3, 3] },
    attrs: { padding: 1, size: [64, 64] },
    bench: 'input gradient of 64>64 at 64²',
  },
  {
    inputs: { x: [1, 64, 64, 64], weight: [64, 64, 3, 3] },
    attrs: { padding: 1, paddingMode: 'reflect', size: [64, 64] },
    bench: 'input gradient of 64>64 at 64², reflect',
  },
  {
    inputs: { x: [1, 20, 50, 50], weight: [20, 20, 3, 3] },
    attrs: { padding: 1, size: [50, 50] },
    bench: 'input gradient of 20>20 at 50²',
  },
  {
    inputs: { x: [1, 128, 64, 64], weight: [128, 64, 3, 3] },
    attrs: { padding: 1, stride: 2, size: [128, 128] },
    bench: 'input gradient of 64>128 at 128², stride 2',
  },
];

export const weightGradSamples: readonly Sample<
  'x' | 'g',
  Window & { kernel: readonly [number, number]; dtype?: DType }
>[] = [
  { inputs: { x: [2, 3, 7, 9], g: [2, 5, 7, 9] }, attrs: { padding: 1, kernel: [3, 3] } },
  {
    inputs: { x: [1, 4, 9, 9], g: [1, 20, 5, 5] },
    attrs: { padding: 1, paddingMode: 'reflect', stride: 2, kernel: [3, 3] },
    dtypes: F32,
  },
  {
    inputs: { x: [2, 4, 8, 7], g: [2, 6, 3, 5] },
    attrs: { stride: [2, 1], dilation: [3, 2], padding: [0, 0, 1, 1], groups: 2, kernel: [2, 3] },
  },
  { inputs: { x: [1, 8, 5, 6], g: [1, 70, 5, 6] }, attrs: { padding: 1, kernel: [3, 3] }, dtypes: F32 },
  { inputs: { x: [2, 5, 8, 9], g: [2, 21, 4, 4] }, attrs: { stride: 2, padding: 1, kernel: [4, 4] }, dtypes: F32 },
  {
    inputs: { x: [1, 64, 64, 64], g: [1, 64, 64, 64] },
    attrs: { padding: 1, kernel: [3, 3] },
    bench: 'weight gradient of 64>64 at 64²',
  },
  {
    inputs: { x: [1, 20, 50, 50], g: [1, 20, 50, 50] },
    attrs: { padding: 1, kernel: [3, 3] },
    bench: 'weight gradient of 20>20 at 50²',
  },
  {
    inputs: { x: [1, 64, 64, 64], g: [1, 128, 32, 32] },
    attrs: { stride: 2, padding: 1, kernel: [4, 4] },
    bench: 'weight gradient of 64>128 at 64², 4x4, stride 2',
  },
  {
    inputs: { x: [1, 16, 512, 512], g: [1, 4, 512, 512] },
    attrs: { padding: 1, paddingMode: 'reflect', kernel: [3, 3] },
    bench: 'weight gradient of 16>4 at 512²',
  },
];
