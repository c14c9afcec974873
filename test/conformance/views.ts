/** Views: what is done to a computed tensor before it is compared. Sums and norms are taken in double. */

import type { Answer } from './context.ts';
import { sizeOf, type Value, value } from './values.ts';

const STYLE_EPS = 1e-5;

type Reduction = (data: ArrayLike<number>) => number;

const sum: Reduction = (x) => fold(x, (s, v) => s + v);
const absSum: Reduction = (x) => fold(x, (s, v) => s + Math.abs(v));
const l2: Reduction = (x) => Math.sqrt(fold(x, (s, v) => s + v * v));
const mean: Reduction = (x) => sum(x) / x.length;

/** max |x|, and NaN if there is one: Math.max keeps it. */
const absMax: Reduction = (x) => fold(x, (m, v) => Math.max(m, Math.abs(v)));

/** Population standard deviation, in two passes. */
const std: Reduction = (x) => {
  const centre = mean(x);
  return Math.sqrt(fold(x, (s, v) => s + (v - centre) ** 2) / x.length);
};

const REDUCTIONS: Record<string, Reduction> = {
  l2,
  sum,
  absSum,
  mean,
  absMean: (x) => absSum(x) / x.length,
  std,
  absMax,
  count: (x) => x.length,
};

/**
 * Applies a view of the golden format.
 *
 * @param computed  a tensor, or a set of parameters for `count`, `countTrainable`, `sum` and `absSum`
 * @param stored    shape of the expectation; `head` takes as many values as it holds
 * @param rhs       the input of that role, for `matmul(rhs)`
 * @throws Error for an unknown view, or one that the tensor cannot bear
 */
export function applyView(
  computed: Answer,
  view: string | undefined,
  stored: readonly number[],
  rhs?: () => Value,
): Value {
  if ('entries' in computed) return viewOfParams(computed, view);
  if (view === undefined) return computed;
  const reduction = REDUCTIONS[view];
  if (reduction) return value([], Float64Array.of(reduction(computed.data)));
  switch (view) {
    case 'head':
      return head(computed, sizeOf(stored));
    case 'sum3':
      return value([3], Float64Array.of(sum(computed.data), l2(computed.data), cosineSum(computed.data)));
    case 'shape':
      return value([computed.shape.length], Float64Array.from(computed.shape));
    case 'flatten':
      return value([computed.shape[0], sizeOf(computed.shape.slice(1))], computed.data);
    case 'mean(2,3)':
      return overPlanes(computed, mean);
    case 'std(2,3)':
      return overPlanes(computed, (x) => Math.sqrt((std(x) ** 2 * x.length) / (x.length - 1) + STYLE_EPS));
    case 'matmul(rhs)':
      if (!rhs) throw new Error('matmul(rhs) needs an input of the role rhs, but the case has none.');
      return matmul(computed, rhs());
    default:
      return view.startsWith('[') ? slice(computed, view) : unknownView(view);
  }
}

function viewOfParams(params: Extract<Answer, { entries: unknown }>, view: string | undefined): Value {
  const total = (of: (data: ArrayLike<number>) => number) =>
    value([], Float64Array.of(params.entries.reduce((s, entry) => s + of(entry.value.data), 0)));
  switch (view) {
    case 'count':
      return total((x) => x.length);
    case 'countTrainable': {
      const trainable = params.entries.filter((entry) => entry.trainable);
      return value([], Float64Array.of(trainable.reduce((n, entry) => n + entry.value.data.length, 0)));
    }
    case 'sum':
      return total(sum);
    case 'absSum':
      return total(absSum);
    default:
      return unknownView(`${view ?? 'none'} of a set of parameters`);
  }
}

function unknownView(view: string): never {
  throw new Error(`Unknown view ${view}. The golden format lists the views; add new ones to views.ts.`);
}

function fold(data: ArrayLike<number>, step: (state: number, x: number) => number): number {
  let state = 0;
  for (let i = 0; i < data.length; i++) state = step(state, data[i]);
  return state;
}

function cosineSum(data: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < data.length; i++) total += data[i] * Math.cos(i);
  return total;
}

function head(computed: Value, count: number): Value {
  const taken = computed.data.subarray(0, count);
  return value([taken.length], taken);
}

/** One number for each [n, c] plane of an NCHW tensor. */
function overPlanes(computed: Value, reduction: Reduction): Value {
  const [n, c, ...plane] = computed.shape;
  const size = sizeOf(plane);
  const planes = Float64Array.from({ length: n * c }, (_, i) =>
    reduction(computed.data.subarray(i * size, (i + 1) * size)),
  );
  return value([n, c], planes);
}

/** [B, n, n] · [B, n, k] in double. */
function matmul(a: Value, b: Value): Value {
  const [batch, n, inner] = a.shape;
  const k = b.shape[2];
  if (a.shape.length !== 3 || b.shape.length !== 3 || b.shape[0] !== batch || b.shape[1] !== inner) {
    throw new Error(`matmul(rhs) needs [B, n, m] · [B, m, k], but the shapes are [${a.shape}] and [${b.shape}].`);
  }
  const out = new Float64Array(batch * n * k);
  for (let item = 0; item < batch; item++) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < k; j++) {
        let total = 0;
        for (let m = 0; m < inner; m++) {
          total += a.data[(item * n + i) * inner + m] * b.data[(item * inner + m) * k + j];
        }
        out[(item * n + i) * k + j] = total;
      }
    }
  }
  return value([batch, n, k], out);
}

/** A numpy slice, `[0:1,:,::2,::2]`; axes that it does not name are taken whole. */
function slice(computed: Value, view: string): Value {
  const parts = view.slice(1, -1).split(',');
  if (parts.length > computed.shape.length) {
    throw new Error(`The view ${view} has ${parts.length} axes, but the tensor has the shape [${computed.shape}].`);
  }
  const picks = computed.shape.map((length, axis) => indices(parts[axis] ?? ':', length));
  const shape = picks.map((pick) => pick.length);
  const strides = computed.shape.map((_, axis) => sizeOf(computed.shape.slice(axis + 1)));
  const out = new Float64Array(sizeOf(shape));
  for (let i = 0; i < out.length; i++) {
    let rest = i;
    let source = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += picks[axis][rest % shape[axis]] * strides[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    out[i] = computed.data[source];
  }
  return value(shape, out);
}

function indices(part: string, length: number): number[] {
  const [start, stop, step] = part.split(':');
  const last = stop ? Math.min(Number(stop), length) : length;
  const picked: number[] = [];
  for (let i = start ? Number(start) : 0; i < last; i += step ? Number(step) : 1) picked.push(i);
  return picked;
}
