/**
 * Tolerances of the golden format. Each gives "left side over right side": at most 1 passes.
 *
 *     rtol, atol           |g - r| ≤ atol + rtol·|r| for every element; 0 and 0 is equality
 *       fraction f         … for at least the share f of the elements
 *       cap c              and every |g - r| ≤ c
 *       meanAbs m          and mean |g - r| < m
 *     maxabsRel t, atol a  max |g - r| ≤ a + t·max |r|
 *     relL2 t              ‖g - r‖ ≤ t·‖r‖, or t·‖r - p0‖ with relativeTo "update"
 *     l2Max v              ‖g‖ ≤ v: the reference is rounding noise around an exact zero
 */

import type { Tolerance } from './manifest.ts';
import { sameShape, type Value } from './values.ts';

export interface Verdict {
  pass: boolean;
  /** left side over right side; NaN where nothing could be compared */
  ratio: number;
  /** why it failed, in words; absent when it passed */
  reason?: string;
}

/**
 * @param got        computed, after its view
 * @param reference  stored
 * @param initial    the parameter before the first step, for relativeTo "update"
 */
export function compare(got: Value, reference: Value, tolerance: Tolerance, initial?: Value): Verdict {
  const single = got.data.length === 1 && reference.data.length === 1;
  if (!sameShape(got.shape, reference.shape) && !(single && reference.shape.length === 0)) {
    return fail(Number.NaN, `shape [${got.shape}] instead of [${reference.shape}]`);
  }
  for (const [name, data] of [
    ['computed', got.data],
    ['reference', reference.data],
  ] as const) {
    const bad = data.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0) return fail(Number.NaN, `${name} value ${bad} is ${data[bad]}`);
  }
  if (tolerance.l2Max !== undefined) return judge(ratioOf(norm(got.data), tolerance.l2Max), 'norm above l2Max');
  if (tolerance.relL2 !== undefined) return relativeNorm(got, reference, tolerance, initial);
  const errors = Float64Array.from(got.data, (g, i) => Math.abs(g - reference.data[i]));
  if (tolerance.maxabsRel !== undefined) {
    const largest = maximum(Float64Array.from(reference.data, Math.abs));
    const bound = (tolerance.atol ?? 0) + tolerance.maxabsRel * largest;
    return judge(ratioOf(maximum(errors), bound), `largest error ${maximum(errors)} above ${bound}`);
  }
  if (tolerance.rtol === undefined || tolerance.atol === undefined) {
    return fail(Number.NaN, `no known tolerance in ${JSON.stringify(tolerance)}`);
  }
  return elementwise(errors, reference, tolerance);
}

function elementwise(errors: Float64Array, reference: Value, tolerance: Tolerance): Verdict {
  const { rtol = 0, atol = 0, fraction = 1, cap, meanAbs } = tolerance;
  const ratios = errors.map((error, i) => ratioOf(error, atol + rtol * Math.abs(reference.data[i])));
  const worst = ratios.indexOf(maximum(ratios));
  const sorted = ratios.slice().sort();
  const within = judge(
    sorted[Math.ceil(fraction * sorted.length) - 1] ?? 0,
    fraction < 1
      ? `only ${ratios.filter((ratio) => ratio <= 1).length} of ${ratios.length} values fit`
      : `value ${worst} is off by ${errors[worst]}, the reference being ${reference.data[worst]}`,
  );
  const verdicts = [within];
  if (cap !== undefined) {
    verdicts.push(judge(ratioOf(maximum(errors), cap), `largest error ${maximum(errors)} above the cap ${cap}`));
  }
  if (meanAbs !== undefined) {
    const mean = errors.reduce((s, x) => s + x, 0) / errors.length;
    const ratio = ratioOf(mean, meanAbs);
    verdicts.push(mean < meanAbs ? judge(ratio, '') : fail(ratio, `mean error ${mean} not below ${meanAbs}`));
  }
  const failed = verdicts.filter((verdict) => !verdict.pass);
  const ratio = Math.max(...verdicts.map((verdict) => verdict.ratio));
  return failed.length === 0 ? { pass: true, ratio } : fail(ratio, failed.map((verdict) => verdict.reason).join('; '));
}

function relativeNorm(got: Value, reference: Value, tolerance: Tolerance, initial?: Value): Verdict {
  let scale = norm(reference.data);
  if (tolerance.relativeTo === 'update') {
    if (!initial || !sameShape(initial.shape, reference.shape)) {
      return fail(Number.NaN, 'relativeTo "update" needs the initial parameter of the same shape');
    }
    scale = norm(Float64Array.from(reference.data, (r, i) => r - initial.data[i]));
  }
  const distance = norm(Float64Array.from(got.data, (g, i) => g - reference.data[i]));
  const bound = (tolerance.relL2 ?? 0) * scale;
  return judge(ratioOf(distance, bound), `distance ${distance} above ${bound}`);
}

function judge(ratio: number, reason: string): Verdict {
  return ratio <= 1 ? { pass: true, ratio } : fail(ratio, reason);
}

function fail(ratio: number, reason: string): Verdict {
  return { pass: false, ratio, reason };
}

/** error / bound, with 0 / 0 = 0: an exact zero passes a bound of zero. */
function ratioOf(error: number, bound: number): number {
  return error === 0 ? 0 : error / bound;
}

function maximum(data: Float64Array): number {
  return data.reduce((m, x) => Math.max(m, x), 0);
}

/** Two passes over the largest value, so that squares neither overflow nor vanish. */
function norm(data: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < data.length; i++) largest = Math.max(largest, Math.abs(data[i]));
  if (largest === 0) return 0;
  let total = 0;
  for (let i = 0; i < data.length; i++) total += (data[i] / largest) ** 2;
  return largest * Math.sqrt(total);
}
