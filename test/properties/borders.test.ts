/** Transposed convolutions whose padding copies pixels: the picture, and then its borders, as GPUs compute them. */
import { afterEach, beforeAll, beforeEach, describe, it } from 'vitest';
import type { DType, Sample } from '../../engine/index.ts';
import { addBordersEverywhere } from '../../kernels/conv2d/borders.ts';
import { testDevice } from '../support/device.ts';
import { type Executor, executorOn } from '../support/executor.ts';
import { checkForward } from '../support/op-checks.ts';
import { type Subject, subjects } from '../support/subjects.ts';

let executor: Executor;
beforeAll(async () => {
  executor = executorOn(await testDevice());
});
beforeEach(() => addBordersEverywhere(true));
afterEach(() => addBordersEverywhere(false));

const op = subjects().find(({ name }) => name === 'convTranspose2d') as Subject;

describe('a transposed convolution with borders added', () => {
  it.each<[string, readonly number[], readonly number[], object, DType]>([
    ['reflect', [2, 5, 6, 9], [5, 7, 3, 3], { padding: 1, paddingMode: 'reflect', size: [6, 9] }, 'f32'],
    ['replicate', [2, 5, 6, 9], [5, 7, 3, 3], { padding: 1, paddingMode: 'replicate', size: [6, 9] }, 'f32'],
    ['halves', [1, 20, 5, 8], [20, 6, 3, 3], { padding: 1, paddingMode: 'reflect', size: [5, 8] }, 'f16'],
    ['wide reflect', [1, 3, 5, 7], [3, 2, 7, 7], { padding: 3, paddingMode: 'reflect', size: [5, 7] }, 'f32'],
    ['runs that meet', [1, 3, 4, 9], [3, 2, 5, 5], { padding: 2, paddingMode: 'reflect', size: [4, 9] }, 'f32'],
    [
      'wider than the picture',
      [1, 2, 8, 9],
      [2, 2, 3, 3],
      { padding: 4, paddingMode: 'replicate', size: [2, 3] },
      'f32',
    ],
    [
      'sides that differ',
      [1, 2, 4, 12],
      [2, 5, 3, 5],
      { padding: [1, 0, 3, 2], paddingMode: 'replicate', size: [5, 11] },
      'f32',
    ],
    [
      'strides, dilation, groups',
      [1, 6, 4, 4],
      [6, 2, 3, 3],
      { padding: [2, 1, 2, 1], stride: [2, 1], dilation: [1, 2], groups: 3, paddingMode: 'reflect', size: [6, 5] },
      'f32',
    ],
  ])('is its definition: %s', async (_, x, weight, attrs, dtype) => {
    const sample: Sample<string, object> = {
      inputs: { x, weight, bias: [weight[1] * ('groups' in attrs ? 3 : 1)] },
      attrs,
    };
    await checkForward(executor, op, sample, dtype, 1);
  });
});
