import { describe, expect, it } from 'vitest';
import { value } from './values.ts';
import { applyView } from './views.ts';

const picture = value(
  [2, 2, 2, 3],
  Float32Array.from({ length: 24 }, (_, i) => i - 4),
);

describe('views', () => {
  it.each([
    ['count', 24],
    ['sum', 180],
    ['absSum', 200],
    ['mean', 7.5],
    ['absMean', 200 / 24],
    ['absMax', 19],
    ['l2', Math.sqrt(2500)],
    ['std', Math.sqrt((24 ** 2 - 1) / 12)],
  ])('%s is one number', (view, expected) => {
    const got = applyView(picture, view, []);
    expect(got.shape).toEqual([]);
    expect(got.data[0]).toBeCloseTo(expected, 12);
  });

  it('head takes as many as are stored, and no more than there are', () => {
    expect(Array.from(applyView(picture, 'head', [3]).data)).toEqual([-4, -3, -2]);
    expect(applyView(picture, 'head', [99]).shape).toEqual([24]);
  });

  it('sum3 weighs by the cosine of the flat index', () => {
    const got = applyView(value([2], Float64Array.of(3, 4)), 'sum3', [3]);
    expect(got.data).toEqual(Float64Array.of(7, 5, 3 + 4 * Math.cos(1)));
  });

  it('shape and flatten', () => {
    expect(Array.from(applyView(picture, 'shape', [4]).data)).toEqual([2, 2, 2, 3]);
    expect(applyView(picture, 'flatten', []).shape).toEqual([2, 12]);
  });

  it('mean(2,3) and std(2,3) work on planes, the latter unbiased with 1e-5 under the root', () => {
    const mean = applyView(picture, 'mean(2,3)', []);
    expect(mean.shape).toEqual([2, 2]);
    expect(Array.from(mean.data)).toEqual([-1.5, 4.5, 10.5, 16.5]);
    expect(applyView(picture, 'std(2,3)', []).data[0]).toBeCloseTo(Math.sqrt(3.5 + 1e-5), 12);
  });

  it('slices as numpy does', () => {
    const got = applyView(picture, '[0:1,:,::2,1:3]', []);
    expect(got.shape).toEqual([1, 2, 1, 2]);
    expect(Array.from(got.data)).toEqual([-3, -2, 3, 4]);
    expect(applyView(picture, '[:,0:1]', []).shape).toEqual([2, 1, 2, 3]);
  });

  it('matmul(rhs) multiplies each matrix of the batch', () => {
    const a = value([2, 2, 2], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    const rhs = value([2, 2, 1], Float32Array.of(1, 1, 1, -1));
    const got = applyView(a, 'matmul(rhs)', [], () => rhs);
    expect(got.shape).toEqual([2, 2, 1]);
    expect(Array.from(got.data)).toEqual([3, 7, -1, -1]);
  });

  it('counts the trainable among a set of parameters', () => {
    const entry = (key: string, trainable: boolean) => ({ key, trainable, value: value([2], Float32Array.of(-1, 3)) });
    const params = { entries: [entry('a', true), entry('b', false)] };
    expect(applyView(params, 'count', []).data[0]).toBe(4);
    expect(applyView(params, 'countTrainable', []).data[0]).toBe(2);
    expect(applyView(params, 'sum', []).data[0]).toBe(4);
    expect(applyView(params, 'absSum', []).data[0]).toBe(8);
  });

  it('refuses a view that it does not know', () => {
    expect(() => applyView(picture, 'median', [])).toThrow(/Unknown view median/);
  });
});
