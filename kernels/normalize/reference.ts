import type { Ref, Shape } from '../../engine/index.ts';
import type { Affine, Layout } from './layout.ts';

/** The group and the place in it of each element of [outer, groups, length]. */
function* elements({ outer, groups, length }: Layout): Generator<{ i: number; g: number; r: number }> {
  for (let o = 0, i = 0; o < outer; o++) {
    for (let g = 0; g < groups; g++) for (let r = 0; r < length; r++, i++) yield { i, g, r };
  }
}

/** Mean and biased variance of every group, in two passes. */
export function momentsRef(x: Ref, layout: Layout): { mean: Float64Array; variance: Float64Array } {
  const n = layout.outer * layout.length;
  const mean = new Float64Array(layout.groups);
  const variance = new Float64Array(layout.groups);
  for (const { i, g } of elements(layout)) mean[g] += x.data[i] / n;
  for (const { i, g } of elements(layout)) variance[g] += (x.data[i] - mean[g]) ** 2 / n;
  return { mean, variance };
}

export interface AffineRef {
  readonly affine: Affine;
  readonly weight: Ref | undefined;
  readonly bias: Ref | undefined;
}

/** f((x − mean) / sqrt(variance + eps) · weight + bias) with f(v) = v where positive, slope · v elsewhere. */
export function normalizeRef(
  x: Ref,
  { mean, variance }: { mean: ArrayLike<number>; variance: ArrayLike<number> },
  layout: Layout,
  { affine, weight, bias }: AffineRef,
  eps: number,
  slope = 1,
): Ref {
  const data = new Float64Array(x.data.length);
  for (const { i, g, r } of elements(layout)) {
    const at = (ref: Ref | undefined, absent: number) =>
      ref ? ref.data[affine === 'value' ? r : g % ref.data.length] : absent;
    const v = ((x.data[i] - mean[g]) / Math.sqrt(variance[g] + eps)) * at(weight, 1) + at(bias, 0);
    data[i] = v > 0 ? v : slope * v;
  }
  return { shape: x.shape, data };
}

interface GradientOptions {
  layout: Layout;
  affine: Affine;
  isNormalised: boolean;
  fixedStatistics: boolean;
}

const normalised = (v: number, stats: Ref, g: number) =>
  (v - stats.data[4 * g] - stats.data[4 * g + 1]) * stats.data[4 * g + 2];

export function gradientRef(
  dy: Ref,
  v: Ref,
  stats: Ref,
  weight: Ref | undefined,
  { layout, affine, isNormalised, fixedStatistics }: GradientOptions,
): { dx: Ref; sums: Ref } {
  const n = layout.outer * layout.length;
  const sums = { shape: [layout.groups, 2], data: new Float64Array(2 * layout.groups) };
  const dx = { shape: dy.shape, data: new Float64Array(dy.data.length) };
  const term = (i: number, r: number) => dy.data[i] * (affine === 'value' && weight ? weight.data[r] : 1);
  const xhat = (i: number, g: number) => (isNormalised ? v.data[i] : normalised(v.data[i], stats, g));
  for (const { i, g, r } of elements(layout)) {
    sums.data[2 * g] += term(i, r);
    sums.data[2 * g + 1] += term(i, r) * xhat(i, g);
  }
  for (const { i, g, r } of elements(layout)) {
    const factor = affine === 'group' && weight ? weight.data[g % weight.data.length] : 1;
    const through = fixedStatistics ? 0 : (sums.data[2 * g] + xhat(i, g) * sums.data[2 * g + 1]) / n;
    dx.data[i] = stats.data[4 * g + 2] * factor * (term(i, r) - through);
  }
  return { dx, sums };
}

export function affineGradRef(sums: Ref, shape: Shape): { dweight: Ref; dbias: Ref } {
  const channels = shape.reduce((a, b) => a * b, 1);
  const dweight = new Float64Array(channels);
  const dbias = new Float64Array(channels);
  for (let g = 0; g < sums.shape[0]; g++) {
    dbias[g % channels] += sums.data[2 * g];
    dweight[g % channels] += sums.data[2 * g + 1];
  }
  return { dweight: { shape, data: dweight }, dbias: { shape, data: dbias } };
}

export function productRef(dy: Ref, x: Ref, stats: Ref, layout: Layout): Ref {
  const data = new Float64Array(x.data.length);
  for (const { i, g } of elements(layout)) data[i] = dy.data[i] * normalised(x.data[i], stats, g);
  return { shape: x.shape, data };
}
